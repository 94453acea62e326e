//! Rows of `alerting.outbox`: the deliveries that are not finished, and where they are.
//!
//! ```text
//!             take                  claim                    settle
//!   waiting ────────> taken (queued) ────────> taken, claimed ────────> (gone)
//!      ^                 │                         │  │
//!      └── give_back ────┴──── the lease ran out ──┘  └── settle, if it is retried ──> waiting
//! ```

use deadpool_postgres::{GenericClient, Pool};
use jiff::Timestamp;
use tokio_postgres::Row;
use uuid::Uuid;

use super::queues::{IS_HELD, MAX_HELD, MAX_TAKEN_OF_USER};
use super::{StoreError, connection, queues};

/// Most users whose queues are looked at together.
const MAX_USERS: i64 = 64;

/// Most messages that are given back or found expired together.
const MAX_STEP: i64 = 5_000;

/// A message that the relay puts into the queue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Due {
    pub id: Uuid,
    pub endpoint_id: Uuid,
    /// Whose endpoint that is.
    pub user_id: Uuid,
    pub url: String,
    /// Whether the endpoint answers quickly; `None` before its first answer.
    pub is_fast: Option<bool>,
    /// Number of the attempt that is due, from 1.
    pub attempt: u32,
    /// Follows the price or request behind it.
    pub request_id: String,
}

/// What was taken together.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Taken {
    pub due: Vec<Due>,
    pub has_more: bool,
}

/// Takes messages that are due until `until`, as many as their endpoints and users may have outstanding, and at most
/// `limit`. Users whose queues another relay has locked are skipped.
pub async fn take(
    client: &impl GenericClient,
    now: Timestamp,
    until: Timestamp,
    limit: i64,
) -> Result<Taken, StoreError> {
    let statement = client
        .prepare_cached(
            "SELECT u.user_id, u.is_fast FROM alerting.user_queues u
             JOIN alerting.user_queues lock ON lock.user_id = u.user_id AND NOT lock.is_fast
             WHERE u.ready_at <= $1
             ORDER BY u.ready_at LIMIT $2 FOR NO KEY UPDATE OF lock SKIP LOCKED",
        )
        .await?;
    let ready = client.query(&statement, &[&now, &MAX_USERS]).await?;
    if ready.is_empty() {
        return Ok(Taken::default());
    }
    let users: Vec<Uuid> = ready.iter().map(|row| row.get("user_id")).collect();
    let are_fast: Vec<bool> = ready.iter().map(|row| row.get("is_fast")).collect();
    // A user's free room is shared among its ready endpoints; an endpoint never gets more than its window leaves. No
    // more endpoints are looked at than fit into a batch, and users take turns in it. Each table expression that
    // counts is materialized: the planner would otherwise count anew for every row that refers to it.
    let statement = client
        .prepare_cached(&format!(
            "WITH queue AS MATERIALIZED (
                 SELECT u.user_id, u.is_fast, greatest($5::bigint / cardinality($1::uuid[]), 1) AS most, $3 - (
                     SELECT count(*) FROM alerting.outbox o
                     WHERE o.user_id = u.user_id AND o.is_fast = u.is_fast AND o.taken_at IS NOT NULL
                 ) AS room
                 FROM unnest($1::uuid[], $2::boolean[]) AS u (user_id, is_fast)
             ), endpoint AS MATERIALIZED (
                 SELECT q.*, r.*, greatest(q.room / count(*) OVER (PARTITION BY q.user_id, q.is_fast), 1) AS share
                 FROM queue q CROSS JOIN LATERAL (
                     SELECT r.endpoint_id, e.url, {IS_HELD} AS is_held, r.latency_ms, r.max_taken - (
                         SELECT count(*) FROM alerting.outbox o
                         WHERE o.user_id = r.user_id AND o.endpoint_id = r.endpoint_id AND o.taken_at IS NOT NULL
                     ) AS endpoint_room
                     FROM alerting.endpoint_queues r JOIN alerting.endpoints e ON e.id = r.endpoint_id
                     WHERE r.user_id = q.user_id AND r.is_fast = q.is_fast AND r.ready_at <= $4
                     ORDER BY r.ready_at LIMIT greatest(least(q.room, q.most), 0)
                 ) r
             ), chosen AS (
                 SELECT e.endpoint_id, e.url, e.is_fast, e.latency_ms, o.delivery_id
                 FROM endpoint e CROSS JOIN LATERAL (
                     (SELECT delivery_id, due_at FROM alerting.outbox
                      WHERE endpoint_id = e.endpoint_id AND is_test AND taken_at IS NULL AND due_at <= $4
                      ORDER BY due_at LIMIT greatest(e.endpoint_room, 0))
                     UNION ALL
                     (SELECT delivery_id, due_at FROM alerting.outbox
                      WHERE endpoint_id = e.endpoint_id AND NOT is_test AND taken_at IS NULL AND due_at <= $4
                      ORDER BY due_at OFFSET CASE WHEN e.is_held THEN $7::bigint ELSE 0 END
                      LIMIT greatest(e.endpoint_room, 0))
                     LIMIT greatest(least(e.endpoint_room, e.share), 0)
                 ) o
                 ORDER BY row_number() OVER (PARTITION BY e.user_id, e.is_fast ORDER BY o.due_at) LIMIT $5
             ), free AS (
                 SELECT o.delivery_id FROM alerting.outbox o JOIN chosen c ON c.delivery_id = o.delivery_id
                 WHERE o.taken_at IS NULL FOR NO KEY UPDATE OF o SKIP LOCKED
             ), taken AS (
                 UPDATE alerting.outbox o SET taken_at = $4, lease_until = $6, is_fast = c.is_fast
                 FROM free f JOIN chosen c ON c.delivery_id = f.delivery_id
                 WHERE o.delivery_id = f.delivery_id
                 RETURNING o.delivery_id, o.user_id, o.endpoint_id, o.attempts, o.is_fast, c.url,
                           c.latency_ms IS NOT NULL AS is_known
             )
             SELECT t.*, d.request_id FROM taken t JOIN alerting.deliveries d ON d.id = t.delivery_id
             UNION ALL
             SELECT NULL, NULL, endpoint_id, NULL, NULL, NULL, NULL, NULL FROM endpoint"
        ))
        .await?;
    let rows = client
        .query(
            &statement,
            &[&users, &are_fast, &MAX_TAKEN_OF_USER, &now, &limit, &until, &MAX_HELD],
        )
        .await?;
    let mut due = Vec::new();
    let mut endpoints = Vec::new();
    for row in &rows {
        match row.get::<_, Option<Uuid>>("delivery_id") {
            Some(id) => due.push(read_due(id, row)),
            None => endpoints.push(row.get("endpoint_id")),
        }
    }
    // Also of those that turned out not to be ready.
    let still_ready = queues::refresh_served(client, &endpoints, &users, now).await?;
    // Without progress, such as when others hold the rows, the next look comes later.
    let progressed = !due.is_empty() || still_ready < ready.len();
    Ok(Taken {
        due,
        has_more: progressed && (still_ready > 0 || ready.len() as i64 == MAX_USERS),
    })
}

fn read_due(id: Uuid, row: &Row) -> Due {
    let is_known: bool = row.get("is_known");
    Due {
        id,
        endpoint_id: row.get("endpoint_id"),
        user_id: row.get("user_id"),
        url: row.get("url"),
        is_fast: is_known.then(|| row.get("is_fast")),
        attempt: row.get::<_, i32>("attempts").unsigned_abs() + 1,
        request_id: row.get("request_id"),
    }
}

/// Lets the broker keep what was taken at `taken_at` until `until`. What a consumer has by now is left alone.
pub async fn extend(
    client: &impl GenericClient,
    ids: &[Uuid],
    taken_at: Timestamp,
    until: Timestamp,
) -> Result<(), StoreError> {
    let statement = client
        .prepare_cached(
            // What a consumer is claiming needs no extension and is not waited for.
            "UPDATE alerting.outbox SET lease_until = $3
             WHERE delivery_id IN (
                 SELECT delivery_id FROM alerting.outbox
                 WHERE delivery_id = ANY($1) AND taken_at = $2 AND NOT is_claimed
                 ORDER BY delivery_id FOR NO KEY UPDATE SKIP LOCKED
             )",
        )
        .await?;
    client.execute(&statement, &[&ids, &taken_at, &until]).await?;
    Ok(())
}

/// Lets messages wait again that were taken at `taken_at` and did not get into the queue.
pub async fn give_back(
    client: &impl GenericClient,
    ids: &[Uuid],
    taken_at: Timestamp,
    now: Timestamp,
) -> Result<(), StoreError> {
    let statement = client
        .prepare_cached(
            "UPDATE alerting.outbox SET taken_at = NULL, lease_until = NULL, is_fast = NULL
             WHERE delivery_id = ANY($1) AND taken_at = $2 AND NOT is_claimed RETURNING endpoint_id",
        )
        .await?;
    let rows = client.query(&statement, &[&ids, &taken_at]).await?;
    queues::refresh(client, &endpoint_ids(&rows), now).await?;
    Ok(())
}

/// Lets messages wait again that were queued before `before` and not claimed, some thousands at a time. Returns how
/// many.
pub async fn requeue(client: &impl GenericClient, before: Timestamp, now: Timestamp) -> Result<u64, StoreError> {
    let statement = client
        .prepare_cached(
            "UPDATE alerting.outbox SET taken_at = NULL, lease_until = NULL, is_fast = NULL
             WHERE delivery_id IN (
                 SELECT delivery_id FROM alerting.outbox WHERE taken_at IS NOT NULL AND taken_at < $1 AND NOT is_claimed
                 ORDER BY delivery_id LIMIT $2 FOR NO KEY UPDATE SKIP LOCKED
             ) RETURNING endpoint_id",
        )
        .await?;
    let rows = client.query(&statement, &[&before, &MAX_STEP]).await?;
    queues::refresh(client, &endpoint_ids(&rows), now).await?;
    Ok(rows.len() as u64)
}

/// A message whose lease ran out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Expired {
    pub id: Uuid,
    pub endpoint_id: Uuid,
    /// Attempts that were begun since it was sent, or sent again.
    pub attempts: u32,
    pub is_claimed: bool,
}

/// Lets messages wait again whose leases ran out, due at once. Their endpoints' queues are to be refreshed.
pub async fn take_back_expired(client: &impl GenericClient, now: Timestamp) -> Result<Vec<Expired>, StoreError> {
    let statement = client
        .prepare_cached(
            "WITH expired AS (
                 SELECT delivery_id, is_claimed FROM alerting.outbox WHERE taken_at IS NOT NULL AND lease_until <= $1
                 ORDER BY delivery_id LIMIT $2 FOR NO KEY UPDATE SKIP LOCKED
             )
             UPDATE alerting.outbox o SET taken_at = NULL, lease_until = NULL, is_fast = NULL, is_claimed = false
             FROM expired e WHERE o.delivery_id = e.delivery_id
             RETURNING o.delivery_id, o.endpoint_id, o.attempts - o.attempts_before AS attempts, e.is_claimed",
        )
        .await?;
    let rows = client.query(&statement, &[&now, &MAX_STEP]).await?;
    let read = |row: &Row| Expired {
        id: row.get("delivery_id"),
        endpoint_id: row.get("endpoint_id"),
        attempts: row.get::<_, i32>("attempts").unsigned_abs(),
        is_claimed: row.get("is_claimed"),
    };
    Ok(rows.iter().map(read).collect())
}

/// Lets messages wait again for which consumers had no room; that counts as no attempt. Returns their endpoints, whose
/// windows and queues are to be changed.
pub async fn defer(client: &impl GenericClient, deferred: &[(Uuid, u32)]) -> Result<Vec<Uuid>, StoreError> {
    let ids: Vec<Uuid> = deferred.iter().map(|(id, _)| *id).collect();
    let number = |attempt: u32| i32::try_from(attempt).unwrap_or(i32::MAX);
    let attempts: Vec<i32> = deferred.iter().map(|(_, attempt)| number(*attempt)).collect();
    let statement = client
        .prepare_cached(
            "UPDATE alerting.outbox o SET taken_at = NULL, lease_until = NULL, is_fast = NULL
             FROM unnest($1::uuid[], $2::int[]) AS w (id, attempt)
             WHERE o.delivery_id = w.id AND o.attempts = w.attempt - 1 AND o.taken_at IS NOT NULL AND NOT o.is_claimed
             RETURNING o.endpoint_id",
        )
        .await?;
    let rows = client.query(&statement, &[&ids, &attempts]).await?;
    Ok(endpoint_ids(&rows))
}

fn endpoint_ids(rows: &[Row]) -> Vec<Uuid> {
    let mut ids: Vec<Uuid> = rows.iter().map(|row| row.get("endpoint_id")).collect();
    ids.sort_unstable();
    ids.dedup();
    ids
}

/// What is outstanding, in numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Backlog {
    /// Messages that were queued some time ago and not claimed.
    pub queued: u64,
    /// Since when the queue that waits longest is ready.
    pub ready_since: Option<Timestamp>,
}

/// Counts what was queued before `before` and not claimed, and finds the queue that waits longest.
pub async fn backlog(pool: &Pool, before: Timestamp) -> Result<Backlog, StoreError> {
    let client = connection(pool).await?;
    let statement = client
        .prepare_cached(
            "SELECT (SELECT count(*) FROM alerting.outbox
                     WHERE taken_at IS NOT NULL AND taken_at < $1 AND NOT is_claimed) AS queued,
                    (SELECT min(ready_at) FROM alerting.user_queues WHERE ready_at IS NOT NULL) AS ready_since",
        )
        .await?;
    let row = client.query_one(&statement, &[&before]).await?;
    Ok(Backlog {
        queued: row.get::<_, i64>("queued").unsigned_abs(),
        ready_since: row.get("ready_since"),
    })
}

/// Counts the deliveries that are not finished.
pub async fn depth(pool: &Pool) -> Result<u64, StoreError> {
    let client = connection(pool).await?;
    let statement = client
        .prepare_cached("SELECT count(*) AS depth FROM alerting.outbox")
        .await?;
    let row = client.query_one(&statement, &[]).await?;
    Ok(row.get::<_, i64>("depth").unsigned_abs())
}
