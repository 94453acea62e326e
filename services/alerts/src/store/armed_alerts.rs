//! The alerts of `alerting.alerts` that are armed: what the index should hold.

use deadpool_postgres::Pool;
use domain::rule::Condition;
use domain::ticker::Ticker;
use rust_decimal::Decimal;
use tokio_postgres::Row;
use uuid::Uuid;

use super::alerts::{condition, ticker};
use super::{StoreError, connection};

/// What the index holds of an armed alert.
#[derive(Debug, Clone, PartialEq)]
pub struct Armed {
    pub ticker: Ticker,
    pub condition: Condition,
    pub id: Uuid,
    pub target_price: Decimal,
}

/// Counts the armed alerts per asset and condition.
pub async fn count(pool: &Pool) -> Result<Vec<(Ticker, Condition, u64)>, StoreError> {
    let client = connection(pool).await?;
    let statement = client
        .prepare_cached(
            "SELECT ticker, condition, count(*) AS armed FROM alerting.alerts WHERE is_active
             GROUP BY ticker, condition",
        )
        .await?;
    let rows = client.query(&statement, &[]).await?;
    let read_count = |row: &Row| {
        Ok((
            ticker(row.get("ticker"))?,
            condition(row.get("condition"))?,
            row.get::<_, i64>("armed").unsigned_abs(),
        ))
    };
    rows.iter().map(read_count).collect()
}

/// Lists armed alerts of one asset and condition, in the order of their ids, those after `after` first.
pub async fn list(
    pool: &Pool,
    asset: &Ticker,
    wanted: Condition,
    after: Uuid,
    limit: i64,
) -> Result<Vec<Armed>, StoreError> {
    let client = connection(pool).await?;
    let statement = client
        .prepare_cached(
            "SELECT ticker, condition, id, target_price FROM alerting.alerts
             WHERE is_active AND ticker = $1 AND condition = $2 AND id > $3
             ORDER BY id LIMIT $4",
        )
        .await?;
    let rows = client
        .query(&statement, &[&asset.as_str(), &wanted.as_str(), &after, &limit])
        .await?;
    rows.iter().map(read).collect()
}

/// Lists armed alerts that were created after the moment in `since`, a UUID v7, oldest first.
pub async fn list_since(pool: &Pool, since: Uuid, limit: i64) -> Result<Vec<Armed>, StoreError> {
    let client = connection(pool).await?;
    let statement = client
        .prepare_cached(
            "SELECT ticker, condition, id, target_price FROM alerting.alerts
             WHERE is_active AND id > $1 ORDER BY id LIMIT $2",
        )
        .await?;
    client
        .query(&statement, &[&since, &limit])
        .await?
        .iter()
        .map(read)
        .collect()
}

fn read(row: &Row) -> Result<Armed, StoreError> {
    Ok(Armed {
        ticker: ticker(row.get("ticker"))?,
        condition: condition(row.get("condition"))?,
        id: row.get("id"),
        target_price: row.get("target_price"),
    })
}

/// Of the given alerts, those that are still armed.
pub async fn still_armed(pool: &Pool, ids: &[Uuid]) -> Result<Vec<Uuid>, StoreError> {
    let client = connection(pool).await?;
    let statement = client
        .prepare_cached("SELECT id FROM alerting.alerts WHERE id = ANY($1) AND is_active")
        .await?;
    let rows = client.query(&statement, &[&ids]).await?;
    Ok(rows.iter().map(|row| row.get("id")).collect())
}
