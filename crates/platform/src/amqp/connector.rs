//! One connection to the broker, and channels on it.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, anyhow};
use lapin::options::QueueDeclareOptions;
use lapin::types::{AMQPValue, FieldTable};
use lapin::uri::AMQPUri;
use lapin::{Channel, Connection, ConnectionProperties, Queue};
use tokio::sync::Mutex;

use crate::tls;

/// Longest time to open a connection or a channel.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(15);
/// A message that comes back this often from dying consumers is dropped by the broker, so that it
/// cannot kill consumers for ever. The outbox still has it.
const DELIVERY_LIMIT: i32 = 1_000;

/// A connection that is opened when needed and again after it broke; clones share it.
#[derive(Clone)]
pub(super) struct Connector {
    uri: Arc<AMQPUri>,
    connection: Arc<Mutex<Option<Arc<Connection>>>>,
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

impl Connector {
    pub(super) fn new(uri: Arc<AMQPUri>) -> Self {
        Self {
            uri,
            connection: Arc::default(),
        }
    }

    /// A connector to the same broker with a connection of its own.
    pub(super) fn separate(&self) -> Self {
        Self::new(Arc::clone(&self.uri))
    }

    /// Opens a channel, and the connection first if it is lost.
    ///
    /// The work goes on when the caller gives up waiting, so that a slow handshake ends some day.
    pub(super) async fn channel(&self) -> anyhow::Result<Channel> {
        let connector = self.clone();
        tokio::spawn(async move {
            tokio::time::timeout(CONNECT_TIMEOUT, connector.open_channel())
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
pub(super) async fn declare(channel: &Channel, queue: &str) -> anyhow::Result<Queue> {
    let mut arguments = FieldTable::default();
    arguments.insert("x-queue-type".into(), AMQPValue::LongString("quorum".into()));
    arguments.insert("x-delivery-limit".into(), AMQPValue::LongInt(DELIVERY_LIMIT));
    channel
        .queue_declare(queue.into(), QueueDeclareOptions::durable(), arguments)
        .await
        .with_context(|| format!("declaring the queue {queue}"))
}

/// The address holds a password.
impl fmt::Debug for Connector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let AMQPUri { authority, vhost, .. } = &*self.uri;
        write!(f, "Broker({}:{}/{vhost})", authority.host, authority.port)
    }
}
