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
use platform::clock::SharedClock;
use tokio::sync::{Notify, mpsc};
use uuid::Uuid;

use super::Reason;
use super::window::EndpointWindow;
use crate::metrics;
use crate::store::attempts::{self, AttemptRecord};
use crate::store::endpoints::{self, HealthChange};
use crate::store::refused::{self, Kind};
use crate::store::{self, StoreError};
use crate::store::{notices, outbox, queues};

/// Most outcomes written together.
const BATCH_SIZE: usize = 256;

/// What is to be written before a message is acknowledged.
pub enum Settlement {
    /// An attempt was made.
    Attempted {
        /// The attempt.
        record: AttemptRecord,
        /// How long it held a slot.
        took: Duration,
        /// Its receiver.
        endpoint_id: Uuid,
        /// Whether it was a test.
        is_test: bool,
        /// The message.
        message: Delivery,
    },
    /// There was no room for the message; it comes again later.
    Deferred {
        /// The delivery.
        delivery_id: Uuid,
        /// The attempt that was not made.
        attempt: u32,
        /// The message.
        message: Delivery,
    },
}

/// Writes what came of messages.
pub struct Recorder {
    /// Where to.
    pub pool: Pool,
    /// What time it is.
    pub clock: SharedClock,
    /// Messages in a row that may fail before their receiver is disabled.
    pub disable_after: u32,
    /// This process's relay: a retry may be due at once.
    pub relay: Arc<Notify>,
}

impl Recorder {
    /// Writes until the last sender is gone.
    pub async fn run(self, mut settlements: mpsc::Receiver<Settlement>) {
        let mut batch = Vec::with_capacity(BATCH_SIZE);
        while settlements.recv_many(&mut batch, BATCH_SIZE).await > 0 {
            let mut messages = Vec::with_capacity(batch.len());
            let mut work = Work::default();
            for settlement in batch.drain(..) {
                messages.push(work.add(settlement));
            }
            self.write_with_retry(work).await;
            // Together, so that a broker that takes nothing at the moment is waited for once.
            for acked in join_all(messages.into_iter().map(Delivery::ack)).await {
                if let Err(error) = acked {
                    // It comes again and finds its attempt made.
                    tracing::debug!(error = format!("{error:#}"), "message not acknowledged");
                }
            }
        }
    }

    /// Waits for PostgreSQL while it is away. Of a batch that it refuses, what is good is written, and the rest set aside.
    async fn write_with_retry(&self, work: Work) {
        let mut failures = 0;
        let mut waiting = vec![work];
        while let Some(work) = waiting.last() {
            let written = match self.write(work).await {
                Err(error) if !error.is_outage() && work.len() > 1 => {
                    let parts = waiting.pop().map(Work::split);
                    waiting.extend(parts.into_iter().flatten());
                    continue;
                }
                Err(error) if !error.is_outage() => {
                    let item = work.name();
                    refused::set_aside(&self.pool, Kind::Attempt, &item, &error, &item, self.clock.now()).await
                }
                written => written,
            };
            let Err(error) = written else {
                waiting.pop();
                continue;
            };
            if failures % 20 == 0 {
                tracing::warn!(
                    error = format!("{:#}", anyhow::Error::new(error)),
                    "attempts wait to be recorded"
                );
            }
            tokio::time::sleep(Backoff::RECONNECT.random_delay(failures)).await;
            failures += 1;
        }
    }

    async fn write(&self, work: &Work) -> Result<(), StoreError> {
        let now = self.clock.now();
        let mut client = store::connection(&self.pool).await?;
        let transaction = client.transaction().await?;
        let deferred = outbox::defer(&transaction, &work.deferred).await?;
        let new = attempts::settle(&transaction, &work.records, now).await?;
        let changes = work.health(&new);
        let disabled = if changes.is_empty() {
            Vec::new()
        } else {
            endpoints::apply_health(&transaction, &changes, self.disable_after, now).await?
        };
        let noticed = notices::endpoints_disabled(&transaction, &disabled, now).await?;
        let mut touched = work.endpoints(&new, &deferred);
        let mut windows = queues::lock_windows(&transaction, &touched).await?;
        work.update_windows(&mut windows, &new, &deferred, now);
        queues::save_windows(&transaction, &windows).await?;
        touched.extend(noticed);
        let is_ready = queues::refresh(&transaction, &touched, now).await?;
        transaction.commit().await?;
        if is_ready {
            self.relay.notify_one();
        }
        for endpoint_id in disabled {
            ::metrics::counter!(metrics::ENDPOINTS_DISABLED).increment(1);
            tracing::warn!(%endpoint_id, "endpoint disabled");
        }
        Ok(())
    }
}

/// What belongs to an attempt and is not part of its record.
struct Circumstances {
    endpoint_id: Uuid,
    is_test: bool,
    took: Duration,
}

/// A batch, sorted by what is to be done.
#[derive(Default)]
struct Work {
    records: Vec<AttemptRecord>,
    /// What each record does not tell.
    circumstances: Vec<Circumstances>,
    /// Where each attempt stands.
    places: BTreeMap<(Uuid, u32), usize>,
    deferred: Vec<(Uuid, u32)>,
}

impl Work {
    fn len(&self) -> usize {
        self.records.len() + self.deferred.len()
    }

    /// Each of its items alone.
    fn split(self) -> Vec<Self> {
        let records = self.records.into_iter().zip(self.circumstances);
        let records = records.map(|(record, circumstances)| Self {
            places: [((record.delivery_id, record.attempt), 0)].into(),
            records: vec![record],
            circumstances: vec![circumstances],
            deferred: Vec::new(),
        });
        let deferred = self.deferred.into_iter().map(|deferred| Self {
            deferred: vec![deferred],
            ..Self::default()
        });
        records.chain(deferred).collect()
    }

    /// What its first item is called.
    fn name(&self) -> String {
        let records = self.records.iter().map(|record| (record.delivery_id, record.attempt));
        let first = records.chain(self.deferred.iter().copied()).next().unwrap_or_default();
        format!("{}.{}", first.0, first.1)
    }

    fn add(&mut self, settlement: Settlement) -> Delivery {
        match settlement {
            Settlement::Attempted {
                record,
                took,
                endpoint_id,
                is_test,
                message,
            } => {
                let circumstances = Circumstances {
                    endpoint_id,
                    is_test,
                    took,
                };
                self.add_record(record, circumstances);
                message
            }
            Settlement::Deferred {
                delivery_id,
                attempt,
                message,
            } => {
                self.deferred.push((delivery_id, attempt));
                message
            }
        }
    }

    /// An attempt whose claim ran out may have been made twice; a success counts.
    fn add_record(&mut self, record: AttemptRecord, circumstances: Circumstances) {
        match self.places.entry((record.delivery_id, record.attempt)) {
            Entry::Vacant(place) => {
                place.insert(self.records.len());
                self.records.push(record);
                self.circumstances.push(circumstances);
            }
            Entry::Occupied(place) if record.succeeded => self.records[*place.get()] = record,
            Entry::Occupied(_) => {}
        }
    }

    /// What the attempts that are new say about their receivers. One that was written before was counted before.
    fn health(&self, new: &BTreeSet<(Uuid, u32)>) -> Vec<(Uuid, HealthChange)> {
        let mut health = BTreeMap::new();
        for (record, circumstances) in self.new_records(new) {
            note_health(&mut health, circumstances.endpoint_id, record, circumstances.is_test);
        }
        health.into_iter().collect()
    }

    fn new_records<'a>(
        &'a self,
        new: &'a BTreeSet<(Uuid, u32)>,
    ) -> impl Iterator<Item = (&'a AttemptRecord, &'a Circumstances)> {
        let is_new = |record: &AttemptRecord| new.contains(&(record.delivery_id, record.attempt));
        let records = self.records.iter().zip(&self.circumstances);
        records.filter(move |(record, _)| is_new(record))
    }

    /// The endpoints whose windows or queues change.
    fn endpoints(&self, new: &BTreeSet<(Uuid, u32)>, deferred: &[Uuid]) -> Vec<Uuid> {
        let attempted = self
            .new_records(new)
            .map(|(_, circumstances)| circumstances.endpoint_id);
        let endpoints: BTreeSet<Uuid> = attempted.chain(deferred.iter().copied()).collect();
        endpoints.into_iter().collect()
    }

    fn update_windows(
        &self,
        windows: &mut [(Uuid, EndpointWindow)],
        new: &BTreeSet<(Uuid, u32)>,
        deferred: &[Uuid],
        now: Timestamp,
    ) {
        let mut windows: BTreeMap<Uuid, &mut EndpointWindow> =
            windows.iter_mut().map(|(id, window)| (*id, window)).collect();
        for (record, circumstances) in self.new_records(new) {
            if let Some(window) = windows.get_mut(&circumstances.endpoint_id) {
                window.attempted(record.succeeded, circumstances.took, now);
            }
        }
        for endpoint_id in deferred {
            if let Some(window) = windows.get_mut(endpoint_id) {
                window.defer(now);
            }
        }
    }
}

fn note_health(health: &mut BTreeMap<Uuid, HealthChange>, endpoint_id: Uuid, record: &AttemptRecord, is_test: bool) {
    let is = |reason: Reason| record.dead_letter == Some(reason.as_str());
    if record.succeeded {
        let change = health.entry(endpoint_id).or_default();
        *change = HealthChange {
            succeeded: true,
            given_up: 0,
            tested: change.tested || is_test,
            ..*change
        };
    } else if is(Reason::EndpointGone) {
        health.entry(endpoint_id).or_default().gone = true;
    } else if is(Reason::AttemptsExhausted) {
        health.entry(endpoint_id).or_default().given_up += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(succeeded: bool, dead_letter: Option<Reason>) -> AttemptRecord {
        AttemptRecord {
            delivery_id: Uuid::nil(),
            attempt: 1,
            succeeded,
            response_code: None,
            error: None,
            latency_ms: 0,
            dispatched_at: Timestamp::UNIX_EPOCH,
            next_attempt_at: None,
            excerpt: None,
            dead_letter: dead_letter.map(Reason::as_str),
        }
    }

    fn circumstances() -> Circumstances {
        Circumstances {
            endpoint_id: Uuid::from_u128(1),
            is_test: false,
            took: Duration::ZERO,
        }
    }

    #[test]
    fn only_messages_that_are_given_up_count_and_a_success_forgives_those_before() {
        let mut health = BTreeMap::new();
        let endpoint = Uuid::from_u128(1);
        for record in [
            record(false, Some(Reason::AttemptsExhausted)),
            record(true, None),
            record(false, None),
            record(false, Some(Reason::AttemptsExhausted)),
            record(false, Some(Reason::EndpointDisabled)),
        ] {
            note_health(&mut health, endpoint, &record, false);
        }
        let expected = HealthChange {
            succeeded: true,
            given_up: 1,
            gone: false,
            tested: false,
        };
        assert_eq!(health, [(endpoint, expected)].into());
    }

    #[test]
    fn what_was_written_before_is_not_counted_again() {
        let mut work = Work::default();
        work.add_record(record(false, Some(Reason::AttemptsExhausted)), circumstances());
        assert_eq!(work.health(&[(Uuid::nil(), 1)].into())[0].1.given_up, 1);
        assert!(work.health(&BTreeSet::new()).is_empty());
    }

    #[test]
    fn of_an_attempt_that_was_made_twice_the_success_counts() {
        for outcomes in [[true, false], [false, true]] {
            let mut work = Work::default();
            for succeeded in outcomes {
                work.add_record(record(succeeded, None), circumstances());
            }
            assert_eq!(work.records.len(), 1);
            assert!(work.records[0].succeeded);
        }
    }

    #[test]
    fn a_failed_attempt_that_is_retried_says_nothing_yet() {
        let mut health = BTreeMap::new();
        note_health(&mut health, Uuid::nil(), &record(false, None), false);
        assert!(health.is_empty());
    }
}
