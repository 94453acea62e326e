//! Waiting times between attempts: doubling, bounded, spread by chance.

use std::time::Duration;

/// A schedule of waiting times.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Backoff {
    /// Wait before the first retry.
    pub base: Duration,
    /// Longest wait.
    pub max: Duration,
    /// Share of the wait that is left to chance, from 0 to 1.
    pub jitter: f64,
}

impl Backoff {
    /// For connections of our own: quick at first, never slower than two seconds, because a
    /// server that came back should be used at once.
    pub const RECONNECT: Self = Self {
        base: Duration::from_millis(50),
        max: Duration::from_secs(2),
        jitter: 0.5,
    };

    /// The wait after attempt number `attempt` (from 0), for a number from 0 to 1 drawn by the
    /// caller: `min(max, base · 2^attempt) · (1 − jitter · unit_random)`.
    #[must_use]
    pub fn delay(&self, attempt: u32, unit_random: f64) -> Duration {
        let doubled = self
            .base
            .checked_mul(2_u32.checked_pow(attempt).unwrap_or(u32::MAX))
            .unwrap_or(self.max);
        let full = doubled.min(self.max);
        let share = 1.0 - self.jitter.clamp(0.0, 1.0) * unit_random.clamp(0.0, 1.0);
        full.mul_f64(share)
    }

    /// The wait after attempt number `attempt` (from 0) with its own draw.
    #[must_use]
    pub fn random_delay(&self, attempt: u32) -> Duration {
        self.delay(attempt, rand::random())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const SCHEDULE: Backoff = Backoff {
        base: Duration::from_secs(10),
        max: Duration::from_secs(600),
        jitter: 0.2,
    };

    #[test]
    fn waits_double_up_to_the_longest() {
        let seconds: Vec<_> = (0..9).map(|n| SCHEDULE.delay(n, 0.0).as_secs()).collect();
        assert_eq!(seconds, [10, 20, 40, 80, 160, 320, 600, 600, 600]);
    }

    proptest! {
        #[test]
        fn a_wait_stays_within_its_bounds(attempt in any::<u32>(), draw in 0.0..=1.0_f64) {
            let full = SCHEDULE.delay(attempt, 0.0);
            let wait = SCHEDULE.delay(attempt, draw);
            prop_assert!(full <= SCHEDULE.max);
            prop_assert!(wait <= full);
            prop_assert!(wait.as_secs_f64() >= full.as_secs_f64() * 0.8 - 1e-6);
        }
    }
}
