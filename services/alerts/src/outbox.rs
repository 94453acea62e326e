//! The relay: puts into the queue whatever is committed and due.
//!
//! There is one way into the queue, for new messages, for retries, and for messages that the queue or a consumer lost. Rows
//! stay locked until the broker confirmed them, so several relays share the work; one that dies in between leaves its rows
//! unlocked and unmarked, and the next one publishes them, perhaps a second time, which consumers tell apart.

use std::sync::Arc;
use std::time::Duration;

use contracts::messages::{DeliveryMessage, VERSION};
use contracts::{headers, queues};
use deadpool_postgres::{GenericClient, Pool};
use platform::amqp::{Message, Publisher};
use platform::backoff::Backoff;
use platform::clock::SharedClock;
use tokio::sync::Notify;
use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;
use url::Url;
use uuid::Uuid;

use crate::delivery::schedule::RetryPolicy;
use crate::metrics;
use crate::store::deliveries::{self, Due};
use crate::store::{self, StoreError, attempts};

/// Hearing of commits of other instances.
pub mod listen;

/// How often the outbox is looked at, even if nobody calls.
const INTERVAL: Duration = Duration::from_secs(1);

/// Most messages published together.
const BATCH_SIZE: i64 = 1_000;

/// Why a pass did not publish.
#[derive(Debug, thiserror::Error)]
pub enum RelayError {
    /// PostgreSQL.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// RabbitMQ took none of the messages.
    #[error("the queue does not take messages: {0}")]
    Queue(String),
}

/// Publishes what is due.
pub struct Relay {
    /// Where the outbox is.
    pub pool: Pool,
    /// Where messages go.
    pub publisher: Publisher,
    /// What time it is.
    pub clock: SharedClock,
    /// Called when something was committed.
    pub wake: Arc<Notify>,
    /// How long a queued message may stay untouched before the queue counts as having lost it.
    pub lost_after: Duration,
    /// How often a message is tried.
    pub policy: RetryPolicy,
}

impl Relay {
    /// Publishes until the stop.
    ///
    /// # Errors
    /// Never: every failure is waited out.
    pub async fn run(self, stop: CancellationToken) -> anyhow::Result<()> {
        let mut failures = 0;
        let mut ticks = tokio::time::interval(INTERVAL);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        // A pass that is cut off rolls back; what it published already is told apart by the consumers.
        while let Some(pass) = stop.run_until_cancelled(self.publish_due()).await {
            match pass {
                Ok(published) => {
                    failures = 0;
                    if published as i64 == BATCH_SIZE {
                        continue;
                    }
                }
                Err(error) => {
                    if failures == 0 {
                        tracing::warn!(error = format!("{:#}", anyhow::Error::new(error)), "outbox waits");
                    }
                    stop.run_until_cancelled(tokio::time::sleep(Backoff::RECONNECT.random_delay(failures)))
                        .await;
                    failures += 1;
                    continue;
                }
            }
            tokio::select! {
                () = stop.cancelled() => {}
                _ = ticks.tick() => self.measure().await,
                () = self.wake.notified() => {}
            }
        }
        Ok(())
    }

    /// Publishes one batch. Returns how many messages were due.
    ///
    /// # Errors
    /// When PostgreSQL does not answer, or the broker took nothing. What it did take is marked.
    pub async fn publish_due(&self) -> Result<usize, RelayError> {
        let mut client = store::connection(&self.pool).await?;
        let transaction = client.transaction().await.map_err(StoreError::from)?;
        let due = deliveries::take_due(&transaction, self.clock.now(), BATCH_SIZE).await?;
        if due.is_empty() {
            return Ok(0);
        }
        let taken = due.len();
        let due = self.close_interrupted(&transaction, due).await?;
        let messages: Vec<Message> = due.iter().map(to_message).collect();
        let results = self.publisher.publish_all(queues::WEBHOOKS, &messages).await;
        let published: Vec<_> = due
            .iter()
            .zip(&results)
            .filter(|(_, result)| result.is_ok())
            .map(|(due, _)| due.id)
            .collect();
        let failed = results.len() - published.len();
        ::metrics::counter!(metrics::QUEUED).increment(published.len() as u64);
        ::metrics::counter!(metrics::QUEUE_FAILED).increment(failed as u64);
        let now = self.clock.now();
        let lost_at = now.saturating_add(self.lost_after).unwrap_or(now);
        deliveries::mark_queued(&transaction, &published, now, lost_at).await?;
        transaction.commit().await.map_err(StoreError::from)?;
        match results.into_iter().find_map(Result::err) {
            Some(error) => Err(RelayError::Queue(error.to_string())),
            None => Ok(taken),
        }
    }

    /// Closes attempts whose claim ran out, and leaves out the messages for which it was the last.
    async fn close_interrupted(&self, client: &impl GenericClient, due: Vec<Due>) -> Result<Vec<Due>, StoreError> {
        let interrupted: Vec<Uuid> = due.iter().filter(|due| due.is_interrupted).map(|due| due.id).collect();
        if interrupted.is_empty() {
            return Ok(due);
        }
        let (given_up, due): (Vec<Due>, Vec<Due>) = due
            .into_iter()
            .partition(|due| due.is_interrupted && due.attempt > self.policy.max_attempts);
        let given_up: Vec<Uuid> = given_up.iter().map(|due| due.id).collect();
        attempts::interrupt(client, &interrupted, &given_up, self.clock.now()).await?;
        tracing::warn!(
            attempts = interrupted.len(),
            given_up = given_up.len(),
            "attempts were interrupted"
        );
        Ok(due)
    }

    async fn measure(&self) {
        if let Ok((depth, first_due)) = deliveries::backlog(&self.pool).await {
            let lag = first_due.map_or(0.0, |due| self.clock.now().duration_since(due).as_secs_f64().max(0.0));
            ::metrics::gauge!(metrics::OUTBOX_DEPTH).set(depth as f64);
            ::metrics::gauge!(metrics::OUTBOX_LAG_SECONDS).set(lag);
        }
    }
}

/// Host and port of an address: what hangs together when a receiver hangs, however many paths it has.
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
        attempt: due.attempt,
        request_id: due.request_id.clone(),
    };
    Message {
        body: serde_json::to_vec(&body).expect("a message of ids and numbers is always JSON"),
        headers: [(headers::REQUEST_ID.to_owned(), due.request_id.clone())].into(),
        message_id: format!("{}.{}", due.id, due.attempt),
    }
}
