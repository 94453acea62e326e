//! The tables `accounts.api_keys` and `accounts.stale_identities`.

use std::str::FromStr;

use deadpool_postgres::GenericClient;
use jiff::Timestamp;
use secrecy::{ExposeSecret, SecretString};
use subtle::ConstantTimeEq;
use tokio_postgres::Row;
use uuid::Uuid;

use crate::auth::api_key::{KeyHash, KeyHasher, PREFIX_CHARS};
use crate::auth::{Identity, Scope};
use crate::error::ApiError;

/// Stores `key` for a user, confined to nothing.
pub async fn insert(
    db: &impl GenericClient,
    hasher: &KeyHasher,
    user_id: Uuid,
    name: &str,
    key: &SecretString,
    now: Timestamp,
) -> Result<Uuid, tokio_postgres::Error> {
    let id = Uuid::now_v7();
    let key = key.expose_secret();
    let prefix: String = key.chars().take(PREFIX_CHARS).collect();
    db.execute(
        "INSERT INTO accounts.api_keys (id, user_id, name, prefix, key_hash, created_at) \
         VALUES ($1, $2, $3, $4, $5, $6)",
        &[&id, &user_id, &name, &prefix, &hasher.hash(key).as_slice(), &now],
    )
    .await?;
    Ok(id)
}

/// Gives a key that is stored already to a user, and lifts its revocation and whatever it was confined to. False if no key has this hash.
pub async fn reassign(db: &impl GenericClient, hash: &KeyHash, user_id: Uuid) -> Result<bool, tokio_postgres::Error> {
    let known = db
        .execute(
            "UPDATE accounts.api_keys SET user_id = $2, revoked_at = NULL, expires_at = NULL, rotated_at = NULL, \
             scopes = NULL, ip_allow = '{}' WHERE key_hash = $1",
            &[&hash.as_slice(), &user_id],
        )
        .await?;
    Ok(known > 0)
}

/// The identity behind a key that is not revoked and whose user is active.
///
/// # Errors
///
/// PostgreSQL refuses, or a role, tier or scope in it is unknown to this version.
pub async fn find_identity(db: &impl GenericClient, hash: &KeyHash) -> Result<Option<Identity>, ApiError> {
    let statement = db
        .prepare_cached(
            "SELECT u.id AS user_id, u.email, u.role, u.tier, u.created_at, k.id AS key_id, NULL::uuid AS session_id, \
             k.scopes, k.ip_allow, k.expires_at, k.key_hash, accounts.overrides_of(u.id, k.id) AS limits FROM accounts.api_keys k JOIN accounts.users u ON u.id = k.user_id \
             WHERE k.key_hash = $1 AND k.revoked_at IS NULL AND u.is_active",
        )
        .await?;
    let Some(row) = db.query_opt(&statement, &[&hash.as_slice()]).await? else {
        return Ok(None);
    };
    // The index found the row by comparing bytes as fast as it can; the decision itself takes the same time for every
    // key.
    let stored: &[u8] = row.try_get("key_hash")?;
    if !bool::from(stored.ct_eq(hash)) {
        return Ok(None);
    }
    identity_from_row(&row).map(Some)
}

/// The identity in a row of a query over users and their keys or sessions.
pub fn identity_from_row(row: &Row) -> Result<Identity, ApiError> {
    let scopes: Option<Vec<String>> = row.try_get("scopes")?;
    let ip_allow: Vec<String> = row.try_get("ip_allow")?;
    Ok(Identity {
        // The cache adds it.
        cache_hash: KeyHash::default(),
        user_id: row.try_get("user_id")?,
        email: row.try_get("email")?,
        role: parse(row.try_get("role")?)?,
        tier: parse(row.try_get("tier")?)?,
        created_at: row.try_get("created_at")?,
        key_id: row.try_get("key_id")?,
        session_id: row.try_get("session_id")?,
        scopes: scopes
            .map(|names| names.iter().map(|name| parse::<Scope>(name)).collect())
            .transpose()?,
        ip_allow: ip_allow
            .iter()
            .map(|network| network.parse().map_err(ApiError::internal))
            .collect::<Result<_, _>>()?,
        expires_at: row.try_get("expires_at")?,
        limits: serde_json::from_str(row.try_get("limits")?).map_err(ApiError::internal)?,
    })
}

/// A name from the database, where checks keep them valid.
pub fn parse<T: FromStr<Err = String>>(name: &str) -> Result<T, ApiError> {
    name.parse()
        .map_err(|error| ApiError::internal(format!("unknown name {name:?} in accounts: {error}")))
}

/// Records that these keys were used. An earlier time never replaces a later one.
pub async fn set_last_used(db: &impl GenericClient, ids: &[Uuid], at: Timestamp) -> Result<(), tokio_postgres::Error> {
    db.execute(
        "UPDATE accounts.api_keys SET last_used_at = greatest(last_used_at, $2) WHERE id = ANY($1)",
        &[&ids, &at],
    )
    .await?;
    Ok(())
}

/// The id of a key that is not revoked, by its hash.
pub async fn find_id(db: &impl GenericClient, hash: &KeyHash) -> Result<Option<Uuid>, tokio_postgres::Error> {
    let sql = "SELECT id FROM accounts.api_keys WHERE key_hash = $1 AND revoked_at IS NULL";
    db.query_opt(sql, &[&hash.as_slice()])
        .await?
        .map(|row| row.try_get("id"))
        .transpose()
}

/// Ends a key. False if there is no such key.
pub async fn revoke(db: &impl GenericClient, id: Uuid, now: Timestamp) -> Result<bool, tokio_postgres::Error> {
    let revoked = db
        .execute(
            "UPDATE accounts.api_keys SET revoked_at = coalesce(revoked_at, $2) WHERE id = $1",
            &[&id, &now],
        )
        .await?;
    Ok(revoked == 1)
}

/// Keys whose identity has changed and that caches may not know of yet, with the time of the change.
pub async fn list_stale(
    db: &impl GenericClient,
    limit: usize,
) -> Result<Vec<(KeyHash, Timestamp)>, tokio_postgres::Error> {
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let rows = db
        .query(
            "SELECT key_hash, changed_at FROM accounts.stale_identities ORDER BY changed_at LIMIT $1",
            &[&limit],
        )
        .await?;
    rows.iter()
        .map(|row| Ok((to_hash(row.try_get("key_hash")?), row.try_get("changed_at")?)))
        .collect()
}

/// Removes the note of a change that caches know of, unless the key has changed again.
pub async fn clear_stale(
    db: &impl GenericClient,
    hash: &KeyHash,
    changed_at: Timestamp,
) -> Result<(), tokio_postgres::Error> {
    db.execute(
        "DELETE FROM accounts.stale_identities WHERE key_hash = $1 AND changed_at = $2",
        &[&hash.as_slice(), &changed_at],
    )
    .await?;
    Ok(())
}

/// The ids of the keys that begin with `prefix` and are not revoked.
pub async fn list_by_prefix(db: &impl GenericClient, prefix: &str) -> Result<Vec<Uuid>, tokio_postgres::Error> {
    let prefix: String = prefix.chars().take(PREFIX_CHARS).collect();
    let rows = db
        .query(
            "SELECT id FROM accounts.api_keys WHERE prefix = $1 AND revoked_at IS NULL ORDER BY id",
            &[&prefix],
        )
        .await?;
    rows.iter().map(|row| row.try_get("id")).collect()
}

/// A hash from the database, where a check keeps its length.
fn to_hash(bytes: &[u8]) -> KeyHash {
    let mut hash = [0u8; 32];
    let length = bytes.len().min(hash.len());
    hash[..length].copy_from_slice(&bytes[..length]);
    hash
}
