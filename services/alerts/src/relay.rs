//! The relay: publishes to the queue what is committed, due, and fits.
//!
//! There is one way into the queue, for new messages, for retries, and for messages that the queue or a consumer lost.
//! A relay takes only what the endpoints can take (`store::queues`), so the queue stays short. It takes with a lease
//! before it publishes: several relays share the work, and one that hangs at the broker holds no lock. The leases of a
//! relay that dies run out, and another one publishes again; consumers drop a message that comes twice.

pub mod listen;

use std::sync::Arc;
use std::time::Duration;

use contracts::messages::{DeliveryMessage, EndpointPace, VERSION};
use contracts::{headers, queues};
use deadpool_postgres::Pool;
use platform::amqp::{Broker, Message, Publisher, QueueState};
use platform::backoff::Backoff;
use platform::clock::SharedClock;
use platform::retry::Failures;
use tokio::sync::{Notify, watch};
use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;
use url::Url;
use uuid::Uuid;

use crate::delivery::retry::RetryPolicy;
use crate::error_chain::error_chain;
use crate::metrics;
use crate::store::outbox::{self, Backlog, Due};
use crate::store::{self, StoreError, attempts, queues as endpoint_queues};

/// How often the outbox is checked when no commit wakes the relay.
const INTERVAL: Duration = Duration::from_secs(1);

/// How long a relay has for what it took: longer than publishing can take.
const LEASE: Duration = Duration::from_secs(25);

/// A message is in the queue or with a consumer this long after it was marked.
const SETTLED_AFTER: Duration = Duration::from_secs(1);

/// Most messages published together.
const BATCH_SIZE: i64 = 1_000;

/// Queues that nothing would make ready are looked for with every so many-th tick.
const STALLED_INTERVAL: u32 = 60;

/// Unfinished deliveries are counted with every so many-th tick: there may be millions.
const DEPTH_INTERVAL: u32 = 10;

#[derive(Debug, thiserror::Error)]
pub enum RelayError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("the queue does not take messages: {0}")]
    Queue(String),
}

/// The queue that the relay publishes to.
pub struct Queue {
    pub broker: Broker,
    pub publisher: Publisher,
    /// The state of the queue when this process's consumer began to consume.
    pub opened: watch::Receiver<Option<QueueState>>,
    /// How many messages a consumer holds at most.
    pub prefetch: u16,
}

/// What one pass did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pass {
    /// Messages that were taken out of the outbox.
    pub taken: usize,
    /// More may be ready already.
    pub has_more: bool,
}

pub struct Relay {
    pub pool: Pool,
    pub queue: Queue,
    pub clock: SharedClock,
    /// Notified when something was committed.
    pub wake: Arc<Notify>,
    /// How long a queued message may stay untouched before the queue counts as having lost it.
    pub lost_after: Duration,
    /// How often a message is tried, and when again.
    pub policy: RetryPolicy,
}

impl Relay {
    pub async fn run(self, stop: CancellationToken) -> anyhow::Result<()> {
        let mut failures = Failures::new(Backoff::RECONNECT);
        let mut ticks_seen: u32 = 0;
        let mut opened = self.queue.opened.clone();
        let mut ticks = tokio::time::interval(INTERVAL);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        // A pass that is cut off rolls back; consumers drop what it had published as duplicates.
        while let Some(pass) = stop.run_until_cancelled(self.publish_due()).await {
            let has_more = match pass {
                Ok(pass) => {
                    failures.reset();
                    pass.has_more
                }
                Err(error) => {
                    if failures.count() == 0 {
                        tracing::warn!(error = error_chain(&error), "outbox waits");
                    }
                    stop.run_until_cancelled(failures.wait()).await;
                    continue;
                }
            };
            // In this order: however much there is to publish, leases are looked after.
            tokio::select! {
                biased;
                () = stop.cancelled() => {}
                _ = ticks.tick() => {
                    self.recover_expired().await;
                    self.measure(ticks_seen.is_multiple_of(DEPTH_INTERVAL)).await;
                    if ticks_seen.is_multiple_of(STALLED_INTERVAL) {
                        self.recover_stalled().await;
                    }
                    ticks_seen = ticks_seen.wrapping_add(1);
                }
                Ok(()) = opened.changed() => {
                    let found = *opened.borrow_and_update();
                    if let (Some(found), Ok(backlog)) = (found, self.backlog().await) {
                        self.recover_lost(found, backlog).await;
                    }
                }
                () = std::future::ready(()), if has_more => {}
                () = self.wake.notified() => {}
            }
        }
        Ok(())
    }

    /// Publishes one batch.
    ///
    /// # Errors
    /// When PostgreSQL does not answer, or the broker did not take a message. Those that it took are marked.
    pub async fn publish_due(&self) -> Result<Pass, RelayError> {
        let mut client = store::connection(&self.pool).await?;
        let transaction = client.transaction().await.map_err(StoreError::from)?;
        let now = self.clock.now();
        let until = now.saturating_add(LEASE).unwrap_or(now);
        let taken = outbox::take(&transaction, now, until, BATCH_SIZE).await?;
        // Committed, and the connection returned, before the broker is involved: a relay that hangs there holds no
        // lock.
        transaction.commit().await.map_err(StoreError::from)?;
        drop(client);
        let pass = Pass {
            taken: taken.due.len(),
            has_more: taken.has_more,
        };
        if taken.due.is_empty() {
            return Ok(pass);
        }

        // From here to `extend` a crash leaves messages that may or may not be in the queue. Their leases run out, they
        // are published again, and of two copies of a message one finds nothing to claim.
        let ids: Vec<Uuid> = taken.due.iter().map(|due| due.id).collect();
        let messages: Vec<Message> = taken.due.iter().map(to_message).collect();
        let results = self.queue.publisher.publish_all(queues::WEBHOOKS, &messages).await;
        let (published, failed): (Vec<_>, Vec<_>) = ids.iter().zip(&results).partition(|(_, result)| result.is_ok());
        ::metrics::counter!(metrics::QUEUED).increment(published.len() as u64);
        ::metrics::counter!(metrics::QUEUE_FAILED).increment(failed.len() as u64);
        let ids = |those: Vec<(&Uuid, _)>| -> Vec<Uuid> { those.into_iter().map(|(id, _)| *id).collect() };
        let (published, failed) = (ids(published), ids(failed));
        let mut client = store::connection(&self.pool).await?;
        if !failed.is_empty() {
            let transaction = client.transaction().await.map_err(StoreError::from)?;
            outbox::give_back(&transaction, &failed, now, self.clock.now()).await?;
            transaction.commit().await.map_err(StoreError::from)?;
        }
        if !published.is_empty() {
            let lost_at = self.clock.now().saturating_add(self.lost_after).unwrap_or(now);
            outbox::extend(&client, &published, now, lost_at).await?;
        }
        match results.into_iter().find_map(Result::err) {
            Some(error) => Err(RelayError::Queue(error.to_string())),
            None => Ok(pass),
        }
    }

    /// A queue that was forgotten would wait for ever. None should be.
    async fn recover_stalled(&self) {
        let outcome = async {
            let mut client = store::connection(&self.pool).await?;
            let transaction = client.transaction().await?;
            let stalled = endpoint_queues::find_stalled(&transaction).await?;
            endpoint_queues::refresh(&transaction, &stalled, self.clock.now()).await?;
            transaction.commit().await?;
            Ok::<usize, StoreError>(stalled.len())
        };
        if let Ok(endpoints @ 1..) = outcome.await {
            tracing::error!(endpoints, "messages waited that nothing would have published");
            self.wake.notify_one();
        }
    }

    async fn recover_expired(&self) {
        if let Err(error) = self.take_back_expired().await {
            tracing::warn!(error = error_chain(&error), "expired leases wait");
        }
    }

    /// Makes messages due again whose leases ran out, closes their attempts if they were under way, and gives up those
    /// for which it was the last. Returns how many leases that were.
    pub async fn take_back_expired(&self) -> Result<usize, StoreError> {
        let mut client = store::connection(&self.pool).await?;
        let transaction = client.transaction().await?;
        let now = self.clock.now();
        let expired = outbox::take_back_expired(&transaction, now).await?;
        let interrupted: Vec<_> = expired.iter().filter(|expired| expired.is_claimed).collect();
        if !interrupted.is_empty() {
            let is_last = |expired: &&&outbox::Expired| expired.attempts >= self.policy.max_attempts;
            let given_up: Vec<Uuid> = interrupted.iter().filter(is_last).map(|expired| expired.id).collect();
            let ids: Vec<Uuid> = interrupted.iter().map(|expired| expired.id).collect();
            attempts::interrupt(&transaction, &ids, &given_up, now).await?;
            tracing::warn!(
                attempts = ids.len(),
                given_up = given_up.len(),
                "attempts were interrupted"
            );
        }
        let endpoint_ids: Vec<Uuid> = expired.iter().map(|expired| expired.endpoint_id).collect();
        endpoint_queues::refresh(&transaction, &endpoint_ids, now).await?;
        transaction.commit().await?;
        Ok(expired.len())
    }

    async fn backlog(&self) -> Result<Backlog, StoreError> {
        let now = self.clock.now();
        let settled = now.saturating_sub(SETTLED_AFTER).unwrap_or(now);
        outbox::backlog(&self.pool, settled).await
    }

    async fn measure(&self, with_depth: bool) {
        if with_depth && let Ok(depth) = outbox::depth(&self.pool).await {
            ::metrics::gauge!(metrics::OUTBOX_DEPTH).set(depth as f64);
        }
        let Ok(backlog) = self.backlog().await else { return };
        let lag = backlog
            .ready_since
            .map_or(0.0, |due| self.clock.now().duration_since(due).as_secs_f64().max(0.0));
        ::metrics::gauge!(metrics::OUTBOX_LAG_SECONDS).set(lag);
        if backlog.queued == 0 {
            return;
        }
        if let Ok(found) = self.queue.broker.queue_state(queues::WEBHOOKS).await {
            self.recover_lost(found, backlog).await;
        }
    }

    /// Queues again what the broker lost: when the queue and its consumers together cannot hold as many messages as
    /// were put into it. A message that was not lost is dropped as a duplicate when it is claimed.
    async fn recover_lost(&self, found: QueueState, backlog: Backlog) {
        let held = u64::from(found.consumers) * u64::from(self.queue.prefetch);
        if u64::from(found.messages) + held >= backlog.queued {
            return;
        }
        let now = self.clock.now();
        let settled = now.saturating_sub(SETTLED_AFTER).unwrap_or(now);
        let mut requeued = 0;
        let outcome = async {
            let mut client = store::connection(&self.pool).await?;
            loop {
                let transaction = client.transaction().await?;
                let more = outbox::requeue(&transaction, settled, now).await?;
                transaction.commit().await?;
                if more == 0 {
                    return Ok::<(), StoreError>(());
                }
                requeued += more;
            }
        };
        match outcome.await {
            Ok(()) => tracing::warn!(
                requeued,
                in_queue = found.messages,
                "the queue lost messages, queued again"
            ),
            Err(error) => tracing::warn!(error = error_chain(&error), "the queue lost messages, they wait"),
        }
        self.wake.notify_one();
    }
}

/// Host and port of a URL. URLs that share them hang together.
fn destination(url: &str) -> Option<String> {
    let url = Url::parse(url).ok()?;
    Some(format!("{}:{}", url.host_str()?, url.port_or_known_default()?))
}

fn to_message(due: &Due) -> Message {
    let body = DeliveryMessage {
        v: VERSION,
        delivery_id: due.id,
        endpoint_id: due.endpoint_id,
        user_id: Some(due.user_id),
        destination: destination(&due.url),
        pace: match due.is_fast {
            None => EndpointPace::Unknown,
            Some(true) => EndpointPace::Fast,
            Some(false) => EndpointPace::Slow,
        },
        attempt: due.attempt,
        request_id: due.request_id.clone(),
    };
    Message {
        body: serde_json::to_vec(&body).expect("a message of ids and numbers is always JSON"),
        headers: [(headers::REQUEST_ID.to_owned(), due.request_id.clone())].into(),
        message_id: format!("{}.{}", due.id, due.attempt),
    }
}
