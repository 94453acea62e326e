//! When which endpoint's messages may be published: rows of `alerting.endpoint_queues` and `alerting.user_queues`.
//!
//! Every change of what waits or what is outstanding ends its transaction with [`refresh`] or [`mark_ready`]. Both
//! lock the queues of the users first, in the order of their ids: so each sees all that was committed before it, and
//! no later change of the same queues overwrites it with less. The lock is that of one row, `NOT is_fast`,
//! for both queues of a user. A queue that is marked too early only costs the relay a query.

use std::time::Duration;

use deadpool_postgres::GenericClient;
use futures_util::try_join;
use jiff::Timestamp;
use tokio_postgres::Row;
use uuid::Uuid;

use super::StoreError;
use crate::delivery::window::EndpointWindow;

/// Most messages that one user has outstanding with fast endpoints, and as many with the others.
pub const MAX_TAKEN_OF_USER: i64 = 256;

/// Most messages that are held for one disabled endpoint; further ones are given up.
pub const MAX_HELD: i64 = 1_000;

/// Most stalled endpoints that are found together.
const MAX_STALLED: i64 = 1_000;

/// SQL: endpoint `e` gets nothing but tests, until it is enabled.
pub const IS_HELD: &str = "(e.disabled_reason IS NOT DISTINCT FROM 'too_many_failures')";

/// Locks the queues of these endpoints' users, and of these users, until the transaction ends.
const LOCK: &str = "SELECT FROM alerting.user_queues
     WHERE user_id IN (SELECT user_id FROM alerting.endpoint_queues WHERE endpoint_id = ANY($1)
                       UNION SELECT unnest($2::uuid[]))
       AND NOT is_fast
     ORDER BY user_id FOR NO KEY UPDATE";

const NOBODY: &[Uuid] = &[];

/// Marks endpoints as ready whose messages were just committed to the outbox, due at `now`.
pub async fn mark_ready(client: &impl GenericClient, endpoint_ids: &[Uuid], now: Timestamp) -> Result<(), StoreError> {
    let lock = client.prepare_cached(LOCK).await?;
    let endpoints = client
        .prepare_cached(
            "UPDATE alerting.endpoint_queues SET ready_at = greatest(closed_until, $2)
             WHERE endpoint_id = ANY($1) AND (ready_at IS NULL OR ready_at > greatest(closed_until, $2))",
        )
        .await?;
    let users = client
        .prepare_cached(
            "UPDATE alerting.user_queues u SET ready_at = q.ready_at
             FROM (SELECT user_id, is_fast, min(ready_at) AS ready_at FROM alerting.endpoint_queues
                   WHERE endpoint_id = ANY($1) GROUP BY user_id, is_fast) q
             WHERE u.user_id = q.user_id AND u.is_fast = q.is_fast AND (u.ready_at IS NULL OR u.ready_at > q.ready_at)",
        )
        .await?;
    // Sent together; the server runs them in this order, each with a view of its own.
    try_join!(
        async { client.execute(&lock, &[&endpoint_ids, &NOBODY]).await },
        async { client.execute(&endpoints, &[&endpoint_ids, &now]).await },
        async { client.execute(&users, &[&endpoint_ids]).await },
    )?;
    Ok(())
}

/// Works out when these endpoints and their users are ready, from what waits and what is outstanding. Returns how
/// many queues of the users are ready now.
pub async fn refresh(client: &impl GenericClient, endpoint_ids: &[Uuid], now: Timestamp) -> Result<usize, StoreError> {
    work_out(client, endpoint_ids, NOBODY, false, now).await
}

/// The same after the relay has looked at these users and endpoints: those that are still ready go behind all others.
pub async fn refresh_served(
    client: &impl GenericClient,
    endpoint_ids: &[Uuid],
    user_ids: &[Uuid],
    now: Timestamp,
) -> Result<usize, StoreError> {
    work_out(client, endpoint_ids, user_ids, true, now).await
}

async fn work_out(
    client: &impl GenericClient,
    endpoint_ids: &[Uuid],
    user_ids: &[Uuid],
    was_served: bool,
    now: Timestamp,
) -> Result<usize, StoreError> {
    if endpoint_ids.is_empty() && user_ids.is_empty() {
        return Ok(0);
    }
    let lock = client.prepare_cached(LOCK).await?;
    // A queue that was ready and still is keeps its place, unless it was served.
    let endpoints = client
        .prepare_cached(&format!(
            "WITH found AS MATERIALIZED (
                 SELECT q.endpoint_id, CASE
                     WHEN due.at IS NULL OR q.max_taken <= (
                         SELECT count(*) FROM alerting.outbox
                         WHERE user_id = q.user_id AND endpoint_id = q.endpoint_id AND taken_at IS NOT NULL
                     ) THEN NULL
                     ELSE greatest(q.closed_until, due.at, $3)
                     END AS ready_at
                 FROM alerting.endpoint_queues q
                 JOIN alerting.endpoints e ON e.id = q.endpoint_id
                 CROSS JOIN LATERAL (
                     SELECT least(
                         (SELECT due_at FROM alerting.outbox
                          WHERE endpoint_id = q.endpoint_id AND is_test AND taken_at IS NULL ORDER BY due_at LIMIT 1),
                         (SELECT due_at FROM alerting.outbox
                          WHERE endpoint_id = q.endpoint_id AND NOT is_test AND taken_at IS NULL ORDER BY due_at
                          OFFSET CASE WHEN {IS_HELD} THEN $2::bigint ELSE 0 END LIMIT 1)
                     ) AS at
                 ) due
                 WHERE q.endpoint_id = ANY($1)
             )
             UPDATE alerting.endpoint_queues q SET ready_at = f.ready_at
             FROM found f
             WHERE q.endpoint_id = f.endpoint_id AND q.ready_at IS DISTINCT FROM f.ready_at
               AND ($4 OR (q.ready_at <= $3 AND f.ready_at <= $3) IS NOT TRUE)"
        ))
        .await?;
    let users = client
        .prepare_cached(
            "WITH found AS MATERIALIZED (
                 SELECT u.user_id, u.is_fast, CASE
                     WHEN $3 <= (
                         SELECT count(*) FROM alerting.outbox o
                         WHERE o.user_id = u.user_id AND o.is_fast = u.is_fast AND o.taken_at IS NOT NULL
                     ) THEN NULL
                     ELSE (SELECT greatest(ready_at, $4) FROM alerting.endpoint_queues q
                           WHERE q.user_id = u.user_id AND q.is_fast = u.is_fast AND q.ready_at IS NOT NULL
                           ORDER BY ready_at LIMIT 1)
                     END AS ready_at
                 FROM alerting.user_queues u
                 WHERE u.user_id IN (SELECT user_id FROM alerting.endpoint_queues WHERE endpoint_id = ANY($1)
                                     UNION SELECT unnest($2::uuid[]))
             ), changed AS (
                 UPDATE alerting.user_queues u SET ready_at = f.ready_at
                 FROM found f
                 WHERE u.user_id = f.user_id AND u.is_fast = f.is_fast AND u.ready_at IS DISTINCT FROM f.ready_at
                   AND ($5 OR (u.ready_at <= $4 AND f.ready_at <= $4) IS NOT TRUE)
             )
             SELECT count(*) FROM found WHERE ready_at <= $4",
        )
        .await?;
    let (_, _, ready) = try_join!(
        async { client.execute(&lock, &[&endpoint_ids, &user_ids]).await },
        async {
            client
                .execute(&endpoints, &[&endpoint_ids, &MAX_HELD, &now, &was_served])
                .await
        },
        async {
            client
                .query_one(
                    &users,
                    &[&endpoint_ids, &user_ids, &MAX_TAKEN_OF_USER, &now, &was_served],
                )
                .await
        },
    )?;
    Ok(usize::try_from(ready.get::<_, i64>(0)).unwrap_or(0))
}

/// Finds endpoints with messages that nothing would publish: nothing of theirs, or of their user, is outstanding,
/// whose end would make them ready. There are none unless this code is wrong; [`refresh`] sets them right.
pub async fn find_stalled(client: &impl GenericClient) -> Result<Vec<Uuid>, StoreError> {
    let statement = client
        .prepare_cached(&format!(
            "SELECT q.endpoint_id
             FROM alerting.endpoint_queues q
             JOIN alerting.endpoints e ON e.id = q.endpoint_id
             JOIN alerting.user_queues u ON u.user_id = q.user_id AND u.is_fast = q.is_fast
             WHERE q.endpoint_id IN (SELECT endpoint_id FROM alerting.outbox
                                     WHERE taken_at IS NULL)
               AND (NOT {IS_HELD} OR EXISTS (SELECT FROM alerting.outbox o WHERE o.endpoint_id = q.endpoint_id
                                             AND o.is_test AND o.taken_at IS NULL))
               AND (q.ready_at IS NULL
                    AND NOT EXISTS (SELECT FROM alerting.outbox o WHERE o.user_id = q.user_id
                                    AND o.endpoint_id = q.endpoint_id AND o.taken_at IS NOT NULL)
                 OR q.ready_at IS NOT NULL AND u.ready_at IS NULL
                    AND NOT EXISTS (SELECT FROM alerting.outbox o WHERE o.user_id = q.user_id
                                    AND o.is_fast = q.is_fast AND o.taken_at IS NOT NULL))
             LIMIT $1"
        ))
        .await?;
    let rows = client.query(&statement, &[&MAX_STALLED]).await?;
    Ok(rows.iter().map(|row| row.get("endpoint_id")).collect())
}

/// Locks the queues of these endpoints and reads their windows.
pub async fn lock_windows(
    client: &impl GenericClient,
    endpoint_ids: &[Uuid],
) -> Result<Vec<(Uuid, EndpointWindow)>, StoreError> {
    let lock = client.prepare_cached(LOCK).await?;
    let windows = client
        .prepare_cached(
            "SELECT endpoint_id, max_taken, latency_ms, hung, deferred, closed_until
             FROM alerting.endpoint_queues WHERE endpoint_id = ANY($1)",
        )
        .await?;
    let (_, rows) = try_join!(
        async { client.execute(&lock, &[&endpoint_ids, &NOBODY]).await },
        async { client.query(&windows, &[&endpoint_ids]).await },
    )?;
    Ok(rows.iter().map(read_window).collect())
}

fn read_window(row: &Row) -> (Uuid, EndpointWindow) {
    let millis = |value: i32| Duration::from_millis(u64::from(value.unsigned_abs()));
    let window = EndpointWindow {
        size: row.get::<_, i32>("max_taken").unsigned_abs(),
        latency: row.get::<_, Option<i32>>("latency_ms").map(millis),
        hung: row.get::<_, i32>("hung").unsigned_abs(),
        deferred: row.get::<_, i32>("deferred").unsigned_abs(),
        closed_until: row.get("closed_until"),
    };
    (row.get("endpoint_id"), window)
}

pub async fn save_windows(client: &impl GenericClient, windows: &[(Uuid, EndpointWindow)]) -> Result<(), StoreError> {
    if windows.is_empty() {
        return Ok(());
    }
    let statement = client
        .prepare_cached(
            "UPDATE alerting.endpoint_queues q
             SET max_taken = w.max_taken, latency_ms = w.latency_ms, hung = w.hung, deferred = w.deferred,
                 closed_until = w.closed_until
             FROM unnest($1::uuid[], $2::int[], $3::int[], $4::int[], $5::int[], $6::timestamptz[])
                 AS w (endpoint_id, max_taken, latency_ms, hung, deferred, closed_until)
             WHERE q.endpoint_id = w.endpoint_id",
        )
        .await?;
    let number = |value: u32| i32::try_from(value).unwrap_or(i32::MAX);
    let ids: Vec<Uuid> = windows.iter().map(|(id, _)| *id).collect();
    let sizes: Vec<i32> = windows.iter().map(|(_, w)| number(w.size)).collect();
    let millis = |latency: Duration| i32::try_from(latency.as_millis()).unwrap_or(i32::MAX);
    let latencies: Vec<Option<i32>> = windows.iter().map(|(_, w)| w.latency.map(millis)).collect();
    let hung: Vec<i32> = windows.iter().map(|(_, w)| number(w.hung)).collect();
    let deferred: Vec<i32> = windows.iter().map(|(_, w)| number(w.deferred)).collect();
    let closed: Vec<Option<Timestamp>> = windows.iter().map(|(_, w)| w.closed_until).collect();
    client
        .execute(&statement, &[&ids, &sizes, &latencies, &hung, &deferred, &closed])
        .await?;
    Ok(())
}
