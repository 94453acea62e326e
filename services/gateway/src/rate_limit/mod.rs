//! Rate limits as token buckets: in Redis, shared by all gateways, or in this process while Redis is down.
//!
//! When Redis fails, a bucket of the same size in this process decides, and the response says so
//! (`X-RateLimit-Mode: local`). So N gateways may grant N times a limit during an outage, which is better than none.

pub mod policy;
pub mod redis;
pub mod token_bucket;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use actix_web::http::header::{HeaderMap, HeaderName, HeaderValue};
use contracts::keys;
use contracts::problem::ProblemKind;
use jiff::Timestamp;
use platform::redis::Connection;

use self::policy::{Quota, RateLimitPolicy, RateLimitSettings};
use self::redis::SharedBuckets;
use self::token_bucket::{Bucket, Taken};
use crate::bounded_map::evict;
use crate::error::ApiError;

/// After a failure, requests do not wait for Redis again during this time.
const REDIS_PAUSE: Duration = Duration::from_secs(1);

/// Most buckets kept in this process; full ones are forgotten first.
const MAX_LOCAL_BUCKETS: usize = 50_000;

/// All buckets of this installation.
pub struct RateLimiter {
    shared: Arc<SharedBuckets>,
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
            shared: Arc::new(SharedBuckets::new(redis)),
            settings,
            local: Mutex::default(),
            paused_until: Mutex::default(),
            started: Instant::now(),
        }
    }

    /// Takes a token from the bucket of `subject` under `policy`.
    pub async fn check(&self, policy: RateLimitPolicy, subject: &str, tier: crate::auth::Tier) -> RateLimitOutcome {
        let key = keys::rate_bucket(policy.bucket(), subject);
        self.decide(policy, &key, self.settings.quota(policy, tier)).await
    }

    /// Takes a token from the bucket that all clients share under `policy`, where there is one; gives the refusal.
    pub async fn check_total(&self, policy: RateLimitPolicy) -> Option<ApiError> {
        let quota = self.settings.total(policy)?;
        let key = keys::rate_bucket(&format!("{}-total", policy.bucket()), "all");
        self.decide(policy, &key, quota).await.refusal()
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
            match self.shared.take(key, quota).await {
                Ok(taken) => return (taken, false),
                Err(error) => {
                    tracing::warn!(%error, "rate limits are counted in this process");
                    *self.lock_pause() = Some(Instant::now() + REDIS_PAUSE);
                }
            }
        }
        (self.take_locally(key, quota), true)
    }

    fn take_locally(&self, key: &str, quota: Quota) -> Taken {
        let now = u64::try_from(self.started.elapsed().as_micros()).unwrap_or(u64::MAX);
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

    fn is_paused(&self) -> bool {
        self.lock_pause().is_some_and(|until| Instant::now() < until)
    }

    fn lock_pause(&self) -> std::sync::MutexGuard<'_, Option<Instant>> {
        self.paused_until.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl RateLimitOutcome {
    /// The refusal, if there was no token.
    pub fn refusal(&self) -> Option<ApiError> {
        let Quota { limit, window_seconds } = self.quota;
        (!self.taken.allowed).then(|| {
            ApiError::new(ProblemKind::RateLimited)
                .detail(format!(
                    "Rate limit exceeded. Maximum {limit} requests per {window_seconds} seconds."
                ))
                .retry_after(seconds(self.taken.next_in_us))
        })
    }

    /// Writes the headers that every limited response carries.
    pub fn write_headers(&self, headers: &mut HeaderMap, now: Timestamp) {
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
        put(
            headers,
            "ratelimit-policy",
            format!("\"{name}\";q={limit};w={window_seconds}"),
        );
        put(headers, "ratelimit", format!("\"{name}\";r={remaining};t={wait}"));
        let mut put_number =
            |name, number: i64| headers.insert(HeaderName::from_static(name), HeaderValue::from(number));
        put_number("x-ratelimit-limit", limit.into());
        put_number("x-ratelimit-remaining", remaining.into());
        put_number("x-ratelimit-reset", reset);
        if self.local {
            put(headers, "x-ratelimit-mode", "local".to_owned());
        }
    }
}

fn seconds(microseconds: u64) -> u64 {
    microseconds.div_ceil(1_000_000)
}

fn put(headers: &mut HeaderMap, name: &'static str, value: String) {
    if let Ok(value) = HeaderValue::try_from(value) {
        headers.insert(HeaderName::from_static(name), value);
    }
}
