//! What users see and change of their keys in `accounts.api_keys`.

use deadpool_postgres::GenericClient;
use jiff::Timestamp;
use tokio_postgres::{Error, Row};
use uuid::Uuid;

use crate::auth::Scope;
use crate::auth::api_key::KeyHash;
use crate::error::ApiError;
use crate::store::api_keys::parse;

/// A key without its secret.
#[derive(Debug, Clone)]
pub struct Key {
    pub id: Uuid,
    pub user_id: Uuid,
    pub name: String,
    /// Its first characters.
    pub prefix: String,
    pub scopes: Option<Vec<Scope>>,
    pub ip_allow: Vec<String>,
    pub created_at: Timestamp,
    pub last_used_at: Option<Timestamp>,
    pub expires_at: Option<Timestamp>,
}

/// How many keys a user has.
#[derive(Debug, Clone, Copy)]
pub struct KeyCounts {
    /// Those that are neither revoked nor expired.
    pub active: i64,
    /// Those that were created since a point in time, revoked or not.
    pub recent: i64,
}

const COLUMNS: &str = "id, user_id, name, prefix, scopes, ip_allow, created_at, last_used_at, expires_at";

fn from_row(row: &Row) -> Result<Key, ApiError> {
    let scopes: Option<Vec<String>> = row.try_get("scopes")?;
    Ok(Key {
        id: row.try_get("id")?,
        user_id: row.try_get("user_id")?,
        name: row.try_get("name")?,
        prefix: row.try_get("prefix")?,
        scopes: scopes
            .map(|names| names.iter().map(|name| parse::<Scope>(name)).collect())
            .transpose()?,
        ip_allow: row.try_get("ip_allow")?,
        created_at: row.try_get("created_at")?,
        last_used_at: row.try_get("last_used_at")?,
        expires_at: row.try_get("expires_at")?,
    })
}

/// The keys of a user that are neither revoked nor expired, newest first.
pub async fn list_of_user(
    db: &impl GenericClient,
    user_id: Uuid,
    now: Timestamp,
    limit: i64,
) -> Result<Vec<Key>, ApiError> {
    let sql = format!(
        "SELECT {COLUMNS} FROM accounts.api_keys WHERE user_id = $1 AND revoked_at IS NULL \
         AND (expires_at IS NULL OR expires_at > $2) ORDER BY id DESC LIMIT $3"
    );
    let rows = db.query(&sql, &[&user_id, &now, &limit]).await?;
    rows.iter().map(from_row).collect()
}

/// Keys of all users, or of one, that are not revoked, newest first, those before `before`.
pub async fn list(
    db: &impl GenericClient,
    user_id: Option<Uuid>,
    before: Option<Uuid>,
    limit: i64,
) -> Result<Vec<Key>, ApiError> {
    let sql = format!(
        "SELECT {COLUMNS} FROM accounts.api_keys WHERE ($1::uuid IS NULL OR user_id = $1) \
         AND ($2::uuid IS NULL OR id < $2) AND revoked_at IS NULL ORDER BY id DESC LIMIT $3"
    );
    let rows = db.query(&sql, &[&user_id, &before, &limit]).await?;
    rows.iter().map(from_row).collect()
}

/// The user of a key.
pub async fn find_owner(db: &impl GenericClient, id: Uuid) -> Result<Option<Uuid>, Error> {
    let row = db
        .query_opt("SELECT user_id FROM accounts.api_keys WHERE id = $1", &[&id])
        .await?;
    row.map(|row| row.try_get("user_id")).transpose()
}

/// Whether there is a key with this id.
pub async fn exists(db: &impl GenericClient, id: Uuid) -> Result<bool, Error> {
    Ok(find_owner(db, id).await?.is_some())
}

/// A key of a user that is neither revoked, expired nor rotated, held until the end of the transaction.
pub async fn find_active(
    transaction: &impl GenericClient,
    user_id: Uuid,
    id: Uuid,
    now: Timestamp,
) -> Result<Option<Key>, ApiError> {
    let sql = format!(
        "SELECT {COLUMNS} FROM accounts.api_keys WHERE id = $1 AND user_id = $2 AND revoked_at IS NULL \
         AND (expires_at IS NULL OR expires_at > $3) AND rotated_at IS NULL FOR UPDATE"
    );
    let row = transaction.query_opt(&sql, &[&id, &user_id, &now]).await?;
    row.map(|row| from_row(&row)).transpose()
}

/// Counts the keys of a user at `now`.
pub async fn count(
    db: &impl GenericClient,
    user_id: Uuid,
    now: Timestamp,
    since: Timestamp,
) -> Result<KeyCounts, Error> {
    let row = db
        .query_one(
            "SELECT count(*) FILTER (WHERE revoked_at IS NULL AND (expires_at IS NULL OR expires_at > $2)) AS active, \
             count(*) FILTER (WHERE created_at > $3) AS recent FROM accounts.api_keys WHERE user_id = $1",
            &[&user_id, &now, &since],
        )
        .await?;
    Ok(KeyCounts {
        active: row.try_get("active")?,
        recent: row.try_get("recent")?,
    })
}

/// Stores a key. False if there is one with this id already.
pub async fn create(db: &impl GenericClient, key: &Key, hash: &KeyHash) -> Result<bool, Error> {
    let scopes: Option<Vec<&str>> = key
        .scopes
        .as_ref()
        .map(|scopes| scopes.iter().map(|scope| scope.as_str()).collect());
    let inserted = db
        .execute(
            "INSERT INTO accounts.api_keys (id, user_id, name, prefix, key_hash, scopes, ip_allow, created_at, expires_at) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) ON CONFLICT (id) DO NOTHING",
            &[
                &key.id,
                &key.user_id,
                &key.name,
                &key.prefix,
                &hash.as_slice(),
                &scopes,
                &key.ip_allow,
                &key.created_at,
                &key.expires_at,
            ],
        )
        .await?;
    Ok(inserted == 1)
}

/// Lets a key that was rotated end at a time, or when it would have ended before that.
pub async fn end_rotated(db: &impl GenericClient, id: Uuid, now: Timestamp, end: Timestamp) -> Result<(), Error> {
    db.execute(
        "UPDATE accounts.api_keys SET rotated_at = $2, expires_at = least(expires_at, $3) WHERE id = $1",
        &[&id, &now, &end],
    )
    .await?;
    Ok(())
}

/// Ends a key, of this user if one is named; gives its user. `None` if there is no such key that is not revoked.
pub async fn revoke(
    db: &impl GenericClient,
    id: Uuid,
    user_id: Option<Uuid>,
    now: Timestamp,
) -> Result<Option<Uuid>, Error> {
    let row = db
        .query_opt(
            "UPDATE accounts.api_keys SET revoked_at = $3 WHERE id = $1 AND ($2::uuid IS NULL OR user_id = $2) \
             AND revoked_at IS NULL RETURNING user_id",
            &[&id, &user_id, &now],
        )
        .await?;
    row.map(|row| row.try_get("user_id")).transpose()
}

/// Removes keys that were revoked or expired before `before`.
pub async fn purge(db: &impl GenericClient, before: Timestamp) -> Result<u64, Error> {
    db.execute(
        "DELETE FROM accounts.api_keys WHERE revoked_at < $1 OR expires_at < $1",
        &[&before],
    )
    .await
}
