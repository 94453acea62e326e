//! Attempts to deliver: claimed before the request goes out, settled after it, and dead letters.
//!
//! An attempt is on record from its claim on, so every request that an endpoint may have seen is a row with a number of
//! its own, and counts. `outbox.attempts` is the number of attempts that were begun.

use std::collections::BTreeSet;

use deadpool_postgres::{GenericClient, Pool};
use jiff::Timestamp;
use tokio_postgres::Row;
use uuid::Uuid;

use super::queues::{IS_HELD, MAX_HELD};
use super::{StoreError, connection, notices, queues};
use crate::secrets::StoredSecret;

/// A claimed attempt, with all that is needed to make it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claimed {
    pub id: Uuid,
    /// Number of this attempt, from 1.
    pub attempt: u32,
    /// Attempts before the message was sent again, which do not count for the retry policy.
    pub attempts_before: u32,
    pub endpoint_id: Uuid,
    pub url: String,
    pub secret: StoredSecret,
    /// True when the endpoint has taken a message before.
    pub is_known: bool,
    /// True when the endpoint is not posted to any more.
    pub is_disabled: bool,
    /// True for a test, which is posted even to a disabled endpoint.
    pub is_test: bool,
    /// The bytes to post.
    pub body: String,
    /// Follows the price or request behind it.
    pub request_id: String,
}

/// The error of an attempt whose outcome is unknown.
const INTERRUPTED: &str = "interrupted: the service stopped while this attempt was under way";

/// Claims attempts and puts them on record as begun: of several consumers that hold the same message one gets the row.
/// A claim ends when it is settled, or is interrupted when `until` passes. Messages to an endpoint that was disabled
/// for its failures meanwhile are not claimed but wait again, until it is enabled. All of it in
/// the transaction of `client`.
pub async fn claim(
    client: &impl GenericClient,
    wanted: &[(Uuid, u32)],
    now: Timestamp,
    until: Timestamp,
) -> Result<Vec<Claimed>, StoreError> {
    let ids: Vec<Uuid> = wanted.iter().map(|(id, _)| *id).collect();
    let attempts: Vec<i32> = wanted
        .iter()
        .map(|(_, attempt)| i32::try_from(*attempt).unwrap_or(i32::MAX))
        .collect();
    let statement = client
        .prepare_cached(&format!(
            "WITH free AS (
                 SELECT o.delivery_id, {IS_HELD} AND NOT o.is_test AND $5 > (
                     SELECT count(*) FROM (
                         SELECT FROM alerting.outbox h
                         WHERE h.endpoint_id = o.endpoint_id AND NOT h.is_test AND h.taken_at IS NULL LIMIT $5
                     ) AS first
                 ) AS is_held
                 FROM alerting.outbox o
                 JOIN unnest($1::uuid[], $2::int[]) AS w (id, attempt) ON w.id = o.delivery_id
                 JOIN alerting.endpoints e ON e.id = o.endpoint_id
                 WHERE o.attempts = w.attempt - 1 AND o.taken_at IS NOT NULL AND NOT o.is_claimed
                 ORDER BY o.delivery_id FOR NO KEY UPDATE OF o
             ), held AS (
                 UPDATE alerting.outbox o SET taken_at = NULL, lease_until = NULL, is_fast = NULL
                 FROM free f WHERE o.delivery_id = f.delivery_id AND f.is_held
                 RETURNING o.endpoint_id
             ), claimed AS (
                 UPDATE alerting.outbox o SET is_claimed = true, attempts = o.attempts + 1, lease_until = $4
                 FROM free f, alerting.endpoints e, alerting.deliveries d
                 WHERE o.delivery_id = f.delivery_id AND NOT f.is_held AND e.id = o.endpoint_id AND d.id = o.delivery_id
                 RETURNING o.delivery_id, o.attempts, o.attempts_before, o.endpoint_id, e.url, e.secret,
                           e.disabled_reason IS NOT NULL AS is_disabled, o.is_test, d.body, d.request_id,
                           e.last_success_at IS NOT NULL AS is_known
             ), begun AS (
                 INSERT INTO alerting.delivery_attempts (delivery_id, attempt, status, dispatched_at)
                 SELECT delivery_id, attempts, 'open', $3 FROM claimed
             )
             SELECT * FROM claimed
             UNION ALL
             SELECT NULL, NULL, NULL, endpoint_id, NULL, NULL, NULL, NULL, NULL, NULL, NULL FROM held"
        ))
        .await?;
    let read = |id: Uuid, row: &Row| Claimed {
        id,
        attempt: row.get::<_, i32>("attempts").unsigned_abs(),
        attempts_before: row.get::<_, i32>("attempts_before").unsigned_abs(),
        endpoint_id: row.get("endpoint_id"),
        url: row.get("url"),
        secret: row.get::<_, String>("secret").into(),
        is_disabled: row.get("is_disabled"),
        is_test: row.get("is_test"),
        body: row.get("body"),
        request_id: row.get("request_id"),
        is_known: row.get("is_known"),
    };
    let rows = client
        .query(&statement, &[&ids, &attempts, &now, &until, &MAX_HELD])
        .await?;
    let mut claimed = Vec::with_capacity(rows.len());
    let mut held = Vec::new();
    for row in &rows {
        match row.get::<_, Option<Uuid>>("delivery_id") {
            Some(id) => claimed.push(read(id, row)),
            None => held.push(row.get("endpoint_id")),
        }
    }
    queues::refresh(client, &held, now).await?;
    Ok(claimed)
}

/// Why a message is given up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeadLetterReason {
    AttemptsExhausted,
    /// The endpoint answered 410: it is gone for good.
    EndpointGone,
    EndpointDisabled,
    /// The last attempt could not be signed, which says nothing about the endpoint.
    SecretUnreadable,
}

impl DeadLetterReason {
    /// The value of the column.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::AttemptsExhausted => "attempts_exhausted",
            Self::EndpointGone => "endpoint_gone",
            Self::EndpointDisabled => "endpoint_disabled",
            Self::SecretUnreadable => "secret_unreadable",
        }
    }
}

/// One attempt as it is recorded.
#[derive(Debug, Clone, PartialEq)]
pub struct AttemptRecord {
    pub delivery_id: Uuid,
    /// Number of the attempt, from 1.
    pub attempt: u32,
    /// Whether the endpoint took it.
    pub succeeded: bool,
    pub response_code: Option<u16>,
    pub error: Option<String>,
    pub latency_ms: u64,
    pub dispatched_at: Timestamp,
    /// When the next one is due; `None` after a success and after the last.
    pub next_attempt_at: Option<Timestamp>,
    /// The beginning of the response.
    pub excerpt: Option<String>,
    /// Why the message is given up, if it is.
    pub dead_letter: Option<DeadLetterReason>,
}

/// Writes the outcomes of a batch of attempts, what they mean for their deliveries, and dead letters. Each attempt
/// stands in it once. Returns which are new: writing one again changes nothing, and an older one does not take its
/// delivery back. An attempt that was recorded as interrupted and ended later counts as it ended, but its failure does
/// not end a delivery that was sent again meanwhile.
pub async fn settle(
    client: &impl GenericClient,
    records: &[&AttemptRecord],
    now: Timestamp,
) -> Result<BTreeSet<(Uuid, u32)>, StoreError> {
    if records.is_empty() {
        return Ok(BTreeSet::new());
    }
    // In the order of their ids, so that two that settle never wait for each other in a circle.
    let mut records = records.to_vec();
    records.sort_by_key(|record| record.delivery_id);
    let statement = client
        .prepare_cached(
            "WITH outcome AS (
                 SELECT * FROM unnest($1::uuid[], $2::int[], $3::text[], $4::int[], $5::text[], $6::bigint[],
                                      $7::timestamptz[], $8::timestamptz[], $9::text[], $10::text[])
                     AS o (delivery_id, attempt, status, code, error, latency_ms, dispatched_at, next_at, excerpt, dead)
             ), attempt AS (
                 UPDATE alerting.delivery_attempts a
                 SET status = o.status, response_code = o.code, error_msg = o.error, latency_ms = o.latency_ms,
                     dispatched_at = o.dispatched_at, next_attempt_at = o.next_at, response_excerpt = o.excerpt
                 FROM outcome o
                 WHERE a.delivery_id = o.delivery_id AND a.attempt = o.attempt AND a.status IN ('open', 'interrupted')
                 RETURNING a.delivery_id, a.attempt
             ), latest AS (
                 SELECT o.* FROM outcome o JOIN attempt a USING (delivery_id, attempt)
                 LEFT JOIN alerting.outbox b ON b.delivery_id = o.delivery_id
                 WHERE (b.attempts = o.attempt AND (b.attempts > b.attempts_before OR o.status = 'success'))
                    OR (b.delivery_id IS NULL AND o.status = 'success')
             ), revived AS (
                 DELETE FROM alerting.dead_letters l USING latest o
                 WHERE l.delivery_id = o.delivery_id AND o.status = 'success'
             ), dead_letter AS (
                 INSERT INTO alerting.dead_letters (delivery_id, reason, at)
                 SELECT delivery_id, dead, $11 FROM latest WHERE dead IS NOT NULL
                 ON CONFLICT (delivery_id) DO NOTHING
             ), finished AS (
                 DELETE FROM alerting.outbox b USING latest o
                 WHERE b.delivery_id = o.delivery_id AND b.attempts = o.attempt AND o.next_at IS NULL
             ), retried AS (
                 UPDATE alerting.outbox b
                 SET taken_at = NULL, lease_until = NULL, is_fast = NULL, is_claimed = false, due_at = o.next_at
                 FROM latest o
                 WHERE b.delivery_id = o.delivery_id AND b.attempts = o.attempt AND b.is_claimed
                   AND o.next_at IS NOT NULL
             )
             SELECT delivery_id, attempt FROM latest",
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
    let dead: Vec<Option<&str>> = records
        .iter()
        .map(|r| r.dead_letter.map(DeadLetterReason::as_str))
        .collect();
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
    let new = |row: &Row| (row.get("delivery_id"), row.get::<_, i32>("attempt").unsigned_abs());
    let new: BTreeSet<(Uuid, u32)> = rows.iter().map(new).collect();
    let dead = |r: &&&AttemptRecord| r.dead_letter.is_some() && new.contains(&(r.delivery_id, r.attempt));
    let given_up: Vec<Uuid> = records.iter().filter(dead).map(|r| r.delivery_id).collect();
    notices::deliveries_failed(client, &given_up, now).await?;
    Ok(new)
}

/// Closes the attempts under way of deliveries whose claims ran out: their process died, or does not know the outcome
/// of them. Those of `given_up` have no further attempt.
pub async fn interrupt(
    client: &impl GenericClient,
    ids: &[Uuid],
    given_up: &[Uuid],
    now: Timestamp,
) -> Result<(), StoreError> {
    let statement = client
        .prepare_cached(
            "WITH closed AS (
                 UPDATE alerting.delivery_attempts a
                 SET status = 'interrupted', error_msg = $4,
                     next_attempt_at = CASE WHEN o.delivery_id = ANY($2) THEN NULL ELSE $3::timestamptz END
                 FROM alerting.outbox o
                 WHERE o.delivery_id = ANY($1) AND a.delivery_id = o.delivery_id AND a.attempt = o.attempts
                   AND a.status = 'open'
             ), dead_letter AS (
                 INSERT INTO alerting.dead_letters (delivery_id, reason, at)
                 SELECT id, $5, $3 FROM unnest($2::uuid[]) AS given_up (id)
                 ON CONFLICT (delivery_id) DO NOTHING
             )
             DELETE FROM alerting.outbox WHERE delivery_id = ANY($2)",
        )
        .await?;
    let reason = DeadLetterReason::AttemptsExhausted.as_str();
    client
        .execute(&statement, &[&ids, &given_up, &now, &INTERRUPTED, &reason])
        .await?;
    notices::deliveries_failed(client, given_up, now).await
}

/// One attempt as it is listed, or the wait for the first.
#[derive(Debug, Clone, PartialEq)]
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

/// SQL: what [`read_listed`] reads, of deliveries `d` and their attempts `a`.
const LISTED: &str = "SELECT d.id, d.alert_id, d.event_id, d.endpoint_id, coalesce(a.attempt, 0) AS attempt,
           CASE a.status WHEN 'success' THEN 'success' WHEN 'failed' THEN 'failed' WHEN 'interrupted' THEN 'failed'
                         ELSE 'pending' END AS status,
           a.response_code, a.error_msg, a.latency_ms, a.dispatched_at,
           CASE WHEN a.attempt IS NULL THEN o.due_at ELSE a.next_attempt_at END AS next_attempt_at, a.response_excerpt
    FROM alerting.deliveries d
    LEFT JOIN alerting.delivery_attempts a ON a.delivery_id = d.id
    LEFT JOIN alerting.outbox o ON o.delivery_id = d.id";

/// Lists the attempts of a delivery, newest first.
pub async fn list_of_delivery(
    client: &impl GenericClient,
    id: Uuid,
    limit: i64,
) -> Result<Vec<ListedAttempt>, StoreError> {
    let statement = client
        .prepare_cached(&format!(
            "{LISTED} WHERE d.id = $1 AND a.attempt IS NOT NULL ORDER BY a.attempt DESC LIMIT $2"
        ))
        .await?;
    let rows = client.query(&statement, &[&id, &limit]).await?;
    Ok(rows.iter().map(read_listed).collect())
}

/// Lists the attempts of an alert's deliveries, newest first: those before the attempt `before` only. A delivery that
/// was never tried is one pending row with attempt 0.
pub async fn list_of_alert(
    pool: &Pool,
    alert_id: Uuid,
    before: Option<(Uuid, u32)>,
    limit: i64,
) -> Result<Vec<ListedAttempt>, StoreError> {
    let client = connection(pool).await?;
    let statement = client
        .prepare_cached(&format!(
            "{LISTED}
                 WHERE d.alert_id = $1 AND ($2::uuid IS NULL OR (d.id, coalesce(a.attempt, 0)) < ($2, $3))
                 ORDER BY d.id DESC, coalesce(a.attempt, 0) DESC LIMIT $4"
        ))
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
        delivery_id: row.get("id"),
        alert_id: row.get("alert_id"),
        event_id: row.get("event_id"),
        endpoint_id: row.get("endpoint_id"),
        attempt: row.get::<_, i32>("attempt").unsigned_abs(),
        status: row.get("status"),
        response_code: row
            .get::<_, Option<i32>>("response_code")
            .and_then(|code| u16::try_from(code).ok()),
        error_msg: row.get("error_msg"),
        latency_ms: row.get::<_, Option<i64>>("latency_ms").map(i64::unsigned_abs),
        dispatched_at: row.get("dispatched_at"),
        next_attempt_at: row.get("next_attempt_at"),
        response_excerpt: row.get("response_excerpt"),
    }
}
