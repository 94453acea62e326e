//! Rows of `alerting.endpoints`.

use std::time::Duration;

use deadpool_postgres::{GenericClient, Pool};
use jiff::Timestamp;
use tokio_postgres::Row;
use uuid::Uuid;

use super::{StoreError, connection};

/// Messages that are given up within this time of each other are one failure of their endpoint: many alerts on one tick
/// say no more about it than one.
pub const FAILURE_SPACING: Duration = Duration::from_secs(60);

/// An endpoint that has taken nothing for so long is disabled, even if it had few messages.
pub const FAILING_TOO_LONG: Duration = Duration::from_secs(5 * 24 * 3_600);

/// How often a disabled endpoint is probed.
pub const PROBE_INTERVAL: Duration = Duration::from_secs(600);

/// Most endpoints probed together.
const MAX_PROBES: i64 = 100;

#[derive(Debug, Clone, PartialEq)]
pub struct Endpoint {
    pub id: Uuid,
    pub url: String,
    pub implicit: bool,
    pub disabled_reason: Option<String>,
    pub disabled_at: Option<Timestamp>,
    pub consecutive_failures: u32,
    pub created_at: Timestamp,
    pub last_success_at: Option<Timestamp>,
}

const COLUMNS: &str =
    "id, url, implicit, disabled_reason, consecutive_failures, created_at, last_success_at, disabled_at";

/// Lists a user's endpoints, newest first.
pub async fn list(pool: &Pool, user_id: Uuid, before: Option<Uuid>, limit: i64) -> Result<Vec<Endpoint>, StoreError> {
    let client = connection(pool).await?;
    let statement = client
        .prepare_cached(&format!(
            "SELECT {COLUMNS} FROM alerting.endpoints
             WHERE user_id = $1 AND ($2::uuid IS NULL OR id < $2)
             ORDER BY id DESC LIMIT $3"
        ))
        .await?;
    let rows = client.query(&statement, &[&user_id, &before, &limit]).await?;
    Ok(rows.iter().map(read).collect())
}

pub async fn find(pool: &Pool, user_id: Uuid, id: Uuid) -> Result<Option<Endpoint>, StoreError> {
    let client = connection(pool).await?;
    let statement = client
        .prepare_cached(&format!(
            "SELECT {COLUMNS} FROM alerting.endpoints WHERE id = $1 AND user_id = $2"
        ))
        .await?;
    let row = client.query_opt(&statement, &[&id, &user_id]).await?;
    Ok(row.as_ref().map(read))
}

/// Enables a user's endpoint, as if it had never failed; what was held for it is due at once. `None` when there is no
/// such endpoint.
pub async fn enable(pool: &Pool, user_id: Uuid, id: Uuid, now: Timestamp) -> Result<Option<Endpoint>, StoreError> {
    let client = connection(pool).await?;
    let statement = client
        .prepare_cached(&format!(
            "UPDATE alerting.endpoints
             SET disabled_reason = NULL, disabled_at = NULL, consecutive_failures = 0, failing_since = NULL,
                 last_failure_at = NULL, probe_at = NULL, updated_at = $3
             WHERE id = $1 AND user_id = $2 RETURNING {COLUMNS}"
        ))
        .await?;
    let row = client.query_opt(&statement, &[&id, &user_id, &now]).await?;
    Ok(row.as_ref().map(read))
}

/// Takes the disabled endpoints that are to be probed now, each with its user. The next probe is due an interval later,
/// also when this one fails.
pub async fn take_probes(pool: &Pool, now: Timestamp) -> Result<Vec<(Uuid, Uuid)>, StoreError> {
    let client = connection(pool).await?;
    let statement = client
        .prepare_cached(
            "UPDATE alerting.endpoints e SET probe_at = $1::timestamptz + $2::float8 * interval '1 second'
             FROM (SELECT id FROM alerting.endpoints
                   WHERE disabled_reason = 'too_many_failures' AND probe_at <= $1
                   ORDER BY probe_at LIMIT $3 FOR NO KEY UPDATE SKIP LOCKED) due
             WHERE e.id = due.id RETURNING e.id, e.user_id",
        )
        .await?;
    let rows = client
        .query(&statement, &[&now, &PROBE_INTERVAL.as_secs_f64(), &MAX_PROBES])
        .await?;
    Ok(rows.iter().map(|row| (row.get("id"), row.get("user_id"))).collect())
}

fn read(row: &Row) -> Endpoint {
    Endpoint {
        id: row.get("id"),
        url: row.get("url"),
        implicit: row.get("implicit"),
        disabled_reason: row.get("disabled_reason"),
        consecutive_failures: row.get::<_, i32>("consecutive_failures").unsigned_abs(),
        created_at: row.get("created_at"),
        last_success_at: row.get("last_success_at"),
        disabled_at: row.get("disabled_at"),
    }
}

/// What a batch of outcomes says about one endpoint's health.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct HealthChange {
    /// At least one message arrived.
    pub succeeded: bool,
    /// Messages that were given up since the last that arrived.
    pub given_up: u32,
    /// The endpoint answered 410.
    pub gone: bool,
    /// A test arrived, so that a disabled endpoint may be posted to again.
    pub tested: bool,
}

/// Applies changes of health. Returns the endpoints that were disabled by it.
pub async fn apply_health(
    client: &impl GenericClient,
    changes: &[(Uuid, HealthChange)],
    disable_after: u32,
    now: Timestamp,
) -> Result<Vec<Uuid>, StoreError> {
    let column = |pick: fn(&HealthChange) -> bool| -> Vec<bool> { changes.iter().map(|(_, c)| pick(c)).collect() };
    let ids: Vec<Uuid> = changes.iter().map(|(id, _)| *id).collect();
    let given_up: Vec<i32> = changes
        .iter()
        .map(|(_, c)| i32::try_from(c.given_up).unwrap_or(i32::MAX))
        .collect();
    // Rows are locked in the order of their ids, so that two instances that settle batches never wait for each other in
    // a circle. The lock is no stronger than needed: alerts that fire refer to these rows meanwhile. A success that
    // changes nothing is written at most once a second. All failures of one burst count once.
    let statement = client
        .prepare_cached(
            "WITH change AS (
                 SELECT * FROM unnest($1::uuid[], $2::boolean[], $3::int[], $4::boolean[], $5::boolean[])
                     AS c (id, succeeded, given_up, gone, tested)
             ), locked AS (
                 SELECT e.id, e.disabled_reason AS was, c.succeeded, c.gone, c.tested,
                        CASE WHEN c.succeeded THEN 0 ELSE e.consecutive_failures END AS failures_before,
                        CASE WHEN c.succeeded THEN NULL ELSE e.failing_since END AS failing_since,
                        CASE WHEN c.succeeded THEN NULL ELSE e.last_failure_at END AS last_failure_at,
                        c.given_up > 0 AND (c.succeeded OR e.last_failure_at IS NULL
                            OR e.last_failure_at <= $7::timestamptz - $8::float8 * interval '1 second') AS counts
                 FROM alerting.endpoints e JOIN change c ON c.id = e.id
                 WHERE c.given_up > 0 OR c.gone OR c.tested OR e.consecutive_failures > 0
                    OR e.last_success_at IS NULL OR e.last_success_at < $7::timestamptz - interval '1 second'
                 ORDER BY e.id FOR NO KEY UPDATE OF e
             ), judged AS (
                 SELECT id, was, succeeded, gone, tested, failures_before + counts::int AS failures,
                        CASE WHEN counts THEN coalesce(failing_since, $7) ELSE failing_since END AS failing_since,
                        CASE WHEN counts THEN $7 ELSE last_failure_at END AS last_failure_at
                 FROM locked
             ), verdict AS (
                 SELECT *, CASE WHEN gone THEN 'gone'
                                WHEN tested THEN NULL
                                WHEN failures >= $6
                                    OR failing_since <= $7::timestamptz - $9::float8 * interval '1 second'
                                    THEN coalesce(was, 'too_many_failures')
                                ELSE was END AS reason
                 FROM judged
             )
             UPDATE alerting.endpoints e
             SET consecutive_failures = v.failures, failing_since = v.failing_since,
                 last_failure_at = v.last_failure_at,
                 last_success_at = CASE WHEN v.succeeded THEN $7::timestamptz ELSE e.last_success_at END,
                 disabled_reason = v.reason,
                 disabled_at = CASE WHEN v.reason IS NULL THEN NULL WHEN v.was IS NULL THEN $7::timestamptz
                                    ELSE e.disabled_at END,
                 probe_at = CASE WHEN v.reason IS NULL OR v.reason = 'gone' THEN NULL
                                 ELSE coalesce(e.probe_at, $7::timestamptz + $10::float8 * interval '1 second') END,
                 updated_at = $7
             FROM verdict v WHERE e.id = v.id
             RETURNING e.id, v.was IS NULL AND e.disabled_reason IS NOT NULL AS is_newly_disabled",
        )
        .await?;
    let disable_after = i32::try_from(disable_after).unwrap_or(i32::MAX);
    let rows = client
        .query(
            &statement,
            &[
                &ids,
                &column(|c| c.succeeded),
                &given_up,
                &column(|c| c.gone),
                &column(|c| c.tested),
                &disable_after,
                &now,
                &FAILURE_SPACING.as_secs_f64(),
                &FAILING_TOO_LONG.as_secs_f64(),
                &PROBE_INTERVAL.as_secs_f64(),
            ],
        )
        .await?;
    let disabled = rows.iter().filter(|row| row.get("is_newly_disabled"));
    Ok(disabled.map(|row| row.get("id")).collect())
}
