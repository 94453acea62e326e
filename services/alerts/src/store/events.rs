//! Rows of `alerting.alert_events`.

use deadpool_postgres::{GenericClient, Pool};
use jiff::Timestamp;
use rust_decimal::Decimal;
use tokio_postgres::Row;
use uuid::Uuid;

use super::{StoreError, connection};

#[derive(Debug, Clone, PartialEq)]
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
        id: row.get("id"),
        alert_id: row.get("alert_id"),
        at: row.get("at"),
        from_state: row.get("from_state"),
        to_state: row.get("to_state"),
        value: row.get("value"),
        price_id: row.get("price_id"),
        reason: row.get("reason"),
        late: row.get("late"),
    }
}

/// That an armed alert was triggered.
#[derive(Debug, Clone, Copy)]
pub struct NewEvent {
    pub id: Uuid,
    pub alert_id: Uuid,
    pub fire_number: u32,
    pub price: Decimal,
    pub price_id: Uuid,
    pub reason: &'static str,
    pub is_late: bool,
}

pub async fn insert_triggered(
    client: &impl GenericClient,
    new_events: &[NewEvent],
    now: Timestamp,
) -> Result<(), StoreError> {
    let statement = client
        .prepare_cached(
            "INSERT INTO alerting.alert_events
                 (id, alert_id, fire_number, at, from_state, to_state, value, price_id, reason, late)
             SELECT event_id, alert_id, fire_number, $8, 'armed', 'triggered', price, price_id, reason, late
             FROM unnest($1::uuid[], $2::uuid[], $3::int[], $4::numeric[], $5::uuid[], $6::text[], $7::boolean[])
                 AS f (event_id, alert_id, fire_number, price, price_id, reason, late)",
        )
        .await?;
    let ids: Vec<Uuid> = new_events.iter().map(|e| e.id).collect();
    let alert_ids: Vec<Uuid> = new_events.iter().map(|e| e.alert_id).collect();
    let number = |fire_number: u32| i32::try_from(fire_number).unwrap_or(i32::MAX);
    let fire_numbers: Vec<i32> = new_events.iter().map(|e| number(e.fire_number)).collect();
    let prices: Vec<Decimal> = new_events.iter().map(|e| e.price).collect();
    let price_ids: Vec<Uuid> = new_events.iter().map(|e| e.price_id).collect();
    let reasons: Vec<&str> = new_events.iter().map(|e| e.reason).collect();
    let late: Vec<bool> = new_events.iter().map(|e| e.is_late).collect();
    let parameters: &[&(dyn tokio_postgres::types::ToSql + Sync)] = &[
        &ids,
        &alert_ids,
        &fire_numbers,
        &prices,
        &price_ids,
        &reasons,
        &late,
        &now,
    ];
    client.execute(&statement, parameters).await?;
    Ok(())
}
