//! Competing consumers: each message goes to one of them, and to another if that one dies.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::Context;
use futures_util::StreamExt;
use lapin::message::Delivery as RawDelivery;
use lapin::options::{BasicAckOptions, BasicConsumeOptions, BasicQosOptions, BasicRejectOptions, QueueDeclareOptions};
use lapin::types::{AMQPValue, FieldTable};
use lapin::{Acker, Channel};
use tokio::sync::watch;
use uuid::Uuid;

use super::connector::{Connector, QueueState, declare};
use crate::backoff::Backoff;
use crate::retry::Failures;

/// After this much silence a consumer checks that the broker still knows it: when a queue is
/// removed and made again in a moment, the broker may forget to say so.
const SILENCE: Duration = Duration::from_secs(5);
/// Longest time to hand an acknowledgement to the connection.
const ACK_TIMEOUT: Duration = Duration::from_secs(5);

/// A message to work on; one that is dropped comes again after the consumer is gone.
#[derive(Debug)]
pub struct Delivery {
    /// JSON text.
    pub body: Vec<u8>,
    /// Headers with a text value.
    pub headers: BTreeMap<String, String>,
    /// Id by which a repetition is recognised.
    pub message_id: Option<String>,
    /// The broker gave it to someone before.
    pub redelivered: bool,
    acker: Acker,
    _held: Arc<()>,
}

impl Delivery {
    /// Says that the effect is recorded and the message can go.
    ///
    /// # Errors
    ///
    /// The connection broke; the message comes again.
    pub async fn ack(self) -> anyhow::Result<()> {
        let done = self.acker.ack(BasicAckOptions::default());
        settled(tokio::time::timeout(ACK_TIMEOUT, done).await)
    }

    /// Gives the message back to the queue, or drops it.
    ///
    /// # Errors
    ///
    /// The connection broke; the message comes again.
    pub async fn reject(self, requeue: bool) -> anyhow::Result<()> {
        let done = self.acker.reject(BasicRejectOptions { requeue });
        settled(tokio::time::timeout(ACK_TIMEOUT, done).await)
    }
}

fn settled(answer: Result<lapin::Result<bool>, tokio::time::error::Elapsed>) -> anyhow::Result<()> {
    let took = answer.context("RabbitMQ did not take the answer in time")?;
    let alive = took.context("RabbitMQ acknowledgement")?;
    anyhow::ensure!(alive, "the channel of the message is gone");
    Ok(())
}

impl Delivery {
    fn new(raw: RawDelivery, held: &Arc<()>) -> Self {
        let headers = raw.properties.headers().as_ref().map(text_headers).unwrap_or_default();
        Self {
            message_id: raw.properties.message_id().as_ref().map(ToString::to_string),
            redelivered: raw.redelivered,
            body: raw.data,
            acker: raw.acker,
            headers,
            _held: Arc::clone(held),
        }
    }
}

fn text_headers(table: &FieldTable) -> BTreeMap<String, String> {
    let text = |value: &AMQPValue| match value.as_long_string() {
        Some(text) => Some(text.to_string()),
        None => value.as_short_string().map(ToString::to_string),
    };
    table
        .into_iter()
        .filter_map(|(name, value)| Some((name.to_string(), text(value)?)))
        .collect()
}

/// A subscription and the channel it lives on.
#[derive(Debug)]
struct Subscription {
    channel: Channel,
    stream: lapin::Consumer,
    /// Cloned into each delivery, so its count says how many are unfinished.
    held: Arc<()>,
}

/// Takes messages of one queue, for as long as it lives.
#[derive(Debug)]
pub struct Consumer {
    connector: Connector,
    queue: String,
    prefetch: u16,
    subscription: Option<Subscription>,
    failures: Failures,
    state: ConsumerState,
    opened: watch::Sender<Option<QueueState>>,
}

/// Whether a consumer consumes; clones show the state of the same one.
#[derive(Debug, Clone)]
pub struct ConsumerState {
    /// Why it does not.
    failure: Arc<Mutex<Option<String>>>,
}

impl ConsumerState {
    fn new() -> Self {
        Self {
            failure: Arc::new(Mutex::new(Some("not started".to_owned()))),
        }
    }

    fn set(&self, failure: Option<String>) {
        *self.failure.lock().unwrap_or_else(PoisonError::into_inner) = failure;
    }

    /// Makes sure that it consumes.
    ///
    /// # Errors
    ///
    /// It does not, and why.
    pub fn check(&self) -> anyhow::Result<()> {
        match &*self.failure.lock().unwrap_or_else(PoisonError::into_inner) {
            Some(failure) => anyhow::bail!("not consuming: {failure}"),
            None => Ok(()),
        }
    }
}

impl Consumer {
    pub(super) fn new(connector: Connector, queue: String, prefetch: u16) -> Self {
        Self {
            connector,
            queue,
            prefetch,
            subscription: None,
            failures: Failures::new(Backoff::RECONNECT),
            state: ConsumerState::new(),
            opened: watch::Sender::new(None),
        }
    }

    /// Tells what the queue held whenever the consumer begins to consume, at first or again.
    #[must_use]
    pub fn opened(&self) -> watch::Receiver<Option<QueueState>> {
        self.opened.subscribe()
    }

    /// Tells whether it consumes, also after it moved into a task.
    #[must_use]
    pub fn state(&self) -> ConsumerState {
        self.state.clone()
    }

    /// The next message; waits for one, and for the broker when it is away.
    ///
    /// Dropping the future loses nothing.
    pub async fn next(&mut self) -> Delivery {
        loop {
            match self.try_next().await {
                Ok(delivery) => return delivery,
                Err(error) => {
                    self.subscription = None;
                    self.state.set(Some(format!("{error:#}")));
                    if self.failures.count() == 0 {
                        tracing::warn!(
                            queue = self.queue,
                            error = format!("{error:#}"),
                            "cannot consume, trying again"
                        );
                    }
                    self.failures.wait().await;
                }
            }
        }
    }

    async fn try_next(&mut self) -> anyhow::Result<Delivery> {
        let subscription = match self.subscription.take() {
            Some(subscription) => subscription,
            None => {
                let subscription = self.open().await?;
                self.state.set(None);
                let failures = self.failures.reset();
                if failures > 0 {
                    tracing::info!(queue = self.queue, failures, "consuming again");
                }
                subscription
            }
        };
        let subscription = self.subscription.insert(subscription);
        loop {
            match tokio::time::timeout(SILENCE, subscription.stream.next()).await {
                Ok(raw) => {
                    let raw = raw.context("the broker cancelled the consumer")?;
                    return Ok(Delivery::new(raw.context("RabbitMQ consumer")?, &subscription.held));
                }
                Err(_) => subscription.check(&self.queue, self.prefetch).await?,
            }
        }
    }

    async fn open(&self) -> anyhow::Result<Subscription> {
        let channel = self.connector.channel().await?;
        let found = declare(&channel, &self.queue).await?;
        channel.basic_qos(self.prefetch, BasicQosOptions::default()).await?;
        let tag = Uuid::now_v7().to_string();
        let stream = channel
            .basic_consume(
                self.queue.as_str().into(),
                tag.as_str().into(),
                BasicConsumeOptions::default(),
                FieldTable::default(),
            )
            .await?;
        self.opened.send_replace(Some(found.into()));
        Ok(Subscription {
            channel,
            stream,
            held: Arc::default(),
        })
    }
}

impl Subscription {
    /// Fails when messages wait although we could take them: then the broker forgot us.
    async fn check(&self, queue: &str, prefetch: u16) -> anyhow::Result<()> {
        let options = QueueDeclareOptions {
            passive: true,
            ..QueueDeclareOptions::durable()
        };
        let asking = self.channel.queue_declare(queue.into(), options, FieldTable::default());
        let found = tokio::time::timeout(ACK_TIMEOUT, asking)
            .await
            .context("RabbitMQ is silent")??;
        let unfinished = Arc::strong_count(&self.held) - 1;
        let could_take = unfinished < usize::from(prefetch);
        let forgotten = found.consumer_count() == 0 || (found.message_count() > 0 && could_take);
        anyhow::ensure!(!forgotten, "the broker forgot the consumer");
        Ok(())
    }
}
