//! Work that only one process does at a time: a key in Redis that expires unless it is renewed.
//!
//! A lease says who should work, not that nobody else does: a holder that was paused past the
//! expiry may overlap with the next. So what is done under a lease must also be safe when done twice.

use std::time::{Duration, Instant};

use crate::redis::Connection;
use ::redis::Script;
use anyhow::Context;
use uuid::Uuid;

/// Takes the key when it is free, or extends it when it is ours.
const HOLD: &str = r"
local owner = redis.call('GET', KEYS[1])
if owner == ARGV[1] then
  redis.call('PEXPIRE', KEYS[1], ARGV[2])
  return 1
elseif not owner then
  redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
  return 1
end
return 0
";

/// Removes the key only when it is ours.
const RELEASE: &str = r"
if redis.call('GET', KEYS[1]) == ARGV[1] then
  return redis.call('DEL', KEYS[1])
end
return 0
";

/// One process's claim to a piece of work.
#[derive(Debug)]
pub struct Lease {
    connection: Connection,
    key: String,
    owner: String,
    ttl: Duration,
    held_until: Option<Instant>,
}

impl Lease {
    /// A claim to the work named by `key`, to be renewed well within `ttl`.
    #[must_use]
    pub fn new(connection: Connection, key: impl Into<String>, ttl: Duration) -> Self {
        Self {
            connection,
            key: key.into(),
            owner: Uuid::now_v7().to_string(),
            ttl,
            held_until: None,
        }
    }

    /// Takes or renews the lease; says whether it is ours now.
    ///
    /// # Errors
    ///
    /// Redis does not answer; the lease then counts as ours only until its time runs out.
    pub async fn hold(&mut self) -> anyhow::Result<bool> {
        // Counted from before the question, so that we never think longer than Redis does.
        let until = Instant::now() + self.ttl;
        let ttl_ms = u64::try_from(self.ttl.as_millis()).unwrap_or(u64::MAX);
        let held: bool = Script::new(HOLD)
            .key(&self.key)
            .arg(&self.owner)
            .arg(ttl_ms)
            .invoke_async(&mut self.connection)
            .await
            .context("lease")?;
        self.held_until = held.then_some(until);
        Ok(held)
    }

    /// Takes or renews the lease, for work that goes on without Redis: while it does not answer, the holder stays the
    /// holder until the time runs out.
    pub async fn hold_or_keep(&mut self) -> bool {
        match self.hold().await {
            Ok(held) => held,
            Err(error) => {
                tracing::debug!(key = self.key, error = format!("{error:#}"), "lease is not renewed");
                self.is_held()
            }
        }
    }

    /// Gives the lease up at the end of the work. Otherwise another process would wait for its expiry, with every
    /// deployment.
    pub async fn release_or_expire(&mut self) {
        if let Err(error) = self.release().await {
            tracing::debug!(key = self.key, error = format!("{error:#}"), "lease is left to expire");
        }
    }

    /// Says whether the lease is still ours as far as this process can know.
    #[must_use]
    pub fn is_held(&self) -> bool {
        self.held_until.is_some_and(|until| Instant::now() < until)
    }

    /// Gives the lease up, so that another process need not wait for its end.
    ///
    /// # Errors
    ///
    /// Redis does not answer; the lease then ends by itself.
    pub async fn release(&mut self) -> anyhow::Result<()> {
        self.held_until = None;
        let () = Script::new(RELEASE)
            .key(&self.key)
            .arg(&self.owner)
            .invoke_async(&mut self.connection)
            .await
            .context("lease")?;
        Ok(())
    }
}
