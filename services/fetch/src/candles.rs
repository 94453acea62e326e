//! A provider's candles and points become our candles: complete, ascending, each once.

use std::collections::BTreeMap;

use contracts::api::fetch::HistoryCandle;
use contracts::number::Number as Exact;
use domain::interval::Interval;
use jiff::{SignedDuration, Timestamp};
use rust_decimal::Decimal;

use crate::providers::{CandlesRequest, RawCandle, RawTicker};
use crate::raw_number::RawNumber;

/// Keeps what is a candle of the request: on its grid, within its range, with four sensible prices. Of two candles
/// with one opening time the later in the list counts. Whether a candle is closed is decided by `now`.
pub fn to_sorted_candles(candles: &[RawCandle], request: &CandlesRequest, now: Timestamp) -> Vec<HistoryCandle> {
    let length = SignedDuration::from_secs(request.interval.seconds());
    let mut sorted = BTreeMap::new();
    for candle in candles {
        let Some(open_time) = candle.open_time else { continue };
        let on_grid = request.interval.open_time(open_time) == open_time;
        if !on_grid || open_time < request.from || open_time >= request.to {
            continue;
        }
        let price = |number: &Option<RawNumber>| {
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
        sorted.insert(
            open_time,
            HistoryCandle {
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
    sorted.into_values().collect()
}

/// Makes candles of points in time. A candle opens where the one before it closed, if that is its neighbour; its
/// volume is unknown, because a chart reports rolling volumes.
///
/// A chart's point is the price at its time, so the point on a boundary is the close of the period that ends there
/// and not the open of the next one. The provider writes points up to a few minutes after the boundary; therefore the
/// first point within a sixth of a step after it still ends the period. The step is the shorter of the candle's
/// length and the usual distance of the points. Any further point, such as the last one, which is "now", belongs to
/// the period it lies in.
pub fn from_points(points: &[RawTicker], interval: Interval) -> Vec<RawCandle> {
    let mut sorted: Vec<(Timestamp, Decimal, &RawNumber)> = points
        .iter()
        .filter_map(|point| {
            let price = point.price.as_ref()?;
            Some((point.quoted_at?, price.to_decimal().ok()?, price))
        })
        .collect();
    sorted.sort_by_key(|(at, _, _)| *at);
    let length = SignedDuration::from_secs(interval.seconds());
    let times: Vec<Timestamp> = sorted.iter().map(|(at, _, _)| *at).collect();
    let lateness = median_distance(&times).map_or(length, |distance| distance.min(length)) / 6;
    let mut made: Vec<RawCandle> = Vec::new();
    let mut extremes = (Decimal::ZERO, Decimal::ZERO);
    let mut before: Option<Timestamp> = None;
    for (at, value, price) in sorted {
        let boundary = interval.open_time(at);
        let is_first_after_boundary = before.is_none_or(|before| before < boundary);
        before = Some(at);
        let open_time = if is_first_after_boundary && at.duration_since(boundary) <= lateness {
            boundary.checked_sub(length).unwrap_or(boundary)
        } else {
            boundary
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
                made.push(RawCandle {
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

/// The usual distance of neighbouring times, which are ascending; the median, because single points are missing or
/// extra.
fn median_distance(times: &[Timestamp]) -> Option<SignedDuration> {
    let mut distances: Vec<SignedDuration> = times.windows(2).map(|pair| pair[1].duration_since(pair[0])).collect();
    distances.sort_unstable();
    distances.get(distances.len() / 2).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn request() -> CandlesRequest {
        CandlesRequest {
            ticker: "BTC".parse().unwrap(),
            symbol: "BTCUSDT".to_owned(),
            interval: Interval::H1,
            from: at("2026-01-01T00:00:00Z"),
            to: at("2026-01-01T06:00:00Z"),
        }
    }

    fn point(time: &str, price: &str) -> RawTicker {
        RawTicker {
            quoted_at: Some(at(time)),
            price: RawNumber::parse(price),
            ..RawTicker::default()
        }
    }

    fn candle(time: &str, prices: [&str; 4]) -> RawCandle {
        let [open, high, low, close] = prices.map(RawNumber::parse);
        RawCandle {
            open_time: Some(at(time)),
            open,
            high,
            low,
            close,
            ..RawCandle::default()
        }
    }

    fn closes(points: &[RawTicker], interval: Interval) -> Vec<String> {
        from_points(points, interval)
            .iter()
            .map(|candle| {
                let text = |number: &Option<RawNumber>| number.as_ref().unwrap().as_str().to_owned();
                let prices = [&candle.open, &candle.high, &candle.low, &candle.close].map(text);
                format!("{} {}", candle.open_time.unwrap(), prices.join(" "))
            })
            .collect()
    }

    #[test]
    fn point_on_a_boundary_closes_the_period_that_ends_there() {
        let points = [
            point("2026-01-01T00:00:00Z", "10"),
            point("2026-01-02T00:00:00Z", "12"),
            point("2026-01-03T00:00:00Z", "9"),
            // "Now", within a sixth of a day, but the third of January has its boundary point already.
            point("2026-01-03T02:00:00Z", "11"),
        ];
        assert_eq!(
            closes(&points, Interval::D1),
            [
                "2025-12-31T00:00:00Z 10 10 10 10",
                "2026-01-01T00:00:00Z 10 12 10 12",
                "2026-01-02T00:00:00Z 12 12 9 9",
                "2026-01-03T00:00:00Z 9 11 9 11",
            ]
        );
    }

    #[test]
    fn late_point_closes_its_period_up_to_a_sixth_of_a_step() {
        let points = [
            point("2026-01-01T02:02:00Z", "9"),
            point("2026-01-01T01:10:00Z", "10"),
            point("2026-01-01T03:10:01Z", "12"),
            point("2026-01-01T04:00:10Z", "20"),
            point("2026-01-01T05:00:10Z", "19"),
        ];
        assert_eq!(
            closes(&points, Interval::H1),
            [
                "2026-01-01T00:00:00Z 10 10 10 10",
                "2026-01-01T01:00:00Z 10 10 9 9",
                "2026-01-01T03:00:00Z 12 20 12 20",
                "2026-01-01T04:00:00Z 20 20 19 19",
            ]
        );
    }

    #[test]
    fn day_of_hourly_points_ends_with_the_point_of_midnight() {
        let start = at("2026-01-01T00:03:00Z");
        let points: Vec<RawTicker> = (0..=49)
            .map(|hour| {
                point(
                    &(start + SignedDuration::from_hours(hour)).to_string(),
                    &(100 + hour).to_string(),
                )
            })
            .collect();
        let days = closes(&points, Interval::D1);
        assert_eq!(days[1], "2026-01-01T00:00:00Z 100 124 100 124");
        assert_eq!(days[2], "2026-01-02T00:00:00Z 124 148 124 148");
        assert_eq!(days[3], "2026-01-03T00:00:00Z 148 149 148 149");
    }

    #[test]
    fn candles_come_ascending_once_and_only_those_asked_for() {
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
        let sorted = to_sorted_candles(&candles, &request(), at("2026-01-02T00:00:00Z"));
        let rows: Vec<String> = sorted.iter().map(|b| format!("{} {}", b.t, b.c)).collect();
        assert_eq!(rows, ["2026-01-01T01:00:00.000Z 2", "2026-01-01T02:00:00.000Z 3"]);
    }
}
