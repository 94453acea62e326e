//! Rows of `alerting.endpoints`.

use deadpool_postgres::{GenericClient, Pool};
use jiff::Timestamp;
use tokio_postgres::Row;
use uuid::Uuid;

use super::{StoreError, connection};

/// One receiver.
#[derive(Debug, Clone, PartialEq)]
#[expect(missing_docs, reason = "the names are those of the public body")]
pub struct Endpoint {
    pub id: Uuid,
    pub url: String,
    pub implicit: bool,
    pub disabled_reason: Option<String>,
    pub consecutive_failures: u32,
    pub created_at: Timestamp,
    pub last_success_at: Option<Timestamp>,
}

const COLUMNS: &str = "id, url, implicit, disabled_reason, consecutive_failures, created_at, last_success_at";

/// Lists a user's endpoints, newest first.
///
/// # Errors
/// When PostgreSQL does not answer.
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

/// Finds a user's endpoint.
///
/// # Errors
/// When PostgreSQL does not answer.
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

/// Finds the secret of a user's endpoint.
///
/// # Errors
/// When PostgreSQL does not answer.
pub async fn find_secret(pool: &Pool, user_id: Uuid, id: Uuid) -> Result<Option<String>, StoreError> {
    let client = connection(pool).await?;
    let statement = client
        .prepare_cached("SELECT secret FROM alerting.endpoints WHERE id = $1 AND user_id = $2")
        .await?;
    Ok(client
        .query_opt(&statement, &[&id, &user_id])
        .await?
        .map(|row| row.get(0)))
}

fn read(row: &Row) -> Endpoint {
    Endpoint {
        id: row.get(0),
        url: row.get(1),
        implicit: row.get(2),
        disabled_reason: row.get(3),
        consecutive_failures: row.get::<_, i32>(4).unsigned_abs(),
        created_at: row.get(5),
        last_success_at: row.get(6),
    }
}

/// What a batch of outcomes says about one endpoint's health.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct HealthChange {
    /// At least one message arrived.
    pub succeeded: bool,
    /// Messages that were given up since the last that arrived.
    pub given_up: u32,
    /// The receiver said that it is gone for good.
    pub gone: bool,
    /// A test arrived, so that a disabled endpoint may be posted to again.
    pub tested: bool,
}

/// Applies changes of health. Returns the endpoints that were disabled by it.
///
/// # Errors
/// When PostgreSQL does not answer.
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
    // a circle, and no stronger than needed: alerts that fire refer to these rows meanwhile. A success that changes nothing is written at most once a second.
    let statement = client
        .prepare_cached(
            "WITH change AS (
                 SELECT * FROM unnest($1::uuid[], $2::boolean[], $3::int[], $4::boolean[], $5::boolean[])
                     AS c (id, succeeded, given_up, gone, tested)
             ), locked AS (
                 SELECT e.id, e.disabled_reason AS was, c.succeeded, c.given_up, c.gone, c.tested,
                        CASE WHEN c.succeeded THEN c.given_up ELSE e.consecutive_failures + c.given_up END AS failures
                 FROM alerting.endpoints e JOIN change c ON c.id = e.id
                 WHERE c.given_up > 0 OR c.gone OR c.tested OR e.consecutive_failures > 0
                    OR e.last_success_at IS NULL OR e.last_success_at < $7::timestamptz - interval '1 second'
                 ORDER BY e.id FOR NO KEY UPDATE OF e
             )
             UPDATE alerting.endpoints e
             SET consecutive_failures = l.failures,
                 last_success_at = CASE WHEN l.succeeded THEN $7::timestamptz ELSE e.last_success_at END,
                 disabled_reason = CASE WHEN l.gone THEN 'gone'
                                        WHEN l.tested THEN NULL
                                        WHEN l.failures >= $6 THEN coalesce(e.disabled_reason, 'too_many_failures')
                                        ELSE e.disabled_reason END,
                 updated_at = $7
             FROM locked l WHERE e.id = l.id
             RETURNING e.id, l.was IS NULL AND e.disabled_reason IS NOT NULL",
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
            ],
        )
        .await?;
    Ok(rows.iter().filter(|row| row.get(1)).map(|row| row.get(0)).collect())
}
