//! Sending deliveries again.

use deadpool_postgres::{GenericClient, Pool};
use jiff::Timestamp;
use uuid::Uuid;

use super::deliveries::wake_relays;
use super::delivery_history::{Summary, find};
use super::{StoreError, connection, queues};

/// Most deliveries that are sent again together.
const MAX_REPLAYED: i64 = 1_000;

/// Sends a user's delivery again, the same bytes under the same id, unless it is under way. `None` if there is no such
/// delivery.
pub async fn replay_one(pool: &Pool, user_id: Uuid, id: Uuid, now: Timestamp) -> Result<Option<Summary>, StoreError> {
    let mut client = connection(pool).await?;
    let transaction = client.transaction().await?;
    // Locked against the removal of what is older than the retention.
    let statement = transaction
        .prepare_cached("SELECT FROM alerting.deliveries WHERE id = $1 AND user_id = $2 FOR KEY SHARE")
        .await?;
    if transaction.query_opt(&statement, &[&id, &user_id]).await?.is_none() {
        return Ok(None);
    }
    put_back(&transaction, &[id], now).await?;
    let found = find(&transaction, user_id, id).await?;
    transaction.commit().await?;
    Ok(found.map(|(delivery, _)| delivery))
}

/// Which failed deliveries are sent again.
#[derive(Debug, Clone, Copy)]
pub struct ReplayRange {
    pub endpoint_id: Uuid,
    /// Created at this time or later.
    pub from: Timestamp,
    /// Created before this time.
    pub to: Timestamp,
}

/// Sends the failed deliveries of a user's endpoint again that were created in a range of time, oldest first, a bounded
/// number together. Returns how many; `None` if the user has no such endpoint.
pub async fn replay_failed(
    pool: &Pool,
    user_id: Uuid,
    range: ReplayRange,
    now: Timestamp,
) -> Result<Option<u64>, StoreError> {
    let mut client = connection(pool).await?;
    let transaction = client.transaction().await?;
    let statement = transaction
        .prepare_cached("SELECT FROM alerting.endpoints WHERE id = $1 AND user_id = $2")
        .await?;
    if transaction
        .query_opt(&statement, &[&range.endpoint_id, &user_id])
        .await?
        .is_none()
    {
        return Ok(None);
    }
    let statement = transaction
        .prepare_cached(
            "SELECT d.id FROM alerting.deliveries d
             WHERE d.user_id = $1 AND d.endpoint_id = $2 AND d.created_at >= $3 AND d.created_at < $4
               AND EXISTS (SELECT FROM alerting.dead_letters l WHERE l.delivery_id = d.id)
             ORDER BY d.created_at, d.id LIMIT $5 FOR KEY SHARE OF d",
        )
        .await?;
    let rows = transaction
        .query(
            &statement,
            &[&user_id, &range.endpoint_id, &range.from, &range.to, &MAX_REPLAYED],
        )
        .await?;
    let ids: Vec<Uuid> = rows.iter().map(|row| row.get("id")).collect();
    let count = put_back(&transaction, &ids, now).await?;
    transaction.commit().await?;
    Ok(Some(count))
}

/// Puts finished deliveries into the outbox again, due at once. Returns how many; those that are in it stay as they
/// are.
async fn put_back(client: &impl GenericClient, ids: &[Uuid], now: Timestamp) -> Result<u64, StoreError> {
    let statement = client
        .prepare_cached(
            "WITH put_back AS (
                 INSERT INTO alerting.outbox
                     (delivery_id, user_id, endpoint_id, is_test, due_at, attempts, attempts_before)
                 SELECT d.id, d.user_id, d.endpoint_id, d.kind = 'test.ping', $2, a.attempts, a.attempts
                 FROM alerting.deliveries d CROSS JOIN LATERAL (
                     SELECT coalesce(max(attempt), 0) AS attempts FROM alerting.delivery_attempts
                     WHERE delivery_id = d.id
                 ) a
                 WHERE d.id = ANY($1)
                 -- Two replays of the same deliveries must not wait for each other in a circle.
                 ORDER BY d.id
                 ON CONFLICT (delivery_id) DO NOTHING
                 RETURNING delivery_id, endpoint_id
             ), revived AS (
                 DELETE FROM alerting.dead_letters l USING put_back p WHERE l.delivery_id = p.delivery_id
             )
             SELECT endpoint_id FROM put_back",
        )
        .await?;
    let rows = client.query(&statement, &[&ids, &now]).await?;
    let mut endpoint_ids: Vec<Uuid> = rows.iter().map(|row| row.get("endpoint_id")).collect();
    endpoint_ids.sort_unstable();
    endpoint_ids.dedup();
    if !endpoint_ids.is_empty() {
        // Not `mark_ready`: a disabled endpoint holds only so many messages, and the rest of them is due at once.
        queues::refresh(client, &endpoint_ids, now).await?;
        wake_relays(client).await?;
    }
    Ok(rows.len() as u64)
}
