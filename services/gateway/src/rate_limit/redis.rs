//! Buckets in Redis, shared by all gateways.
//!
//! A check is one call of an atomic script. Checks of one bucket that arrive while a call for it is in flight share the
//! next call, which takes as many tokens as there are checks. So a check waits for at most two calls, and a busy bucket
//! costs Redis one call per round trip instead of one per request (docs/adr/0005-checks-share-a-call.md).

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use platform::redis::Connection;
use tokio::sync::oneshot;

use super::policy::Quota;
use super::token_bucket::{self, Bucket, Taken};

/// A slow limiter would make every request slow; after this time the process decides by itself.
const REDIS_TIMEOUT: Duration = Duration::from_millis(300);

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

/// Who waits for a token.
type Waiting = oneshot::Sender<Result<Taken, SharedError>>;

/// Checks of one bucket that wait for the next call.
struct Queue {
    /// The quota of the newest check: a change of tier applies from the next call on.
    quota: Quota,
    waiting: Vec<Waiting>,
}

/// The buckets in one Redis.
pub struct SharedBuckets {
    redis: Connection,
    script: redis::Script,
    /// A bucket stands here as long as calls for it are under way.
    queues: Mutex<HashMap<String, Queue>>,
}

impl SharedBuckets {
    pub fn new(redis: Connection) -> Self {
        Self {
            redis,
            script: redis::Script::new(token_bucket::SCRIPT),
            queues: Mutex::default(),
        }
    }

    /// Takes a token from the bucket `key`.
    ///
    /// # Errors
    ///
    /// Redis did not decide. A token may be gone all the same.
    pub async fn take(self: &Arc<Self>, key: &str, quota: Quota) -> Result<Taken, SharedError> {
        let (answer, taken) = oneshot::channel();
        if self.enqueue(key, quota, answer) {
            // A task of its own: if the first caller disconnects, its future is dropped while others wait for the
            // result.
            tokio::spawn(Calls::of(Arc::clone(self), key.to_owned()).run());
        }
        taken.await.unwrap_or(Err(SharedError::Stopped))
    }

    /// Whether nobody calls for this bucket yet.
    fn enqueue(&self, key: &str, quota: Quota, answer: Waiting) -> bool {
        let mut queues = self.lock();
        match queues.get_mut(key) {
            Some(queue) => {
                queue.quota = quota;
                queue.waiting.push(answer);
                false
            }
            None => {
                let waiting = vec![answer];
                queues.insert(key.to_owned(), Queue { quota, waiting });
                true
            }
        }
    }

    /// Takes up to `wanted` tokens at once. Gives what each check is told, in turn.
    async fn call(&self, key: &str, quota: Quota, wanted: usize) -> Result<impl Iterator<Item = Taken>, SharedError> {
        let mut redis = self.redis.clone();
        let mut call = self.script.key(key);
        call.arg(quota.limit)
            .arg(u64::from(quota.window_seconds) * 1_000_000)
            .arg(wanted);
        let tokens: f64 = tokio::time::timeout(REDIS_TIMEOUT, call.invoke_async(&mut redis))
            .await
            .map_err(|_| SharedError::Timeout)?
            .map_err(|error| SharedError::Redis(Arc::new(error)))?;
        Ok(Bucket::holding(tokens).take_in_turn(quota))
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Queue>> {
        self.queues.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Calls for one bucket, one after the other, until no check waits. Dropping it fails the checks that still wait.
struct Calls {
    buckets: Arc<SharedBuckets>,
    key: String,
    /// The queue has been removed; one that stands there now belongs to other calls.
    is_done: bool,
}

impl Calls {
    fn of(buckets: Arc<SharedBuckets>, key: String) -> Self {
        Self {
            buckets,
            key,
            is_done: false,
        }
    }

    async fn run(mut self) {
        loop {
            // Lets the other tasks of this thread run that have something to do: requests that have arrived already
            // share the call.
            tokio::task::yield_now().await;
            let Some((quota, waiting)) = self.next() else { return };
            let outcome = self.buckets.call(&self.key, quota, waiting.len()).await;
            // A send fails when the caller has disconnected; its token is spent.
            match outcome {
                Ok(taken) => waiting.into_iter().zip(taken).for_each(|(answer, taken)| {
                    let _ = answer.send(Ok(taken));
                }),
                Err(error) => waiting.into_iter().for_each(|answer| {
                    let _ = answer.send(Err(error.clone()));
                }),
            }
        }
    }

    /// The checks that wait now. Under one lock with the removal, so that no check is added to a queue that nobody
    /// serves.
    fn next(&mut self) -> Option<(Quota, Vec<Waiting>)> {
        let mut queues = self.buckets.lock();
        let queue = queues.get_mut(&self.key)?;
        if queue.waiting.is_empty() {
            queues.remove(&self.key);
            self.is_done = true;
            return None;
        }
        Some((queue.quota, std::mem::take(&mut queue.waiting)))
    }
}

impl Drop for Calls {
    fn drop(&mut self) {
        if !self.is_done {
            self.buckets.lock().remove(&self.key);
        }
    }
}
