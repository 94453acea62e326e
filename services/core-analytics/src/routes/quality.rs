//! Where data come from and whether they are what they should be.

use contracts::api::{DataState, Sourced};
use domain::interval::Interval;
use jiff::{SignedDuration, Timestamp};

/// Share of the bars below which an answer is marked as degraded.
const COMPLETE_ENOUGH: f64 = 0.9;

/// Data made of bars.
#[derive(Debug, Clone, Copy)]
pub struct Bars {
    /// Length of the bars.
    pub interval: Interval,
    /// Opening time of the newest one.
    pub newest: Option<Timestamp>,
    /// The end of what was asked for.
    pub until: Timestamp,
    /// The share of the bars that exist.
    pub coverage: f64,
}

/// Wraps data with what is known of the bars behind them.
///
/// They are stale when the newest bar ended more than two bar lengths before what was asked for, and degraded when many bars
/// are missing.
pub fn sourced<T>(data: T, bars: Bars) -> Sourced<T> {
    let length = SignedDuration::from_secs(bars.interval.seconds());
    let as_of = bars.newest.map(|open_time| (open_time + length).min(bars.until));
    let state = match as_of {
        Some(as_of) if bars.until.duration_since(as_of) <= length * 2 => {
            if bars.coverage >= COMPLETE_ENOUGH {
                DataState::Ok
            } else {
                DataState::Degraded
            }
        }
        _ => DataState::Stale,
    };
    Sourced {
        data,
        state,
        as_of: as_of.map(Into::into),
        sources: vec!["candles".to_owned()],
        estimated: false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_state_says_what_is_wrong() {
        let until: Timestamp = "2026-01-01T12:00:00Z".parse().unwrap();
        let state = |newest: Option<&str>, coverage| {
            let newest = newest.map(|text| text.parse().unwrap());
            sourced(
                (),
                Bars {
                    interval: Interval::H1,
                    newest,
                    until,
                    coverage,
                },
            )
            .state
        };
        assert_eq!(state(Some("2026-01-01T11:00:00Z"), 1.0), DataState::Ok);
        assert_eq!(state(Some("2026-01-01T11:00:00Z"), 0.5), DataState::Degraded);
        assert_eq!(state(Some("2026-01-01T09:00:00Z"), 1.0), DataState::Ok);
        assert_eq!(state(Some("2026-01-01T08:00:00Z"), 1.0), DataState::Stale);
        assert_eq!(state(None, 1.0), DataState::Stale);
    }
}
