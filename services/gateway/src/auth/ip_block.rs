//! Blocks IP addresses that fail to authenticate too often, on all gateways.
//!
//! Redis counts, in one atomic script; while it is down, each process counts for itself. A process also remembers the
//! blocks it imposed, so that a Redis that loses them does not lift them here.

use std::net::IpAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use contracts::keys;
use contracts::problem::ProblemKind;
use moka::future::Cache;
use platform::redis::Connection;
use redis::AsyncCommands;

use super::failure_window::FailureWindow;
use crate::error::ApiError;
use crate::rate_limit::policy::Quota;
use crate::request_context::client_network;
use platform::network::{Network, any_contains};

/// Addresses blocked after too many failed authentications.
const IP_BLOCKS: &str = "auth_ip_blocks_total";

/// How long an answer of Redis is reused: a new block holds on all gateways after that time.
const BLOCK_STATE_TTL: Duration = Duration::from_secs(1);
const MAX_ADDRESSES: u64 = 50_000;

const REDIS_TIMEOUT: Duration = Duration::from_millis(300);

/// Counts a failure among those of the last window, exactly, and blocks at the last one that is permitted.
///
/// `KEYS` failures, block; `ARGV` failures permitted, window in milliseconds, seconds of the block, hash of the
/// credential. Answers 1 if the address is blocked now.
const SCRIPT: &str = r"
local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now - tonumber(ARGV[2]))
redis.call('ZADD', KEYS[1], now, ARGV[4])
redis.call('PEXPIRE', KEYS[1], ARGV[2])
if redis.call('ZCARD', KEYS[1]) < tonumber(ARGV[1]) then return 0 end
redis.call('DEL', KEYS[1])
redis.call('SET', KEYS[2], 1, 'EX', ARGV[3])
return 1
";

/// Counts failures and knows the blocked.
pub struct IpBlocker {
    redis: Connection,
    script: redis::Script,
    failures: Quota,
    block_seconds: u32,
    allowlist: Vec<Network>,
    /// When the block of an address ends according to Redis; `None` if it has none.
    known: Cache<IpAddr, Option<Instant>>,
    /// What this process counted and blocked itself.
    own: Mutex<FailureWindow>,
}

impl IpBlocker {
    /// Blocks for `block_seconds` at the last failure that the quota allows, except addresses in `allowlist`.
    pub fn new(redis: Connection, failures: Quota, block_seconds: u32, allowlist: Vec<Network>) -> Self {
        let known = Cache::builder()
            .max_capacity(MAX_ADDRESSES)
            .time_to_live(BLOCK_STATE_TTL)
            .build();
        let block = Duration::from_secs(u64::from(block_seconds));
        Self {
            redis,
            script: redis::Script::new(SCRIPT),
            failures,
            block_seconds,
            allowlist,
            known,
            own: Mutex::new(FailureWindow::new(failures, block)),
        }
    }

    pub async fn check(&self, address: IpAddr) -> Result<(), ApiError> {
        if any_contains(&self.allowlist, address) {
            return Ok(());
        }
        let address = client_network(address);
        // The own blocks first: they need no round trip, and they hold when Redis has lost them.
        let own = self.own().blocked_until(address, Instant::now());
        let until = match own {
            Some(_) => own,
            None => match self.known.get(&address).await {
                Some(known) => known,
                // Concurrent requests of one address share one look-up.
                None => self.known.get_with(address, self.look_up(address)).await,
            },
        };
        match until.and_then(|until| until.checked_duration_since(Instant::now())) {
            Some(left) => Err(ApiError::new(ProblemKind::IpBlocked).retry_after(left.as_secs() + 1)),
            None => Ok(()),
        }
    }

    /// The end of a block as Redis knows it. Without Redis nobody is blocked: an outage must not lock callers out.
    async fn look_up(&self, address: IpAddr) -> Option<Instant> {
        let mut redis = self.redis.clone();
        let left: i64 = match tokio::time::timeout(REDIS_TIMEOUT, redis.pttl(block_key(address))).await {
            Ok(Ok(left)) => left,
            Ok(Err(_)) | Err(_) => return None,
        };
        let left = u64::try_from(left).ok()?;
        Some(Instant::now() + Duration::from_millis(left))
    }

    /// Counts a failed authentication, and blocks the address at the last one that is permitted. The same credential
    /// counts once in a window: a program with an old key is no guesser, and others share its address.
    pub async fn note_failure(&self, address: IpAddr, credential: &[u8; 32]) {
        if any_contains(&self.allowlist, address) {
            return;
        }
        let address = client_network(address);
        let is_blocked = match self.count_in_redis(address, credential).await {
            Ok(is_blocked) => is_blocked,
            Err(reason) => {
                tracing::warn!(reason, "failed authentications are counted in this process");
                self.own().note(address, *credential, Instant::now())
            }
        };
        if !is_blocked {
            return;
        }
        tracing::error!(
            %address,
            block_seconds = self.block_seconds,
            "address blocked after failed authentications"
        );
        metrics::counter!(IP_BLOCKS).increment(1);
        // Also when Redis imposed the block, so that it outlives a flush of Redis here.
        self.own().block(address, Instant::now());
    }

    async fn count_in_redis(&self, address: IpAddr, credential: &[u8; 32]) -> Result<bool, String> {
        let block = block_key(address);
        let mut call = self.script.key(format!("{block}:failures"));
        call.key(&block)
            .arg(self.failures.limit)
            .arg(u64::from(self.failures.window_seconds) * 1_000)
            .arg(self.block_seconds)
            .arg(hex::encode(credential));
        let mut redis = self.redis.clone();
        let answer = tokio::time::timeout(REDIS_TIMEOUT, call.invoke_async::<u8>(&mut redis)).await;
        let is_blocked = answer
            .map_err(|_| "no answer in time".to_owned())?
            .map_err(|error| error.to_string())?;
        Ok(is_blocked == 1)
    }

    fn own(&self) -> MutexGuard<'_, FailureWindow> {
        self.own.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn block_key(address: IpAddr) -> String {
    keys::rate_bucket("blocked", &address.to_string())
}
