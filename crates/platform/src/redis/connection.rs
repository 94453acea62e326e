//! The shared connection.

use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, Instant};

use ::redis::aio::{ConnectionLike, ConnectionManager, ConnectionManagerConfig};
use ::redis::{Client, Cmd, ErrorKind, Pipeline, RedisFuture, RedisResult, ServerErrorKind, Value};
use futures_util::FutureExt;

/// How soon a connection that was replaced may be replaced again.
const REPLACE_INTERVAL: Duration = Duration::from_millis(500);

/// A multiplexed connection that reopens itself after a failure; clones share it.
///
/// It is also opened anew when its server turns out to be a replica: after a failover the name leads to the new
/// primary, but a connection to the old one would stay where it is.
#[derive(Clone)]
pub struct Connection {
    client: Client,
    config: ConnectionManagerConfig,
    current: Arc<RwLock<Current>>,
}

#[derive(Clone)]
struct Current {
    manager: ConnectionManager,
    opened_at: Instant,
}

impl Connection {
    pub(super) fn new(client: Client, config: ConnectionManagerConfig) -> RedisResult<Self> {
        let manager = ConnectionManager::new_lazy_with_config(client.clone(), config.clone())?;
        let opened_at = Instant::now();
        Ok(Self {
            client,
            config,
            current: Arc::new(RwLock::new(Current { manager, opened_at })),
        })
    }

    /// Another connection to the same server, which is opened by its first command and served on that command's
    /// runtime. Commands on a shared connection are sent and answered by the thread that opened it; one of its own
    /// spares a busy thread the wake-ups of another.
    ///
    /// # Errors
    ///
    /// The settings are invalid, which those of an existing connection never are.
    pub fn separate(&self) -> RedisResult<Self> {
        Self::new(self.client.clone(), self.config.clone())
    }

    fn current(&self) -> Current {
        self.current.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Opens a new connection instead of `failed`, unless someone else did, or it is too young.
    fn replace(&self, failed: &Current) {
        let mut current = self.current.write().unwrap_or_else(PoisonError::into_inner);
        if current.opened_at != failed.opened_at || failed.opened_at.elapsed() < REPLACE_INTERVAL {
            return;
        }
        match ConnectionManager::new_lazy_with_config(self.client.clone(), self.config.clone()) {
            Ok(manager) => {
                tracing::warn!("Redis is a replica: connecting anew");
                let opened_at = Instant::now();
                *current = Current { manager, opened_at };
            }
            Err(error) => tracing::warn!(%error, "Redis is a replica, and no new connection can be made"),
        }
    }
}

impl ConnectionLike for Connection {
    fn req_packed_command<'a>(&'a mut self, cmd: &'a Cmd) -> RedisFuture<'a, Value> {
        async move {
            let mut current = self.current();
            let answer = current.manager.req_packed_command(cmd).await;
            if is_from_replica(answer.as_ref().map(std::slice::from_ref)) {
                self.replace(&current);
            }
            answer
        }
        .boxed()
    }

    fn req_packed_commands<'a>(
        &'a mut self,
        pipeline: &'a Pipeline,
        offset: usize,
        count: usize,
    ) -> RedisFuture<'a, Vec<Value>> {
        async move {
            let mut current = self.current();
            let answer = current.manager.req_packed_commands(pipeline, offset, count).await;
            if is_from_replica(answer.as_ref().map(Vec::as_slice)) {
                self.replace(&current);
            }
            answer
        }
        .boxed()
    }

    fn get_db(&self) -> i64 {
        self.client.get_connection_info().redis_settings().db()
    }
}

/// Says whether an answer is the refusal of a replica.
fn is_from_replica(answer: Result<&[Value], &::redis::RedisError>) -> bool {
    let refuses = |kind| matches!(kind, Some(ServerErrorKind::ReadOnly | ServerErrorKind::MasterDown));
    match answer {
        Ok(values) => values
            .iter()
            .any(|value| matches!(value, Value::ServerError(error) if refuses(error.kind()))),
        Err(error) => matches!(error.kind(), ErrorKind::Server(kind) if refuses(Some(kind))),
    }
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("redis::Connection")
    }
}
