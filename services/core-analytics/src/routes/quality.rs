//! Where data come from and whether they are what they should be.

use contracts::api::{DataState, WithProvenance};
use jiff::{SignedDuration, Timestamp};

/// Share of the candles below which an answer is marked as degraded.
const COMPLETE_ENOUGH: f64 = 0.9;
/// The slowest providers are asked every minute or so; when nothing has come for several of these, something stands
/// still. The length of the candles plays no part: a price per day is no fresher for being asked for by the day.
const STALE_AFTER: SignedDuration = SignedDuration::from_mins(5);

#[derive(Debug, Clone, Copy)]
pub struct CandleQuality {
    /// When the newest price in them was.
    pub newest_price: Option<Timestamp>,
    /// The moment up to which there should be prices.
    pub due: Timestamp,
    /// The share of the candles that exist.
    pub coverage: f64,
}

/// Wraps data with what is known of the candles behind them.
///
/// They are stale when the newest price lies minutes before what was asked for, and degraded when many candles are
/// missing.
pub fn with_provenance<T>(data: T, candles: CandleQuality) -> WithProvenance<T> {
    let is_fresh = |price: Timestamp| candles.due.duration_since(price) <= STALE_AFTER;
    let state = if !candles.newest_price.is_some_and(is_fresh) {
        DataState::Stale
    } else if candles.coverage >= COMPLETE_ENOUGH {
        DataState::Ok
    } else {
        DataState::Degraded
    };
    WithProvenance {
        data,
        state,
        as_of: candles.newest_price.map(Into::into),
        sources: vec!["candles".to_owned()],
        estimated: false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn state_follows_the_newest_price() {
        let due: Timestamp = "2026-01-01T12:00:00Z".parse().unwrap();
        let of = |price: Option<&str>, coverage| {
            let newest_price = price.map(|text| text.parse().unwrap());
            with_provenance(
                (),
                CandleQuality {
                    newest_price,
                    due,
                    coverage,
                },
            )
        };
        assert_eq!(of(Some("2026-01-01T11:59:58Z"), 1.0).state, DataState::Ok);
        assert_eq!(of(Some("2026-01-01T11:59:58Z"), 0.5).state, DataState::Degraded);
        assert_eq!(of(Some("2026-01-01T11:55:00Z"), 1.0).state, DataState::Ok);
        assert_eq!(of(Some("2026-01-01T11:54:59Z"), 1.0).state, DataState::Stale);
        assert_eq!(of(Some("2026-01-01T12:00:30Z"), 1.0).state, DataState::Ok);
        assert_eq!(of(None, 1.0).state, DataState::Stale);
        let as_of = of(Some("2026-01-01T11:20:00Z"), 1.0).as_of;
        assert_eq!(as_of, Some("2026-01-01T11:20:00Z".parse::<Timestamp>().unwrap().into()));
    }
}
