//! Trying again what may succeed later: one loop, and one count of failures for work that is not a loop.

use std::time::Duration;

use tokio::time::Instant;

use crate::backoff::Backoff;

/// When [`retry`] gives up and returns the last error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Limit {
    /// Only success ends it. The caller drops the future to stop.
    Never,
    /// After so many attempts.
    Attempts(u32),
    /// With the first failure after this time.
    Elapsed(Duration),
}

/// Runs `work` until it succeeds or the limit is reached, with growing waits between attempts.
///
/// `work` is given the number of the attempt, from 0. `on_failure` is called before each wait, so not with the error
/// that is returned. Dropping the future between or within attempts ends the retries.
pub async fn retry<T, E, F>(
    backoff: Backoff,
    limit: Limit,
    mut work: impl FnMut(u32) -> F,
    mut on_failure: impl FnMut(&E, u32),
) -> Result<T, E>
where
    F: Future<Output = Result<T, E>>,
{
    let started = Instant::now();
    let mut attempt = 0;
    loop {
        let error = match work(attempt).await {
            Ok(value) => return Ok(value),
            Err(error) => error,
        };
        let is_last = match limit {
            Limit::Never => false,
            Limit::Attempts(count) => attempt + 1 >= count,
            Limit::Elapsed(longest) => started.elapsed() >= longest,
        };
        if is_last {
            return Err(error);
        }
        on_failure(&error, attempt);
        tokio::time::sleep(backoff.random_delay(attempt)).await;
        attempt = attempt.saturating_add(1);
    }
}

/// Failures in a row of work that comes back again and again, such as reading from a connection.
#[derive(Debug)]
pub struct Failures {
    backoff: Backoff,
    count: u32,
}

impl Failures {
    /// No failure yet.
    #[must_use]
    pub fn new(backoff: Backoff) -> Self {
        Self { backoff, count: 0 }
    }

    /// How many there were since the last success.
    #[must_use]
    pub fn count(&self) -> u32 {
        self.count
    }

    /// Counts one more and waits, longer after each.
    pub async fn wait(&mut self) {
        let delay = self.backoff.random_delay(self.count);
        // Counted before the wait: a caller that gives up during it has failed all the same.
        self.count = self.count.saturating_add(1);
        tokio::time::sleep(delay).await;
    }

    /// Ends the row after a success, and says how many failures it had.
    pub fn reset(&mut self) -> u32 {
        std::mem::take(&mut self.count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Waits that are over at once.
    const BACKOFF: Backoff = Backoff {
        base: Duration::ZERO,
        max: Duration::ZERO,
        jitter: 0.0,
    };

    /// The result of work that fails so many times at first, and the attempts that were reported as failed.
    async fn attempts(limit: Limit, failures: u32) -> (Result<u32, u32>, Vec<u32>) {
        let mut reported = Vec::new();
        let work = |attempt| async move { if attempt < failures { Err(attempt) } else { Ok(attempt) } };
        let result = retry(BACKOFF, limit, work, |_, attempt| reported.push(attempt)).await;
        (result, reported)
    }

    #[tokio::test]
    async fn work_is_repeated_until_it_succeeds() {
        assert_eq!(attempts(Limit::Never, 4).await, (Ok(4), vec![0, 1, 2, 3]));
        assert_eq!(attempts(Limit::Attempts(1), 0).await, (Ok(0), vec![]));
    }

    #[tokio::test]
    async fn last_error_is_returned_at_the_limit() {
        assert_eq!(attempts(Limit::Attempts(3), 9).await, (Err(2), vec![0, 1]));
        assert_eq!(attempts(Limit::Elapsed(Duration::ZERO), 9).await, (Err(0), vec![]));
    }

    #[tokio::test]
    async fn success_ends_the_row_of_failures() {
        let mut failures = Failures::new(BACKOFF);
        failures.wait().await;
        failures.wait().await;
        assert_eq!(failures.reset(), 2);
        failures.wait().await;
        assert_eq!(failures.count(), 1);
    }
}
