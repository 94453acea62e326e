//! The header `Retry-After` (RFC 9110, 10.2.3): a number of seconds or a date.

use std::time::Duration;

use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};

/// How long the sender asks to wait from `now` on; no time at all for a date that has passed.
///
/// `None` for what is neither seconds nor a date.
#[must_use]
pub fn parse(text: &str, now: Timestamp) -> Option<Duration> {
    let text = text.trim();
    if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
        // More digits than fit are a very long wait, not a mistake: the caller has a limit of its own.
        return Some(Duration::from_secs(text.parse().unwrap_or(u64::MAX)));
    }
    Some(until(http_date(text, now)?, now))
}

/// The time from `now` to `at`; nothing if that has passed.
#[must_use]
pub fn until(at: Timestamp, now: Timestamp) -> Duration {
    Duration::try_from(at.duration_since(now)).unwrap_or_default()
}

/// A date in one of the three forms that RFC 9110 (5.6.7) obliges a recipient to read.
fn http_date(text: &str, now: Timestamp) -> Option<Timestamp> {
    imf_fixdate(text)
        .or_else(|| rfc_850(text, now))
        .or_else(|| asctime(text))
}

/// `Sun, 06 Nov 1994 08:49:37 GMT`
fn imf_fixdate(text: &str) -> Option<Timestamp> {
    Some(jiff::fmt::rfc2822::parse(text).ok()?.timestamp())
}

/// `Sunday, 06-Nov-94 08:49:37 GMT`
fn rfc_850(text: &str, now: Timestamp) -> Option<Timestamp> {
    let (date, time) = text.strip_suffix(" GMT")?.rsplit_once(' ')?;
    let (weekday, date) = date.split_once(", ")?;
    let (day_and_month, year) = date.rsplit_once('-')?;
    let year = digits(year, 2)?;
    // Two digits are those of the last year that is not more than 50 years ahead.
    let latest = now.to_zoned(TimeZone::UTC).checked_add(50.years()).ok()?;
    let newest = latest.year() - (latest.year() - year).rem_euclid(100);
    let read = |year: i16| utc("%d-%b-%Y %H:%M:%S", &format!("{day_and_month}-{year} {time}"));
    let is_too_far = read(newest).is_some_and(|at| at > latest.timestamp());
    let year = if is_too_far { newest - 100 } else { newest };
    utc(
        "%A, %d-%b-%Y %H:%M:%S",
        &format!("{weekday}, {day_and_month}-{year} {time}"),
    )
}

/// `Sun Nov  6 08:49:37 1994`
fn asctime(text: &str) -> Option<Timestamp> {
    digits(text.rsplit_once(' ')?.1, 4)?;
    utc("%a %b %e %H:%M:%S %Y", text)
}

fn digits(text: &str, count: usize) -> Option<i16> {
    let is_number = text.len() == count && text.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then(|| text.parse().ok()).flatten()
}

fn utc(format: &str, text: &str) -> Option<Timestamp> {
    let at = jiff::civil::DateTime::strptime(format, text).ok()?;
    TimeZone::UTC.to_timestamp(at).ok()
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    const NOW: &str = "2026-10-21T07:28:00Z";

    #[rstest]
    #[case("17", 17)]
    #[case(" 119 ", 119)]
    #[case("0", 0)]
    #[case("99999999999999999999999", u64::MAX)]
    fn counts_of_seconds(#[case] text: &str, #[case] seconds: u64) {
        assert_eq!(parse(text, NOW.parse().unwrap()), Some(Duration::from_secs(seconds)));
    }

    #[rstest]
    #[case::imf_fixdate("Wed, 21 Oct 2026 07:28:30 GMT", 30)]
    #[case::rfc_850("Wednesday, 21-Oct-26 07:28:30 GMT", 30)]
    #[case::asctime("Wed Oct 21 07:28:30 2026", 30)]
    #[case::asctime_pads_the_day_with_a_space("Sun Nov  1 07:28:00 2026", 11 * 86_400)]
    #[case::imf_fixdate_in_the_past("Wed, 21 Oct 2026 07:27:00 GMT", 0)]
    #[case::rfc_850_in_the_past("Wednesday, 21-Oct-26 07:27:00 GMT", 0)]
    #[case::asctime_in_the_past("Wed Oct 21 07:27:00 2026", 0)]
    #[case::rfc_9110_example("Sunday, 06-Nov-94 08:49:37 GMT", 0)]
    #[case::leap_second("Thursday, 31-Dec-26 23:59:60 GMT", 6_193_919)]
    fn dates(#[case] text: &str, #[case] seconds: u64) {
        assert_eq!(parse(text, NOW.parse().unwrap()), Some(Duration::from_secs(seconds)));
    }

    // Two digits are the last year with these digits that is not more than 50 years ahead.
    #[rstest]
    #[case::next_year("2026-10-21T07:28:00Z", "Thursday, 21-Oct-27 07:28:00 GMT", "2027-10-21T07:28:00Z")]
    #[case::fifty_years_ahead("2026-10-21T07:28:00Z", "Wednesday, 21-Oct-76 07:28:00 GMT", "2076-10-21T07:28:00Z")]
    #[case::a_second_more("2026-10-21T07:28:00Z", "Thursday, 21-Oct-76 07:28:01 GMT", "1976-10-21T07:28:01Z")]
    #[case::next_century("2099-12-31T23:59:00Z", "Friday, 01-Jan-00 00:00:00 GMT", "2100-01-01T00:00:00Z")]
    #[case::leap_day("2026-10-21T07:28:00Z", "Tuesday, 29-Feb-28 00:00:00 GMT", "2028-02-29T00:00:00Z")]
    fn two_digit_years(#[case] now: Timestamp, #[case] text: &str, #[case] expected: Timestamp) {
        assert_eq!(http_date(text, now), Some(expected));
    }

    #[rstest]
    #[case("soon")]
    #[case("-5")]
    #[case("+5")]
    #[case("1.5")]
    #[case("")]
    #[case("2026-10-21T07:28:30Z")]
    #[case("Thursday, 21-Oct-26 07:28:30 GMT")]
    #[case("Wednesday, 31-Feb-26 07:28:30 GMT")]
    #[case("Wednesday, 21-Oct-2é 07:28:30 GMT")]
    #[case("Thu Oct 21 07:28:30 2026")]
    #[case("Wed Oct 21 07:28:30 26")]
    fn neither(#[case] text: &str) {
        assert_eq!(parse(text, NOW.parse().unwrap()), None);
    }
}
