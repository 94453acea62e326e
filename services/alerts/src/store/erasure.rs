//! Removing all that is held of a user, a bounded number of rows at a time.

use deadpool_postgres::Pool;
use jiff::Timestamp;
use uuid::Uuid;

use super::alerts::{Alert, COLUMNS, read};
use super::{StoreError, connection};

/// Most rows of one table removed by one step.
const STEP: i64 = 1_000;

/// A delivery that a consumer is sending stays until it is done: the next step finds it.
const REMOVE_DELIVERIES: &str = "
    WITH erased AS (
        SELECT d.id FROM alerting.deliveries d WHERE d.user_id = $1 AND NOT EXISTS (
            SELECT FROM alerting.outbox o WHERE o.delivery_id = d.id AND o.is_claimed AND o.lease_until > $2)
        LIMIT $3 FOR UPDATE OF d SKIP LOCKED
    ), letters AS (
        DELETE FROM alerting.dead_letters WHERE delivery_id IN (SELECT id FROM erased)
    ), attempts AS (
        DELETE FROM alerting.delivery_attempts WHERE delivery_id IN (SELECT id FROM erased)
    ), waiting AS (
        DELETE FROM alerting.outbox WHERE delivery_id IN (SELECT id FROM erased)
    )
    DELETE FROM alerting.deliveries WHERE id IN (SELECT id FROM erased)";

/// An endpoint goes last, when nothing names it any more.
const REMOVE_ENDPOINTS: &str = "
    DELETE FROM alerting.endpoints WHERE id IN (
        SELECT e.id FROM alerting.endpoints e WHERE e.user_id = $1
        AND NOT EXISTS (SELECT FROM alerting.alerts a WHERE a.endpoint_id = e.id)
        AND NOT EXISTS (SELECT FROM alerting.deliveries d WHERE d.endpoint_id = e.id)
        LIMIT $2)";

const IS_LEFT: &str = "
    SELECT EXISTS (SELECT FROM alerting.alerts WHERE user_id = $1)
        OR EXISTS (SELECT FROM alerting.deliveries WHERE user_id = $1)
        OR EXISTS (SELECT FROM alerting.endpoints WHERE user_id = $1) AS is_left";

/// What one step removed.
#[derive(Debug)]
pub struct Step {
    /// The alerts, whose index entries have to go too.
    pub alerts: Vec<Alert>,
    /// Whether nothing of the user is left.
    pub is_complete: bool,
}

/// Removes a step of what is held of a user.
///
/// # Errors
///
/// PostgreSQL does not answer or refuses.
pub async fn erase_step(pool: &Pool, user_id: Uuid, now: Timestamp) -> Result<Step, StoreError> {
    let client = connection(pool).await?;
    // Before the alerts, which tell whose these rows are.
    client
        .execute(
            "DELETE FROM alerting.refused WHERE kind = 'alert' AND (strpos(payload, $1::uuid::text) > 0 \
             OR item IN (SELECT id::text FROM alerting.alerts WHERE user_id = $1))",
            &[&user_id],
        )
        .await?;
    let rows = client
        .query(
            &format!(
                "DELETE FROM alerting.alerts WHERE id IN \
                 (SELECT id FROM alerting.alerts WHERE user_id = $1 LIMIT $2) RETURNING {COLUMNS}"
            ),
            &[&user_id, &STEP],
        )
        .await?;
    client.execute(REMOVE_DELIVERIES, &[&user_id, &now, &STEP]).await?;
    client.execute(REMOVE_ENDPOINTS, &[&user_id, &STEP]).await?;
    let is_left: bool = client.query_one(IS_LEFT, &[&user_id]).await?.try_get("is_left")?;
    if !is_left {
        client
            .execute("DELETE FROM alerting.user_queues WHERE user_id = $1", &[&user_id])
            .await?;
    }
    Ok(Step {
        alerts: rows.iter().map(read).collect::<Result<_, _>>()?,
        is_complete: !is_left,
    })
}
