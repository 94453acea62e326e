//! How long a provider may ask to be left alone by `Retry-After`.

use std::time::Duration;

use jiff::Timestamp;

/// Longer waits are cut: a provider that asks for more is asked again after this.
const LONGEST: Duration = Duration::from_secs(3 * 24 * 3600);

/// How long to wait from `now` on. `None` for what is neither; a date that has passed means now.
pub fn parse(text: &str, now: Timestamp) -> Option<Duration> {
    platform::retry_after::parse(text, now).map(|wait| wait.min(LONGEST))
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("17", Some(17))]
    #[case("Wednesday, 21-Oct-15 07:28:30 GMT", Some(30))]
    #[case("Wed Oct 21 07:28:30 2015", Some(30))]
    #[case("99999999999999999999999", Some(259_200))]
    #[case("soon", None)]
    fn waits_are_read_and_cut(#[case] text: &str, #[case] seconds: Option<u64>) {
        let now = "2015-10-21T07:28:00Z".parse().unwrap();
        assert_eq!(parse(text, now), seconds.map(Duration::from_secs));
    }
}
