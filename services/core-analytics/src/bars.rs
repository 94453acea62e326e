//! From prices and venue history to the bars of every length.

use std::collections::BTreeMap;

use contracts::api::fetch::HistoryBar;
use domain::candle::{Candle, Tick, VenueBar, from_ticks, roll_up};
use domain::interval::Interval;
use domain::ticker::Ticker;
use jiff::Timestamp;
use rust_decimal::Decimal;

/// Digits after the point that are stored.
const STORED_DIGITS: u32 = 18;
/// Prices from here on do not fit into what is stored.
const TOO_LARGE: Decimal = Decimal::from_parts(0x6310_0000, 0x6BC7_5E2D, 0x5, false, 0);

/// The price or amount as it is stored; `None` when it does not fit or nothing is left of it.
pub fn storable(value: Decimal) -> Option<Decimal> {
    let rounded = value.round_dp(STORED_DIGITS);
    (rounded > Decimal::ZERO && rounded < TOO_LARGE).then_some(rounded)
}

/// The bars of every length that these prices make, one for each asset, length and opening time.
pub fn bars_of(ticks: &[(Ticker, Tick)]) -> Vec<(Ticker, Candle)> {
    let mut by_ticker = BTreeMap::<&Ticker, Vec<&Tick>>::new();
    for (ticker, tick) in ticks {
        by_ticker.entry(ticker).or_default().push(tick);
    }
    let mut bars = Vec::new();
    for (ticker, ticks) in by_ticker {
        let [shortest, longer @ ..] = Interval::ALL;
        let mut parts = from_ticks(ticks, shortest);
        bars.extend(parts.iter().map(|bar| (ticker.clone(), *bar)));
        for interval in longer {
            parts = roll_up(&parts, interval);
            bars.extend(parts.iter().map(|bar| (ticker.clone(), *bar)));
        }
    }
    bars
}

/// A venue's history as bars of its own length and of every longer one, told at `told_at`. Bars that contradict themselves are
/// left out. Of the longer bars the first may be cut off by the start of the history, so one that the history does not reach
/// the start of is left out as well.
pub fn bars_of_history(
    ticker: &Ticker,
    interval: Interval,
    history: &[HistoryBar],
    told_at: Timestamp,
) -> Vec<(Ticker, Candle)> {
    let mut own = Vec::with_capacity(history.len());
    own.extend(history.iter().filter_map(|bar| {
        let bar = VenueBar {
            open_time: bar.t.0,
            open: storable(bar.o.0)?,
            high: storable(bar.h.0)?,
            low: storable(bar.l.0)?,
            close: storable(bar.c.0)?,
            volume: bar
                .v
                .map(|volume| volume.0.round_dp(STORED_DIGITS))
                .filter(|volume| *volume < TOO_LARGE),
        };
        Candle::of_venue(interval, &bar, told_at)
    }));
    own.sort_by_key(|bar| bar.open_time);
    // A history that names a bar twice counts the later one.
    own.dedup_by(|later, kept| {
        let same = later.open_time == kept.open_time;
        if same {
            *kept = *later;
        }
        same
    });
    let start = own.first().map(|bar| bar.open_time);
    let longer: Vec<Candle> = Interval::ALL
        .into_iter()
        .filter(|longer| *longer > interval)
        .flat_map(|longer| roll_up(&own, longer))
        .filter(|bar| start.is_some_and(|start| start <= bar.open_time))
        .collect();
    own.into_iter().chain(longer).map(|bar| (ticker.clone(), bar)).collect()
}

#[cfg(test)]
mod tests {
    use contracts::number::Number;
    use contracts::time::Time;
    use uuid::Uuid;

    use super::*;

    fn ticker() -> Ticker {
        "BTC".parse().unwrap()
    }

    fn bar(at: &str, price: i64) -> HistoryBar {
        let price = Number(Decimal::from(price));
        HistoryBar {
            t: Time(at.parse().unwrap()),
            o: price,
            h: price,
            l: price,
            c: price,
            v: Some(Number(Decimal::ONE)),
            closed: true,
        }
    }

    #[test]
    fn what_does_not_fit_the_table_is_refused() {
        assert_eq!(TOO_LARGE.to_string(), "100000000000000000000");
        assert_eq!(storable("0.0000000000000000004".parse().unwrap()), None);
        assert_eq!(storable("100000000000000000000".parse().unwrap()), None);
        assert_eq!(storable(Decimal::ZERO), None);
        assert_eq!(storable("1.50".parse().unwrap()), Some(Decimal::new(15, 1)));
    }

    #[test]
    fn a_price_is_in_one_bar_of_every_length() {
        let tick = Tick {
            at: "2026-01-01T10:31:00Z".parse().unwrap(),
            id: Uuid::from_u128(1),
            price: Decimal::ONE,
            volume: None,
        };
        let bars = bars_of(&[(ticker(), tick)]);
        let intervals: Vec<Interval> = bars.iter().map(|(_, bar)| bar.interval).collect();
        assert_eq!(intervals, Interval::ALL);
    }

    #[test]
    fn history_makes_longer_bars_from_where_it_begins() {
        let history = [
            bar("2026-01-01T10:55:00Z", 7),
            bar("2026-01-01T11:00:00Z", 5),
            bar("2026-01-01T11:05:00Z", 9),
        ];
        let told_at = "2026-01-01T12:00:00Z".parse().unwrap();
        let bars = bars_of_history(&ticker(), Interval::M5, &history, told_at);
        let hours: Vec<&Candle> = bars
            .iter()
            .map(|(_, bar)| bar)
            .filter(|bar| bar.interval == Interval::H1)
            .collect();
        assert_eq!(hours.len(), 1, "the hour of 10:00 lacks its beginning");
        assert_eq!(hours[0].open_time, "2026-01-01T11:00:00Z".parse().unwrap());
        assert_eq!(
            (hours[0].open.price, hours[0].close.price),
            (Decimal::from(5), Decimal::from(9))
        );
        assert_eq!(hours[0].volume, Some(Decimal::TWO));
        assert!(bars.iter().all(|(_, bar)| bar.n == 0 && bar.backfilled));
    }

    #[test]
    fn a_repeated_or_contradictory_bar_changes_nothing() {
        let mut upside_down = bar("2026-01-01T11:05:00Z", 5);
        upside_down.h = Number(Decimal::ONE);
        let one = bar("2026-01-01T11:00:00Z", 5);
        let history = [one.clone(), one.clone(), upside_down];
        let told_at = "2026-01-01T12:00:00Z".parse().unwrap();
        let clean = bars_of_history(&ticker(), Interval::M5, &[one], told_at);
        assert_eq!(bars_of_history(&ticker(), Interval::M5, &history, told_at), clean);
    }

    #[test]
    fn history_in_any_order_is_ascending_and_its_later_word_counts() {
        let history = [
            bar("2026-01-01T11:05:00Z", 9),
            bar("2026-01-01T11:00:00Z", 5),
            bar("2026-01-01T11:05:00Z", 8),
        ];
        let told_at = "2026-01-01T12:00:00Z".parse().unwrap();
        let bars = bars_of_history(&ticker(), Interval::M5, &history, told_at);
        let closes = |interval| -> Vec<Decimal> {
            let own = bars.iter().filter(|(_, bar)| bar.interval == interval);
            own.map(|(_, bar)| bar.close.price).collect()
        };
        assert_eq!(closes(Interval::M5), [Decimal::from(5), Decimal::from(8)]);
        assert_eq!(closes(Interval::H1), [Decimal::from(8)]);
    }
}
