//! Flushing a batch: one request to the provider, one record, one result for all.

use contracts::number::Number;
use contracts::time::Time;
use domain::coin_id::CoinId;
use platform::backoff::Backoff;
use platform::retry::{Limit, retry};
use tokio::time::Instant;
use uuid::Uuid;

use super::Batcher;
use super::coordinator::Grant;
use super::outcome::{BatchResult, FetchedPrice, Outcome};
use super::records::STORE_TIMEOUT;
use crate::metrics::{BATCH_CLAIMS, BATCHES};

impl Batcher {
    /// Flushes a batch that belongs to `owner`, unless another process takes it over meanwhile.
    pub(super) async fn flush(&self, coin_id: CoinId, batch_id: Uuid, owner: Uuid, grant: Grant) {
        metrics::counter!(BATCH_CLAIMS, "trigger" => grant.trigger.as_str()).increment(1);
        let claimed_at = Instant::now();
        let gives_up_at = claimed_at + grant.time_left;
        let mut lease_until = claimed_at + self.coordinator.rules().lease;
        let mut answer = self.coalescer.price(&coin_id).await;
        let time_left = gives_up_at.saturating_duration_since(Instant::now());
        if answer.may_be_retried && self.coordinator.rules().may_retry(time_left) {
            let Some(renewed) = self.renew(&coin_id, batch_id, owner).await else {
                return;
            };
            lease_until = renewed;
            answer = self.coalescer.price(&coin_id).await;
        }
        let outcome = match answer.price {
            Ok(price) => {
                // Storing takes its time too, and a second flush would cost a request to the provider.
                if lease_until.saturating_duration_since(Instant::now()) < STORE_TIMEOUT
                    && self.renew(&coin_id, batch_id, owner).await.is_none()
                {
                    return;
                }
                Outcome::Price(self.persist(&coin_id, batch_id, price).await)
            }
            Err(failure) => Outcome::Failure(failure),
        };
        let result = BatchResult {
            coin_id,
            batch_id,
            size: grant.size,
            trigger: grant.trigger,
            outcome,
        };
        self.finish(result, owner).await;
    }

    /// Begins the lease anew and gives its end; `None` if the flush belongs to another process, or may do so soon.
    async fn renew(&self, coin: &CoinId, batch_id: Uuid, owner: Uuid) -> Option<Instant> {
        let until = Instant::now() + self.coordinator.rules().lease;
        match self.coordinator.renew(coin, batch_id, owner).await {
            Ok(is_ours) => is_ours.then_some(until),
            Err(error) => {
                tracing::warn!(error = format!("{error:#}"), %batch_id, "a flush is given up without its lease");
                None
            }
        }
    }

    /// Stores the price. If an earlier flush of this batch has stored one, that is the price of the batch.
    async fn persist(&self, coin: &CoinId, batch_id: Uuid, price: FetchedPrice) -> FetchedPrice {
        match self.records.store(coin, batch_id, &price).await {
            Ok(record) => FetchedPrice {
                price: Number(record.price.normalize()),
                fetched_at: Time(record.fetched_at),
                provider: record.provider,
                is_persisted: true,
            },
            Err(error) => {
                tracing::warn!(error = format!("{error:#}"), %batch_id, "a price is not stored yet");
                price
            }
        }
    }

    /// Stores and announces the result. It is given to nobody, not even here, before all others can have it.
    async fn finish(&self, result: BatchResult, owner: Uuid) {
        let limit = Limit::Elapsed(self.coordinator.rules().result_timeout);
        let finished = retry(
            Backoff::RECONNECT,
            limit,
            |_| self.coordinator.finish(&result, owner),
            |error: &anyhow::Error, attempt| {
                tracing::warn!(
                    error = format!("{error:#}"),
                    attempt,
                    "the result of a batch waits for Redis"
                );
            },
        )
        .await;
        match finished {
            Ok(true) => {}
            Ok(false) => {
                tracing::info!(batch_id = %result.batch_id, "a flush was taken over and its result dropped");
                return;
            }
            Err(error) => {
                tracing::error!(error = format!("{error:#}"), batch_id = %result.batch_id, "a batch has no result");
                return;
            }
        }
        let outcome = match &result.outcome {
            Outcome::Price(_) => "price",
            Outcome::Failure(failure) => failure.kind.slug(),
        };
        metrics::counter!(BATCHES, "trigger" => result.trigger.as_str(), "outcome" => outcome).increment(1);
        if let Outcome::Price(price) = &result.outcome
            && !price.is_persisted
        {
            self.records.defer(&result.coin_id, result.batch_id, price).await;
        }
        self.waiters.deliver(result);
    }
}
