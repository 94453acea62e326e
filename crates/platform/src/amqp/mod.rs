//! RabbitMQ: a connection for publishing and one for all else, confirmed publishing, competing consumers.
//!
//! The broker may vanish and come back, empty or not, at any moment. A lost connection is opened
//! again by the next caller that needs it, and queues are declared again on every new channel; publishers
//! report what was not confirmed and leave trying again to the caller, who still has it in its
//! outbox; consumers wait and go on.

mod check;
mod connector;
mod consume;
mod publish;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, anyhow};
use lapin::options::QueueDeclareOptions;
use lapin::types::FieldTable;
use lapin::uri::AMQPUri;
use secrecy::ExposeSecret;

pub use connector::QueueState;
pub use consume::{Consumer, ConsumerState, Delivery};
pub use publish::{Message, PublishError, Publisher};

use self::check::Check;
use self::connector::Connector;
use crate::settings::RabbitSettings;

/// Longest time to wait for an answer that someone waits for.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(5);
/// Seconds between signs of life; a silent connection counts as lost after about two of them.
const HEARTBEAT_SECONDS: u16 = 10;

/// The broker; clones share one connection.
#[derive(Clone)]
pub struct Broker {
    connector: Connector,
    check: Arc<Check>,
}

/// The address holds a password.
impl fmt::Debug for Broker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.connector.fmt(f)
    }
}

impl Broker {
    /// Names the broker; the connection is opened when needed, so it may still be starting.
    ///
    /// # Errors
    ///
    /// The address is invalid.
    pub fn connect(settings: &RabbitSettings) -> anyhow::Result<Self> {
        let mut uri: AMQPUri = settings
            .rabbitmq_url
            .expose_secret()
            .parse()
            .map_err(|error| anyhow!("RABBITMQ_URL: {error}"))?;
        uri.query.heartbeat.get_or_insert(HEARTBEAT_SECONDS);
        let connector = Connector::new(Arc::new(uri));
        let check = Arc::new(Check::new(connector.separate()));
        Ok(Self { connector, check })
    }

    /// A publisher with a connection of its own: a broker that is short of memory or disk blocks connections that
    /// publish, and acknowledgements must still reach it.
    #[must_use]
    pub fn publisher(&self) -> Publisher {
        Publisher::new(self.connector.separate())
    }

    /// A consumer of `queue` that holds at most `prefetch` unfinished messages.
    #[must_use]
    pub fn consume(&self, queue: impl Into<String>, prefetch: u16) -> Consumer {
        Consumer::new(self.connector.clone(), queue.into(), prefetch)
    }

    /// Makes sure that the broker takes messages, and that `queue` is as we declare it. Returns how many consumers it
    /// has.
    ///
    /// A broker that is short of memory or disk answers everything but a published message, so one is published, to
    /// nowhere.
    ///
    /// # Errors
    ///
    /// No connection, no answer, or a refusal.
    pub async fn check(&self, queue: &str) -> anyhow::Result<u32> {
        self.check.run(queue).await
    }

    /// What `queue` holds.
    ///
    /// # Errors
    ///
    /// No connection, no answer, or no such queue.
    pub async fn queue_state(&self, queue: &str) -> anyhow::Result<QueueState> {
        let asking = async {
            let channel = self.connector.channel().await?;
            let passive = QueueDeclareOptions {
                passive: true,
                ..QueueDeclareOptions::default()
            };
            let found = channel
                .queue_declare(queue.into(), passive, FieldTable::default())
                .await;
            let state = found.with_context(|| format!("asking for the queue {queue}"))?.into();
            channel.close(200, "done".into()).await.context("closing the channel")?;
            Ok(state)
        };
        let answer = tokio::time::timeout(ANSWER_TIMEOUT, asking).await;
        answer.map_err(|_| anyhow!("RabbitMQ did not answer in time"))?
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn printed_broker_holds_no_password() {
        let settings = RabbitSettings {
            rabbitmq_url: "amqp://user:secret-word@host:5673/place".to_owned().into(),
        };
        let broker = Broker::connect(&settings).unwrap();
        let printed = format!("{broker:?} {:?} {:?}", broker.publisher(), broker.consume("q", 1));
        assert!(printed.contains("host:5673/place"), "{printed}");
        assert!(
            !printed.contains("secret-word") && !printed.contains("user"),
            "{printed}"
        );
    }
}
