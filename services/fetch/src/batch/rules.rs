//! The numbers that decide when a batch is flushed, taken over and retried.

use std::time::Duration;

/// What has to be left of the first waiter's time when a retry ends.
const RETRY_MARGIN: Duration = Duration::from_millis(500);

/// Beyond the last moment at which anyone can wait for a batch, its state is kept for so long.
const STATE_MARGIN: Duration = Duration::from_secs(30);

#[derive(Debug, Clone, Copy)]
pub struct BatchRules {
    /// A request that Redis does not admit in this time is refused.
    pub admission_timeout: Duration,
    /// Requests that fill a batch.
    pub threshold: u32,
    /// From the first request of a batch to its flush, unless it is full before.
    pub window: Duration,
    /// Longest wait of a request.
    pub result_timeout: Duration,
    /// How long a flush belongs to the process that began it.
    pub lease: Duration,
    /// Longest time of one request to a provider.
    pub upstream_timeout: Duration,
    /// How long a flush waits for others to share its request.
    pub coalesce: Duration,
}

impl BatchRules {
    /// Whether a failed request to the provider may be made once more, `time_left` before the first waiter gives up.
    pub fn may_retry(&self, time_left: Duration) -> bool {
        time_left >= self.coalesce + self.upstream_timeout + RETRY_MARGIN
    }

    /// How long Redis keeps the state of a batch. The last request may join at the end of the window.
    pub fn state_ttl(&self) -> Duration {
        self.window + self.result_timeout + STATE_MARGIN
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    const RULES: BatchRules = BatchRules {
        admission_timeout: Duration::from_millis(500),
        threshold: 3,
        window: Duration::from_secs(5),
        result_timeout: Duration::from_secs(8),
        lease: Duration::from_millis(2_750),
        upstream_timeout: Duration::from_millis(2_500),
        coalesce: Duration::from_millis(50),
    };

    #[rstest]
    // A full batch whose first request to the provider hung.
    #[case(8_000 - 2_550, true)]
    #[case(3_050, true)]
    #[case(3_049, false)]
    // One that waited for its window.
    #[case(8_000 - 5_000, false)]
    #[case(0, false)]
    fn retry_has_to_end_half_a_second_before_the_first_timeout(#[case] left_ms: u64, #[case] expected: bool) {
        assert_eq!(RULES.may_retry(Duration::from_millis(left_ms)), expected);
    }
}
