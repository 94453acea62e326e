//! The table `market.price_records`: the prices that batches fetched.

use deadpool_postgres::GenericClient;
use domain::coin_id::CoinId;
use domain::ticker::ProviderId;
use jiff::Timestamp;
use platform::postgres::StoreError;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PriceRecord {
    pub batch_id: Uuid,
    pub coin_id: CoinId,
    pub vs_currency: String,
    #[serde(with = "rust_decimal::serde::str")]
    pub price: Decimal,
    pub fetched_at: Timestamp,
    pub provider: ProviderId,
}

/// A row of the history.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HistoryRow {
    pub price: Decimal,
    pub fetched_at: Timestamp,
    pub batch_id: Uuid,
}

/// A place in the history of a coin, which is ordered by it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position {
    pub fetched_at: Timestamp,
    pub batch_id: Uuid,
}

/// The rows of a coin that a list is made of.
#[derive(Debug, Clone, Copy)]
pub struct Range<'a> {
    pub coin_id: &'a CoinId,
    pub from: Timestamp,
    /// Exclusive.
    pub to: Timestamp,
    /// Newer rows are left out.
    pub newest: Position,
}

/// Stores the record of a batch, unless the batch has one.
pub async fn insert(client: &impl GenericClient, record: &PriceRecord) -> Result<(), StoreError> {
    let statement = client
        .prepare_cached(
            "INSERT INTO market.price_records (batch_id, coin_id, vs_currency, price, fetched_at, provider)
             VALUES ($1, $2, $3, $4, $5, $6)
             ON CONFLICT (batch_id) DO NOTHING",
        )
        .await?;
    let (coin, provider) = (record.coin_id.as_str(), record.provider.as_str());
    let PriceRecord {
        batch_id,
        vs_currency,
        price,
        fetched_at,
        ..
    } = record;
    client
        .execute(
            &statement,
            &[batch_id, &coin, vs_currency, price, fetched_at, &provider],
        )
        .await?;
    Ok(())
}

/// The record of a batch.
pub async fn find(client: &impl GenericClient, batch_id: Uuid) -> Result<Option<PriceRecord>, StoreError> {
    let statement = client
        .prepare_cached(
            "SELECT coin_id, vs_currency, price, fetched_at, provider
             FROM market.price_records WHERE batch_id = $1",
        )
        .await?;
    let Some(row) = client.query_opt(&statement, &[&batch_id]).await? else {
        return Ok(None);
    };
    let (coin, provider): (&str, &str) = (row.try_get("coin_id")?, row.try_get("provider")?);
    Ok(Some(PriceRecord {
        batch_id,
        coin_id: coin.parse().map_err(|_| StoreError::Unreadable("coin id"))?,
        vs_currency: row.try_get("vs_currency")?,
        price: row.try_get("price")?,
        fetched_at: row.try_get("fetched_at")?,
        provider: provider.parse().map_err(|_| StoreError::Unreadable("provider"))?,
    }))
}

/// At most `limit` rows that are older than `before`, newest first, after `skip` others.
pub async fn list(
    client: &impl GenericClient,
    range: &Range<'_>,
    before: Option<Position>,
    limit: i64,
    skip: i64,
) -> Result<Vec<HistoryRow>, StoreError> {
    let statement = client
        .prepare_cached(
            "SELECT price, fetched_at, batch_id FROM market.price_records
             WHERE coin_id = $1 AND fetched_at >= $2 AND fetched_at < $3 AND (fetched_at, batch_id) <= ($4, $5)
               AND ($6::timestamptz IS NULL OR (fetched_at, batch_id) < ($6, $7))
             ORDER BY fetched_at DESC, batch_id DESC LIMIT $8 OFFSET $9",
        )
        .await?;
    let (before_time, before_id) = (before.map(|at| at.fetched_at), before.map(|at| at.batch_id));
    let rows = client
        .query(
            &statement,
            &[
                &range.coin_id.as_str(),
                &range.from,
                &range.to,
                &range.newest.fetched_at,
                &range.newest.batch_id,
                &before_time,
                &before_id,
                &limit,
                &skip,
            ],
        )
        .await?;
    rows.iter()
        .map(|row| {
            Ok(HistoryRow {
                price: row.try_get("price")?,
                fetched_at: row.try_get("fetched_at")?,
                batch_id: row.try_get("batch_id")?,
            })
        })
        .collect()
}

/// How many rows there are.
pub async fn count(client: &impl GenericClient, range: &Range<'_>) -> Result<u64, StoreError> {
    let statement = client
        .prepare_cached(
            "SELECT count(*) FROM market.price_records
             WHERE coin_id = $1 AND fetched_at >= $2 AND fetched_at < $3 AND (fetched_at, batch_id) <= ($4, $5)",
        )
        .await?;
    let row = client
        .query_one(
            &statement,
            &[
                &range.coin_id.as_str(),
                &range.from,
                &range.to,
                &range.newest.fetched_at,
                &range.newest.batch_id,
            ],
        )
        .await?;
    let count: i64 = row.try_get(0)?;
    Ok(u64::try_from(count).unwrap_or(0))
}

/// Deletes the records that were fetched before `before`.
pub async fn delete_before(client: &impl GenericClient, before: Timestamp) -> Result<u64, StoreError> {
    let statement = "DELETE FROM market.price_records WHERE fetched_at < $1";
    Ok(client.execute(statement, &[&before]).await?)
}
