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
/// volume is unknown, because a chart tells rolling volumes. The last point is "now" and belongs to the open candle.
pub fn from_points(points: &[Reading], interval: Interval) -> Vec<Candle> {
    let mut sorted: Vec<(Timestamp, Decimal, &Number)> = points
        .iter()
        .filter_map(|point| {
            let price = point.price.as_ref()?;
            Some((point.quoted_at?, price.to_decimal().ok()?, price))
        })
        .collect();
    sorted.sort_by_key(|(at, _, _)| *at);
    let length = SignedDuration::from_secs(interval.seconds());
    let mut made: Vec<Candle> = Vec::new();
    let mut extremes = (Decimal::ZERO, Decimal::ZERO);
    for (at, value, price) in sorted {
        let open_time = interval.open_time(at);
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
            point("2026-01-01T01:59:00Z", "12"),
            point("2026-01-01T00:03:00Z", "10"),
            point("2026-01-01T01:02:00Z", "9"),
            point("2026-01-01T04:02:00Z", "20"),
        ];
        let candles = from_points(&points, Interval::H1);
        let bars = tidy(&candles, &request(), at("2026-01-01T04:30:00Z"));
        let rows: Vec<String> = bars
            .iter()
            .map(|b| format!("{} {} {} {} {} {}", b.t, b.o, b.h, b.l, b.c, b.closed))
            .collect();
        assert_eq!(
            rows,
            [
                "2026-01-01T00:00:00.000Z 10 10 10 10 true",
                "2026-01-01T01:00:00.000Z 10 12 9 12 true",
                "2026-01-01T04:00:00.000Z 20 20 20 20 false",
            ]
        );
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
