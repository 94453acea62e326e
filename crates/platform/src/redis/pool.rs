//! The pool: a command has a connection to itself, which was asked for a sign of life just before.
//!
//! That costs a second round trip for each command. In return nothing is sent into a connection that broke meanwhile,
//! a large answer delays no other command, and one connection that hangs stops nobody else.

use std::time::Duration;

use ::redis::aio::ConnectionLike;
use ::redis::{AsyncConnectionConfig, Cmd, ConnectionInfo, ErrorKind, Pipeline, RedisError, RedisResult, Value};
use deadpool_redis::{Connection, Manager, PoolConfig, PoolError, Runtime};

use super::answer::is_from_replica;

/// The tasks of one service that need Redis at the same moment are fewer.
const POOL_SIZE: usize = 8;

#[derive(Clone)]
pub(super) struct Pool {
    connections: deadpool_redis::Pool,
    database: i64,
    wait: Duration,
}

impl Pool {
    /// Connections are opened when needed, so the server may still be starting.
    pub(super) fn new(address: ConnectionInfo, config: AsyncConnectionConfig, wait: Duration) -> anyhow::Result<Self> {
        let database = address.redis_settings().db();
        let manager = Manager::new_with_config(address, config)?;
        let connections = deadpool_redis::Pool::builder(manager)
            .config(PoolConfig::new(POOL_SIZE))
            .runtime(Runtime::Tokio1)
            .build()?;
        Ok(Self {
            connections,
            database,
            wait,
        })
    }

    pub(super) async fn command(&self, cmd: &Cmd) -> RedisResult<Value> {
        let mut connection = self.take().await?;
        let answer = connection.req_packed_command(cmd).await;
        self.give_back(connection, answer.as_ref().map(std::slice::from_ref));
        answer
    }

    pub(super) async fn commands(&self, pipeline: &Pipeline, offset: usize, count: usize) -> RedisResult<Vec<Value>> {
        let mut connection = self.take().await?;
        let answer = connection.req_packed_commands(pipeline, offset, count).await;
        self.give_back(connection, answer.as_ref().map(Vec::as_slice));
        answer
    }

    pub(super) fn database(&self) -> i64 {
        self.database
    }

    async fn take(&self) -> RedisResult<Connection> {
        // One bound for all of it: the pool tries its idle connections one after the other, and each may hang.
        match tokio::time::timeout(self.wait, self.connections.get()).await {
            Ok(Ok(connection)) => Ok(connection),
            Ok(Err(PoolError::Backend(error))) => Err(error),
            Ok(Err(error)) => Err(unavailable(error.to_string())),
            Err(_) => Err(unavailable("no connection in time".to_owned())),
        }
    }

    fn give_back(&self, connection: Connection, answer: Result<&[Value], &RedisError>) {
        if is_from_replica(answer) {
            tracing::warn!("Redis is a replica: connecting anew");
            // A replica answers the sign of life, so the pool would keep this connection and all idle ones beside it.
            drop(Connection::take(connection));
            self.connections.retain(|_, _| false);
        }
    }
}

fn unavailable(detail: String) -> RedisError {
    (ErrorKind::Io, "Redis pool", detail).into()
}
