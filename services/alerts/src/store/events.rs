//! Rows of `alerting.alert_events`.

use deadpool_postgres::Pool;
use jiff::Timestamp;
use rust_decimal::Decimal;
use tokio_postgres::Row;
use uuid::Uuid;

use super::{StoreError, connection};

/// One change of an alert's state.
#[derive(Debug, Clone, PartialEq)]
#[expect(missing_docs, reason = "the names are those of the public body")]
pub struct AlertEvent {
    pub id: Uuid,
    pub alert_id: Uuid,
    pub at: Timestamp,
    pub from_state: String,
    pub to_state: String,
    pub value: Decimal,
    pub price_id: Uuid,
    pub reason: String,
    pub late: bool,
}

/// Lists an alert's events, newest first, those before `before` only.
///
/// # Errors
/// When PostgreSQL does not answer.
pub async fn list(
    pool: &Pool,
    alert_id: Uuid,
    before: Option<Uuid>,
    limit: i64,
) -> Result<Vec<AlertEvent>, StoreError> {
    let client = connection(pool).await?;
    let statement = client
        .prepare_cached(
            "SELECT id, alert_id, at, from_state, to_state, value, price_id, reason, late
             FROM alerting.alert_events
             WHERE alert_id = $1 AND ($2::uuid IS NULL OR id < $2)
             ORDER BY id DESC LIMIT $3",
        )
        .await?;
    let rows = client.query(&statement, &[&alert_id, &before, &limit]).await?;
    Ok(rows.iter().map(read).collect())
}

fn read(row: &Row) -> AlertEvent {
    AlertEvent {
        id: row.get(0),
        alert_id: row.get(1),
        at: row.get(2),
        from_state: row.get(3),
        to_state: row.get(4),
        value: row.get(5),
        price_id: row.get(6),
        reason: row.get(7),
        late: row.get(8),
    }
}
