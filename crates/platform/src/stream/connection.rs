//! A connection for blocking reads that is opened again, with growing waits, whenever it breaks.

use std::time::Duration;

use ::redis::aio::MultiplexedConnection;
use ::redis::{Cmd, RedisResult, Value};

use crate::backoff::Backoff;
use crate::redis::connect_blocking;
use crate::retry::Failures;
use crate::settings::RedisSettings;

/// How much longer than it asked to block a read may take before the connection counts as dead.
const GRACE: Duration = Duration::from_secs(3);

/// The connection, or the lack of one.
#[derive(Debug)]
pub(super) struct BlockingConnection {
    settings: RedisSettings,
    connection: Option<MultiplexedConnection>,
    failures: Failures,
}

impl BlockingConnection {
    pub(super) fn new(settings: RedisSettings) -> Self {
        Self {
            settings,
            connection: None,
            failures: Failures::new(Backoff::RECONNECT),
        }
    }

    /// Opens the connection if there is none; says whether it was opened just now.
    pub(super) async fn ensure(&mut self) -> anyhow::Result<bool> {
        if self.connection.is_some() {
            return Ok(false);
        }
        self.connection = Some(connect_blocking(&self.settings).await?);
        Ok(true)
    }

    /// Sends a command that may block for `block` on purpose.
    ///
    /// The connection is put aside meanwhile: when the caller gives up waiting, the answer would
    /// arrive on it with nobody to take it, so it must not be used again.
    pub(super) async fn send(&mut self, command: &Cmd, block: Duration) -> RedisResult<Value> {
        let Some(mut connection) = self.connection.take() else {
            return Err((::redis::ErrorKind::Io, "not connected").into());
        };
        let answer = tokio::time::timeout(block + GRACE, command.query_async(&mut connection)).await;
        let answer = answer.map_err(|_| ::redis::RedisError::from((::redis::ErrorKind::Io, "no answer in time")))?;
        match &answer {
            Err(error) if error.is_unrecoverable_error() || error.is_timeout() => {}
            _ => self.connection = Some(connection),
        }
        answer
    }

    /// Drops the connection and waits before the next attempt, longer after each failure in a row.
    pub(super) async fn back_off(&mut self, what: &str, stream: &str, error: &anyhow::Error) {
        if self.failures.count() == 0 {
            tracing::warn!(stream, error = format!("{error:#}"), "{what}");
        }
        self.connection = None;
        self.failures.wait().await;
    }

    /// Starts the waits from the shortest again, after a read that worked.
    pub(super) fn reset_backoff(&mut self, stream: &str) {
        let failures = self.failures.reset();
        if failures > 0 {
            tracing::info!(stream, failures, "reading the stream again");
        }
    }

    /// Says whether a connection is open; a cancelled read leaves none.
    pub(super) fn is_open(&self) -> bool {
        self.connection.is_some()
    }
}
