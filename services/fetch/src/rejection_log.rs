//! Points that were refused or left out, written down for people to look at.
//!
//! A bounded queue and one writer. When the queue is full or PostgreSQL is away, points are dropped and counted:
//! prices never wait for this.

use std::time::Duration;

use deadpool_postgres::Pool;
use jiff::{SignedDuration, Timestamp};
use platform::backoff::Backoff;
use platform::batch::Parts;
use platform::clock::SharedClock;
use platform::postgres::StoreError;
use platform::retry::{Limit, retry};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::metrics::FLAGGED;
use crate::price_book::NewOutlier;
use crate::rejection::Rejected;
use crate::store::SCHEMA_VERSION;
use crate::store::flagged_points::{self, FlaggedPoint};

/// Points written in one statement.
const BATCH_SIZE: usize = 200;

/// Between attempts to reach PostgreSQL.
const RETRY: Backoff = Backoff {
    base: Duration::from_secs(2),
    max: Duration::from_secs(2),
    jitter: 0.2,
};

/// Between two removals of old points.
const CLEANUP_INTERVAL: Duration = Duration::from_secs(3_600);

impl FlaggedPoint {
    pub fn outlier(outlier: &NewOutlier, now: Timestamp) -> Self {
        let observation = &outlier.observation;
        Self {
            flagged_at: now,
            provider: observation.provider.as_str(),
            ticker: observation.ticker.to_string(),
            symbol: observation.symbol.clone(),
            reason: outlier.reason,
            raw_price: Some(format!("{} {}", observation.price, observation.quote_currency)),
            reference_price: outlier.reference,
            quoted_at: observation.quoted_at,
            received_at: observation.received_at,
        }
    }

    /// An entry that was refused; `None` if its asset is not known.
    pub fn rejected(rejected: &Rejected, now: Timestamp) -> Option<Self> {
        Some(Self {
            flagged_at: now,
            provider: rejected.provider.as_str(),
            ticker: rejected.ticker.as_ref()?.to_string(),
            symbol: rejected.symbol.clone(),
            reason: rejected.reason.as_str(),
            raw_price: rejected
                .raw_price
                .as_ref()
                .map(|price| price.chars().take(100).collect()),
            reference_price: None,
            quoted_at: rejected.quoted_at,
            received_at: rejected.received_at,
        })
    }
}

#[derive(Debug, Clone)]
pub struct RejectionLog {
    sender: mpsc::Sender<FlaggedPoint>,
}

impl RejectionLog {
    /// A queue of at most `size` points, and its end for the writer.
    pub fn new(size: usize) -> (Self, mpsc::Receiver<FlaggedPoint>) {
        let (sender, receiver) = mpsc::channel(size);
        (Self { sender }, receiver)
    }

    /// Puts a point into the queue; a full queue drops it.
    pub fn record(&self, point: FlaggedPoint) {
        if self.sender.try_send(point).is_err() {
            metrics::counter!(FLAGGED, "outcome" => "dropped").increment(1);
        }
    }
}

/// Writes points down until the stop.
///
/// # Errors
///
/// The database's schema is older than this service needs. A database that is away is none.
pub async fn run(
    pool: Pool,
    mut points: mpsc::Receiver<FlaggedPoint>,
    retention: SignedDuration,
    clock: SharedClock,
    stop: CancellationToken,
) -> anyhow::Result<()> {
    if stop
        .run_until_cancelled(check_schema(&pool))
        .await
        .transpose()?
        .is_none()
    {
        return Ok(());
    }
    let mut failing = None;
    let mut cleaning = tokio::time::interval(CLEANUP_INTERVAL);
    loop {
        let mut batch = Vec::new();
        tokio::select! {
            () = stop.cancelled() => return Ok(()),
            count = points.recv_many(&mut batch, BATCH_SIZE) => if count == 0 {
                // All senders are gone: the process is stopping.
                stop.cancelled().await;
                return Ok(());
            },
            _ = cleaning.tick() => {
                let before = clock.now().checked_sub(retention).unwrap_or(Timestamp::MIN);
                if let Err(error) = delete_before(&pool, before).await.map_err(anyhow::Error::from) {
                    tracing::warn!(error = format!("{error:#}"), "old flagged points are not removed");
                }
            }
        }
        if batch.is_empty() {
            continue;
        }
        write_batch(&pool, &batch, &mut failing).await;
    }
}

/// Writes a batch. A point that PostgreSQL refuses for good takes no other with it: it is found by halving. What is
/// lost is counted, and logged when the reason changes.
async fn write_batch(pool: &Pool, batch: &[FlaggedPoint], failing: &mut Option<String>) {
    let mut parts = Parts::of(batch);
    while let Some(part) = parts.next() {
        let outcome = match insert(pool, part).await {
            Ok(()) => {
                if part.len() == batch.len() {
                    *failing = None;
                }
                "written"
            }
            Err(error) => {
                let is_outage = error.is_outage();
                if !is_outage && parts.split(part).is_none() {
                    continue;
                }
                let error = format!("{:#}", anyhow::Error::from(error));
                if failing.as_ref() != Some(&error) {
                    let (provider, symbol) = part.first().map_or(("", ""), |point| (point.provider, &point.symbol));
                    tracing::warn!(error, provider, symbol, points = part.len(), "flagged points are lost");
                    *failing = Some(error);
                }
                if is_outage { "lost" } else { "refused" }
            }
        };
        metrics::counter!(FLAGGED, "outcome" => outcome).increment(part.len() as u64);
    }
}

/// Waits for the database without end, and refuses an old schema.
async fn check_schema(pool: &Pool) -> anyhow::Result<()> {
    retry(
        RETRY,
        Limit::Never,
        |_| platform::postgres::ping(pool),
        |error: &anyhow::Error, _| {
            tracing::warn!(error = format!("{error:#}"), "waiting for postgresql, prices go on");
        },
    )
    .await?;
    platform::postgres::require_schema(pool, SCHEMA_VERSION).await
}

async fn insert(pool: &Pool, points: &[FlaggedPoint]) -> Result<(), StoreError> {
    flagged_points::insert(&pool.get().await?, points).await
}

async fn delete_before(pool: &Pool, before: Timestamp) -> Result<u64, StoreError> {
    flagged_points::delete_before(&pool.get().await?, before).await
}

#[cfg(test)]
mod tests {
    use super::*;

    fn point(symbol: &str) -> FlaggedPoint {
        FlaggedPoint {
            flagged_at: "2026-01-01T00:00:00Z".parse().unwrap(),
            provider: "binance",
            ticker: "BTC".to_owned(),
            symbol: symbol.to_owned(),
            reason: "outlier",
            raw_price: None,
            reference_price: None,
            quoted_at: None,
            received_at: "2026-01-01T00:00:00Z".parse().unwrap(),
        }
    }

    #[tokio::test]
    async fn a_point_that_postgresql_refuses_takes_no_other_with_it() {
        let database = testkit::database().await;
        // PostgreSQL has no text with a zero byte.
        let batch = ["a", "b", "BTC\0USDT", "c", "d"].map(point);
        let mut failing = None;
        write_batch(&database.pool, &batch, &mut failing).await;
        let client = database.pool.get().await.unwrap();
        let query = "SELECT symbol FROM market.flagged_points ORDER BY symbol";
        let rows = client.query(query, &[]).await.unwrap();
        let symbols: Vec<String> = rows.iter().map(|row| row.get(0)).collect();
        assert_eq!(symbols, ["a", "b", "c", "d"]);
        assert!(failing.is_some_and(|error| error.contains("0x00")));
    }
}
