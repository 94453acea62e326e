//! RabbitMQ: a connection for publishing and one for all else, confirmed publishing, competing consumers.
//!
//! The broker may vanish and come back, empty or not, at any moment. A lost connection is opened
//! again by whoever needs it next, and queues are declared again on every new channel; publishers
//! report what was not confirmed and leave trying again to the caller, who still has it in its
//! outbox; consumers wait and go on.

mod check;
mod consume;
mod publish;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, anyhow};
use lapin::options::QueueDeclareOptions;
use lapin::types::{AMQPValue, FieldTable};
use lapin::uri::AMQPUri;
use lapin::{Channel, Connection, ConnectionProperties, Queue};
use secrecy::ExposeSecret;
use tokio::sync::Mutex;

pub use consume::{Consumer, ConsumerState, Delivery};
pub use publish::{Message, PublishError, Publisher};

use self::check::Check;
use crate::settings::RabbitSettings;
use crate::tls;

/// Longest time to open a connection or a channel.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(15);
/// Longest time to wait for an answer that someone waits for.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(5);
/// Seconds between signs of life; a silent connection counts as lost after about two of them.
const HEARTBEAT_SECONDS: u16 = 10;
/// A message that comes back this often from dying consumers is dropped by the broker, so that it
/// cannot kill consumers for ever. The outbox still has it.
const DELIVERY_LIMIT: i32 = 1_000;

/// The broker; clones share one connection.
#[derive(Clone)]
pub struct Broker {
    uri: Arc<AMQPUri>,
    connection: Arc<Mutex<Option<Arc<Connection>>>>,
    check: Arc<Check>,
}

/// The address holds a password.
impl fmt::Debug for Broker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let AMQPUri { authority, vhost, .. } = &*self.uri;
        write!(f, "Broker({}:{}/{vhost})", authority.host, authority.port)
    }
}

/// What a queue holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct QueueState {
    /// Messages that wait for a consumer; those that consumers hold are not counted.
    pub messages: u32,
    /// Its consumers.
    pub consumers: u32,
}

impl From<Queue> for QueueState {
    fn from(queue: Queue) -> Self {
        Self {
            messages: queue.message_count(),
            consumers: queue.consumer_count(),
        }
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
        Ok(Self::new(Arc::new(uri)))
    }

    /// A publisher with a connection of its own: a broker that is short of memory or disk blocks connections that
    /// publish, and acknowledgements must still reach it.
    #[must_use]
    pub fn publisher(&self) -> Publisher {
        Publisher::new(Self::new(Arc::clone(&self.uri)))
    }

    /// A consumer of `queue` that holds at most `prefetch` unfinished messages.
    #[must_use]
    pub fn consume(&self, queue: impl Into<String>, prefetch: u16) -> Consumer {
        Consumer::new(self.clone(), queue.into(), prefetch)
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
        self.check.run(self, queue).await
    }

    /// What `queue` holds.
    ///
    /// # Errors
    ///
    /// No connection, no answer, or no such queue.
    pub async fn queue_state(&self, queue: &str) -> anyhow::Result<QueueState> {
        let asking = async {
            let channel = self.channel().await?;
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

    fn new(uri: Arc<AMQPUri>) -> Self {
        Self {
            uri,
            connection: Arc::default(),
            check: Arc::default(),
        }
    }

    /// Opens a channel, and the connection first if it is lost.
    ///
    /// The work goes on when the caller gives up waiting, so that a slow handshake ends some day.
    async fn channel(&self) -> anyhow::Result<Channel> {
        let broker = self.clone();
        tokio::spawn(async move {
            tokio::time::timeout(CONNECT_TIMEOUT, broker.open_channel())
                .await
                .map_err(|_| anyhow!("RabbitMQ did not answer in time"))?
        })
        .await?
    }

    async fn open_channel(&self) -> anyhow::Result<Channel> {
        let connection = self.open_connection().await?;
        connection.create_channel().await.context("RabbitMQ channel")
    }

    async fn open_connection(&self) -> anyhow::Result<Arc<Connection>> {
        // Held while connecting on purpose: one attempt at a time, for everyone.
        let mut kept = self.connection.lock().await;
        if let Some(connection) = kept.as_ref().filter(|connection| connection.status().connected()) {
            return Ok(Arc::clone(connection));
        }
        tls::install_provider();
        let properties = ConnectionProperties::default().with_connection_name("cryptolens".into());
        let opened = Connection::connect_uri((*self.uri).clone(), properties).await;
        let connection = Arc::new(opened.context("RabbitMQ connection")?);
        *kept = Some(Arc::clone(&connection));
        Ok(connection)
    }
}

/// Makes sure the queue exists: durable and replicated where there are several nodes.
async fn declare(channel: &Channel, queue: &str) -> anyhow::Result<Queue> {
    let mut arguments = FieldTable::default();
    arguments.insert("x-queue-type".into(), AMQPValue::LongString("quorum".into()));
    arguments.insert("x-delivery-limit".into(), AMQPValue::LongInt(DELIVERY_LIMIT));
    channel
        .queue_declare(queue.into(), QueueDeclareOptions::durable(), arguments)
        .await
        .with_context(|| format!("declaring the queue {queue}"))
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
