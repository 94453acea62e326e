//! Rows of `alerting.missed_quotes`: intervals whose quotes were trimmed before they were read.

use deadpool_postgres::Pool;
use jiff::Timestamp;
use platform::stream::Missed;

use super::{StoreError, connection};

/// An interval that is to be evaluated from candles.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Interval {
    /// The last quote before it.
    pub from: Timestamp,
    /// The first quote after it.
    pub to: Timestamp,
    pub noticed_at: Timestamp,
}

/// Records an interval. False when someone else noticed it before.
pub async fn note(pool: &Pool, missed: &Missed, now: Timestamp) -> Result<bool, StoreError> {
    let client = connection(pool).await?;
    let statement = client
        .prepare_cached(
            "INSERT INTO alerting.missed_quotes (from_at, to_at, quotes, noticed_at) VALUES ($1, $2, $3, $4)
             ON CONFLICT DO NOTHING",
        )
        .await?;
    let count = i64::try_from(missed.count).unwrap_or(i64::MAX);
    let inserted = client
        .execute(&statement, &[&missed.after, &missed.until, &count, &now])
        .await?;
    Ok(inserted == 1)
}

/// The intervals that are not done, oldest first.
pub async fn list_open(pool: &Pool) -> Result<Vec<Interval>, StoreError> {
    let client = connection(pool).await?;
    let statement = client
        .prepare_cached(
            "SELECT from_at, to_at, noticed_at FROM alerting.missed_quotes WHERE done_at IS NULL
             ORDER BY noticed_at LIMIT 100",
        )
        .await?;
    let read = |row: &tokio_postgres::Row| Interval {
        from: row.get("from_at"),
        to: row.get("to_at"),
        noticed_at: row.get("noticed_at"),
    };
    Ok(client.query(&statement, &[]).await?.iter().map(read).collect())
}

/// Notes that an interval is done.
pub async fn finish(pool: &Pool, interval: &Interval, now: Timestamp) -> Result<(), StoreError> {
    let client = connection(pool).await?;
    let statement = client
        .prepare_cached("UPDATE alerting.missed_quotes SET done_at = $3 WHERE from_at = $1 AND to_at = $2")
        .await?;
    client
        .execute(&statement, &[&interval.from, &interval.to, &now])
        .await?;
    Ok(())
}
