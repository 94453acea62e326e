//! A venue's candles and points become our bars: complete, ascending, each once.

use std::collections::BTreeMap;

use contracts::api::fetch::HistoryBar;
use contracts::number::Number as Exact;
use domain::interval::Interval;
use jiff::{SignedDuration, Timestamp};
use rust_decimal::Decimal;

use crate::number::Number;
use crate::providers::{BarsRequest, Candle, Reading};

/// Keeps what is a bar of the request: on its grid, within its range, with four sensible prices. Of two bars with one
/// opening time the later in the list counts. Whether a bar is closed is decided by `now`.
pub fn tidy(candles: &[Candle], request: &BarsRequest, now: Timestamp) -> Vec<HistoryBar> {
    let length = SignedDuration::from_secs(request.interval.seconds());
    let mut bars = BTreeMap::new();
    for candle in candles {
        let Some(open_time) = candle.open_time else { continue };
        let on_grid = request.interval.open_time(open_time) == open_time;
        if !on_grid || open_time < request.from || open_time >= request.to {
            continue;
        }
        let price = |number: &Option<Number>| {
            let price = number.as_ref()?.to_decimal().ok()?;
            (price > Decimal::ZERO).then_some(price)
        };
        let (Some(open), Some(high), Some(low), Some(close)) = (
            price(&candle.open),
            price(&candle.high),
            price(&candle.low),
            price(&candle.close),
        ) else {
            continue;
        };
        if low > open.min(close) || high < open.max(close) {
            continue;
        }
        let volume = candle.volume.as_ref().and_then(|volume| volume.to_decimal().ok());
        let end = open_time.checked_add(length).unwrap_or(Timestamp::MAX);
        bars.insert(
            open_time,
            HistoryBar {
                t: open_time.into(),
                o: Exact(open),
                h: Exact(high),
                l: Exact(low),
                c: Exact(close),
                v: volume.filter(|volume| *volume >= Decimal::ZERO).map(Exact),
                closed: end <= now,
            },
        );
    }
    bars.into_values().collect()
}

/// Makes candles of points in time. A candle opens where the one before it closed, if that is its neighbour; its
/// volume is unknown, because a chart tells rolling volumes. A point at a boundary, or shortly after it, is the price at the end of
/// the period before. The last point is "now" and belongs to the open candle.
pub fn from_points(points: &[Reading], interval: Interval) -> Vec<Candle> {
    let mut sorted: Vec<(Timestamp, Decimal, &Number)> = points
        .iter()
        .filter_map(|point| {
            let price = point.price.as_ref()?;
            Some((point.quoted_at?, price.to_decimal().ok()?, price))
        })
        .collect();
    sorted.sort_by_key(|(at, _, _)| *at);
    let times: Vec<Timestamp> = sorted.iter().map(|(at, _, _)| *at).collect();
    let lateness = step(&times, interval) / LATE_SHARE;
    let now_point = now_point(&times, lateness);
    let length = SignedDuration::from_secs(interval.seconds());
    let mut made: Vec<Candle> = Vec::new();
    let mut extremes = (Decimal::ZERO, Decimal::ZERO);
    for (at, value, price) in sorted {
        let open_time = match at.checked_sub(lateness) {
            Ok(ended) if Some(at) != now_point => interval.open_time(ended),
            Ok(_) | Err(_) => interval.open_time(at),
        };
        match made.last_mut().filter(|last| last.open_time == Some(open_time)) {
            Some(candle) => {
                candle.close = Some(price.clone());
                if value > extremes.0 {
                    extremes.0 = value;
                    candle.high = Some(price.clone());
                }
                if value < extremes.1 {
                    extremes.1 = value;
                    candle.low = Some(price.clone());
                }
            }
            None => {
                let neighbour = open_time.checked_sub(length).ok();
                let opens_at = made
                    .last()
                    .filter(|last| last.open_time == neighbour)
                    .and_then(|last| last.close.clone())
                    .unwrap_or_else(|| price.clone());
                let start = opens_at.to_decimal().unwrap_or(value);
                let (high, low) = if start > value {
                    (&opens_at, price)
                } else {
                    (price, &opens_at)
                };
                extremes = (start.max(value), start.min(value));
                made.push(Candle {
                    open_time: Some(open_time),
                    close_time: open_time.checked_add(length).ok(),
                    high: Some(high.clone()),
                    low: Some(low.clone()),
                    close: Some(price.clone()),
                    open: Some(opens_at),
                    volume: None,
                });
            }
        }
    }
    made
}

/// A point up to this part of a step after a boundary is the price at that boundary: venues sample with some delay.
const LATE_SHARE: i32 = 6;

/// The usual distance of neighbouring points, at most an interval.
fn step(times: &[Timestamp], interval: Interval) -> SignedDuration {
    let mut distances: Vec<SignedDuration> = times.windows(2).map(|pair| pair[1].duration_since(pair[0])).collect();
    distances.sort_unstable();
    let whole = SignedDuration::from_secs(interval.seconds());
    distances
        .get(distances.len() / 2)
        .map_or(whole, |usual| (*usual).min(whole))
}

/// The last point if it came earlier than the others did: then it is the price of the moment of the request.
fn now_point(times: &[Timestamp], lateness: SignedDuration) -> Option<Timestamp> {
    let [.., before, last] = times else { return None };
    (last.duration_since(*before) + lateness < lateness * LATE_SHARE).then_some(*last)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn request() -> BarsRequest {
        BarsRequest {
            ticker: "BTC".parse().unwrap(),
            symbol: "BTCUSDT".to_owned(),
            interval: Interval::H1,
            from: at("2026-01-01T00:00:00Z"),
            to: at("2026-01-01T06:00:00Z"),
        }
    }

    fn point(time: &str, price: &str) -> Reading {
        Reading {
            quoted_at: Some(at(time)),
            price: Number::parse(price),
            ..Reading::default()
        }
    }

    fn candle(time: &str, prices: [&str; 4]) -> Candle {
        let [open, high, low, close] = prices.map(Number::parse);
        Candle {
            open_time: Some(at(time)),
            open,
            high,
            low,
            close,
            ..Candle::default()
        }
    }

    #[test]
    fn points_become_candles_that_join() {
        let points = [
            point("2026-01-01T01:03:00Z", "10"),
            point("2026-01-01T02:05:00Z", "12"),
            point("2026-01-01T01:33:00Z", "9"),
            point("2026-01-01T02:00:30Z", "11"),
            point("2026-01-01T04:35:00Z", "21"),
            point("2026-01-01T05:04:00Z", "20"),
        ];
        let candles = from_points(&points, Interval::H1);
        let bars = tidy(&candles, &request(), at("2026-01-01T05:30:00Z"));
        let rows: Vec<String> = bars
            .iter()
            .map(|b| format!("{} {} {} {} {} {}", b.t, b.o, b.h, b.l, b.c, b.closed))
            .collect();
        assert_eq!(
            rows,
            [
                // 01:03 is within a sixth of the usual 30 minutes after the hour: the end of the hour before.
                "2026-01-01T00:00:00.000Z 10 10 10 10 true",
                "2026-01-01T01:00:00.000Z 10 11 9 11 true",
                "2026-01-01T02:00:00.000Z 11 12 11 12 true",
                "2026-01-01T04:00:00.000Z 21 21 20 20 true",
            ]
        );
    }

    #[test]
    fn point_at_a_boundary_closes_the_period_before() {
        let points = [
            point("2026-01-01T00:00:00Z", "100"),
            point("2026-01-02T00:00:02Z", "110"),
            point("2026-01-03T00:00:00Z", "99"),
            point("2026-01-03T02:10:00Z", "98"),
        ];
        let closes: Vec<(String, String)> = from_points(&points, Interval::D1)
            .iter()
            .map(|candle| {
                let close = candle.close.as_ref().unwrap().to_string();
                (candle.open_time.unwrap().to_string(), close)
            })
            .collect();
        let expected = [
            ("2025-12-31T00:00:00Z", "100"),
            ("2026-01-01T00:00:00Z", "110"),
            ("2026-01-02T00:00:00Z", "99"),
            // The price of the moment, although it is soon after midnight.
            ("2026-01-03T00:00:00Z", "98"),
        ];
        assert_eq!(
            closes,
            expected.map(|(time, close)| (time.to_owned(), close.to_owned()))
        );
    }

    #[test]
    fn five_minute_points_stay_in_their_hour() {
        let points: Vec<Reading> = (0..=24)
            .map(|n| {
                point(
                    &format!("2026-01-01T{:02}:{:02}:20Z", n / 12, n % 12 * 5),
                    &format!("{}", 100 + n),
                )
            })
            .collect();
        let hours: Vec<(String, String)> = from_points(&points, Interval::H1)
            .iter()
            .map(|c| (c.open_time.unwrap().to_string(), c.close.as_ref().unwrap().to_string()))
            .collect();
        let expected = [
            ("2025-12-31T23:00:00Z", "100"),
            ("2026-01-01T00:00:00Z", "112"),
            ("2026-01-01T01:00:00Z", "124"),
        ];
        assert_eq!(hours, expected.map(|(time, close)| (time.to_owned(), close.to_owned())));
    }

    #[test]
    fn bars_come_ascending_once_and_only_those_asked_for() {
        let candles = [
            candle("2026-01-01T02:00:00Z", ["1", "2", "1", "2"]),
            candle("2026-01-01T01:00:00Z", ["1", "2", "1", "2"]),
            candle("2026-01-01T02:00:00Z", ["3", "3", "3", "3"]),
            candle("2026-01-01T06:00:00Z", ["1", "2", "1", "2"]),
            candle("2025-12-31T23:00:00Z", ["1", "2", "1", "2"]),
            candle("2026-01-01T03:30:00Z", ["1", "2", "1", "2"]),
            candle("2026-01-01T03:00:00Z", ["1", "2", "1", "NaN"]),
            candle("2026-01-01T04:00:00Z", ["1", "1", "1", "2"]),
            candle("2026-01-01T05:00:00Z", ["0", "1", "0", "1"]),
        ];
        let bars = tidy(&candles, &request(), at("2026-01-02T00:00:00Z"));
        let rows: Vec<String> = bars.iter().map(|b| format!("{} {}", b.t, b.c)).collect();
        assert_eq!(rows, ["2026-01-01T01:00:00.000Z 2", "2026-01-01T02:00:00.000Z 3"]);
    }
}
