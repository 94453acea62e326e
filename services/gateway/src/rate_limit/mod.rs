//! Rate limits as token buckets: in Redis, shared by all gateways, or in this process while Redis is down.
//!
//! When Redis fails, a bucket of the same size in this process decides, and the response says so
//! (`X-RateLimit-Mode: local`). So N gateways may grant N times a limit during an outage, which is better than none.
//! Policies that must not be granted so are refused meanwhile.

pub mod policy;
pub mod redis;
pub mod token_bucket;

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use actix_web::http::header::{HeaderMap, HeaderName, HeaderValue};
use contracts::keys;
use contracts::problem::ProblemKind;
use jiff::Timestamp;
use platform::redis::Connection;
use thread_local::ThreadLocal;

use self::policy::{Quota, RateLimitPolicy, RateLimitSettings, Subject};
use self::redis::{SharedBuckets, SharedError};
use self::token_bucket::{Bucket, Taken};
use crate::auth::{Identity, Tier, limit_override};
use crate::bounded_map::evict;
use crate::error::ApiError;
use crate::request_context::client_network;

/// After a failure, requests do not wait for Redis again during this time.
const REDIS_PAUSE: Duration = Duration::from_secs(1);

/// Most buckets kept in this process; full ones are forgotten first.
const MAX_LOCAL_BUCKETS: usize = 50_000;

const POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");
const STATE: HeaderName = HeaderName::from_static("ratelimit");
const LIMIT: HeaderName = HeaderName::from_static("x-ratelimit-limit");
const REMAINING: HeaderName = HeaderName::from_static("x-ratelimit-remaining");
const RESET: HeaderName = HeaderName::from_static("x-ratelimit-reset");
const MODE: HeaderName = HeaderName::from_static("x-ratelimit-mode");

/// All buckets of this installation.
pub struct RateLimiter {
    redis: Connection,
    /// Those of this thread: each worker has a connection and queues of its own, so that no check waits for another
    /// thread to be woken, neither to send its call nor to be told the answer.
    shared: ThreadLocal<SharedBuckets>,
    settings: RateLimitSettings,
    local: Mutex<HashMap<String, (Quota, Bucket)>>,
    paused_until: Mutex<Option<Instant>>,
    started: Instant,
}

/// The outcome of one check, with what the headers say about it.
#[derive(Debug, Clone, Copy)]
pub struct RateLimitOutcome {
    policy: RateLimitPolicy,
    quota: Quota,
    taken: Taken,
    local: bool,
}

impl RateLimiter {
    /// A limiter that counts in `redis`.
    pub fn new(redis: Connection, settings: RateLimitSettings) -> Self {
        Self {
            redis,
            shared: ThreadLocal::new(),
            settings,
            local: Mutex::default(),
            paused_until: Mutex::default(),
            started: Instant::now(),
        }
    }

    /// The bucket of a caller under `policy`. An override has a bucket of its own where it is for a key, or the limit is
    /// one of addresses: two sizes of one bucket would each undo what the other counts.
    pub fn bucket_of(
        &self,
        policy: RateLimitPolicy,
        caller: Option<&Identity>,
        address: IpAddr,
        now: Timestamp,
    ) -> (String, Quota) {
        let override_of = |caller: &Identity| {
            let found = limit_override::find(&caller.limits, policy.name(), now)?;
            let subject = if found.is_of_key {
                caller.key_id
            } else {
                Some(caller.user_id)
            };
            let quota = Quota {
                limit: found.requests,
                window_seconds: found.window_seconds?,
            };
            Some((subject?.to_string(), quota))
        };
        let (subject, quota) = caller.and_then(override_of).unwrap_or_else(|| {
            let subject = match (policy.subject(), caller) {
                (Subject::User, Some(caller)) => caller.user_id.to_string(),
                (Subject::User | Subject::Ip, _) => client_network(address).to_string(),
            };
            let tier = caller.map_or(Tier::Basic, |caller| caller.tier);
            (subject, self.settings.quota(policy, tier))
        });
        (keys::rate_bucket(policy.bucket(), &subject), quota)
    }

    /// Takes a token from the bucket of a caller under `policy`.
    pub async fn check(
        &self,
        policy: RateLimitPolicy,
        caller: Option<&Identity>,
        address: IpAddr,
        now: Timestamp,
    ) -> RateLimitOutcome {
        let (key, quota) = self.bucket_of(policy, caller, address, now);
        self.decide(policy, &key, quota).await
    }

    /// Takes a token from the bucket of something else than a caller, such as the name of a log-in.
    pub async fn check_subject(&self, policy: RateLimitPolicy, subject: &str) -> RateLimitOutcome {
        let key = keys::rate_bucket(policy.bucket(), subject);
        self.decide(policy, &key, self.settings.quota(policy, Tier::Basic))
            .await
    }

    /// Takes a token from the bucket that all clients share under `policy`, where there is one.
    pub async fn check_total(&self, policy: RateLimitPolicy) -> Option<RateLimitOutcome> {
        let quota = self.settings.total(policy)?;
        let key = keys::rate_bucket(&format!("{}-total", policy.bucket()), "all");
        Some(self.decide(policy, &key, quota).await)
    }

    /// How many tokens each of these buckets has, as Redis knows it or, while it is down, this process.
    pub async fn remaining(&self, buckets: &[(String, Quota)]) -> Vec<u32> {
        if !self.is_paused()
            && let Ok(remaining) = redis::remaining(&self.redis, buckets).await
        {
            return remaining;
        }
        let now = self.elapsed_us();
        let local = self.local.lock().unwrap_or_else(PoisonError::into_inner);
        let remaining = |(key, quota): &(String, Quota)| {
            let bucket = local.get(key).map(|(_, bucket)| *bucket);
            token_bucket::remaining(*quota, bucket, now)
        };
        buckets.iter().map(remaining).collect()
    }

    async fn decide(&self, policy: RateLimitPolicy, key: &str, quota: Quota) -> RateLimitOutcome {
        let (taken, local) = self.take(key, quota).await;
        RateLimitOutcome {
            policy,
            quota,
            taken,
            local,
        }
    }

    /// Takes a token from the bucket `key`; says too whether this process decided alone.
    pub async fn take(&self, key: &str, quota: Quota) -> (Taken, bool) {
        if !self.is_paused() {
            match self.take_shared(key, quota).await {
                Ok(taken) => return (taken, false),
                Err(error) => {
                    tracing::warn!(%error, "rate limits are counted in this process");
                    *self.lock_pause() = Some(Instant::now() + REDIS_PAUSE);
                }
            }
        }
        (self.take_locally(key, quota), true)
    }

    async fn take_shared(&self, key: &str, quota: Quota) -> Result<Taken, SharedError> {
        let shared = self.shared.get_or_try(|| {
            let redis = self
                .redis
                .separate()
                .map_err(|error| SharedError::Redis(Arc::new(error)))?;
            Ok(SharedBuckets::new(redis))
        })?;
        shared.take(key, quota).await
    }

    fn take_locally(&self, key: &str, quota: Quota) -> Taken {
        let now = self.elapsed_us();
        let mut buckets = self.local.lock().unwrap_or_else(PoisonError::into_inner);
        evict(&mut buckets, MAX_LOCAL_BUCKETS, |(quota, bucket)| {
            !bucket.is_full(*quota, now)
        });
        // The lock is held for this arithmetic only, never across an await.
        let known = buckets.get(key).map(|(_, bucket)| *bucket);
        let (taken, bucket) = token_bucket::take(quota, known, now);
        buckets.insert(key.to_owned(), (quota, bucket));
        taken
    }

    fn elapsed_us(&self) -> u64 {
        u64::try_from(self.started.elapsed().as_micros()).unwrap_or(u64::MAX)
    }

    fn is_paused(&self) -> bool {
        self.lock_pause().is_some_and(|until| Instant::now() < until)
    }

    fn lock_pause(&self) -> std::sync::MutexGuard<'_, Option<Instant>> {
        self.paused_until.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl RateLimitOutcome {
    /// The refusal, if there was no token, or nobody who counts for all gateways.
    pub fn refusal(&self) -> Option<ApiError> {
        if self.is_uncounted() {
            return Some(ApiError::new(ProblemKind::LimiterUnavailable).retry_after(1));
        }
        let Quota { limit, window_seconds } = self.quota;
        (!self.taken.allowed).then(|| {
            ApiError::new(ProblemKind::RateLimited)
                .detail(format!(
                    "Rate limit exceeded. Maximum {limit} requests per {window_seconds} seconds."
                ))
                .retry_after(seconds(self.taken.next_in_us))
        })
    }

    /// Whether this process would have to decide alone where it must not.
    fn is_uncounted(&self) -> bool {
        self.local && self.policy.needs_shared_buckets()
    }

    /// Writes the headers that every limited response carries.
    pub fn write_headers(&self, headers: &mut HeaderMap, now: Timestamp) {
        if self.is_uncounted() {
            return;
        }
        let Quota { limit, window_seconds } = self.quota;
        let name = self.policy.name();
        let remaining = self.taken.remaining;
        let full_in = seconds(self.taken.full_in_us);
        let wait = if self.taken.allowed {
            full_in
        } else {
            seconds(self.taken.next_in_us).max(1)
        };
        let reset = now.as_second() + i64::try_from(full_in).unwrap_or(i64::MAX / 2);
        headers.insert(
            POLICY,
            structured_item(name, [("q", limit.into()), ("w", window_seconds.into())]),
        );
        headers.insert(STATE, structured_item(name, [("r", remaining.into()), ("t", wait)]));
        headers.insert(LIMIT, HeaderValue::from(limit));
        headers.insert(REMAINING, HeaderValue::from(remaining));
        headers.insert(RESET, HeaderValue::from(reset));
        if self.local {
            headers.insert(MODE, HeaderValue::from_static("local"));
        }
    }
}

fn seconds(microseconds: u64) -> u64 {
    microseconds.div_ceil(1_000_000)
}

/// The item `name` with two parameters as a structured field (RFC 8941). It is written by hand because every response
/// has two of them, and `format!` takes several times as long.
fn structured_item(name: &str, parameters: [(&str, u64); 2]) -> HeaderValue {
    let mut digits = itoa::Buffer::new();
    let mut text = String::with_capacity(64);
    text.push('"');
    text.push_str(name);
    text.push('"');
    for (key, value) in parameters {
        text.push(';');
        text.push_str(key);
        text.push('=');
        text.push_str(digits.format(value));
    }
    // Names of policies are letters, so this never fails.
    HeaderValue::try_from(text).unwrap_or_else(|_| HeaderValue::from_static(""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_name_the_policy_its_quota_and_what_is_left() {
        let outcome = RateLimitOutcome {
            policy: RateLimitPolicy::Rates,
            quota: Quota {
                limit: 60,
                window_seconds: 10,
            },
            taken: Taken {
                allowed: true,
                remaining: 59,
                full_in_us: 166_667,
                next_in_us: 0,
            },
            local: true,
        };
        let mut headers = HeaderMap::new();
        outcome.write_headers(&mut headers, Timestamp::from_second(1_700_000_000).unwrap());
        let value = |name: &str| headers.get(name).unwrap().to_str().unwrap();
        assert_eq!(value("ratelimit-policy"), "\"rates\";q=60;w=10");
        assert_eq!(value("ratelimit"), "\"rates\";r=59;t=1");
        assert_eq!(value("x-ratelimit-limit"), "60");
        assert_eq!(value("x-ratelimit-remaining"), "59");
        assert_eq!(value("x-ratelimit-reset"), "1700000001");
        assert_eq!(value("x-ratelimit-mode"), "local");
    }
}
