//! The SQL of core-analytics: the only writer of schema `analytics`.

pub mod candles;
mod partitions;
mod ticks;
pub mod token_history;
pub mod tokens;

use contracts::listing::ListingPage;
use std::collections::BTreeMap;

use deadpool_postgres::{Object, Pool};
use domain::candle::{Candle, Tick};
use domain::ticker::Ticker;
use domain::token_point::TokenPoint;
use domain::velocity::{Trend, Velocity};
use jiff::Timestamp;

pub use candles::{ClosePoint, Direction, Holes, WindowRow};
pub use partitions::{Retention, Table};
use platform::postgres::StoreError;
use rust_decimal::Decimal;
pub use token_history::DayCell;
pub use tokens::{ListingState, PollOutcome, StoredToken};
use tokio_postgres::IsolationLevel;

use crate::candles::candles_of_ticks;

/// The newest migration this service relies on.
pub const SCHEMA_VERSION: u32 = 84;

/// Candles of a history that one statement merges. A connection keeps the space that its largest statement took.
const MERGE_CHUNK: usize = 250;

/// Tokens whose newest day is read at once.
const DAY_METRICS_CHUNK: usize = 100;

/// Access to schema `analytics`; clones share connections and what is known of partitions.
#[derive(Debug, Clone)]
pub struct Store {
    pool: Pool,
    partitions: partitions::Partitions,
}

impl Store {
    /// A store on this pool.
    pub fn new(pool: Pool) -> Self {
        Self {
            pool,
            partitions: partitions::Partitions::default(),
        }
    }

    /// The pool, for health checks.
    pub fn pool(&self) -> &Pool {
        &self.pool
    }

    /// Counts prices into the candles of every length, each price once however often it comes, in one transaction.
    /// Says how many were new.
    ///
    /// # Errors
    /// PostgreSQL does not answer or refuses; nothing was changed.
    pub async fn record(&self, ticks: &[(Ticker, Tick)]) -> Result<usize, StoreError> {
        if ticks.is_empty() {
            return Ok(0);
        }
        let mut client = self.client().await?;
        // In a transaction of its own: everyone else who needs a partition waits for its commit.
        let needed = ticks.iter().flat_map(|(_, tick)| partitions::for_tick(tick.at));
        self.partitions.ensure(&mut client, needed).await?;
        let transaction = client.transaction().await?;
        let result = async {
            let new = ticks::insert_new(&transaction, ticks).await?;
            candles::merge(&transaction, &candles_of_ticks(&new)).await?;
            transaction.commit().await?;
            Ok(new.len())
        };
        self.forget_partitions_on_error(result.await)
    }

    /// Merges candles of a provider's history, which may come any number of times.
    ///
    /// # Errors
    /// PostgreSQL does not answer or refuses; whole chunks may have been merged.
    pub async fn merge_history(&self, candles: &[(Ticker, Candle)]) -> Result<(), StoreError> {
        let mut client = self.client().await?;
        let needed = candles
            .iter()
            .map(|(_, candle)| (Table::Candles(candle.interval), candle.open_time));
        self.partitions.ensure(&mut client, needed).await?;
        for chunk in candles.chunks(MERGE_CHUNK) {
            let transaction = client.transaction().await?;
            let result = async {
                candles::merge(&transaction, chunk).await?;
                Ok(transaction.commit().await?)
            };
            self.forget_partitions_on_error(result.await)?;
        }
        Ok(())
    }

    /// Stores a page of the listing in one transaction: the newest figures of its tokens, their cells, and the hours and
    /// days that are made of them. A page may come any number of times and in any order.
    ///
    /// # Errors
    /// PostgreSQL does not answer or refuses; nothing was changed.
    pub async fn record_listing(
        &self,
        page: &ListingPage,
        velocities: &[Velocity],
        cells: &[(i64, TokenPoint)],
    ) -> Result<(), StoreError> {
        let mut client = self.client().await?;
        let needed = cells
            .iter()
            .flat_map(|(_, point)| partitions::for_token_cell(point.open_time));
        self.partitions.ensure(&mut client, needed).await?;
        let transaction = client.transaction().await?;
        let result = async {
            tokens::merge(&transaction, page, velocities).await?;
            let changed = token_history::merge_cells(&transaction, cells).await?;
            token_history::roll_up(&transaction, &changed).await?;
            Ok(transaction.commit().await?)
        };
        self.forget_partitions_on_error(result.await)
    }

    /// Writes what `metrics` makes of the newest day of these tokens, some at a time.
    ///
    /// # Errors
    /// PostgreSQL does not answer or refuses; some may have been written.
    pub async fn refresh_day_metrics(
        &self,
        token_ids: &[i64],
        from: Timestamp,
        metrics: impl Fn(&[DayCell]) -> (Trend, Option<Decimal>),
    ) -> Result<(), StoreError> {
        let client = self.client().await?;
        for ids in token_ids.chunks(DAY_METRICS_CHUNK) {
            let cells = token_history::list_day(&client, ids, from).await?;
            let by_token: BTreeMap<i64, &[DayCell]> = cells
                .chunk_by(|a, b| a.token_id == b.token_id)
                .filter_map(|cells| Some((cells.first()?.token_id, cells)))
                .collect();
            let found: Vec<(i64, Trend, Option<Decimal>)> = ids
                .iter()
                .map(|id| {
                    let (trend, price) = metrics(by_token.get(id).copied().unwrap_or_default());
                    (*id, trend, price)
                })
                .collect();
            tokens::set_day_metrics(&client, &found).await?;
        }
        Ok(())
    }

    /// All tokens and what became of the newest poll, of one moment.
    ///
    /// # Errors
    /// PostgreSQL does not answer or refuses.
    pub async fn list_tokens(&self) -> Result<(Option<ListingState>, Vec<StoredToken>), StoreError> {
        let mut client = self.client().await?;
        let transaction = client
            .build_transaction()
            .isolation_level(IsolationLevel::RepeatableRead)
            .read_only(true)
            .start()
            .await?;
        let state = tokens::listing_state(&transaction).await?;
        let tokens = tokens::list(&transaction).await?;
        transaction.commit().await?;
        Ok((state, tokens))
    }

    /// Makes the partitions of the near future and drops the expired ones. Returns the names of those dropped.
    ///
    /// # Errors
    /// PostgreSQL does not answer or refuses.
    pub async fn maintain(&self, now: Timestamp, retention: Retention) -> Result<Vec<String>, StoreError> {
        let mut client = self.client().await?;
        self.partitions
            .ensure(&mut client, partitions::near_future(now))
            .await?;
        let dropped = partitions::drop_expired(&mut client, now, retention).await?;
        self.partitions.forget();
        Ok(dropped)
    }

    /// A connection for the functions of [`candles`].
    pub async fn client(&self) -> Result<Object, StoreError> {
        Ok(self.pool.get().await?)
    }

    /// A partition that was known may have been dropped by someone else: look again after any failure.
    fn forget_partitions_on_error<T>(&self, result: Result<T, StoreError>) -> Result<T, StoreError> {
        if result.is_err() {
            self.partitions.forget();
        }
        result
    }
}
