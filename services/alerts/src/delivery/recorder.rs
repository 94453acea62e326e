//! Writes outcomes in batches, and acknowledges messages after that.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use deadpool_postgres::Pool;
use futures_util::future::join_all;
use jiff::Timestamp;
use platform::amqp::Delivery;
use platform::backoff::Backoff;
use platform::batch::Parts;
use platform::clock::SharedClock;
use platform::retry::Failures;
use tokio::sync::{Notify, mpsc};
use uuid::Uuid;

use super::window::EndpointWindow;
use crate::error_chain::error_chain;
use crate::metrics;
use crate::store::attempts::{self, AttemptRecord, DeadLetterReason};
use crate::store::endpoints::{self, HealthChange};
use crate::store::refused::{self, Kind};
use crate::store::{self, StoreError};
use crate::store::{notices, outbox, queues};

/// Most outcomes written together.
const BATCH_SIZE: usize = 256;

/// Of the outages in a row that a batch waits out, every so many-th is logged.
const LOG_INTERVAL: u32 = 20;

/// What is to be written before a message is acknowledged.
pub struct Settlement {
    pub settled: Settled,
    pub message: Delivery,
}

/// What came of a message.
pub enum Settled {
    Attempted(Attempted),
    /// There was no slot for the message; it comes again later.
    Deferred {
        delivery_id: Uuid,
        /// Number of the attempt that was not made.
        attempt: u32,
    },
}

pub struct Attempted {
    pub record: AttemptRecord,
    /// How long the endpoint took; `None` if it was not asked.
    pub took: Option<Duration>,
    pub endpoint_id: Uuid,
    pub is_test: bool,
}

impl Settled {
    /// The delivery and the number of the attempt.
    fn key(&self) -> (Uuid, u32) {
        match self {
            Self::Attempted(attempted) => (attempted.record.delivery_id, attempted.record.attempt),
            Self::Deferred { delivery_id, attempt } => (*delivery_id, *attempt),
        }
    }
}

pub struct Recorder {
    pub pool: Pool,
    pub clock: SharedClock,
    /// Messages in a row that may fail before their endpoint is disabled.
    pub disable_after: u32,
    /// Wakes this process's relay: a retry may be due at once.
    pub relay: Arc<Notify>,
}

impl Recorder {
    /// Writes until the last sender is gone.
    pub async fn run(self, mut settlements: mpsc::Receiver<Settlement>) {
        let mut batch = Vec::with_capacity(BATCH_SIZE);
        while settlements.recv_many(&mut batch, BATCH_SIZE).await > 0 {
            let (settled, messages): (Vec<Settled>, Vec<Delivery>) = batch
                .drain(..)
                .map(|settlement| (settlement.settled, settlement.message))
                .unzip();
            self.write_with_retry(&without_repetitions(settled)).await;
            // Together, so that a broker that takes nothing at the moment is waited for once.
            for acked in join_all(messages.into_iter().map(Delivery::ack)).await {
                if let Err(error) = acked {
                    // It comes again and finds its attempt made.
                    tracing::debug!(error = format!("{error:#}"), "message not acknowledged");
                }
            }
        }
    }

    /// Outages are waited out. Of a batch that PostgreSQL refuses, what is good is written and the rest set aside.
    async fn write_with_retry(&self, settled: &[Settled]) {
        let (mut parts, mut failures) = (Parts::of(settled), Failures::new(Backoff::RECONNECT));
        while let Some(part) = parts.next() {
            let done = match self.write(part).await {
                Err(error) if !error.is_outage() => match parts.split(part) {
                    Some(item) => self.set_aside(item, &error).await,
                    None => Ok(()),
                },
                written => written,
            };
            if let Err(error) = done {
                if failures.count().is_multiple_of(LOG_INTERVAL) {
                    tracing::warn!(error = error_chain(&error), "attempts wait to be recorded");
                }
                failures.wait().await;
                parts.repeat(part);
            }
        }
    }

    async fn set_aside(&self, item: &Settled, refusal: &StoreError) -> Result<(), StoreError> {
        let (delivery_id, attempt) = item.key();
        let item = format!("{delivery_id}.{attempt}");
        refused::set_aside(&self.pool, Kind::Attempt, &item, refusal, &item, self.clock.now()).await
    }

    async fn write(&self, settled: &[Settled]) -> Result<(), StoreError> {
        let now = self.clock.now();
        let mut attempted: Vec<&Attempted> = Vec::with_capacity(settled.len());
        let mut deferred = Vec::new();
        for item in settled {
            match item {
                Settled::Attempted(one) => attempted.push(one),
                Settled::Deferred { delivery_id, attempt } => deferred.push((*delivery_id, *attempt)),
            }
        }
        let records: Vec<&AttemptRecord> = attempted.iter().map(|one| &one.record).collect();
        // One transaction: an attempt that is on record has also changed its endpoint's health and window, exactly
        // once.
        let mut client = store::connection(&self.pool).await?;
        let transaction = client.transaction().await?;
        let deferred = outbox::defer(&transaction, &deferred).await?;
        let new = attempts::settle(&transaction, &records, now).await?;
        // An attempt that was written before was counted before.
        attempted.retain(|one| new.contains(&(one.record.delivery_id, one.record.attempt)));
        let changes = health_changes(&attempted);
        let disabled = if changes.is_empty() {
            Vec::new()
        } else {
            endpoints::apply_health(&transaction, &changes, self.disable_after, now).await?
        };
        let notified = notices::endpoints_disabled(&transaction, &disabled, now).await?;
        let attempted_endpoints = attempted.iter().map(|one| one.endpoint_id);
        let touched: BTreeSet<Uuid> = attempted_endpoints.chain(deferred.iter().copied()).collect();
        let mut touched: Vec<Uuid> = touched.into_iter().collect();
        let mut windows = queues::lock_windows(&transaction, &touched).await?;
        update_windows(&mut windows, &attempted, &deferred, now);
        queues::save_windows(&transaction, &windows).await?;
        touched.extend(notified);
        // Not the moment of the attempts: an alert may have fired while the lock was waited for. The relay passed over
        // its message, because the queue was locked, and has to be woken for it.
        let ready = queues::refresh(&transaction, &touched, self.clock.now()).await?;
        transaction.commit().await?;
        if ready > 0 {
            // Only this process: the windows that grew here are found by other relays within a second.
            self.relay.notify_one();
        }
        for endpoint_id in disabled {
            ::metrics::counter!(metrics::ENDPOINTS_DISABLED).increment(1);
            tracing::warn!(%endpoint_id, "endpoint disabled");
        }
        Ok(())
    }
}

/// An attempt whose claim ran out may have been made twice; a success counts.
fn without_repetitions(settled: Vec<Settled>) -> Vec<Settled> {
    let mut places = BTreeMap::new();
    let mut kept: Vec<Settled> = Vec::with_capacity(settled.len());
    for item in settled {
        let Settled::Attempted(attempted) = &item else {
            kept.push(item);
            continue;
        };
        match places.entry(item.key()) {
            Entry::Vacant(place) => {
                place.insert(kept.len());
                kept.push(item);
            }
            Entry::Occupied(place) if attempted.record.succeeded => kept[*place.get()] = item,
            Entry::Occupied(_) => {}
        }
    }
    kept
}

fn update_windows(windows: &mut [(Uuid, EndpointWindow)], attempted: &[&Attempted], deferred: &[Uuid], now: Timestamp) {
    let mut windows: BTreeMap<Uuid, &mut EndpointWindow> =
        windows.iter_mut().map(|(id, window)| (*id, window)).collect();
    for one in attempted {
        if let (Some(window), Some(took)) = (windows.get_mut(&one.endpoint_id), one.took) {
            window.attempted(one.record.succeeded, took, now);
        }
    }
    for endpoint_id in deferred {
        if let Some(window) = windows.get_mut(endpoint_id) {
            window.defer(now);
        }
    }
}

/// What attempts say about their endpoints. Only messages that are given up count, and a success forgives those before.
fn health_changes(attempted: &[&Attempted]) -> Vec<(Uuid, HealthChange)> {
    let mut health: BTreeMap<Uuid, HealthChange> = BTreeMap::new();
    for one in attempted {
        if one.record.succeeded {
            let change = health.entry(one.endpoint_id).or_default();
            *change = HealthChange {
                succeeded: true,
                given_up: 0,
                tested: change.tested || one.is_test,
                ..*change
            };
            continue;
        }
        match one.record.dead_letter {
            Some(DeadLetterReason::EndpointGone) => health.entry(one.endpoint_id).or_default().gone = true,
            Some(DeadLetterReason::AttemptsExhausted) => health.entry(one.endpoint_id).or_default().given_up += 1,
            // Neither says anything about the endpoint, nor does an attempt that is followed by another.
            Some(DeadLetterReason::EndpointDisabled | DeadLetterReason::SecretUnreadable) | None => {}
        }
    }
    health.into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn attempted(succeeded: bool, dead_letter: Option<DeadLetterReason>) -> Attempted {
        let record = AttemptRecord {
            delivery_id: Uuid::nil(),
            attempt: 1,
            succeeded,
            response_code: None,
            error: None,
            latency_ms: 0,
            dispatched_at: Timestamp::UNIX_EPOCH,
            next_attempt_at: None,
            excerpt: None,
            dead_letter,
        };
        Attempted {
            record,
            endpoint_id: Uuid::from_u128(1),
            is_test: false,
            took: Some(Duration::ZERO),
        }
    }

    #[test]
    fn success_forgives_messages_that_were_given_up_before() {
        let attempts = [
            attempted(false, Some(DeadLetterReason::AttemptsExhausted)),
            attempted(true, None),
            attempted(false, None),
            attempted(false, Some(DeadLetterReason::AttemptsExhausted)),
            attempted(false, Some(DeadLetterReason::EndpointDisabled)),
        ];
        let expected = HealthChange {
            succeeded: true,
            given_up: 1,
            gone: false,
            tested: false,
        };
        let changes = health_changes(&attempts.iter().collect::<Vec<_>>());
        assert_eq!(changes, [(Uuid::from_u128(1), expected)]);
    }

    #[test]
    fn success_counts_of_an_attempt_that_was_made_twice() {
        for outcomes in [[true, false], [false, true]] {
            let settled = outcomes.map(|succeeded| Settled::Attempted(attempted(succeeded, None)));
            let kept = without_repetitions(settled.into());
            assert!(
                matches!(kept.as_slice(), [Settled::Attempted(one)] if one.record.succeeded),
                "{outcomes:?}"
            );
        }
    }

    #[test]
    fn failed_attempt_that_is_retried_changes_no_health() {
        assert!(health_changes(&[&attempted(false, None)]).is_empty());
    }
}
