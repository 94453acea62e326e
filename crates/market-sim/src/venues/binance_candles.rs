//! Binance's candles: rows of twelve, oldest first, the last one still open.

use super::binance_common::{Refusal, SHARE, TRADE, find, only, spell, spell_price};
use super::message::{Reply, Request};
use crate::assets::AssetId;
use crate::clock::{DAY, HOUR, MINUTE, Millis, SECOND};
use crate::json::Json;
use crate::venue_view::VenueView;

const DEFAULT_LIMIT: usize = 500;
const MAX_ROWS: usize = 1_000;
/// The first Monday after the epoch, where weeks begin.
const MONDAY: Millis = 4 * DAY;

/// Length of a candle; case matters in its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Interval {
    Fixed(Millis),
    Week,
    Month,
}

impl Interval {
    fn parse(text: &str) -> Option<Self> {
        Some(match text {
            "1s" => Self::Fixed(SECOND),
            "1m" => Self::Fixed(MINUTE),
            "3m" => Self::Fixed(3 * MINUTE),
            "5m" => Self::Fixed(5 * MINUTE),
            "15m" => Self::Fixed(15 * MINUTE),
            "30m" => Self::Fixed(30 * MINUTE),
            "1h" => Self::Fixed(HOUR),
            "2h" => Self::Fixed(2 * HOUR),
            "4h" => Self::Fixed(4 * HOUR),
            "6h" => Self::Fixed(6 * HOUR),
            "8h" => Self::Fixed(8 * HOUR),
            "12h" => Self::Fixed(12 * HOUR),
            "1d" => Self::Fixed(DAY),
            "3d" => Self::Fixed(3 * DAY),
            "1w" => Self::Week,
            "1M" => Self::Month,
            _ => return None,
        })
    }

    /// Start of the candle that holds a time.
    fn start(self, at: Millis) -> Millis {
        match self {
            Self::Fixed(length) => at - at.rem_euclid(length),
            Self::Week => at - (at - MONDAY).rem_euclid(7 * DAY),
            Self::Month => month(at, 0),
        }
    }

    /// Start of the candle after the one that starts at `start`.
    fn next(self, start: Millis) -> Millis {
        match self {
            Self::Fixed(length) => start + length,
            Self::Week => start + 7 * DAY,
            Self::Month => month(start, 1),
        }
    }

    fn previous(self, start: Millis) -> Millis {
        self.start(start - 1)
    }
}

/// First moment of the month that lies `ahead` months after the one of a time.
fn month(at: Millis, ahead: i32) -> Millis {
    let Ok(time) = jiff::Timestamp::from_millisecond(at) else {
        return at;
    };
    let first = time.to_zoned(jiff::tz::TimeZone::UTC).date().first_of_month();
    let wanted = first.saturating_add(jiff::Span::new().months(ahead));
    wanted
        .to_zoned(jiff::tz::TimeZone::UTC)
        .map_or(at, |zoned| zoned.timestamp().as_millisecond())
}

/// Answers `/api/v3/klines`.
pub(super) fn answer(view: &VenueView<'_>, request: &Request<'_>) -> Result<Reply, Refusal> {
    only(
        request,
        &["symbol", "interval", "startTime", "endTime", "timeZone", "limit"],
    )?;
    let symbol = request.get("symbol").ok_or_else(|| Refusal::missing("symbol"))?;
    let interval = request.get("interval").ok_or_else(|| Refusal::missing("interval"))?;
    let asset = find(view, symbol)?;
    let interval = Interval::parse(interval).ok_or_else(|| Refusal::new(-1120, "Invalid interval."))?;
    let limit = whole(request, "limit")?.map_or(DEFAULT_LIMIT, |limit| usize::try_from(limit).unwrap_or(MAX_ROWS));
    let limit = limit.min(MAX_ROWS);
    let (from, to) = (whole(request, "startTime")?, whole(request, "endTime")?);
    let micros = request
        .time_unit
        .as_deref()
        .is_some_and(|unit| unit.eq_ignore_ascii_case("MICROSECOND"));
    let starts = starts(view, asset, interval, limit, (from, to));
    let rows = starts
        .into_iter()
        .filter_map(|start| row(view, asset, start, interval.next(start), micros))
        .collect();
    Ok(Reply::ok(Json::Array(rows)).weighing(2))
}

fn whole(request: &Request<'_>, name: &str) -> Result<Option<Millis>, Refusal> {
    let Some(text) = request.get(name) else { return Ok(None) };
    let value = text.parse::<Millis>().ok().filter(|value| *value >= 0);
    value.map(Some).ok_or_else(|| {
        let message = format!("Illegal characters found in parameter '{name}'; legal range is '^[0-9]{{1,20}}$'.");
        Refusal::new(-1100, message)
    })
}

/// The candles that open between the two times: the oldest ones when a beginning is given, else the newest.
fn starts(
    view: &VenueView<'_>,
    asset: AssetId,
    interval: Interval,
    limit: usize,
    (from, to): (Option<Millis>, Option<Millis>),
) -> Vec<Millis> {
    let first = view.begins(view.catalogue().get(asset));
    let last = to.unwrap_or(Millis::MAX).min(view.at(asset));
    let mut starts = Vec::new();
    if let Some(from) = from {
        let from = from.max(first);
        if from > last {
            return starts;
        }
        let mut start = interval.start(from);
        if start < from {
            start = interval.next(start);
        }
        while start <= last && starts.len() < limit {
            starts.push(start);
            start = interval.next(start);
        }
        return starts;
    }
    let mut start = interval.start(last);
    while start >= first && starts.len() < limit {
        starts.push(start);
        start = interval.previous(start);
    }
    starts.reverse();
    starts
}

fn row(view: &VenueView<'_>, asset: AssetId, start: Millis, next: Millis, micros: bool) -> Option<Json> {
    let candle = view.candle(asset, start, next)?;
    let money = |value: f64| spell_price(view, asset, value);
    let (volume, turnover) = (candle.volume * SHARE, candle.turnover * SHARE);
    let bought = if candle.close >= candle.open { 0.53 } else { 0.47 };
    let (open_time, close_time) = if micros {
        (start * 1_000, next * 1_000 - 1)
    } else {
        (start, next - 1)
    };
    Some(Json::Array(vec![
        Json::Int(open_time),
        money(candle.open),
        money(candle.high),
        money(candle.low),
        money(candle.close),
        Json::text(spell(volume, 5)),
        Json::Int(close_time),
        Json::text(spell(turnover, 8)),
        Json::Int((turnover / TRADE).ceil() as i64),
        Json::text(spell(volume * bought, 5)),
        Json::text(spell(turnover * bought, 8)),
        Json::text("0"),
    ]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn case_decides_between_minute_and_month() {
        assert_eq!(Interval::parse("1m"), Some(Interval::Fixed(MINUTE)));
        assert_eq!(Interval::parse("1M"), Some(Interval::Month));
        assert_eq!(Interval::parse("1D"), None);
    }

    #[test]
    fn weeks_begin_on_monday_and_months_on_the_first() {
        // 2026-01-14 was a Wednesday.
        let wednesday = 1_768_392_000_000;
        assert_eq!(
            crate::clock::iso(Interval::Week.start(wednesday)),
            "2026-01-12T00:00:00.000Z"
        );
        assert_eq!(
            crate::clock::iso(Interval::Month.start(wednesday)),
            "2026-01-01T00:00:00.000Z"
        );
        let january = Interval::Month.start(wednesday);
        assert_eq!(
            crate::clock::iso(Interval::Month.next(january)),
            "2026-02-01T00:00:00.000Z"
        );
        assert_eq!(
            crate::clock::iso(Interval::Month.previous(january)),
            "2025-12-01T00:00:00.000Z"
        );
    }
}
