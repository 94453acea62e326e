//! What is computed on each quote: pure functions of an asset's window and the moment.
//!
//! A metric whose window is less than half filled is unknown (`insufficient_data`), because a high of the last ten
//! minutes would be a false fact about the last 24 hours.

use std::collections::BTreeMap;
use std::ops::Range;

use contracts::messages::{MetricsMessage, QuoteMessage, VERSION};
use domain::interval::Interval;
use domain::statistics::{Moments, ReturnKind, quantile, volatility};
use jiff::{SignedDuration, Timestamp};
use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;

use crate::asset_windows::{AssetWindow, DAY_SPAN, MONTH_SPAN};

const FIVE_MINUTES: i64 = Interval::M5.seconds();
const HOUR: i64 = Interval::H1.seconds();
/// Returns of 5 minutes in an hour.
const RETURNS_PER_HOUR: usize = 12;
/// Hours whose median the last hour is compared with.
const MEDIAN_HOURS: i64 = 7 * 24;
/// How far before "24 hours ago" a price may lie to stand for it.
const DAY_AGO_SLACK: i64 = 1_800;

/// Less than half of the window is filled.
pub const INSUFFICIENT_DATA: &str = "insufficient_data";
/// There is no price near 24 hours ago.
pub const NO_PRICE_24H_AGO: &str = "no_price_24h_ago";
/// The volatility it is compared with is zero.
pub const ZERO_VOLATILITY: &str = "zero_volatility";

type Known<T> = Result<T, &'static str>;

/// The metrics of `quote`'s asset at the time of `quote`.
pub fn compute(quote: &QuoteMessage, window: &AssetWindow) -> MetricsMessage {
    let at = quote.as_of;
    let mut undefined = BTreeMap::new();
    let change = change_24h_percent(quote.price, window, at);
    let day = extremes_24h(window, at);
    let last_hour = volatility_1h(window, at);
    let median = median_hourly_volatility(window, at);
    let ratio = last_hour.and_then(|last| match median? {
        0.0 => Err(ZERO_VOLATILITY),
        median => Ok(last / median),
    });
    MetricsMessage {
        v: VERSION,
        ticker: quote.ticker.clone(),
        as_of: at,
        price: quote.price,
        change_24h_percent: known("change_24h_percent", change, &mut undefined),
        high_24h: known("high_24h", day.map(|day| day.0.max(quote.price)), &mut undefined),
        low_24h: known("low_24h", day.map(|day| day.1.min(quote.price)), &mut undefined),
        drop_24h_percent: known(
            "drop_24h_percent",
            change.map(|change| (-change).max(0.0)),
            &mut undefined,
        ),
        volatility_1h: known("volatility_1h", last_hour, &mut undefined),
        volatility_7d_median: known("volatility_7d_median", median, &mut undefined),
        volatility_ratio: known("volatility_ratio", ratio, &mut undefined),
        drawdown_30d_percent: known(
            "drawdown_30d_percent",
            drawdown_30d_percent(quote.price, window, at),
            &mut undefined,
        ),
        undefined,
        request_id: quote.request_id.clone(),
    }
}

fn known<T>(name: &str, value: Known<T>, undefined: &mut BTreeMap<String, String>) -> Option<T> {
    value
        .map_err(|reason| undefined.insert(name.to_owned(), reason.to_owned()))
        .ok()
}

/// The change from the last 5-minute close that is at least 24 hours old.
fn change_24h_percent(price: Decimal, window: &AssetWindow, at: Timestamp) -> Known<f64> {
    let last_open = seconds_before(at, DAY_SPAN) - FIVE_MINUTES;
    let (_, before) = window
        .closes
        .range(last_open - DAY_AGO_SLACK..=last_open)
        .next_back()
        .ok_or(NO_PRICE_24H_AGO)?;
    let price = price.to_f64().ok_or(INSUFFICIENT_DATA)?;
    Ok((price - before) / before * 100.0)
}

/// The highest and lowest price of the candles of 5 minutes that touch the last 24 hours.
fn extremes_24h(window: &AssetWindow, at: Timestamp) -> Known<(Decimal, Decimal)> {
    let touching = seconds_before(at, DAY_SPAN) - FIVE_MINUTES + 1..at.as_second() + 1;
    let candles = || window.extremes.range(touching.clone()).map(|(_, candle)| candle);
    at_least_half(candles().count(), DAY_SPAN.as_secs() / FIVE_MINUTES)?;
    let high = candles().map(|candle| candle.high).max().ok_or(INSUFFICIENT_DATA)?;
    let low = candles().map(|candle| candle.low).min().ok_or(INSUFFICIENT_DATA)?;
    Ok((high, low))
}

/// The deviation of the returns of the last twelve closed candles of 5 minutes. The running one is left out: its
/// return is that of a shorter period and makes every hour look calmer just after a boundary.
fn volatility_1h(window: &AssetWindow, at: Timestamp) -> Known<f64> {
    let newest = Interval::M5.open_time(at).as_second();
    hour_volatility(window, newest - HOUR - FIVE_MINUTES..newest).ok_or(INSUFFICIENT_DATA)
}

/// The median of the same over the whole hours of the last 7 days before the running one.
fn median_hourly_volatility(window: &AssetWindow, at: Timestamp) -> Known<f64> {
    let running = Interval::H1.open_time(at).as_second();
    let mut hours: Vec<f64> = (1..=MEDIAN_HOURS)
        .filter_map(|back| {
            let start = running - back * HOUR;
            hour_volatility(window, start - FIVE_MINUTES..start + HOUR)
        })
        .collect();
    at_least_half(hours.len(), MEDIAN_HOURS)?;
    quantile(&mut hours, 0.5).ok_or(INSUFFICIENT_DATA)
}

/// The deviation of the returns between neighbouring closes in `opens`; half of an hour's returns are the least.
fn hour_volatility(window: &AssetWindow, opens: Range<i64>) -> Option<f64> {
    let mut returns = [0.0; RETURNS_PER_HOUR];
    let mut count = 0;
    let mut before: Option<(i64, f64)> = None;
    for (open_time, close) in window.closes.range(opens) {
        if let Some((earlier, price)) = before
            && open_time - earlier == FIVE_MINUTES
            && count < RETURNS_PER_HOUR
        {
            returns[count] = ReturnKind::Simple.between(price, *close);
            count += 1;
        }
        before = Some((*open_time, *close));
    }
    if count * 2 < RETURNS_PER_HOUR {
        return None;
    }
    volatility(&Moments::of(&returns[..count])).ok()
}

/// The distance below the highest price of 30 days, positive.
fn drawdown_30d_percent(price: Decimal, window: &AssetWindow, at: Timestamp) -> Known<f64> {
    let touching = seconds_before(at, MONTH_SPAN) - HOUR + 1..at.as_second() + 1;
    let highs = || window.hourly_highs.range(touching.clone()).map(|(_, high)| *high);
    at_least_half(highs().count(), MONTH_SPAN.as_secs() / HOUR)?;
    let price = price.to_f64().ok_or(INSUFFICIENT_DATA)?;
    let high = highs().fold(price, f64::max);
    Ok((high - price) / high * 100.0)
}

fn at_least_half(found: usize, complete: i64) -> Known<()> {
    if (found as i64) * 2 < complete {
        return Err(INSUFFICIENT_DATA);
    }
    Ok(())
}

fn seconds_before(at: Timestamp, span: SignedDuration) -> i64 {
    at.as_second() - span.as_secs()
}

#[cfg(test)]
mod tests {

    use super::*;
    use crate::asset_windows::Extremes;

    const NOW: &str = "2026-03-01T12:34:00Z";

    fn quote(price: i64) -> QuoteMessage {
        testkit::quote("BTC", &price.to_string(), NOW.parse().unwrap())
    }

    /// Candles over `days` up to now whose closes are `close(candles before the running one)`.
    fn window(days: i64, close: impl Fn(i64) -> i64) -> AssetWindow {
        let now: Timestamp = NOW.parse().unwrap();
        let mut window = AssetWindow::default();
        for back in (0..days * 288).rev() {
            let at = now - SignedDuration::from_mins(5 * back);
            let price = Decimal::from(close(back));
            let extremes = Extremes {
                high: price,
                low: price,
            };
            window.put_five_minutes(Interval::M5.open_time(at), extremes, price);
            window.put_hour(Interval::H1.open_time(at), price);
        }
        window.drop_before(now);
        window
    }

    #[test]
    fn nothing_is_known_without_history() {
        let metrics = compute(&quote(100), &AssetWindow::default());
        assert_eq!(metrics.undefined.len(), 8);
        assert_eq!(metrics.undefined["change_24h_percent"], NO_PRICE_24H_AGO);
        assert_eq!(metrics.undefined["drawdown_30d_percent"], INSUFFICIENT_DATA);
        assert_eq!((metrics.high_24h, metrics.volatility_1h), (None, None));
    }

    #[test]
    fn a_fall_is_a_drop_and_a_drawdown() {
        let metrics = compute(&quote(90), &window(31, |_| 100));
        assert_eq!(metrics.change_24h_percent, Some(-10.0));
        assert_eq!(metrics.drop_24h_percent, Some(10.0));
        assert_eq!(metrics.drawdown_30d_percent, Some(10.0));
        assert_eq!(
            (metrics.high_24h, metrics.low_24h),
            (Some(Decimal::from(100)), Some(Decimal::from(90)))
        );
        assert_eq!(metrics.volatility_ratio, None);
        assert_eq!(metrics.undefined["volatility_ratio"], ZERO_VOLATILITY);
    }

    #[test]
    fn a_rise_is_no_drop() {
        let metrics = compute(&quote(110), &window(31, |_| 100));
        assert_eq!(metrics.drop_24h_percent, Some(0.0));
        assert_eq!(metrics.drawdown_30d_percent, Some(0.0));
        assert_eq!(metrics.high_24h, Some(Decimal::from(110)));
    }

    #[test]
    fn a_wild_hour_stands_out_against_the_median() {
        // Steps of 0.1 % all week, of 0.3 % in the last closed hour.
        let metrics = compute(
            &quote(10_000),
            &window(8, |back| match (back % 2, back <= 13) {
                (0, _) => 10_000,
                (_, false) => 10_010,
                (_, true) => 10_030,
            }),
        );
        let ratio = metrics.volatility_ratio.unwrap();
        assert!((ratio - 3.0).abs() < 0.02, "{ratio}");
    }

    #[test]
    fn running_candle_is_not_in_the_volatility_of_an_hour() {
        let calm = compute(
            &quote(10_000),
            &window(8, |back| if back == 0 { 20_000 } else { 10_000 }),
        );
        assert_eq!(calm.volatility_1h, Some(0.0));
    }

    #[test]
    fn half_a_window_is_enough_and_less_is_not() {
        let enough = compute(&quote(100), &window(16, |_| 100));
        assert_eq!(enough.undefined.keys().collect::<Vec<_>>(), ["volatility_ratio"]);
        let less = compute(&quote(100), &window(3, |_| 100));
        let unknown: Vec<&String> = less.undefined.keys().collect();
        assert_eq!(
            unknown,
            ["drawdown_30d_percent", "volatility_7d_median", "volatility_ratio"]
        );
    }
}
