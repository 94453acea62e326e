//! The prices that batches fetched, in PostgreSQL: stored before they are answered, or later if PostgreSQL is away.
//!
//! What waits for PostgreSQL waits in Redis, so that it outlives this process. A record stands in the list until it is
//! stored, and storing it twice stores it once, so any number of instances may work on the list.

use std::time::Duration;

use anyhow::Context;
use contracts::api::price::VS_CURRENCY;
use contracts::keys;
use deadpool_postgres::Pool;
use domain::coin_id::CoinId;
use jiff::{SignedDuration, Timestamp};
use platform::clock::SharedClock;
use platform::postgres::StoreError;
use platform::redis::Connection;
use redis::AsyncCommands;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::outcome::FetchedPrice;
use crate::metrics::PRICE_RECORDS;
use crate::store::price_records::{self, PriceRecord};

/// How long an answer waits at most for its price to be stored.
pub const STORE_TIMEOUT: Duration = Duration::from_secs(1);

/// Most records that wait for PostgreSQL; older ones are dropped.
const MAX_DEFERRED: isize = 10_000;

/// How long they wait at most.
const DEFERRED_TTL: Duration = Duration::from_secs(7 * 24 * 3_600);

/// Records taken from the list at once.
const CHUNK: isize = 100;

/// Between looks at the list.
const RETRY_INTERVAL: Duration = Duration::from_secs(2);

/// Between two removals of old records.
const CLEANUP_INTERVAL: Duration = Duration::from_secs(3_600);

#[derive(Clone)]
pub struct PriceRecords {
    pub postgres: Pool,
    pub redis: Connection,
}

fn record(coin: &CoinId, batch_id: Uuid, price: &FetchedPrice) -> PriceRecord {
    PriceRecord {
        batch_id,
        coin_id: coin.clone(),
        vs_currency: VS_CURRENCY.to_owned(),
        price: price.price.0,
        fetched_at: price.fetched_at.0,
        provider: price.provider,
    }
}

impl PriceRecords {
    /// Stores the price of a batch within `longest`, and gives the record that the batch has: an earlier flush may have stored another.
    ///
    /// # Errors
    ///
    /// PostgreSQL does not answer in time, or refuses.
    pub async fn store(
        &self,
        coin: &CoinId,
        batch_id: Uuid,
        price: &FetchedPrice,
        longest: Duration,
    ) -> anyhow::Result<PriceRecord> {
        let record = record(coin, batch_id, price);
        let stored = timeout(longest, self.insert(&record)).await;
        let stored = stored.with_context(|| format!("not stored within {longest:?}"))??;
        metrics::counter!(PRICE_RECORDS, "outcome" => "written").increment(1);
        Ok(stored)
    }

    async fn insert(&self, record: &PriceRecord) -> Result<PriceRecord, StoreError> {
        let client = self.postgres.get().await?;
        price_records::insert(&client, record).await?;
        let stored = price_records::find(&client, record.batch_id).await?;
        // Removed already, if the retention is shorter than the moment between the two.
        Ok(stored.unwrap_or_else(|| record.clone()))
    }

    /// Puts the price of a batch where it is stored from as soon as PostgreSQL takes it.
    pub async fn defer(&self, coin: &CoinId, batch_id: Uuid, price: &FetchedPrice) {
        let deferred = self.push(&record(coin, batch_id, price)).await;
        let outcome = match deferred {
            Ok(()) => "deferred",
            Err(error) => {
                tracing::error!(error = format!("{error:#}"), %batch_id, "a price is missing in the history");
                "lost"
            }
        };
        metrics::counter!(PRICE_RECORDS, "outcome" => outcome).increment(1);
    }

    async fn push(&self, record: &PriceRecord) -> anyhow::Result<()> {
        let json = serde_json::to_string(record)?;
        let ttl = i64::try_from(DEFERRED_TTL.as_secs()).unwrap_or(i64::MAX);
        let list = keys::UNSTORED_PRICE_RECORDS;
        let () = redis::pipe()
            .rpush(list, json)
            .ignore()
            .ltrim(list, -MAX_DEFERRED, -1)
            .ignore()
            .expire(list, ttl)
            .ignore()
            .query_async(&mut self.redis.clone())
            .await
            .context("deferring a price record")?;
        Ok(())
    }

    /// Stores what waits; gives how many records that were.
    async fn store_deferred(&self) -> anyhow::Result<usize> {
        let list = keys::UNSTORED_PRICE_RECORDS;
        let mut stored = 0;
        loop {
            let chunk: Vec<String> = self.redis.clone().lrange(list, 0, CHUNK - 1).await?;
            if chunk.is_empty() {
                return Ok(stored);
            }
            let client = self.postgres.get().await?;
            for json in chunk {
                match serde_json::from_str(&json) {
                    Ok(record) => match price_records::insert(&client, &record).await {
                        Ok(()) => stored += 1,
                        Err(error) if error.is_outage() => return Err(error.into()),
                        Err(error) => {
                            let error = format!("{:#}", anyhow::Error::from(error));
                            tracing::error!(error, batch_id = %record.batch_id, "a price record is refused for good");
                        }
                    },
                    Err(error) => tracing::error!(%error, "a price record that cannot be read is dropped"),
                }
                let () = self.redis.clone().lrem(list, 1, &json).await?;
            }
        }
    }

    /// Stores what waits and removes what is old, until the stop.
    ///
    /// # Errors
    ///
    /// The database's schema is older than this service needs. A database that is away is none.
    pub async fn maintain(
        self,
        retention: SignedDuration,
        clock: SharedClock,
        stop: CancellationToken,
    ) -> anyhow::Result<()> {
        let mut is_failing = false;
        let mut storing = tokio::time::interval(RETRY_INTERVAL);
        storing.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let mut cleaning = tokio::time::interval(CLEANUP_INTERVAL);
        loop {
            tokio::select! {
                () = stop.cancelled() => return Ok(()),
                _ = storing.tick() => {
                    let Some(outcome) = stop.run_until_cancelled(self.store_deferred()).await else {
                        return Ok(());
                    };
                    match outcome {
                        Ok(0) => is_failing = false,
                        Ok(records) => {
                            is_failing = false;
                            metrics::counter!(PRICE_RECORDS, "outcome" => "written").increment(records as u64);
                            tracing::info!(records, "deferred price records are stored");
                        }
                        Err(error) => {
                            // One line per outage, not one every two seconds.
                            if !is_failing {
                                tracing::warn!(error = format!("{error:#}"), "price records wait to be stored");
                            }
                            is_failing = true;
                        }
                    }
                }
                _ = cleaning.tick() => {
                    let before = clock.now().checked_sub(retention).unwrap_or(Timestamp::MIN);
                    if let Err(error) = self.delete_before(before).await.map_err(anyhow::Error::from) {
                        tracing::warn!(error = format!("{error:#}"), "old price records are not removed");
                    }
                }
            }
        }
    }

    async fn delete_before(&self, before: Timestamp) -> Result<u64, StoreError> {
        price_records::delete_before(&self.postgres.get().await?, before).await
    }
}
