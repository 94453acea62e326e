//! Buckets in Redis, shared by all gateways. Checks of one bucket share calls of an atomic script.

use std::sync::Arc;
use std::time::Duration;

use platform::redis::Connection;

use super::policy::Quota;
use super::token_bucket::{self, Bucket, Taken};
use crate::shared_calls::{SharedCall, SharedCalls};

/// A slow limiter would make every request slow; after this time the process decides by itself.
pub const REDIS_TIMEOUT: Duration = Duration::from_millis(300);

/// Why Redis did not decide.
#[derive(Debug, Clone, thiserror::Error)]
pub enum SharedError {
    #[error("no answer in time")]
    Timeout,
    /// It refused, or cannot be reached.
    #[error("{0}")]
    Redis(Arc<redis::RedisError>),
    /// This process is stopping.
    #[error("the call was given up")]
    Stopped,
}

/// The buckets in one Redis.
pub struct SharedBuckets(Arc<SharedCalls<TakeTokens>>);

impl SharedBuckets {
    pub fn new(redis: Connection) -> Self {
        let script = redis::Script::new(token_bucket::SCRIPT);
        Self(Arc::new(SharedCalls::new(TakeTokens { redis, script })))
    }

    /// Takes a token from the bucket `key`.
    ///
    /// # Errors
    ///
    /// Redis did not decide. A token may be gone all the same.
    pub async fn take(&self, key: &str, quota: Quota) -> Result<Taken, SharedError> {
        self.0.check(key, quota).await.unwrap_or(Err(SharedError::Stopped))
    }
}

/// Takes as many tokens at once as there are checks, and derives what each of them is told.
struct TakeTokens {
    redis: Connection,
    script: redis::Script,
}

impl SharedCall for TakeTokens {
    type Terms = Quota;
    type Answer = Taken;
    type Error = SharedError;

    async fn call(&self, key: &str, quota: &Quota, wanted: usize) -> Result<Vec<Taken>, SharedError> {
        let mut redis = self.redis.clone();
        let mut call = self.script.key(key);
        call.arg(quota.limit)
            .arg(u64::from(quota.window_seconds) * 1_000_000)
            .arg(wanted);
        let tokens: f64 = in_time(call.invoke_async(&mut redis)).await?;
        Ok(Bucket::holding(tokens).take_in_turn(*quota).take(wanted).collect())
    }
}

/// What Redis answers in time.
pub async fn in_time<T>(call: impl Future<Output = redis::RedisResult<T>>) -> Result<T, SharedError> {
    within(REDIS_TIMEOUT, call).await
}

/// What Redis answers within some time.
pub async fn within<T>(time: Duration, call: impl Future<Output = redis::RedisResult<T>>) -> Result<T, SharedError> {
    tokio::time::timeout(time, call)
        .await
        .map_err(|_| SharedError::Timeout)?
        .map_err(|error| SharedError::Redis(Arc::new(error)))
}

/// How many tokens each of these buckets has.
pub async fn remaining(redis: &Connection, buckets: &[(String, Quota)]) -> Result<Vec<u32>, SharedError> {
    let mut pipe = redis::pipe();
    pipe.cmd("TIME");
    for (key, _) in buckets {
        pipe.get(key);
    }
    let mut redis = redis.clone();
    let answers: Vec<redis::Value> = in_time(pipe.query_async(&mut redis)).await?;
    let read = |answers: Vec<redis::Value>| -> redis::RedisResult<Vec<u32>> {
        let mut answers = answers.into_iter();
        let (seconds, microseconds): (u64, u64) = redis::from_redis_value(answers.next().unwrap_or_default())?;
        let now = seconds * 1_000_000 + microseconds;
        answers
            .zip(buckets)
            .map(|(stored, (_, quota))| {
                let stored: Option<String> = redis::from_redis_value(stored)?;
                let bucket = stored.as_deref().and_then(Bucket::parse);
                Ok(token_bucket::remaining(*quota, bucket, now))
            })
            .collect()
    };
    read(answers).map_err(|error| SharedError::Redis(Arc::new(error)))
}
