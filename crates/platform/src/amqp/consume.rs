//! Competing consumers: each message goes to one of them, and to another if that one dies.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::Context;
use futures_util::StreamExt;
use lapin::Acker;
use lapin::message::Delivery as RawDelivery;
use lapin::options::{BasicAckOptions, BasicConsumeOptions, BasicQosOptions, BasicRejectOptions};
use lapin::types::{AMQPValue, FieldTable};
use uuid::Uuid;

use super::{Broker, declare};
use crate::backoff::Backoff;

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

impl From<RawDelivery> for Delivery {
    fn from(raw: RawDelivery) -> Self {
        let headers = raw.properties.headers().as_ref().map(text_headers).unwrap_or_default();
        Self {
            message_id: raw.properties.message_id().as_ref().map(ToString::to_string),
            redelivered: raw.redelivered,
            body: raw.data,
            acker: raw.acker,
            headers,
        }
    }
}

fn text_headers(table: &FieldTable) -> BTreeMap<String, String> {
    let mut headers = BTreeMap::new();
    for (name, value) in table {
        let text = match value {
            AMQPValue::LongString(text) => text.to_string(),
            AMQPValue::ShortString(text) => text.to_string(),
            _ => continue,
        };
        headers.insert(name.to_string(), text);
    }
    headers
}

/// Takes messages of one queue, for as long as it lives.
#[derive(Debug)]
pub struct Consumer {
    broker: Broker,
    queue: String,
    prefetch: u16,
    stream: Option<lapin::Consumer>,
    failures: u32,
}

impl Consumer {
    pub(super) fn new(broker: Broker, queue: String, prefetch: u16) -> Self {
        Self {
            broker,
            queue,
            prefetch,
            stream: None,
            failures: 0,
        }
    }

    /// The next message; waits for one, and for the broker when it is away.
    ///
    /// Dropping the future loses nothing.
    pub async fn next(&mut self) -> Delivery {
        loop {
            match self.try_next().await {
                Ok(delivery) => return delivery,
                Err(error) => {
                    self.stream = None;
                    if self.failures == 0 {
                        tracing::warn!(
                            queue = self.queue,
                            error = format!("{error:#}"),
                            "cannot consume, trying again"
                        );
                    }
                    let wait = Backoff::RECONNECT.random_delay(self.failures);
                    self.failures = self.failures.saturating_add(1);
                    tokio::time::sleep(wait).await;
                }
            }
        }
    }

    async fn try_next(&mut self) -> anyhow::Result<Delivery> {
        let stream = match self.stream.take() {
            Some(stream) => stream,
            None => {
                let stream = self.open().await?;
                if self.failures > 0 {
                    tracing::info!(queue = self.queue, failures = self.failures, "consuming again");
                    self.failures = 0;
                }
                stream
            }
        };
        let raw = self.stream.insert(stream).next().await;
        Ok(raw
            .context("the broker cancelled the consumer")?
            .context("RabbitMQ consumer")?
            .into())
    }

    async fn open(&self) -> anyhow::Result<lapin::Consumer> {
        let channel = self.broker.channel().await?;
        declare(&channel, &self.queue).await?;
        channel.basic_qos(self.prefetch, BasicQosOptions::default()).await?;
        let tag = Uuid::now_v7().to_string();
        let options = BasicConsumeOptions::default();
        let consumer = channel
            .basic_consume(
                self.queue.as_str().into(),
                tag.as_str().into(),
                options,
                FieldTable::default(),
            )
            .await?;
        Ok(consumer)
    }
}
