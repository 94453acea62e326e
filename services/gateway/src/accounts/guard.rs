//! Addresses that fail to authenticate too often are blocked for a while, on all gateways.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use contracts::keys;
use contracts::problem::ProblemKind;
use moka::future::Cache;
use redis::AsyncCommands;
use redis::aio::ConnectionManager;

use crate::limits::{Limiter, Quota};
use crate::net::{Network, any_contains};
use crate::problem::ApiError;

/// Addresses blocked after too many failed authentications.
const IP_BLOCKS: &str = "auth_ip_blocks_total";

/// How long this process believes what it knows about an address.
const BELIEVED_FOR: Duration = Duration::from_secs(1);
const ADDRESSES: u64 = 50_000;

/// Longest wait for Redis.
const PATIENCE: Duration = Duration::from_millis(300);

/// Counts failures and knows the blocked.
pub struct Guard {
    redis: ConnectionManager,
    limiter: Arc<Limiter>,
    failures: Quota,
    block_seconds: u32,
    allowlist: Vec<Network>,
    /// When the block of an address ends; `None` if it has none.
    known: Cache<IpAddr, Option<Instant>>,
}

impl Guard {
    /// A guard that blocks for `block_seconds` after the failures of one quota, except addresses in `allowlist`.
    pub fn new(
        redis: ConnectionManager,
        limiter: Arc<Limiter>,
        failures: Quota,
        block_seconds: u32,
        allowlist: Vec<Network>,
    ) -> Self {
        let known = Cache::builder()
            .max_capacity(ADDRESSES)
            .time_to_live(BELIEVED_FOR)
            .build();
        Self {
            redis,
            limiter,
            failures,
            block_seconds,
            allowlist,
            known,
        }
    }

    /// Refuses a blocked address.
    ///
    /// # Errors
    ///
    /// The address is blocked.
    pub async fn check(&self, address: IpAddr) -> Result<(), ApiError> {
        if any_contains(&self.allowlist, address) {
            return Ok(());
        }
        let until = match self.known.get(&address).await {
            Some(known) => known,
            None => self.known.get_with(address, self.look_up(address)).await,
        };
        match until.and_then(|until| until.checked_duration_since(Instant::now())) {
            Some(left) => Err(ApiError::new(ProblemKind::IpBlocked).retry_after(left.as_secs() + 1)),
            None => Ok(()),
        }
    }

    /// The end of a block as Redis knows it. Without Redis nobody is blocked: its loss must not lock people out.
    async fn look_up(&self, address: IpAddr) -> Option<Instant> {
        let mut redis = self.redis.clone();
        let left: i64 = match tokio::time::timeout(PATIENCE, redis.pttl(block_key(address))).await {
            Ok(Ok(left)) => left,
            Ok(Err(_)) | Err(_) => return None,
        };
        let left = u64::try_from(left).ok()?;
        Some(Instant::now() + Duration::from_millis(left))
    }

    /// Counts a failed authentication, and blocks the address at the last one that is permitted.
    pub async fn note_failure(&self, address: IpAddr) {
        if any_contains(&self.allowlist, address) {
            return;
        }
        let bucket = keys::rate_bucket("auth-failures", &address.to_string());
        let (taken, _) = self.limiter.take(&bucket, self.failures).await;
        if taken.remaining > 0 {
            return;
        }
        tracing::error!(
            block_seconds = self.block_seconds,
            "address blocked after failed authentications"
        );
        metrics::counter!(IP_BLOCKS).increment(1);
        let mut redis = self.redis.clone();
        let stored: Result<(), _> = redis.set_ex(block_key(address), 1, u64::from(self.block_seconds)).await;
        if let Err(error) = stored {
            tracing::warn!(%error, "block is known to this process only");
        }
        let until = Instant::now() + Duration::from_secs(u64::from(self.block_seconds));
        self.known.insert(address, Some(until)).await;
    }
}

fn block_key(address: IpAddr) -> String {
    keys::rate_bucket("blocked", &address.to_string())
}
