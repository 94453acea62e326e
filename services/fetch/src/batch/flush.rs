//! Flushing a batch: one request to the provider, one record, one result for all.

use std::time::Duration;

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

/// What has to be left of the first waiter's time when the price is stored.
const ANSWER_MARGIN: Duration = Duration::from_millis(250);

/// Whether a flush still has its lease.
enum Renewal {
    Until(Instant),
    /// The batch belongs to another flush, or has its result.
    Lost,
    /// Redis did not answer. The result is refused if the lease is lost, and its record is unique.
    Unknown,
}

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
            match self.renew(&coin_id, batch_id, owner).await {
                Renewal::Until(renewed) => {
                    lease_until = renewed;
                    answer = self.coalescer.price(&coin_id).await;
                }
                Renewal::Lost => return,
                // Without its lease it does not ask again, but what it has is still the batch's.
                Renewal::Unknown => {}
            }
        }
        let outcome = match answer.price {
            Ok(price) => {
                // Storing takes its time too, and a second flush would cost a request to the provider.
                if lease_until.saturating_duration_since(Instant::now()) < STORE_TIMEOUT
                    && matches!(self.renew(&coin_id, batch_id, owner).await, Renewal::Lost)
                {
                    return;
                }
                // A price that cannot be stored in time is still an answer.
                let time_left = gives_up_at.saturating_duration_since(Instant::now());
                let longest = time_left.saturating_sub(ANSWER_MARGIN).min(STORE_TIMEOUT);
                Outcome::Price(self.persist(&coin_id, batch_id, price, longest).await)
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

    /// Begins the lease anew.
    async fn renew(&self, coin: &CoinId, batch_id: Uuid, owner: Uuid) -> Renewal {
        let until = Instant::now() + self.coordinator.rules().lease;
        match self.coordinator.renew(coin, batch_id, owner).await {
            Ok(true) => Renewal::Until(until),
            Ok(false) => Renewal::Lost,
            Err(error) => {
                tracing::warn!(error = format!("{error:#}"), %batch_id, "a flush does not know whether it has its lease");
                Renewal::Unknown
            }
        }
    }

    /// Stores the price. If an earlier flush of this batch has stored one, that is the price of the batch.
    async fn persist(&self, coin: &CoinId, batch_id: Uuid, price: FetchedPrice, longest: Duration) -> FetchedPrice {
        match self.records.store(coin, batch_id, &price, longest).await {
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
