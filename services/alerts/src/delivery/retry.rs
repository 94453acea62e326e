//! When a failed attempt is tried again, or never.
//!
//! Pure: the attempt's number, the endpoint's `Retry-After` and a random number are arguments.

use std::time::Duration;

pub use platform::retry_after::parse as parse_retry_after;

/// How often a message is tried, and the waits in between.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RetryPolicy {
    /// All attempts together, the first included.
    pub max_attempts: u32,
    /// The wait after the first failed attempt; it doubles with each further one.
    pub base: Duration,
    /// The longest wait, also when the endpoint asks for a longer one.
    pub max: Duration,
}

/// Endpoints that failed together should not be asked again together: every wait is moved by up to a tenth.
const JITTER: f64 = 0.1;

impl RetryPolicy {
    /// The wait after the failed attempt number `attempt` (the first is 1), or `None` when it was the last.
    ///
    /// `unit_random` lies in [0, 1). A `Retry-After` lengthens the wait up to `max` and never shortens it.
    pub fn wait_after(&self, attempt: u32, retry_after: Option<Duration>, unit_random: f64) -> Option<Duration> {
        if attempt >= self.max_attempts {
            return None;
        }
        let doublings = attempt.saturating_sub(1).min(31);
        let planned = self.base.saturating_mul(1 << doublings).min(self.max);
        let jittered = planned.mul_f64(1.0 + JITTER * (2.0 * unit_random - 1.0));
        let asked = retry_after.unwrap_or_default().min(self.max);
        Some(jittered.max(asked))
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    const DEFAULT: RetryPolicy = RetryPolicy {
        max_attempts: 4,
        base: Duration::from_secs(10),
        max: Duration::from_secs(600),
    };

    #[rstest]
    #[case(1, Some(10_000))]
    #[case(2, Some(20_000))]
    #[case(3, Some(40_000))]
    #[case(4, None)]
    #[case(5, None)]
    fn four_attempts_after_about_0_10_30_and_70_seconds(#[case] attempt: u32, #[case] expected_ms: Option<u64>) {
        assert_eq!(
            DEFAULT.wait_after(attempt, None, 0.5),
            expected_ms.map(Duration::from_millis)
        );
    }

    #[test]
    fn jitter_moves_a_wait_by_at_most_a_tenth() {
        assert_eq!(DEFAULT.wait_after(1, None, 0.0), Some(Duration::from_secs(9)));
        let latest = DEFAULT.wait_after(1, None, 0.999_999_9).unwrap();
        assert!(
            latest < Duration::from_secs(11) && latest > Duration::from_millis(10_999),
            "{latest:?}"
        );
    }

    #[test]
    fn waits_stop_growing_at_the_cap_and_do_not_overflow() {
        let patient = RetryPolicy {
            max_attempts: u32::MAX,
            ..DEFAULT
        };
        for attempt in [7, 8, 40, 1_000_000] {
            assert_eq!(
                patient.wait_after(attempt, None, 0.5),
                Some(Duration::from_secs(600)),
                "attempt {attempt}"
            );
        }
    }

    #[rstest]
    #[case(3, 10)]
    #[case(120, 120)]
    #[case(86_400, 600)]
    fn retry_after_lengthens_a_wait_up_to_the_cap(#[case] asked: u64, #[case] expected: u64) {
        let wait = DEFAULT.wait_after(1, Some(Duration::from_secs(asked)), 0.5);
        assert_eq!(wait, Some(Duration::from_secs(expected)));
    }

    #[test]
    fn retry_after_does_not_add_attempts() {
        assert_eq!(DEFAULT.wait_after(4, Some(Duration::from_secs(5)), 0.5), None);
    }
}
