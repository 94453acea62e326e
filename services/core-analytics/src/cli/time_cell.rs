//! A time as people write it into files.

use jiff::Timestamp;
use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;
use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;

/// Microseconds since the unix epoch of RFC 3339, a date (its start) or date and time without zone (UTC), or unix time;
/// also as aggregators export them: `2013-04-28 00:00:00 UTC`, `2013-04-28 00:00:00 +0000`, `2013/04/28`.
///
/// The unit of unix time follows from its size: seconds up to 10^12, then milliseconds, from 10^15 microseconds, from
/// 10^18 nanoseconds.
pub fn parse(text: &str) -> Option<i64> {
    if let Some(date) = compact_date(text) {
        return in_utc(date.at(0, 0, 0, 0)).map(Timestamp::as_microsecond);
    }
    if is_spreadsheet_day(text) {
        return None;
    }
    if text.bytes().all(|b| b.is_ascii_digit() || b"+-.eE".contains(&b)) && !is_date(text) {
        return unix(text);
    }
    let at = calendar(text).or_else(|| calendar(&in_standard_spelling(text)))?;
    Some(at.as_microsecond())
}

/// `20240101`. As unix time it would be a day of 1970, which no price is of.
fn compact_date(text: &str) -> Option<Date> {
    if text.len() != 8 || !text.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let (year, month, day) = (
        text[..4].parse().ok()?,
        text[4..6].parse().ok()?,
        text[6..].parse().ok()?,
    );
    (1900..2200)
        .contains(&year)
        .then(|| Date::new(year, month, day).ok())
        .flatten()
}

/// Days since 1900 as spreadsheets write them, of the years 1970 to 2119. As unix time they would all be of the first
/// day of 1970; which of the two kinds of spreadsheet counted them is not known, so they are refused.
fn is_spreadsheet_day(text: &str) -> bool {
    let whole = text.split_once('.').map_or(text, |(whole, _)| whole);
    whole.len() == 5 && whole.parse::<u32>().is_ok_and(|days| (25_569..80_000).contains(&days))
}

fn calendar(text: &str) -> Option<Timestamp> {
    text.parse::<Timestamp>()
        .ok()
        .or_else(|| in_utc(text.parse::<Date>().ok().filter(|_| is_date(text))?.at(0, 0, 0, 0)))
        .or_else(|| in_utc(text.parse::<DateTime>().ok()?))
}

fn in_standard_spelling(text: &str) -> String {
    let zoneless = text.strip_suffix("UTC").or_else(|| text.strip_suffix("GMT"));
    let mut spelling = zoneless
        .unwrap_or(text)
        .trim_end()
        .replacen(" +", "+", 1)
        .replacen(" -", "-", 1);
    if spelling.as_bytes().get(4) == Some(&b'/') {
        spelling = spelling.replacen('/', "-", 2);
    }
    spelling
}

fn is_date(text: &str) -> bool {
    text.len() == 10 && text.as_bytes()[4] == b'-' && text.as_bytes()[7] == b'-'
}

fn in_utc(time: DateTime) -> Option<Timestamp> {
    TimeZone::UTC.to_timestamp(time).ok()
}

fn unix(text: &str) -> Option<i64> {
    let value = contracts::number::parse_decimal(text)?;
    let size = value.abs();
    let microseconds = if size <= Decimal::from(1_000_000_000_000_i64) {
        value.checked_mul(Decimal::from(1_000_000))?
    } else if size < Decimal::from(1_000_000_000_000_000_i64) {
        value.checked_mul(Decimal::from(1_000))?
    } else if size < Decimal::from(1_000_000_000_000_000_000_i64) {
        value
    } else {
        value.checked_div(Decimal::from(1_000))?
    };
    let microseconds = microseconds.trunc().to_i64()?;
    Timestamp::from_microsecond(microseconds).ok()?;
    Some(microseconds)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_moment_in_every_spelling() {
        for text in [
            "2020-01-01",
            "2020-01-01T00:00:00Z",
            "2020-01-01T00:00:00.000Z",
            "2020-01-01T01:00:00+01:00",
            "2020-01-01 00:00:00",
            "2020-01-01T00:00:00",
            "2020-01-01 00:00:00+00:00",
            "2020-01-01 00:00:00 UTC",
            "2020-01-01 00:00:00.000 GMT",
            "2020-01-01 01:00:00 +0100",
            "2019-12-31 19:00:00 -05:00",
            "2020/01/01",
            "2020/01/01 00:00",
            "20200101",
            "1577836800",
            "1577836800.0",
            "1.5778368e9",
            "1577836800000",
            "1577836800000000",
            "1577836800000000000",
        ] {
            assert_eq!(parse(text), Some(1_577_836_800_000_000), "{text}");
        }
    }

    #[test]
    fn times_before_the_epoch_and_parts_of_seconds_are_kept() {
        assert_eq!(parse("-86400"), Some(-86_400_000_000));
        assert_eq!(parse("1577836800.25"), Some(1_577_836_800_250_000));
    }

    #[test]
    fn text_that_is_no_time_is_refused() {
        for text in [
            "",
            "-",
            "e",
            "yesterday",
            "2020-13-01",
            "2020-02-30",
            "01/02/2020",
            "UTC",
            "2020/01/01/",
            "1e40",
            "2020-1-1",
            "12:00",
            "45292",
            "45292.5",
        ] {
            assert_eq!(parse(text), None, "{text:?}");
        }
    }
}
