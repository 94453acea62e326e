//! What commands are sent through, whichever way it takes them to the server.

use std::fmt;
use std::sync::Arc;

use ::redis::aio::ConnectionLike;
use ::redis::{Cmd, Pipeline, RedisFuture, RedisResult, Value};
use futures_util::FutureExt;

use super::pool::Pool;
use super::shared::Shared;

/// A way to Redis; clones share it, and it recovers by itself after a failure.
///
/// It also leaves a server that turns out to be a replica: after a failover the name leads to the new primary, but a
/// connection to the old one would stay where it is.
#[derive(Clone)]
pub struct Connection(Route);

#[derive(Clone)]
enum Route {
    Shared(Arc<Shared>),
    Pooled(Pool),
}

impl Connection {
    pub(super) fn shared(shared: Shared) -> Self {
        Self(Route::Shared(Arc::new(shared)))
    }

    pub(super) fn pooled(pool: Pool) -> Self {
        Self(Route::Pooled(pool))
    }

    /// Another connection to the same server, which is opened by its first command and served on that command's
    /// runtime. Commands on a shared connection are sent and answered by the thread that opened it; one of its own
    /// spares a busy thread the wake-ups of another. The pool has such connections anyway.
    ///
    /// # Errors
    ///
    /// The settings are invalid, which those of an existing connection never are.
    pub fn separate(&self) -> RedisResult<Self> {
        match &self.0 {
            Route::Shared(shared) => shared.separate().map(Self::shared),
            Route::Pooled(_) => Ok(self.clone()),
        }
    }
}

impl ConnectionLike for Connection {
    fn req_packed_command<'a>(&'a mut self, cmd: &'a Cmd) -> RedisFuture<'a, Value> {
        match &self.0 {
            Route::Shared(shared) => shared.command(cmd).boxed(),
            Route::Pooled(pool) => pool.command(cmd).boxed(),
        }
    }

    fn req_packed_commands<'a>(
        &'a mut self,
        pipeline: &'a Pipeline,
        offset: usize,
        count: usize,
    ) -> RedisFuture<'a, Vec<Value>> {
        match &self.0 {
            Route::Shared(shared) => shared.commands(pipeline, offset, count).boxed(),
            Route::Pooled(pool) => pool.commands(pipeline, offset, count).boxed(),
        }
    }

    fn get_db(&self) -> i64 {
        match &self.0 {
            Route::Shared(shared) => shared.database(),
            Route::Pooled(pool) => pool.database(),
        }
    }
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("redis::Connection")
    }
}
