//! The header `Retry-After`: seconds, or an HTTP date.

use std::time::Duration;

use jiff::Timestamp;

/// Longer waits are cut: a venue that asks for more is asked again after this.
const LONGEST: Duration = Duration::from_secs(3 * 24 * 3600);

/// How long to wait from `now` on. `None` for what is neither; a date that has passed means now.
pub fn parse(text: &str, now: Timestamp) -> Option<Duration> {
    let text = text.trim();
    let wait = if text.bytes().all(|b| b.is_ascii_digit()) && !text.is_empty() {
        Duration::from_secs(text.parse().unwrap_or(u64::MAX))
    } else {
        let at = jiff::fmt::rfc2822::parse(text).ok()?.timestamp();
        until(at, now)
    };
    Some(wait.min(LONGEST))
}

/// The time from `now` to `at`; nothing if that has passed.
pub fn until(at: Timestamp, now: Timestamp) -> Duration {
    Duration::try_from(at.duration_since(now)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("17", Some(17))]
    #[case(" 119 ", Some(119))]
    #[case("0", Some(0))]
    #[case("Wed, 21 Oct 2015 07:28:30 GMT", Some(30))]
    #[case("Wed, 21 Oct 2015 07:27:00 GMT", Some(0))]
    #[case("99999999999999999999999", Some(259_200))]
    #[case("soon", None)]
    #[case("-5", None)]
    #[case("", None)]
    fn both_forms(#[case] text: &str, #[case] seconds: Option<u64>) {
        let now = "2015-10-21T07:28:00Z".parse().unwrap();
        assert_eq!(parse(text, now), seconds.map(Duration::from_secs));
    }
}
