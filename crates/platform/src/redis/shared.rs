//! The shared connection: multiplexed, so that a command costs one round trip and never waits for another's turn.

use std::sync::{PoisonError, RwLock};
use std::time::{Duration, Instant};

use ::redis::aio::{ConnectionLike, ConnectionManager, ConnectionManagerConfig};
use ::redis::{Client, Cmd, Pipeline, RedisResult, Value};

use super::answer::is_from_replica;

/// How soon a connection that was replaced may be replaced again.
const REPLACE_INTERVAL: Duration = Duration::from_millis(500);

pub(super) struct Shared {
    client: Client,
    config: ConnectionManagerConfig,
    current: RwLock<Current>,
}

#[derive(Clone)]
struct Current {
    manager: ConnectionManager,
    opened_at: Instant,
}

impl Shared {
    pub(super) fn new(client: Client, config: ConnectionManagerConfig) -> RedisResult<Self> {
        let manager = ConnectionManager::new_lazy_with_config(client.clone(), config.clone())?;
        let opened_at = Instant::now();
        Ok(Self {
            client,
            config,
            current: RwLock::new(Current { manager, opened_at }),
        })
    }

    pub(super) fn separate(&self) -> RedisResult<Self> {
        Self::new(self.client.clone(), self.config.clone())
    }

    pub(super) async fn command(&self, cmd: &Cmd) -> RedisResult<Value> {
        let mut current = self.current();
        let answer = current.manager.req_packed_command(cmd).await;
        if is_from_replica(answer.as_ref().map(std::slice::from_ref)) {
            self.replace(&current);
        }
        answer
    }

    pub(super) async fn commands(&self, pipeline: &Pipeline, offset: usize, count: usize) -> RedisResult<Vec<Value>> {
        let mut current = self.current();
        let answer = current.manager.req_packed_commands(pipeline, offset, count).await;
        if is_from_replica(answer.as_ref().map(Vec::as_slice)) {
            self.replace(&current);
        }
        answer
    }

    pub(super) fn database(&self) -> i64 {
        self.client.get_connection_info().redis_settings().db()
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
