//! Attending to a batch while requests of this process wait for it: its timer, its claim, and its result.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, sleep_until};
use uuid::Uuid;

use super::Batcher;
use super::coordinator::Claim;
use super::outcome::Failure;
use super::waiters::LocalBatch;

/// Between looks at a batch while results are not heard of, or Redis does not answer.
const RECHECK: Duration = Duration::from_millis(250);

/// The same while they should be heard of: a connection can be dead for long before it fails.
const SUBSCRIBED_RECHECK: Duration = Duration::from_secs(1);

/// Timers of Redis end within a millisecond.
const ROUNDING: Duration = Duration::from_millis(1);

impl Batcher {
    /// Attends to a batch until its result is here or nobody waits for it any more.
    pub(super) fn attend(&self, batch: Arc<LocalBatch>) {
        let batcher = self.clone();
        self.runtime.spawn(async move {
            tokio::select! {
                () = batch.until_delivered() => {}
                () = batch.abandoned.cancelled() => {}
                () = batcher.attend_to(&batch) => {}
            }
        });
    }

    /// Never returns.
    async fn attend_to(&self, batch: &Arc<LocalBatch>) {
        let mut owner = Uuid::now_v7();
        let mut is_subscribed = self.is_subscribed.clone();
        // At once: this tells when the window ends, or what was announced between admission and now.
        let mut claim_at = Instant::now();
        loop {
            let recheck = if *is_subscribed.borrow_and_update() {
                SUBSCRIBED_RECHECK
            } else {
                RECHECK
            };
            let recheck_at = claim_at.min(Instant::now() + recheck);
            tokio::select! {
                () = batch.filled_here.notified() => claim_at = Instant::now(),
                // Another process flushes it, unless it dies.
                () = batch.filled_anywhere.notified() => {
                    claim_at = claim_at.min(Instant::now() + self.coordinator.rules().lease);
                }
                // What was announced before this moment was missed.
                Ok(()) = is_subscribed.changed() => claim_at = Instant::now(),
                () = sleep_until(recheck_at) => {
                    if Instant::now() < claim_at {
                        self.look_up(batch).await;
                    } else {
                        claim_at = Instant::now() + self.claim(batch, &mut owner).await;
                    }
                }
            }
        }
    }

    /// Tries to become the one who flushes; gives the time until the next try. Each flush has an owner of its own, so
    /// that a process can take over from itself.
    async fn claim(&self, batch: &Arc<LocalBatch>, owner: &mut Uuid) -> Duration {
        let claim = match self.coordinator.claim(&batch.coin, batch.batch_id, *owner).await {
            Ok(claim) => claim,
            Err(error) => {
                tracing::warn!(error = format!("{error:#}"), batch_id = %batch.batch_id, "a batch waits for Redis");
                return RECHECK;
            }
        };
        match claim {
            Claim::Granted(grant) => {
                let (batcher, coin, batch_id) = (self.clone(), batch.coin.clone(), batch.batch_id);
                let flusher = std::mem::replace(owner, Uuid::now_v7());
                self.runtime
                    .spawn(async move { batcher.flush(coin, batch_id, flusher, grant).await });
                self.coordinator.rules().lease
            }
            Claim::Early(left) | Claim::Busy(left) => left + ROUNDING,
            Claim::Done => {
                self.look_up(batch).await;
                RECHECK
            }
            // Whoever was late may still bring a result.
            Claim::Late => self.coordinator.rules().result_timeout,
            Claim::Gone => {
                batch.deliver(Err(Failure::LOST));
                RECHECK
            }
        }
    }

    async fn look_up(&self, batch: &LocalBatch) {
        match self.coordinator.find_result(&batch.coin, batch.batch_id).await {
            Ok(Some(result)) => batch.deliver(Ok(Arc::new(result))),
            Ok(None) => {}
            Err(error) => tracing::debug!(error = format!("{error:#}"), "no look at a batch"),
        }
    }
}
