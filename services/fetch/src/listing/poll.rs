//! The loop of the listing: when a listing is due, the first choice is asked, then the fallback; what comes is published.
//!
//! One process at a time does it, by a lease, and the ledger says when the last listing was: another process, or this
//! one after a restart, goes on where it stopped. Nothing is asked for while the ledger cannot be read.

use std::time::Duration;

use domain::ticker::ProviderId;
use jiff::{SignedDuration, Timestamp};
use platform::clock::SharedClock;
use platform::lease::Lease;
use tokio_util::sync::CancellationToken;

use crate::listing::budget::{Due, Period, Usage};
use crate::listing::collect::{Collected, ListingError, ListingSource, may_be_charged};
use crate::listing::publisher::ListingPublisher;
use crate::listing::registry::TokenRegistry;
use crate::metrics::{CREDITS_LEFT, CREDITS_USED, LISTINGS};
use crate::poll::{Attempt, wait};
use crate::providers::{ErrorKind, ProviderError};

/// The lease is renewed, and the ledger read, at least so often.
const TURN: Duration = Duration::from_secs(20);

/// Between two attempts to read the ledger.
const LEDGER_RETRY: Duration = Duration::from_secs(2);

pub struct ListingLoop {
    pub primary: ListingSource,
    pub fallback: Option<ListingSource>,
    pub registry: TokenRegistry,
    pub publisher: ListingPublisher,
    pub lease: Lease,
    pub interval: Duration,
    pub clock: SharedClock,
    pub state: LoopState,
}

/// What the last polls have left.
#[derive(Debug, Default)]
pub struct LoopState {
    /// It is known whether the last listing came, also one that another process asked for.
    has_looked_back: bool,
    /// Failures of the first choice in a row.
    failures: u32,
    /// The last of them may have cost credits.
    is_charged: bool,
    /// It is not asked before this moment.
    rest_until: Option<Timestamp>,
    /// The problem that was logged last, while it lasts.
    failing: Option<String>,
    /// When it was last published that there is no listing, while there is none.
    unavailable_at: Option<Timestamp>,
}

/// How long a lease must last: over some turns, and over all attempts to get one page.
pub fn lease_ttl(interval: Duration, page_deadline: Duration) -> Duration {
    (turn(interval) * 3).max(page_deadline * 4)
}

fn turn(interval: Duration) -> Duration {
    TURN.min(interval / 2)
}

/// How long the first choice is left alone after a failure, in which time the fallback is asked.
fn rest_until(error: &ProviderError, failures: u32, interval: Duration, now: Timestamp, unit_random: f64) -> Timestamp {
    if error.kind() == ErrorKind::QuotaExhausted {
        // A month's quota is asked after once a day: that costs nothing, and a larger plan is noticed.
        return Period::day(now).end;
    }
    let pause = wait(
        Attempt::Failed(error.retry(), error.kind()),
        failures,
        interval,
        unit_random,
    );
    later(now, pause)
}

fn later(at: Timestamp, by: Duration) -> Timestamp {
    at.saturating_add(by).unwrap_or(Timestamp::MAX)
}

impl ListingLoop {
    /// Polls until the stop. It never fails: what goes wrong is noted and tried again.
    pub async fn run(mut self, stop: CancellationToken) -> anyhow::Result<()> {
        let longest = turn(self.interval);
        loop {
            let Some(pause) = stop.run_until_cancelled(self.turn()).await else {
                break;
            };
            let pause = pause.min(longest);
            if stop.run_until_cancelled(tokio::time::sleep(pause)).await.is_none() {
                break;
            }
        }
        self.lease.release_or_expire().await;
        Ok(())
    }

    /// Does what is due; says how long nothing will be.
    async fn turn(&mut self) -> Duration {
        if !self.lease.hold_or_keep().await {
            // Whoever holds it knows the failures now.
            self.state = LoopState::default();
            return turn(self.interval);
        }
        let usage = match self.primary.ledger.usage().await {
            Ok(usage) => usage,
            Err(error) => {
                let error = anyhow::Error::from(error);
                self.log_problem(
                    "ledger",
                    &format!("{error:#}"),
                    "the ledger of credits cannot be read, no listing is asked for",
                );
                self.publish_unavailable("the ledger of credits cannot be read".to_owned())
                    .await;
                return LEDGER_RETRY;
            }
        };
        report(&self.primary, &usage);
        if !std::mem::replace(&mut self.state.has_looked_back, true) && usage.is_unanswered() {
            tracing::warn!(provider = %self.primary.provider(), "the last listing that was asked for never came");
            self.note_lost_listing();
        }
        let now = self.clock.now();
        let (next, is_away) = match self.due(&usage, now) {
            // Only a failure is mended by the fallback; the wait for the interval is meant.
            Due::At(at) => (at, self.state.failures > 0),
            Due::NoCreditsUntil(at) => {
                self.log_problem(
                    "credits",
                    &format!("none before {at}"),
                    "the plan has no credits for the listing",
                );
                (at, true)
            }
        };
        if next <= now {
            return self.poll().await;
        }
        let next = if is_away {
            self.poll_fallback_if_due(next).await
        } else {
            next
        };
        Duration::try_from(next.duration_since(self.clock.now())).unwrap_or_default()
    }

    /// When the first choice is asked next.
    fn due(&self, usage: &Usage, now: Timestamp) -> Due {
        // Failures that may be charged are spread as listings are: an outage must not use up the month.
        let is_free_retry = self.state.failures > 0 && !self.state.is_charged;
        let due = match is_free_retry {
            true => self.primary.budget.retry(usage, now),
            false => self.primary.budget.next(usage, now),
        };
        match (due, self.state.rest_until) {
            (Due::At(at), Some(until)) => Due::At(at.max(until)),
            (due, _) => due,
        }
    }

    /// Asks the first choice and, if that fails, the fallback; says how long to wait before the ledger is read again.
    async fn poll(&mut self) -> Duration {
        let error = match collect(&self.primary, &self.registry, &mut self.lease, &self.clock).await {
            Ok(listing) => {
                self.state.failures = 0;
                self.state.rest_until = None;
                if !self.publish(false, listing).await {
                    self.note_lost_listing();
                }
                return Duration::ZERO;
            }
            Err(error) => error,
        };
        let provider = self.primary.provider();
        let ListingError::Provider(refusal) = &error else {
            // The fallback needs PostgreSQL too, so it is asked later. Pages may have been paid for.
            self.note_lost_listing();
            let error = describe(provider, error);
            self.log_problem(provider.as_str(), &error, "listing failed");
            self.publish_unavailable(error).await;
            return LEDGER_RETRY;
        };
        self.state.failures = self.state.failures.saturating_add(1);
        self.state.is_charged = may_be_charged(refusal);
        let until = rest_until(
            refusal,
            self.state.failures,
            self.interval,
            self.clock.now(),
            rand::random(),
        );
        self.state.rest_until = Some(until);
        let error = describe(provider, error);
        self.log_problem(provider.as_str(), &error, "listing failed");
        self.poll_fallback(error).await;
        Duration::ZERO
    }

    /// A listing was paid for and did not come: the next one is due when a listing would be, the fallback before that.
    fn note_lost_listing(&mut self) {
        self.state.failures = self.state.failures.saturating_add(1);
        self.state.is_charged = true;
    }

    /// Asks the fallback if it is its time; says when somebody is asked next.
    async fn poll_fallback_if_due(&mut self, next: Timestamp) -> Timestamp {
        let Some(fallback) = &self.fallback else {
            let reason = format!("{}: not asked before {next}", self.primary.provider());
            self.publish_unavailable(reason).await;
            return next;
        };
        let soon = |clock: &SharedClock| later(clock.now(), LEDGER_RETRY);
        let Ok(usage) = fallback.ledger.usage().await else {
            // The next turn reads the ledger of the first choice, and says so.
            return soon(&self.clock);
        };
        report(fallback, &usage);
        let now = self.clock.now();
        let due = match fallback.budget.next(&usage, now) {
            Due::At(at) | Due::NoCreditsUntil(at) => at,
        };
        if due > now {
            return next.min(due);
        }
        self.poll_fallback(format!("{}: not asked before {next}", self.primary.provider()))
            .await;
        next.min(soon(&self.clock))
    }

    async fn poll_fallback(&mut self, mut reason: String) {
        if let Some(fallback) = &self.fallback {
            match collect(fallback, &self.registry, &mut self.lease, &self.clock).await {
                Ok(listing) => {
                    // Lost or not, the fallback is asked again at the interval.
                    self.publish(true, listing).await;
                    return;
                }
                Err(error) => {
                    reason = format!("{reason}; {}", describe(fallback.provider(), error));
                }
            }
        }
        self.log_problem("all", &reason, "no provider lists anything");
        self.publish_unavailable(reason).await;
    }

    /// Publishes a listing; says whether that worked.
    async fn publish(&mut self, is_fallback: bool, listing: Collected) -> bool {
        let source = match &self.fallback {
            Some(fallback) if is_fallback => fallback,
            _ => &self.primary,
        };
        let (provider, ledger) = (source.provider(), source.ledger.clone());
        let tokens = listing.tokens.len();
        if let Some(error) = &listing.cut_short {
            tracing::warn!(%provider, tokens, error = %error, "listing is cut short");
        }
        match self.publisher.publish(provider, is_fallback, listing).await {
            Ok(()) => {
                tracing::debug!(%provider, tokens, is_fallback, "listing is published");
                if !is_fallback && self.state.failing.take().is_some() {
                    tracing::info!(%provider, "listing comes again");
                }
                self.state.unavailable_at = None;
                ledger.arrived().await;
                true
            }
            Err(error) => {
                tracing::error!(%provider, tokens, error = format!("{error:#}"), "listing is lost");
                false
            }
        }
    }

    /// Says that there is no listing: at once, and then once in an interval.
    async fn publish_unavailable(&mut self, reason: String) {
        let now = self.clock.now();
        let interval = SignedDuration::try_from(self.interval).unwrap_or(SignedDuration::MAX);
        if self
            .state
            .unavailable_at
            .is_some_and(|at| now.duration_since(at) < interval)
        {
            return;
        }
        match self.publisher.publish_unavailable(reason, now).await {
            Ok(()) => self.state.unavailable_at = Some(now),
            Err(error) => tracing::debug!(error = format!("{error:#}"), "nobody hears that there is no listing"),
        }
    }

    /// Logs a problem when it begins or changes.
    fn log_problem(&mut self, what: &str, error: &str, message: &str) {
        let problem = format!("{what}: {error}");
        if self.state.failing.as_ref() == Some(&problem) {
            tracing::debug!(error, "{message}");
        } else {
            tracing::warn!(error, "{message}");
            self.state.failing = Some(problem);
        }
    }
}

async fn collect(
    source: &ListingSource,
    registry: &TokenRegistry,
    lease: &mut Lease,
    clock: &SharedClock,
) -> Result<Collected, ListingError> {
    let result = source.collect(registry, lease, clock).await;
    let outcome = match &result {
        Ok(listing) if listing.cut_short.is_some() => "partial",
        Ok(_) => "whole",
        Err(_) => "failed",
    };
    metrics::counter!(LISTINGS, "provider" => source.provider().as_str(), "outcome" => outcome).increment(1);
    result
}

fn describe(provider: ProviderId, error: ListingError) -> String {
    format!("{provider}: {:#}", anyhow::Error::from(error))
}

fn report(source: &ListingSource, usage: &Usage) {
    let (month, day) = source.budget.left(usage);
    let provider = source.provider().as_str();
    for (period, used, left) in [("month", usage.month, month), ("day", usage.day, day)] {
        metrics::gauge!(CREDITS_USED, "provider" => provider, "period" => period).set(used as f64);
        if let Some(left) = left {
            metrics::gauge!(CREDITS_LEFT, "provider" => provider, "period" => period).set(left as f64);
        }
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    const INTERVAL: Duration = Duration::from_secs(300);

    #[rstest]
    #[case(ErrorKind::QuotaExhausted, None, "2026-01-02T00:00:00Z")]
    #[case(ErrorKind::Unavailable, None, "2026-01-01T12:00:01Z")]
    #[case(ErrorKind::RateLimited, Some(600), "2026-01-01T12:10:00Z")]
    #[case(ErrorKind::Auth, None, "2026-01-01T12:30:00Z")]
    fn first_choice_rests_as_its_error_says(
        #[case] kind: ErrorKind,
        #[case] retry_after: Option<u64>,
        #[case] expected: &str,
    ) {
        let now = "2026-01-01T12:00:00Z".parse().unwrap();
        let error = ProviderError::refused(kind, "", retry_after.map(Duration::from_secs));
        assert_eq!(rest_until(&error, 1, INTERVAL, now, 0.0), expected.parse().unwrap());
    }
}
