//! The loop around the broker: take, share out, claim, deliver, settle. What becomes of a message is decided elsewhere.
//!
//! ```text
//! broker -> fair queue -> claims (batched) -> deliveries (concurrent) -> recorder (batched) -> ack
//!               ^                                  |
//!               +------------- slots --------------+
//! ```
//!
//! Every channel holds as much as can be under way at once, so that no part ever waits for another in a circle. On a
//! stop, nothing new is taken, and what is under way has a while to end; the rest is left to its claim's lease.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use contracts::messages::DeliveryMessage;
use deadpool_postgres::Pool;
use platform::amqp::{Consumer, Delivery};
use platform::backoff::Backoff;
use platform::batch::Parts;
use platform::clock::SharedClock;
use platform::retry::Failures;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::fair_queue::{Admission, Endpoint, FairQueue, Slot};
use super::recorder::{Attempted, Recorder, Settled, Settlement};
use super::{DeliveryContext, deliver_one};
use crate::error_chain::error_chain;
use crate::metrics;
use crate::store::attempts::{self, Claimed};
use crate::store::refused::{self, Kind};
use crate::store::{self, StoreError};

/// Most messages claimed together.
const CLAIM_BATCH: usize = 256;

/// Most messages that wait in this process for a slot: some seconds of work, a few hundred bytes each.
const CAPACITY: usize = 8_192;

/// Of the outages in a row that a batch waits out, every so many-th is logged.
const LOG_INTERVAL: u32 = 20;

struct Job {
    delivery_id: Uuid,
    endpoint_id: Uuid,
    attempt: u32,
    message: Delivery,
}

/// Delivers what comes out of the queue.
pub struct Worker {
    pub pool: Pool,
    pub context: Arc<DeliveryContext>,
    pub clock: SharedClock,
    /// Slots for endpoints that answer quickly.
    pub concurrency: usize,
    pub claim_lease: Duration,
    /// How long a stop may wait for what is under way.
    pub drain_for: Duration,
}

impl Worker {
    /// How many unfinished messages the consumer should hold with this concurrency: those that wait and those under
    /// way.
    pub fn prefetch(concurrency: usize) -> u16 {
        u16::try_from(CAPACITY + FairQueue::<Job>::max_in_flight(concurrency)).unwrap_or(u16::MAX)
    }

    /// Delivers until the stop.
    ///
    /// # Errors
    /// When one of its tasks panics: the process has to be restarted.
    pub async fn run(self, consumer: Consumer, recorder: Recorder, stop: CancellationToken) -> anyhow::Result<()> {
        let prefetch = usize::from(Self::prefetch(self.concurrency));
        let max_in_flight = FairQueue::<Job>::max_in_flight(self.concurrency);
        let (starts, to_claim) = mpsc::channel(max_in_flight);
        let (freed, released) = mpsc::channel(max_in_flight);
        let (settle, settlements) = mpsc::channel(prefetch + max_in_flight);
        let drain_for = self.drain_for;
        let mut recorder = tokio::spawn(recorder.run(settlements));
        let claimer = Claimer {
            pool: self.pool,
            context: self.context,
            clock: self.clock,
            lease: self.claim_lease,
            freed,
            settle: settle.clone(),
            tasks: JoinSet::new(),
        };
        let mut claimer = tokio::spawn(claimer.run(to_claim));
        let dispatcher = Dispatcher {
            queue: FairQueue::new(self.concurrency, CAPACITY),
            starts,
            settle,
        };
        // Neither of the two ends before the dispatcher, unless it panics.
        tokio::select! {
            () = dispatcher.run(consumer, released, &stop) => {}
            ended = &mut claimer => return ended?.context("claiming deliveries"),
            ended = &mut recorder => return ended.context("recording attempts"),
        }
        let rest = async {
            claimer.await??;
            recorder.await?;
            anyhow::Ok(())
        };
        match tokio::time::timeout(drain_for, rest).await {
            Ok(ended) => ended,
            Err(_) => {
                tracing::warn!("stopped with deliveries under way, they will be made again");
                Ok(())
            }
        }
    }
}

/// Gives slots to messages.
struct Dispatcher {
    queue: FairQueue<Job>,
    starts: mpsc::Sender<(Slot, Job)>,
    settle: mpsc::Sender<Settlement>,
}

impl Dispatcher {
    async fn run(mut self, mut consumer: Consumer, mut released: mpsc::Receiver<Slot>, stop: &CancellationToken) {
        loop {
            tokio::select! {
                biased;
                () = stop.cancelled() => return,
                Some(slot) = released.recv() => {
                    if stop.run_until_cancelled(self.release(slot)).await.is_none() {
                        return;
                    }
                }
                message = consumer.next() => {
                    if stop.run_until_cancelled(self.admit(message)).await.is_none() {
                        return;
                    }
                }
            }
        }
    }

    async fn release(&mut self, slot: Slot) {
        self.queue.release(slot);
        while let Some((slot, job)) = self.queue.next_start() {
            self.start(slot, job).await;
        }
    }

    async fn admit(&mut self, message: Delivery) {
        let parsed: DeliveryMessage = match serde_json::from_slice(&message.body) {
            Ok(parsed) => parsed,
            Err(error) => {
                // Nothing is lost with it: the outbox queues a delivery again that no consumer claims.
                tracing::error!(%error, "unreadable message dropped");
                if let Err(error) = message.ack().await {
                    tracing::debug!(error = format!("{error:#}"), "message not acknowledged");
                }
                return;
            }
        };
        let DeliveryMessage {
            delivery_id,
            endpoint_id,
            user_id,
            destination,
            pace,
            attempt,
            ..
        } = parsed;
        let endpoint = Endpoint {
            endpoint_id,
            user_id: user_id.unwrap_or(endpoint_id),
            destination: hash_destination(destination.as_deref().unwrap_or_default(), endpoint_id),
            pace,
        };
        let job = Job {
            delivery_id,
            endpoint_id,
            attempt,
            message,
        };
        match self.queue.admit(endpoint, job) {
            Admission::Start(slot, job) => self.start(slot, job).await,
            Admission::Queued => {}
            Admission::Deferred(job) => self.defer(job).await,
        }
    }

    async fn defer(&self, job: Job) {
        ::metrics::counter!(metrics::DEFERRED).increment(1);
        let settlement = Settlement {
            settled: Settled::Deferred {
                delivery_id: job.delivery_id,
                attempt: job.attempt,
            },
            message: job.message,
        };
        // The receiver of this channel outlives the dispatcher.
        let _ = self.settle.send(settlement).await;
    }

    async fn start(&self, slot: Slot, job: Job) {
        // As above; after a stop the message comes again.
        let _ = self.starts.send((slot, job)).await;
    }
}

/// A hash of a destination; a message without one has its endpoint as destination.
fn hash_destination(destination: &str, endpoint_id: Uuid) -> u64 {
    let mut hasher = DefaultHasher::new();
    if destination.is_empty() {
        endpoint_id.hash(&mut hasher);
    } else {
        destination.hash(&mut hasher);
    }
    hasher.finish()
}

/// Claims what may start, and makes the attempts.
struct Claimer {
    pool: Pool,
    context: Arc<DeliveryContext>,
    clock: SharedClock,
    lease: Duration,
    freed: mpsc::Sender<Slot>,
    settle: mpsc::Sender<Settlement>,
    tasks: JoinSet<()>,
}

impl Claimer {
    /// Claims and delivers until the last sender is gone.
    ///
    /// # Errors
    /// When a delivery panics: its slot would never be free again.
    async fn run(mut self, mut to_claim: mpsc::Receiver<(Slot, Job)>) -> anyhow::Result<()> {
        let mut batch = Vec::with_capacity(CLAIM_BATCH);
        loop {
            tokio::select! {
                Some(ended) = self.tasks.join_next() => {
                    ended?;
                    continue;
                }
                received = to_claim.recv_many(&mut batch, CLAIM_BATCH) => if received == 0 { break },
            }
            let wanted: Vec<(Uuid, u32)> = batch.iter().map(|(_, job)| (job.delivery_id, job.attempt)).collect();
            let mut claimed = self.claim_with_retry(&wanted).await;
            for (slot, job) in batch.drain(..) {
                let own = claimed.iter().position(|c| c.id == job.delivery_id);
                match own.map(|index| claimed.swap_remove(index)) {
                    Some(claimed) => self.deliver(slot, job, claimed),
                    None => self.drop_duplicate(slot, job),
                }
            }
        }
        while let Some(ended) = self.tasks.join_next().await {
            ended?;
        }
        Ok(())
    }

    /// Outages are waited out. What PostgreSQL refuses is set aside: its delivery comes again when its lease runs out.
    async fn claim_with_retry(&self, wanted: &[(Uuid, u32)]) -> Vec<Claimed> {
        let (mut parts, mut failures) = (Parts::of(wanted), Failures::new(Backoff::RECONNECT));
        let mut claimed = Vec::with_capacity(wanted.len());
        while let Some(part) = parts.next() {
            let done = match self.claim(part).await {
                Ok(more) => {
                    claimed.extend(more);
                    Ok(())
                }
                Err(error) if error.is_outage() => Err(error),
                Err(error) => match parts.split(part) {
                    Some(attempt) => self.set_aside(*attempt, &error).await,
                    None => Ok(()),
                },
            };
            if let Err(error) = done {
                if failures.count().is_multiple_of(LOG_INTERVAL) {
                    tracing::warn!(error = error_chain(&error), "deliveries wait");
                }
                failures.wait().await;
                parts.repeat(part);
            }
        }
        claimed
    }

    async fn set_aside(&self, (delivery_id, attempt): (Uuid, u32), refusal: &StoreError) -> Result<(), StoreError> {
        let item = format!("{delivery_id}.{attempt}");
        refused::set_aside(&self.pool, Kind::Attempt, &item, refusal, &item, self.clock.now()).await
    }

    async fn claim(&self, wanted: &[(Uuid, u32)]) -> Result<Vec<Claimed>, StoreError> {
        let client = store::connection(&self.pool).await?;
        // Counted from here: waiting for a connection is not part of the lease.
        let now = self.clock.now();
        let until = now.saturating_add(self.lease).unwrap_or(now);
        attempts::claim(&client, wanted, now, until).await
    }

    fn deliver(&mut self, slot: Slot, job: Job, claimed: Claimed) {
        let (context, freed, settle) = (Arc::clone(&self.context), self.freed.clone(), self.settle.clone());
        self.tasks.spawn(async move {
            let attempt = deliver_one(&claimed, &context).await;
            let record = attempt.to_record(&claimed);
            ::metrics::counter!(metrics::ATTEMPTS, "outcome" => attempt.label()).increment(1);
            ::metrics::histogram!(metrics::ATTEMPT_SECONDS).record(attempt.duration.as_secs_f64());
            tracing::info!(
                delivery_id = %claimed.id,
                endpoint_id = %claimed.endpoint_id,
                attempt = claimed.attempt,
                request_id = claimed.request_id,
                outcome = attempt.label(),
                status = record.response_code,
                error = record.error,
                duration_ms = record.latency_ms,
                "webhook attempted"
            );
            // Both receivers outlive this task unless the process is stopping, and then their answer is not needed.
            let _ = freed.send(slot).await;
            let settled = Settled::Attempted(Attempted {
                record,
                took: attempt.duration,
                endpoint_id: job.endpoint_id,
                is_test: claimed.is_test,
            });
            let settlement = Settlement {
                settled,
                message: job.message,
            };
            let _ = settle.send(settlement).await;
        });
    }

    /// Another consumer has it, or its attempt was made already. The ack is sent by a task of its own, so that the next
    /// claims do not wait for the broker.
    fn drop_duplicate(&mut self, slot: Slot, job: Job) {
        ::metrics::counter!(metrics::DUPLICATES).increment(1);
        let freed = self.freed.clone();
        self.tasks.spawn(async move {
            if let Err(error) = job.message.ack().await {
                tracing::debug!(error = format!("{error:#}"), "message not acknowledged");
            }
            // As above.
            let _ = freed.send(slot).await;
        });
    }
}
