//! Publishing with confirms: each message is known to be in the queue, or reported.

use std::collections::{BTreeMap, HashSet};
use std::time::Duration;

use lapin::options::{BasicPublishOptions, ConfirmSelectOptions};
use lapin::types::{AMQPValue, FieldTable};
use lapin::{BasicProperties, Channel, Confirmation, PublisherConfirm};
use tokio::sync::Mutex;

use super::connector::{Connector, declare};

/// Longest time to wait for the confirmations of one batch.
const CONFIRM_TIMEOUT: Duration = Duration::from_secs(10);
/// AMQP's number for "write it to disk".
const PERSISTENT: u8 = 2;

/// A message to publish.
#[derive(Debug, Clone, Default)]
pub struct Message {
    /// JSON text.
    pub body: Vec<u8>,
    /// Headers, such as the request id.
    pub headers: BTreeMap<String, String>,
    /// Id by which a receiver recognises a repetition.
    pub message_id: String,
}

/// Why a message is not known to be in the queue; it may be there all the same.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PublishError {
    /// The broker cannot be reached, or the connection broke before the confirmation.
    #[error("the broker is unavailable: {0}")]
    Unavailable(String),
    /// The broker refused to store the message.
    #[error("the broker refused the message")]
    Refused,
    /// No queue took the message.
    #[error("no queue took the message")]
    Unroutable,
    /// No confirmation in time.
    #[error("the broker did not confirm in time")]
    Timeout,
}

/// A channel in confirm mode and the queues declared on it.
#[derive(Debug, Clone)]
struct Line {
    channel: Channel,
    declared: HashSet<String>,
}

/// Publishes on a channel of its own; share it by reference.
#[derive(Debug)]
pub struct Publisher {
    connector: Connector,
    line: Mutex<Option<Line>>,
}

impl Publisher {
    pub(super) fn new(connector: Connector) -> Self {
        Self {
            connector,
            line: Mutex::new(None),
        }
    }

    /// Publishes all messages to the queue and waits for their confirmations together.
    ///
    /// The results stand in the order of the messages. Nothing is tried twice: the caller knows
    /// whether a repetition is worth it.
    pub async fn publish_all(&self, queue: &str, messages: &[Message]) -> Vec<Result<(), PublishError>> {
        let opening = tokio::time::timeout(CONFIRM_TIMEOUT, self.channel_for(queue)).await;
        let channel = match opening.unwrap_or_else(|_| Err(anyhow::anyhow!("no channel in time"))) {
            Ok(channel) => channel,
            Err(error) => {
                let error = PublishError::Unavailable(format!("{error:#}"));
                return vec![Err(error); messages.len()];
            }
        };
        let deadline = tokio::time::Instant::now() + CONFIRM_TIMEOUT;
        let mut sent = Vec::with_capacity(messages.len());
        for message in messages {
            let one = tokio::time::timeout_at(deadline, send(&channel, queue, message)).await;
            sent.push(one.unwrap_or(Err(PublishError::Timeout)));
        }
        let mut results = Vec::with_capacity(sent.len());
        for one in sent {
            results.push(match one {
                Err(error) => Err(error),
                Ok(confirm) => match tokio::time::timeout_at(deadline, confirm).await {
                    Ok(confirmation) => evaluate(confirmation),
                    Err(_) => Err(PublishError::Timeout),
                },
            });
        }
        if results.iter().any(Result::is_err) {
            self.forget(&channel).await;
        }
        results
    }

    /// The channel, with the queue declared on it.
    async fn channel_for(&self, queue: &str) -> anyhow::Result<Channel> {
        let mut kept = self.line.lock().await;
        let usable = kept.take().filter(|line| line.channel.status().connected());
        let mut line = match usable {
            Some(line) => line,
            None => {
                let channel = self.connector.channel().await?;
                channel.confirm_select(ConfirmSelectOptions::default()).await?;
                let declared = HashSet::new();
                Line { channel, declared }
            }
        };
        if !line.declared.contains(queue) {
            declare(&line.channel, queue).await?;
            line.declared.insert(queue.to_owned());
        }
        let channel = line.channel.clone();
        *kept = Some(line);
        Ok(channel)
    }

    /// Drops a channel that failed, unless another call replaced it already.
    async fn forget(&self, failed: &Channel) {
        let mut kept = self.line.lock().await;
        if kept.as_ref().is_some_and(|line| line.channel.id() == failed.id()) {
            *kept = None;
        }
    }
}

async fn send(channel: &Channel, queue: &str, message: &Message) -> Result<PublisherConfirm, PublishError> {
    let mut headers = FieldTable::default();
    for (name, value) in &message.headers {
        headers.insert(name.as_str().into(), AMQPValue::LongString(value.as_str().into()));
    }
    let properties = BasicProperties::default()
        .with_content_type("application/json".into())
        .with_delivery_mode(PERSISTENT)
        .with_message_id(message.message_id.as_str().into())
        .with_headers(headers);
    let options = BasicPublishOptions {
        mandatory: true,
        ..BasicPublishOptions::default()
    };
    channel
        .basic_publish("".into(), queue.into(), options, &message.body, properties)
        .await
        .map_err(|error| PublishError::Unavailable(error.to_string()))
}

fn evaluate(confirmation: lapin::Result<Confirmation>) -> Result<(), PublishError> {
    match confirmation {
        Ok(Confirmation::Ack(None)) => Ok(()),
        Ok(Confirmation::Ack(Some(_))) => Err(PublishError::Unroutable),
        Ok(Confirmation::Nack(_) | Confirmation::NotRequested) => Err(PublishError::Refused),
        Err(error) => Err(PublishError::Unavailable(error.to_string())),
    }
}
