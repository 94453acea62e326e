//! Batched prices: many requests for a coin become one request to a provider, over any number of instances.
//!
//! A request is admitted to the open batch of its coin and waits for the result in its process. A batch is flushed by
//! the process whose request filled it, or by the first whose timer fires at the end of the window; all processes with
//! waiters have such a timer, and a claim in Redis decides among them. The result is stored, then announced to all.
//! When a batch is full, that is announced too: if nothing comes of it within a lease, another process takes it over.

mod attend;
pub mod coalesce;
pub mod coordinator;
mod flush;
pub mod outcome;
pub mod records;
pub mod rules;
pub mod scripts;
pub mod sources;
pub mod subscription;
pub mod waiters;

use std::sync::Arc;
use std::time::Duration;

use contracts::api::price::{BatchTrigger, BatchedPriceBody};
use contracts::problem::ProblemKind;
use domain::coin_id::CoinId;
use platform::clock::SharedClock;
use platform::problem::Problem;
use tokio::runtime::Handle;
use tokio::sync::{oneshot, watch};
use tokio::time::{Instant, timeout, timeout_at};

use self::coalesce::Coalescer;
use self::coordinator::{Admission, Coordinator, Place};
use self::outcome::Failure;
use self::records::PriceRecords;
use self::waiters::{Waiter, Waiters};
use crate::metrics::PRICE_REQUESTS;

/// Answers requests for prices. Clones share everything.
#[derive(Clone)]
pub struct Batcher {
    pub coordinator: Coordinator,
    pub waiters: Waiters,
    pub coalescer: Coalescer,
    pub records: PriceRecords,
    /// Whether results are heard of as they are announced.
    pub is_subscribed: watch::Receiver<bool>,
    pub clock: SharedClock,
    /// Where flushes run: they have to outlive the connection, and the thread, of the request that began them.
    pub runtime: Handle,
}

impl Batcher {
    /// The price of a coin: a stored one that is no older than `max_age`, or that of a batch.
    ///
    /// # Errors
    ///
    /// The batch has no price, or no result in time, or Redis does not answer.
    pub async fn price(&self, coin: &CoinId, max_age: Duration) -> Result<BatchedPriceBody, Problem> {
        let answer = self.find_price(coin, max_age).await;
        let outcome = match &answer {
            Ok(body) if body.trigger == BatchTrigger::Cache => "cache",
            Ok(_) => "price",
            Err(problem) => problem.kind.slug(),
        };
        metrics::counter!(PRICE_REQUESTS, "outcome" => outcome).increment(1);
        answer
    }

    async fn find_price(&self, coin: &CoinId, max_age: Duration) -> Result<BatchedPriceBody, Problem> {
        if !max_age.is_zero()
            && let Some(stored) = self.stored_price(coin, max_age).await
        {
            return Ok(stored);
        }
        let started = Instant::now();
        let until = started + self.coordinator.rules().result_timeout;
        let Some(seat) = self.waiters.seat() else {
            let full = Problem::from(Failure::LOST).caused_by(anyhow::anyhow!("all seats are taken"));
            return Err(full.with_retry_after(1));
        };
        let Some(place) = self.admit(coin).await? else {
            return Err(Failure::UNKNOWN_COIN.into());
        };
        let (waiter, is_new) = seat.wait_for(coin, place.batch_id);
        let mut waiting = Waiting { batcher: self, waiter };
        if is_new {
            self.attend(Arc::clone(&waiting.waiter.batch));
        } else if place.is_last {
            waiting.waiter.batch.filled_here.notify_one();
        }
        let Ok(delivered) = timeout_at(until, waiting.waiter.delivered()).await else {
            return Err(Problem::new(
                ProblemKind::BatchResultTimeout,
                "The batch had no result in time.",
            ));
        };
        let wait_ms = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
        delivered?.answer(wait_ms)
    }

    /// A place in a batch; none for a coin that is known to be unknown.
    async fn admit(&self, coin: &CoinId) -> Result<Option<Place>, Problem> {
        let (coordinator, wanted) = (self.coordinator.clone(), coin.clone());
        // A task of its own: a request that Redis admits after it was given up, or whose client has disconnected, must
        // leave again, or it would fill a batch that it does not wait for.
        let (sender, admission) = oneshot::channel();
        self.runtime.spawn(async move {
            let admitted = coordinator.admit(&wanted).await;
            if let Err(Ok(Admission::Admitted(place))) = sender.send(admitted) {
                leave(&coordinator, &wanted, place.batch_id).await;
            }
        });
        let longest = self.coordinator.rules().admission_timeout;
        let admitted = match timeout(longest, admission).await {
            Ok(Ok(admitted)) => admitted,
            Ok(Err(_)) => Err(anyhow::anyhow!("the admission was given up")),
            Err(_) => Err(anyhow::anyhow!("no admission within {longest:?}")),
        };
        match admitted {
            Ok(Admission::Admitted(place)) => Ok(Some(place)),
            Ok(Admission::UnknownCoin) => Ok(None),
            Err(error) => Err(Problem::from(Failure::LOST).with_retry_after(1).caused_by(error)),
        }
    }

    /// The newest price of a coin, if it is young enough. Without Redis there is none, and admission says why.
    async fn stored_price(&self, coin: &CoinId, max_age: Duration) -> Option<BatchedPriceBody> {
        let longest = self.coordinator.rules().admission_timeout;
        let found = timeout(longest, self.coordinator.find_newest(coin)).await.ok()?;
        let stored = match found {
            Ok(stored) => stored?,
            Err(error) => {
                tracing::debug!(error = format!("{error:#}"), "no stored price");
                return None;
            }
        };
        let answer = stored.answer(0).ok()?;
        let age = self.clock.now().duration_since(answer.price.fetched_at.0);
        (age.unsigned_abs() <= max_age).then_some(BatchedPriceBody {
            trigger: BatchTrigger::Cache,
            ..answer
        })
    }
}

async fn leave(coordinator: &Coordinator, coin: &CoinId, batch_id: uuid::Uuid) {
    if let Err(error) = coordinator.leave(coin, batch_id).await {
        // The batch is flushed as if the request still waited.
        tracing::debug!(error = format!("{error:#}"), "a request cannot leave its batch");
    }
}

/// A request that waits. One that ends without a result, because its client disconnected or was told that it took too
/// long, leaves the batch if that is still open.
struct Waiting<'a> {
    batcher: &'a Batcher,
    waiter: Waiter,
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        if self.waiter.batch.is_delivered() {
            return;
        }
        let coordinator = self.batcher.coordinator.clone();
        let batch = Arc::clone(&self.waiter.batch);
        self.batcher
            .runtime
            .spawn(async move { leave(&coordinator, &batch.coin, batch.batch_id).await });
    }
}
