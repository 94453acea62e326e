//! Rows of `alerting.deliveries`: the outbox. What becomes of them is in `attempts`.

use deadpool_postgres::{GenericClient, Pool};
use jiff::Timestamp;
use tokio_postgres::Row;
use uuid::Uuid;

use super::{StoreError, connection};

/// A message that the relay puts into the queue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Due {
    /// The delivery.
    pub id: Uuid,
    /// Its receiver.
    pub endpoint_id: Uuid,
    /// Whose receiver that is.
    pub user_id: Uuid,
    /// The receiver's address.
    pub url: String,
    /// Number of the attempt that is due, from 1.
    pub attempt: u32,
    /// The claim of the attempt before it ran out.
    pub is_interrupted: bool,
    /// Follows the price or request behind it.
    pub request_id: String,
}

/// Takes what is due and locks it until the transaction ends; what another relay holds is left to it.
///
/// # Errors
/// When PostgreSQL does not answer.
pub async fn take_due(client: &impl GenericClient, now: Timestamp, limit: i64) -> Result<Vec<Due>, StoreError> {
    let statement = client
        .prepare_cached(
            "SELECT d.id, d.endpoint_id, d.attempts, d.request_id, d.user_id, e.url,
                    d.status = 'sending'
             FROM alerting.deliveries d JOIN alerting.endpoints e ON e.id = d.endpoint_id
             WHERE d.due_at <= $1 ORDER BY d.due_at LIMIT $2 FOR NO KEY UPDATE OF d SKIP LOCKED",
        )
        .await?;
    let read = |row: &Row| Due {
        id: row.get(0),
        endpoint_id: row.get(1),
        attempt: row.get::<_, i32>(2).unsigned_abs() + 1,
        request_id: row.get(3),
        user_id: row.get(4),
        url: row.get(5),
        is_interrupted: row.get(6),
    };
    Ok(client
        .query(&statement, &[&now, &limit])
        .await?
        .iter()
        .map(read)
        .collect())
}

/// Notes that messages are about to be published, by a relay that knows until `until` what became of them. They are due again
/// when that passes.
///
/// # Errors
/// When PostgreSQL does not answer.
pub async fn mark_queued(
    client: &impl GenericClient,
    ids: &[Uuid],
    now: Timestamp,
    until: Timestamp,
) -> Result<(), StoreError> {
    let statement = client
        .prepare_cached(
            "UPDATE alerting.deliveries SET status = 'queued', due_at = $3, updated_at = $2 WHERE id = ANY($1)",
        )
        .await?;
    client.execute(&statement, &[&ids, &now, &until]).await?;
    Ok(())
}

/// Notes when messages that were marked until `until` are due again: those in the queue when a consumer should have taken them,
/// those that the queue did not take at once. What a consumer took meanwhile is left alone.
///
/// # Errors
/// When PostgreSQL does not answer.
pub async fn reschedule(
    client: &impl GenericClient,
    ids: &[Uuid],
    until: Timestamp,
    due_at: Timestamp,
) -> Result<(), StoreError> {
    let statement = client
        .prepare_cached(
            "UPDATE alerting.deliveries SET due_at = $3 WHERE id = ANY($1) AND status = 'queued' AND due_at = $2",
        )
        .await?;
    client.execute(&statement, &[&ids, &until, &due_at]).await?;
    Ok(())
}

/// Makes messages due that were queued before `before` and not taken, some thousands at a time. Returns how many.
///
/// # Errors
/// When PostgreSQL does not answer.
pub async fn requeue(client: &impl GenericClient, before: Timestamp, now: Timestamp) -> Result<u64, StoreError> {
    let statement = client
        .prepare_cached(
            "UPDATE alerting.deliveries SET status = 'pending', due_at = $2, updated_at = $2
             WHERE id IN (
                 SELECT id FROM alerting.deliveries
                 WHERE due_at IS NOT NULL AND status = 'queued' AND updated_at < $1
                 ORDER BY id LIMIT 5000 FOR NO KEY UPDATE SKIP LOCKED
             )",
        )
        .await?;
    Ok(client.execute(&statement, &[&before, &now]).await?)
}

/// The outbox in numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Backlog {
    /// Messages that are not done.
    pub waiting: u64,
    /// Of these, how many were queued some time ago and not taken.
    pub queued: u64,
    /// When the first is due.
    pub first_due: Option<Timestamp>,
}

/// Counts what waits, and what was queued before `before`.
///
/// # Errors
/// When PostgreSQL does not answer.
pub async fn backlog(pool: &Pool, before: Timestamp) -> Result<Backlog, StoreError> {
    let client = connection(pool).await?;
    let statement = client
        .prepare_cached(
            "SELECT count(*), count(*) FILTER (WHERE status = 'queued' AND updated_at < $1), min(due_at)
             FROM alerting.deliveries WHERE due_at IS NOT NULL",
        )
        .await?;
    let row = client.query_one(&statement, &[&before]).await?;
    Ok(Backlog {
        waiting: row.get::<_, i64>(0).unsigned_abs(),
        queued: row.get::<_, i64>(1).unsigned_abs(),
        first_due: row.get(2),
    })
}

/// Puts messages back unsent: each is due again at its moment, and no attempt is counted.
///
/// # Errors
/// When PostgreSQL does not answer.
pub async fn defer(pool: &Pool, deferred: &[(Uuid, u32, Timestamp)], now: Timestamp) -> Result<(), StoreError> {
    let ids: Vec<Uuid> = deferred.iter().map(|(id, ..)| *id).collect();
    let attempts: Vec<i32> = deferred
        .iter()
        .map(|(_, n, _)| i32::try_from(*n).unwrap_or(i32::MAX))
        .collect();
    let due: Vec<Timestamp> = deferred.iter().map(|(.., due_at)| *due_at).collect();
    let client = connection(pool).await?;
    // A consumer may be quicker than the relay's commit: then the row still reads as pending, and is waited for.
    let statement = client
        .prepare_cached(
            "UPDATE alerting.deliveries d SET status = 'pending', due_at = w.due_at, updated_at = $4
             FROM unnest($1::uuid[], $2::int[], $3::timestamptz[]) AS w (id, attempt, due_at)
             WHERE d.id = w.id AND d.attempts = w.attempt - 1 AND d.status IN ('pending', 'queued')",
        )
        .await?;
    client.execute(&statement, &[&ids, &attempts, &due, &now]).await?;
    Ok(())
}

/// A test message to one endpoint.
#[derive(Debug, Clone)]
pub struct TestMessage {
    /// The `webhook-id`.
    pub id: Uuid,
    /// Who asks, and must own the endpoint.
    pub user_id: Uuid,
    /// The endpoint.
    pub endpoint_id: Uuid,
    /// The bytes to post.
    pub body: String,
    /// Follows the request.
    pub request_id: String,
}

/// Puts a test message into the outbox, unless it is there, and wakes the relays. False when the user has no such
/// endpoint, or the id is another message's.
///
/// # Errors
/// When PostgreSQL does not answer.
pub async fn create_test(pool: &Pool, test: &TestMessage, now: Timestamp) -> Result<bool, StoreError> {
    let mut client = connection(pool).await?;
    let transaction = client.transaction().await?;
    let statement = transaction
        .prepare_cached(
            "INSERT INTO alerting.deliveries
                 (id, user_id, endpoint_id, kind, body, status, due_at, request_id, created_at, updated_at)
             SELECT $1, $2, id, 'test.ping', $4, 'pending', $6, $5, $6, $6 FROM alerting.endpoints
             WHERE id = $3 AND user_id = $2
             ON CONFLICT (id) DO NOTHING",
        )
        .await?;
    let parameters: &[&(dyn tokio_postgres::types::ToSql + Sync)] = &[
        &test.id,
        &test.user_id,
        &test.endpoint_id,
        &test.body,
        &test.request_id,
        &now,
    ];
    if transaction.execute(&statement, parameters).await? == 1 {
        wake_relays(&transaction).await?;
        transaction.commit().await?;
        return Ok(true);
    }
    let statement = transaction
        .prepare_cached(
            "SELECT 1 FROM alerting.deliveries
             WHERE id = $1 AND user_id = $2 AND endpoint_id = $3 AND kind = 'test.ping'",
        )
        .await?;
    let known = transaction
        .query_opt(&statement, &[&test.id, &test.user_id, &test.endpoint_id])
        .await?;
    Ok(known.is_some())
}

/// The channel on which relays hear that something was committed to the outbox.
pub const OUTBOX_CHANNEL: &str = "alerting_outbox";

/// Wakes the relays of all instances when the transaction commits.
///
/// # Errors
/// When PostgreSQL does not answer.
pub async fn wake_relays(client: &impl GenericClient) -> Result<(), StoreError> {
    let statement = client.prepare_cached("SELECT pg_notify($1, '')").await?;
    client.execute(&statement, &[&OUTBOX_CHANNEL]).await?;
    Ok(())
}
