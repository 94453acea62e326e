//! The column `secret` of `alerting.endpoints`.

use deadpool_postgres::Pool;
use uuid::Uuid;

use super::{StoreError, connection};
use crate::secrets::StoredSecret;

/// Finds the secret of a user's endpoint.
pub async fn find(pool: &Pool, user_id: Uuid, endpoint_id: Uuid) -> Result<Option<StoredSecret>, StoreError> {
    let client = connection(pool).await?;
    let statement = client
        .prepare_cached("SELECT secret FROM alerting.endpoints WHERE id = $1 AND user_id = $2")
        .await?;
    let row = client.query_opt(&statement, &[&endpoint_id, &user_id]).await?;
    Ok(row.map(|row| row.get::<_, String>("secret").into()))
}

/// How many secrets are sealed under each key.
pub async fn count_by_key(pool: &Pool) -> Result<Vec<(String, i64)>, StoreError> {
    let client = connection(pool).await?;
    let rows = client
        .query(
            "SELECT split_part(secret, '.', 2) AS key_id, count(*) AS secrets FROM alerting.endpoints
             WHERE secret LIKE 'v1.%' GROUP BY key_id ORDER BY key_id",
            &[],
        )
        .await?;
    Ok(rows.iter().map(|row| (row.get("key_id"), row.get("secrets"))).collect())
}

/// Lists secrets that do not begin with `prefix`, in the order of their endpoints, those after `after` first.
pub async fn list_others(
    pool: &Pool,
    prefix: &str,
    after: Uuid,
    limit: i64,
) -> Result<Vec<(Uuid, StoredSecret)>, StoreError> {
    let client = connection(pool).await?;
    let statement = client
        .prepare_cached(
            "SELECT id, secret FROM alerting.endpoints
             WHERE id > $2 AND NOT starts_with(secret, $1) ORDER BY id LIMIT $3",
        )
        .await?;
    let rows = client.query(&statement, &[&prefix, &after, &limit]).await?;
    Ok(rows
        .iter()
        .map(|row| (row.get("id"), row.get::<_, String>("secret").into()))
        .collect())
}

/// Replaces secrets that are still the same, each given with its endpoint, as it was and as it is to be. Returns how
/// many.
pub async fn replace(pool: &Pool, changes: &[(Uuid, StoredSecret, StoredSecret)]) -> Result<usize, StoreError> {
    if changes.is_empty() {
        return Ok(0);
    }
    let ids: Vec<Uuid> = changes.iter().map(|(id, ..)| *id).collect();
    let old: Vec<&str> = changes.iter().map(|(_, old, _)| old.as_str()).collect();
    let new: Vec<&str> = changes.iter().map(|(.., new)| new.as_str()).collect();
    let client = connection(pool).await?;
    // Locked in the order of their ids, as everywhere, so that transactions never wait for one another in a circle.
    let statement = client
        .prepare_cached(
            "WITH change AS (
                 SELECT * FROM unnest($1::uuid[], $2::text[], $3::text[]) AS c (id, was, becomes)
             ), locked AS (
                 SELECT e.id, c.becomes FROM alerting.endpoints e JOIN change c ON c.id = e.id AND c.was = e.secret
                 ORDER BY e.id FOR NO KEY UPDATE OF e
             )
             UPDATE alerting.endpoints e SET secret = l.becomes FROM locked l WHERE e.id = l.id",
        )
        .await?;
    let replaced = client.execute(&statement, &[&ids, &old, &new]).await?;
    Ok(usize::try_from(replaced).unwrap_or(usize::MAX))
}
