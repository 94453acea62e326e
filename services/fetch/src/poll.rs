//! One loop per provider: ask, hand over, wait. A provider that hangs delays nobody but itself.
//!
//! Loops of several processes share the providers by leases, so each provider is asked by one of them; when the lease
//! is lost between two polls, asking twice does no harm. How long to wait is decided by a pure function.

use std::sync::Arc;
use std::time::Duration;

use domain::asset::Asset;
use domain::ticker::ProviderId;
use platform::backoff::Backoff;
use platform::clock::SharedClock;
use platform::lease::Lease;
use platform::request_id::RequestId;
use tokio::sync::mpsc;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tracing::Instrument;

use crate::pricing::Poll;
use crate::provider_registry::ProviderRegistry;
use crate::providers::{ErrorKind, ParsedBatch, Provider, ProviderError, Retry};

/// Share of the interval by which polls are spread.
const JITTER: f64 = 0.1;

/// Waits after a failure that may pass by itself.
const SOON: Backoff = Backoff {
    base: Duration::from_secs(1),
    max: Duration::from_secs(60),
    jitter: 0.3,
};

/// The longest wait after a refusal that only a person can lift.
const RARELY: Duration = Duration::from_secs(900);

/// A process that does not hold the lease looks again after this share of the interval.
const STANDBY_SHARE: f64 = 0.5;

/// What the last attempt says about the next one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Attempt {
    Succeeded,
    /// It failed: the decision, and whether it was for asking too often.
    Failed(Retry, ErrorKind),
    /// Another process asks this provider.
    Standby,
}

/// How long to wait, from the beginning of the last attempt. `failures` counts those in a row, from 1; `unit_random`
/// is from 0 to 1.
pub fn wait(attempt: Attempt, failures: u32, interval: Duration, unit_random: f64) -> Duration {
    let spread = 1.0 + JITTER * (2.0 * unit_random - 1.0);
    match attempt {
        Attempt::Succeeded => interval.mul_f64(spread),
        Attempt::Standby => interval.mul_f64(STANDBY_SHARE * spread),
        Attempt::Failed(Retry::NotBefore(wait), _) => {
            wait.max(SOON.delay(0, unit_random)) + interval.mul_f64(JITTER * unit_random)
        }
        // After a 429 the next request must not come sooner than usual.
        Attempt::Failed(Retry::WithBackoff, ErrorKind::RateLimited) => {
            interval.mul_f64(spread) + SOON.delay(failures, unit_random)
        }
        // Never later than a healthy provider would be asked: prices return within one poll of its return.
        Attempt::Failed(Retry::WithBackoff, _) => SOON.delay(failures.saturating_sub(1), unit_random).min(interval),
        Attempt::Failed(Retry::Never, _) => {
            let base = interval * 6;
            let rarely = Backoff {
                base,
                max: RARELY.max(base),
                jitter: JITTER,
            };
            rarely.delay(failures.saturating_sub(1), unit_random)
        }
    }
}

/// The loop of one provider.
pub struct PollLoop {
    pub provider: Arc<dyn Provider>,
    pub assets: Vec<Asset>,
    pub interval: Duration,
    /// Longest time for one poll, whatever it takes.
    pub deadline: Duration,
    pub lease: Lease,
    /// Where the news go. When it is full the loop waits: it would only bring more of the same.
    pub polls: mpsc::Sender<Poll>,
    pub registry: ProviderRegistry,
    /// The failure that was logged last, while it lasts.
    pub failing: Option<ErrorKind>,
    pub clock: SharedClock,
}

impl PollLoop {
    /// Polls until the stop. It never fails: what goes wrong at a provider is noted and tried again.
    pub async fn run(mut self, stop: CancellationToken) -> anyhow::Result<()> {
        let mut failures = 0;
        loop {
            let started = Instant::now();
            let Some(attempt) = stop.run_until_cancelled(self.attempt()).await else {
                break;
            };
            failures = match attempt {
                Attempt::Failed(..) => failures + 1,
                Attempt::Succeeded | Attempt::Standby => 0,
            };
            let pause = wait(attempt, failures, self.interval, rand::random());
            if stop.run_until_cancelled(self.rest(started + pause)).await.is_none() {
                break;
            }
        }
        self.lease.release_or_expire().await;
        Ok(())
    }

    /// Waits until `next`. The lease is kept over a long wait: otherwise another process would ask a provider that has
    /// just asked us to stay away.
    async fn rest(&mut self, next: Instant) {
        while self.lease.is_held() && Instant::now() + self.interval < next {
            tokio::time::sleep(self.interval).await;
            self.lease.hold_or_keep().await;
            self.registry.mark_alive(self.provider.id(), self.clock.now());
        }
        tokio::time::sleep_until(next).await;
    }

    async fn attempt(&mut self) -> Attempt {
        let provider = self.provider.id();
        self.registry.mark_alive(provider, self.clock.now());
        // Without Redis nothing can be published, but prices are to be there in the moment it returns.
        if !self.lease.hold_or_keep().await {
            return Attempt::Standby;
        }
        let request_id = RequestId::generate();
        let span = tracing::info_span!("ask", %provider, %request_id);
        let (attempt, batch) = self.ask(provider).instrument(span).await;
        let poll = Poll {
            provider,
            batch,
            request_id: request_id.to_string(),
        };
        if self.polls.send(poll).await.is_err() {
            // The pricing task is gone: either the process is stopping, or its supervisor is about to end it.
            tracing::debug!("nobody takes the news any more");
        }
        attempt
    }

    async fn ask(&mut self, provider: ProviderId) -> (Attempt, ParsedBatch) {
        let answer = tokio::time::timeout(self.deadline, self.provider.observations(&self.assets)).await;
        let result = answer.unwrap_or(Err(ProviderError::Timeout(self.deadline)));
        let now = self.clock.now();
        match result {
            Ok(batch) => {
                let simulated = batch.observations.first().map(|observation| observation.simulated);
                self.registry.succeeded(provider, simulated, now);
                if self.failing.take().is_some() {
                    tracing::info!("provider responds again");
                }
                tracing::debug!(
                    observations = batch.observations.len(),
                    rejected = batch.rejected.len(),
                    "polled"
                );
                (Attempt::Succeeded, batch)
            }
            Err(error) => {
                self.registry.failed(provider, &error, now);
                let kind = error.kind();
                self.log_failure(&error);
                (Attempt::Failed(error.retry(), kind), ParsedBatch::default())
            }
        }
    }

    /// Logs a failure when it begins or changes its kind; the repetitions are counted by the metrics of requests.
    fn log_failure(&mut self, error: &ProviderError) {
        let kind = error.kind();
        // What an open breaker refuses says nothing about the provider.
        let refused_here = matches!(error, ProviderError::BreakerOpen { .. });
        if refused_here || self.failing.replace(kind) == Some(kind) {
            tracing::debug!(kind = kind.as_str(), %error, "poll failed again");
            return;
        }
        match error.retry() {
            Retry::Never => tracing::error!(kind = kind.as_str(), %error, "provider refuses, an operator has to look"),
            Retry::WithBackoff | Retry::NotBefore(_) => {
                tracing::warn!(kind = kind.as_str(), %error, "poll failed");
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const INTERVAL: Duration = Duration::from_secs(10);

    fn seconds(attempt: Attempt, failures: u32) -> f64 {
        wait(attempt, failures, INTERVAL, 0.5).as_secs_f64()
    }

    #[test]
    fn polls_keep_their_interval() {
        assert_eq!(wait(Attempt::Succeeded, 0, INTERVAL, 0.5), INTERVAL);
        assert_eq!(wait(Attempt::Succeeded, 0, INTERVAL, 0.0), Duration::from_secs(9));
        assert_eq!(wait(Attempt::Succeeded, 0, INTERVAL, 1.0), Duration::from_secs(11));
        assert_eq!(wait(Attempt::Standby, 0, INTERVAL, 0.5), Duration::from_secs(5));
    }

    #[test]
    fn passing_failures_are_retried_soon_and_then_at_the_interval() {
        let attempt = Attempt::Failed(Retry::WithBackoff, ErrorKind::Unavailable);
        let waits: Vec<f64> = (1..=8).map(|n| seconds(attempt, n).round()).collect();
        assert_eq!(waits, [1.0, 2.0, 3.0, 7.0, 10.0, 10.0, 10.0, 10.0]);
    }

    #[test]
    fn too_many_requests_never_speed_up() {
        let attempt = Attempt::Failed(Retry::WithBackoff, ErrorKind::RateLimited);
        assert!(seconds(attempt, 1) > 10.0);
    }

    #[test]
    fn refused_request_is_repeated_rarely() {
        let attempt = Attempt::Failed(Retry::Never, ErrorKind::Auth);
        assert!((50.0..60.0).contains(&seconds(attempt, 1)));
        assert!((800.0..=900.0).contains(&seconds(attempt, 20)));
    }

    proptest! {
        #[test]
        fn a_providers_own_wait_is_honoured(seconds in 0_u64..100_000, failures in 1_u32..100, draw in 0.0..=1.0_f64) {
            let asked = Duration::from_secs(seconds);
            let attempt = Attempt::Failed(Retry::NotBefore(asked), ErrorKind::RateLimited);
            let pause = wait(attempt, failures, INTERVAL, draw);
            prop_assert!(pause >= asked);
            prop_assert!(pause <= asked + Duration::from_secs(3));
        }
    }
}
