//! The table `accounts.sessions`: log-ins and their refresh tokens.

use deadpool_postgres::GenericClient;
use jiff::Timestamp;
use tokio_postgres::Error;
use uuid::Uuid;

use crate::auth::Identity;
use crate::auth::api_key::KeyHash;
use crate::auth::refresh_token::RefreshToken;
use crate::error::ApiError;
use crate::store::api_keys;

/// A log-in that begins.
#[derive(Debug)]
pub struct NewSession<'a> {
    pub user_id: Uuid,
    /// The key that is exchanged for it, if it was one.
    pub key_id: Option<Uuid>,
    /// The hash under which caches know it.
    pub cache_hash: &'a KeyHash,
    /// Its first refresh token.
    pub token: &'a RefreshToken,
    pub now: Timestamp,
    pub expires_at: Timestamp,
}

/// Stores a session.
pub async fn create(db: &impl GenericClient, new: &NewSession<'_>) -> Result<(), Error> {
    db.execute(
        "INSERT INTO accounts.sessions (id, user_id, key_id, cache_hash, generation, refresh_hash, created_at, \
         expires_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
        &[
            &new.token.session_id,
            &new.user_id,
            &new.key_id,
            &new.cache_hash.as_slice(),
            &new.token.generation,
            &new.token.hash.as_slice(),
            &new.now,
            &new.expires_at,
        ],
    )
    .await?;
    Ok(())
}

/// Ends all sessions of a user but the newest `kept`, so that log-ins cannot pile up.
pub async fn revoke_oldest(db: &impl GenericClient, user_id: Uuid, kept: i64, now: Timestamp) -> Result<(), Error> {
    db.execute(
        "UPDATE accounts.sessions SET revoked_at = $3 WHERE id IN (SELECT id FROM accounts.sessions \
         WHERE user_id = $1 AND revoked_at IS NULL AND expires_at > $3 ORDER BY created_at DESC, id DESC OFFSET $2)",
        &[&user_id, &kept, &now],
    )
    .await?;
    Ok(())
}

/// The identity behind a session that is not revoked, whose user is active, and whose key, if it was made from one, is
/// not revoked either.
///
/// # Errors
///
/// PostgreSQL refuses, or a role, tier or scope in it is unknown to this version.
pub async fn find_identity(db: &impl GenericClient, id: Uuid) -> Result<Option<Identity>, ApiError> {
    let statement = db
        .prepare_cached(
            "SELECT u.id AS user_id, u.email, u.role, u.tier, u.created_at, s.key_id, s.id AS session_id, k.scopes, \
             coalesce(k.ip_allow, '{}') AS ip_allow, k.expires_at, accounts.overrides_of(u.id, k.id) AS limits \
             FROM accounts.sessions s JOIN accounts.users u ON u.id = s.user_id \
             LEFT JOIN accounts.api_keys k ON k.id = s.key_id \
             WHERE s.id = $1 AND s.revoked_at IS NULL AND u.is_active AND k.revoked_at IS NULL",
        )
        .await?;
    let row = db.query_opt(&statement, &[&id]).await?;
    row.map(|row| api_keys::identity_from_row(&row)).transpose()
}

/// Replaces the refresh token of a session by its next one. False if the token is not the newest one, or the session has
/// ended. Of several requests with one token, one gets true.
pub async fn rotate(
    db: &impl GenericClient,
    used: &RefreshToken,
    next: &RefreshToken,
    now: Timestamp,
    expires_at: Timestamp,
) -> Result<bool, Error> {
    let rotated = db
        .execute(
            "UPDATE accounts.sessions SET generation = $4, refresh_hash = $5, expires_at = $7 \
             WHERE id = $1 AND generation = $2 AND refresh_hash = $3 AND revoked_at IS NULL AND expires_at > $6",
            &[
                &used.session_id,
                &used.generation,
                &used.hash.as_slice(),
                &next.generation,
                &next.hash.as_slice(),
                &now,
                &expires_at,
            ],
        )
        .await?;
    Ok(rotated == 1)
}

/// Whether a token of the session was used before: a later one was given out.
pub async fn is_used(db: &impl GenericClient, token: &RefreshToken) -> Result<bool, Error> {
    let found = db
        .query_opt(
            "SELECT generation > $2 AS is_used FROM accounts.sessions WHERE id = $1",
            &[&token.session_id, &token.generation],
        )
        .await?;
    found.map_or(Ok(false), |row| row.try_get("is_used"))
}

/// Ends one session of a user. False if there is none that runs.
pub async fn revoke(db: &impl GenericClient, user_id: Uuid, id: Uuid, now: Timestamp) -> Result<bool, Error> {
    let revoked = db
        .execute(
            "UPDATE accounts.sessions SET revoked_at = $3 WHERE id = $1 AND user_id = $2 AND revoked_at IS NULL",
            &[&id, &user_id, &now],
        )
        .await?;
    Ok(revoked == 1)
}

/// The user of a session.
pub async fn find_user(db: &impl GenericClient, id: Uuid) -> Result<Option<Uuid>, Error> {
    let row = db
        .query_opt("SELECT user_id FROM accounts.sessions WHERE id = $1", &[&id])
        .await?;
    row.map(|row| row.try_get("user_id")).transpose()
}

/// Ends all sessions of a user, except one.
pub async fn revoke_all(
    db: &impl GenericClient,
    user_id: Uuid,
    except: Option<Uuid>,
    now: Timestamp,
) -> Result<u64, Error> {
    db.execute(
        "UPDATE accounts.sessions SET revoked_at = $3 \
         WHERE user_id = $1 AND revoked_at IS NULL AND id IS DISTINCT FROM $2",
        &[&user_id, &except, &now],
    )
    .await
}

/// Removes sessions that expired, and those that were revoked before `revoked_before`.
pub async fn purge(db: &impl GenericClient, now: Timestamp, revoked_before: Timestamp) -> Result<u64, Error> {
    db.execute(
        "DELETE FROM accounts.sessions WHERE expires_at <= $1 OR revoked_at <= $2",
        &[&now, &revoked_before],
    )
    .await
}

/// A log-in that has not ended.
#[derive(Debug)]
pub struct Session {
    pub id: Uuid,
    pub key_id: Option<Uuid>,
    pub created_at: Timestamp,
    pub expires_at: Timestamp,
}

/// The sessions of a user that have not ended, newest first.
pub async fn list(db: &impl GenericClient, user_id: Uuid, now: Timestamp, limit: i64) -> Result<Vec<Session>, Error> {
    let rows = db
        .query(
            "SELECT id, key_id, created_at, expires_at FROM accounts.sessions \
             WHERE user_id = $1 AND revoked_at IS NULL AND expires_at > $2 ORDER BY id DESC LIMIT $3",
            &[&user_id, &now, &limit],
        )
        .await?;
    rows.iter()
        .map(|row| {
            Ok(Session {
                id: row.try_get("id")?,
                key_id: row.try_get("key_id")?,
                created_at: row.try_get("created_at")?,
                expires_at: row.try_get("expires_at")?,
            })
        })
        .collect()
}
