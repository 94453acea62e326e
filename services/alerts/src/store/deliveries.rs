//! Rows of `alerting.deliveries`, their attempts and dead letters: the outbox and what became of it.

use std::collections::BTreeSet;

use deadpool_postgres::{GenericClient, Pool};
use jiff::Timestamp;
use tokio_postgres::Row;
use uuid::Uuid;

use super::endpoints::PROBE_INTERVAL;
use super::{StoreError, connection};
use crate::delivery::sign::SigningSecret;

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
            "SELECT d.id, d.endpoint_id, d.attempts, d.request_id, d.user_id, e.url
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
    };
    Ok(client
        .query(&statement, &[&now, &limit])
        .await?
        .iter()
        .map(read)
        .collect())
}

/// Notes that messages are in the queue. They are due again when `lost_at` passes without a consumer taking them.
///
/// # Errors
/// When PostgreSQL does not answer.
pub async fn mark_queued(
    client: &impl GenericClient,
    ids: &[Uuid],
    now: Timestamp,
    lost_at: Timestamp,
) -> Result<(), StoreError> {
    let statement = client
        .prepare_cached(
            "UPDATE alerting.deliveries SET status = 'queued', due_at = $3, updated_at = $2 WHERE id = ANY($1)",
        )
        .await?;
    client.execute(&statement, &[&ids, &now, &lost_at]).await?;
    Ok(())
}

/// How many messages wait, and since when the first of them is due.
///
/// # Errors
/// When PostgreSQL does not answer.
pub async fn backlog(pool: &Pool) -> Result<(u64, Option<Timestamp>), StoreError> {
    let client = connection(pool).await?;
    let statement = client
        .prepare_cached("SELECT count(*), min(due_at) FROM alerting.deliveries WHERE due_at IS NOT NULL")
        .await?;
    let row = client.query_one(&statement, &[]).await?;
    Ok((row.get::<_, i64>(0).unsigned_abs(), row.get(1)))
}

/// A claimed attempt, with all that is needed to make it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claimed {
    /// The delivery.
    pub id: Uuid,
    /// Number of this attempt, from 1.
    pub attempt: u32,
    /// Its receiver.
    pub endpoint_id: Uuid,
    /// The receiver's address.
    pub url: String,
    /// The receiver's secret; `None` when what is stored is none.
    pub secret: Option<SigningSecret>,
    /// True when the receiver is not posted to any more.
    pub is_disabled: bool,
    /// True for a test, which is posted even to a disabled receiver.
    pub is_test: bool,
    /// The bytes to post.
    pub body: String,
    /// Follows the price or request behind it.
    pub request_id: String,
}

/// Most messages that are held for one disabled receiver; further ones are given up.
const MAX_HELD: i64 = 1_000;

/// Claims attempts: of several consumers that hold the same message one gets the row. A claim ends when it is settled or
/// when `until` passes. Messages to a receiver that is disabled for its failures are not claimed but held: they are due again
/// when it is enabled, and looked at after each probe.
///
/// # Errors
/// When PostgreSQL does not answer.
pub async fn claim(
    pool: &Pool,
    wanted: &[(Uuid, u32)],
    now: Timestamp,
    until: Timestamp,
) -> Result<Vec<Claimed>, StoreError> {
    let ids: Vec<Uuid> = wanted.iter().map(|(id, _)| *id).collect();
    let attempts: Vec<i32> = wanted
        .iter()
        .map(|(_, attempt)| i32::try_from(*attempt).unwrap_or(i32::MAX))
        .collect();
    let held_until = now.saturating_add(PROBE_INTERVAL).unwrap_or(now);
    let client = connection(pool).await?;
    let statement = client
        .prepare_cached(
            "WITH free AS (
                 SELECT d.id, e.disabled_reason = 'too_many_failures' AND d.kind <> 'test.ping'
                        AND (d.held OR (SELECT count(*) FROM (SELECT 1 FROM alerting.deliveries h
                             WHERE h.endpoint_id = d.endpoint_id AND h.held LIMIT $6) AS first) < $6) AS is_held
                 FROM alerting.deliveries d
                 JOIN unnest($1::uuid[], $2::int[]) AS w (id, attempt) ON w.id = d.id
                 JOIN alerting.endpoints e ON e.id = d.endpoint_id
                 WHERE d.attempts = w.attempt - 1
                   AND (d.status IN ('pending', 'queued') OR (d.status = 'sending' AND d.due_at <= $3))
                 ORDER BY d.id FOR NO KEY UPDATE OF d
             ), held AS (
                 UPDATE alerting.deliveries d SET status = 'pending', held = true, due_at = $5, updated_at = $3
                 FROM free WHERE d.id = free.id AND free.is_held
             )
             UPDATE alerting.deliveries d SET status = 'sending', held = false, due_at = $4, updated_at = $3
             FROM free, alerting.endpoints e
             WHERE d.id = free.id AND free.is_held IS NOT TRUE AND e.id = d.endpoint_id
             RETURNING d.id, d.attempts, d.endpoint_id, e.url, e.secret, e.disabled_reason IS NOT NULL,
                       d.kind = 'test.ping', d.body, d.request_id",
        )
        .await?;
    let read = |row: &Row| Claimed {
        id: row.get(0),
        attempt: row.get::<_, i32>(1).unsigned_abs() + 1,
        endpoint_id: row.get(2),
        url: row.get(3),
        secret: SigningSecret::parse(row.get(4)).ok(),
        is_disabled: row.get(5),
        is_test: row.get(6),
        body: row.get(7),
        request_id: row.get(8),
    };
    Ok(client
        .query(&statement, &[&ids, &attempts, &now, &until, &held_until, &MAX_HELD])
        .await?
        .iter()
        .map(read)
        .collect())
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

/// One attempt as it is recorded.
#[derive(Debug, Clone, PartialEq)]
pub struct AttemptRecord {
    /// The delivery.
    pub delivery_id: Uuid,
    /// Number of the attempt, from 1.
    pub attempt: u32,
    /// Whether the receiver took it.
    pub succeeded: bool,
    /// The receiver's status code.
    pub response_code: Option<u16>,
    /// What went wrong.
    pub error: Option<String>,
    /// How long it took.
    pub latency_ms: u64,
    /// When it was made.
    pub dispatched_at: Timestamp,
    /// When the next one is due; `None` after a success and after the last.
    pub next_attempt_at: Option<Timestamp>,
    /// The beginning of the answer.
    pub excerpt: Option<String>,
    /// Why the message is given up, if it is.
    pub dead_letter: Option<&'static str>,
}

/// Writes a batch of attempts, what they mean for their deliveries, and dead letters. Each attempt stands in it once. Returns
/// which are new: writing one again changes nothing, and an older one does not take its delivery back.
///
/// # Errors
/// When PostgreSQL does not answer.
pub async fn settle(
    client: &impl GenericClient,
    records: &[AttemptRecord],
    now: Timestamp,
) -> Result<BTreeSet<(Uuid, u32)>, StoreError> {
    // In the order of their ids, so that two that settle never wait for each other in a circle.
    let mut records: Vec<&AttemptRecord> = records.iter().collect();
    records.sort_by_key(|record| record.delivery_id);
    let statement = client
        .prepare_cached(
            "WITH outcome AS (
                 SELECT * FROM unnest($1::uuid[], $2::int[], $3::text[], $4::int[], $5::text[], $6::bigint[],
                                      $7::timestamptz[], $8::timestamptz[], $9::text[], $10::text[])
                     AS o (delivery_id, attempt, status, code, error, latency_ms, dispatched_at, next_at, excerpt, dead)
             ), attempt AS (
                 INSERT INTO alerting.delivery_attempts
                     (delivery_id, attempt, status, response_code, error_msg, latency_ms, dispatched_at, next_attempt_at,
                      response_excerpt)
                 SELECT delivery_id, attempt, status, code, error, latency_ms, dispatched_at, next_at, excerpt
                 FROM outcome
                 ON CONFLICT (delivery_id, attempt) DO NOTHING
                 RETURNING delivery_id, attempt
             ), dead_letter AS (
                 INSERT INTO alerting.dead_letters (delivery_id, reason, at)
                 SELECT o.delivery_id, o.dead, $11 FROM outcome o JOIN attempt a USING (delivery_id, attempt)
                 WHERE o.dead IS NOT NULL
                 ON CONFLICT (delivery_id) DO NOTHING
             )
             UPDATE alerting.deliveries d
             SET status = CASE WHEN o.next_at IS NOT NULL THEN 'pending' ELSE o.status END,
                 attempts = o.attempt, due_at = o.next_at, updated_at = $11
             FROM outcome o JOIN attempt a USING (delivery_id, attempt)
             WHERE d.id = o.delivery_id AND d.attempts < o.attempt
             RETURNING d.id, d.attempts",
        )
        .await?;
    let ids: Vec<Uuid> = records.iter().map(|r| r.delivery_id).collect();
    let attempts: Vec<i32> = records
        .iter()
        .map(|r| i32::try_from(r.attempt).unwrap_or(i32::MAX))
        .collect();
    let statuses: Vec<&str> = records
        .iter()
        .map(|r| if r.succeeded { "success" } else { "failed" })
        .collect();
    let codes: Vec<Option<i32>> = records.iter().map(|r| r.response_code.map(i32::from)).collect();
    let errors: Vec<Option<&str>> = records.iter().map(|r| r.error.as_deref()).collect();
    let latencies: Vec<i64> = records
        .iter()
        .map(|r| i64::try_from(r.latency_ms).unwrap_or(i64::MAX))
        .collect();
    let dispatched: Vec<Timestamp> = records.iter().map(|r| r.dispatched_at).collect();
    let next: Vec<Option<Timestamp>> = records.iter().map(|r| r.next_attempt_at).collect();
    let excerpts: Vec<Option<&str>> = records.iter().map(|r| r.excerpt.as_deref()).collect();
    let dead: Vec<Option<&str>> = records.iter().map(|r| r.dead_letter).collect();
    let rows = client
        .query(
            &statement,
            &[
                &ids,
                &attempts,
                &statuses,
                &codes,
                &errors,
                &latencies,
                &dispatched,
                &next,
                &excerpts,
                &dead,
                &now,
            ],
        )
        .await?;
    let new = |row: &Row| (row.get(0), row.get::<_, i32>(1).unsigned_abs());
    Ok(rows.iter().map(new).collect())
}

/// One attempt as it is listed, or the wait for the first.
#[derive(Debug, Clone, PartialEq)]
#[expect(missing_docs, reason = "the names are those of the public body")]
pub struct ListedAttempt {
    pub delivery_id: Uuid,
    pub alert_id: Option<Uuid>,
    pub event_id: Option<Uuid>,
    pub endpoint_id: Uuid,
    pub attempt: u32,
    pub status: String,
    pub response_code: Option<u16>,
    pub error_msg: Option<String>,
    pub latency_ms: Option<u64>,
    pub dispatched_at: Option<Timestamp>,
    pub next_attempt_at: Option<Timestamp>,
    pub response_excerpt: Option<String>,
}

/// Lists the attempts of an alert's deliveries, newest first: those before the attempt `before` only. A delivery that was
/// never tried is one pending row with attempt 0.
///
/// # Errors
/// When PostgreSQL does not answer.
pub async fn list_of_alert(
    pool: &Pool,
    alert_id: Uuid,
    before: Option<(Uuid, u32)>,
    limit: i64,
) -> Result<Vec<ListedAttempt>, StoreError> {
    let client = connection(pool).await?;
    let statement = client
        .prepare_cached(
            "SELECT d.id, d.alert_id, d.event_id, d.endpoint_id, coalesce(a.attempt, 0), coalesce(a.status, 'pending'),
                    a.response_code, a.error_msg, a.latency_ms, a.dispatched_at,
                    CASE WHEN a.attempt IS NULL THEN d.due_at ELSE a.next_attempt_at END, a.response_excerpt
             FROM alerting.deliveries d LEFT JOIN alerting.delivery_attempts a ON a.delivery_id = d.id
             WHERE d.alert_id = $1
               AND ($2::uuid IS NULL OR (d.id, coalesce(a.attempt, 0)) < ($2, $3))
             ORDER BY d.id DESC, coalesce(a.attempt, 0) DESC LIMIT $4",
        )
        .await?;
    let (before_id, before_attempt) = match before {
        Some((id, attempt)) => (Some(id), i32::try_from(attempt).unwrap_or(i32::MAX)),
        None => (None, 0),
    };
    let rows = client
        .query(&statement, &[&alert_id, &before_id, &before_attempt, &limit])
        .await?;
    Ok(rows.iter().map(read_listed).collect())
}

fn read_listed(row: &Row) -> ListedAttempt {
    ListedAttempt {
        delivery_id: row.get(0),
        alert_id: row.get(1),
        event_id: row.get(2),
        endpoint_id: row.get(3),
        attempt: row.get::<_, i32>(4).unsigned_abs(),
        status: row.get(5),
        response_code: row.get::<_, Option<i32>>(6).and_then(|code| u16::try_from(code).ok()),
        error_msg: row.get(7),
        latency_ms: row.get::<_, Option<i64>>(8).map(i64::unsigned_abs),
        dispatched_at: row.get(9),
        next_attempt_at: row.get(10),
        response_excerpt: row.get(11),
    }
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

/// Puts a test message into the outbox and wakes the relays. False when the user has no such endpoint.
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
             WHERE id = $3 AND user_id = $2",
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
    let inserted = transaction.execute(&statement, parameters).await?;
    wake_relays(&transaction).await?;
    transaction.commit().await?;
    Ok(inserted == 1)
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
