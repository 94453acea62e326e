//! Failed authentications, and the blocks that follow, as all gateways count them in Redis.

use std::net::IpAddr;
use std::time::{Duration, Instant};

use contracts::keys;
use jiff::{SignedDuration, Timestamp};
use platform::redis::Connection;
use redis::AsyncCommands;

use crate::error::ApiError;
use crate::rate_limit::policy::Quota;
use crate::rate_limit::redis::{SharedError, in_time};

/// Blocks that are listed at most.
const MAX_LISTED: usize = 10_000;

/// Keys that Redis looks at in one step of a scan.
const SCAN_COUNT: usize = 1_000;

/// Counts a failure among those of the last window, exactly, and blocks at the last one that is permitted.
///
/// `KEYS` failures, block; `ARGV` failures permitted, window in milliseconds, seconds of the block, hash of the
/// credential. Answers 1 if the address is blocked now. The block says when it began, and after how many failures.
const SCRIPT: &str = r"
local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now - tonumber(ARGV[2]))
redis.call('ZADD', KEYS[1], now, ARGV[4])
redis.call('PEXPIRE', KEYS[1], ARGV[2])
if redis.call('ZCARD', KEYS[1]) < tonumber(ARGV[1]) then return 0 end
redis.call('DEL', KEYS[1])
redis.call('SET', KEYS[2], string.format('%.0f %s', now, ARGV[1]), 'EX', ARGV[3])
return 1
";

/// A block after failed authentications.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KnownBlock {
    pub address: IpAddr,
    pub blocked_at: Timestamp,
    pub blocked_until: Timestamp,
    pub failures: u32,
}

/// The failures and blocks in one Redis.
pub struct ImposedBlocks {
    redis: Connection,
    script: redis::Script,
    failures: Quota,
    pub block_seconds: u32,
}

impl ImposedBlocks {
    pub fn new(redis: Connection, failures: Quota, block_seconds: u32) -> Self {
        Self {
            redis,
            script: redis::Script::new(SCRIPT),
            failures,
            block_seconds,
        }
    }

    /// The end of a block. Without Redis nobody is blocked: an outage must not lock callers out.
    pub async fn end_of(&self, address: IpAddr) -> Option<Instant> {
        let mut redis = self.redis.clone();
        let left: i64 = in_time(redis.pttl(block_key(&address.to_string()))).await.ok()?;
        let left = u64::try_from(left).ok()?;
        Some(Instant::now() + Duration::from_millis(left))
    }

    /// Counts a failure. True if it is the last one that is permitted, so that the address is blocked now.
    ///
    /// # Errors
    ///
    /// Redis does not answer in time.
    pub async fn note_failure(&self, address: IpAddr, credential: &[u8; 32]) -> Result<bool, SharedError> {
        let block = block_key(&address.to_string());
        let mut call = self.script.key(failures_key(&block));
        call.key(&block)
            .arg(self.failures.limit)
            .arg(u64::from(self.failures.window_seconds) * 1_000)
            .arg(self.block_seconds)
            .arg(hex::encode(credential));
        let mut redis = self.redis.clone();
        let is_blocked: u8 = in_time(call.invoke_async(&mut redis)).await?;
        Ok(is_blocked == 1)
    }

    /// Removes a block and the failures of an address. False if it was not blocked.
    ///
    /// # Errors
    ///
    /// Redis does not answer.
    pub async fn remove(&self, address: IpAddr) -> Result<bool, ApiError> {
        let block = block_key(&address.to_string());
        let mut redis = self.redis.clone();
        let (blocks, _): (u32, u32) = redis::pipe()
            .atomic()
            .del(&block)
            .del(failures_key(&block))
            .query_async(&mut redis)
            .await?;
        Ok(blocks > 0)
    }

    /// All blocks. They are found by looking through the keys, so that no second record of them can say something else.
    ///
    /// # Errors
    ///
    /// Redis does not answer.
    pub async fn list(&self, now: Timestamp) -> Result<Vec<KnownBlock>, ApiError> {
        let mut redis = self.redis.clone();
        let (mut found, mut cursor) = (Vec::new(), 0_u64);
        loop {
            let mut scan = redis::cmd("SCAN");
            scan.arg(cursor)
                .arg("MATCH")
                .arg(block_key("*"))
                .arg("COUNT")
                .arg(SCAN_COUNT);
            let (next, keys): (u64, Vec<String>) = scan.query_async(&mut redis).await?;
            for key in keys {
                let mut read = redis::pipe();
                let (value, left): (Option<String>, i64) = read.get(&key).pttl(&key).query_async(&mut redis).await?;
                found.extend(value.and_then(|value| self.parse(&key, &value, left, now)));
            }
            cursor = next;
            if cursor == 0 || found.len() >= MAX_LISTED {
                break;
            }
        }
        // A scan may give a key twice.
        found.sort_by_key(|block| (block.address, block.blocked_at));
        found.dedup_by_key(|block| block.address);
        Ok(found)
    }

    fn parse(&self, key: &str, value: &str, left_ms: i64, now: Timestamp) -> Option<KnownBlock> {
        let address = key.strip_prefix("{rl:blocked:")?.strip_suffix('}')?.parse().ok()?;
        let left = SignedDuration::from_millis(left_ms);
        let blocked_until = now.checked_add(left).ok().filter(|_| left_ms > 0)?;
        // An earlier version wrote `1`.
        let (began, failures) = value.split_once(' ').unwrap_or_default();
        let began = began.parse().ok().and_then(|at| Timestamp::from_millisecond(at).ok());
        let block = SignedDuration::from_secs(self.block_seconds.into());
        Some(KnownBlock {
            address,
            blocked_at: began.or_else(|| blocked_until.checked_sub(block).ok())?,
            blocked_until,
            failures: failures.parse().unwrap_or(self.failures.limit),
        })
    }
}

/// The network that an address stands for, in CIDR notation.
pub fn network_text(address: IpAddr) -> String {
    let length = if address.is_ipv4() { 32 } else { 64 };
    format!("{address}/{length}")
}

fn block_key(address: &str) -> String {
    keys::rate_bucket("blocked", address)
}

fn failures_key(block: &str) -> String {
    format!("{block}:failures")
}
