//! The table `accounts.users`.

use deadpool_postgres::GenericClient;
use jiff::Timestamp;
use secrecy::{ExposeSecret, SecretString};
use uuid::Uuid;

use crate::auth::api_key::KeyHasher;
use crate::auth::email::Email;
use crate::auth::{Role, Tier};
use crate::store::api_keys;

#[derive(Debug, Clone)]
pub struct NewUser<'a> {
    pub id: Uuid,
    pub email: &'a Email,
    pub role: Role,
    pub tier: Tier,
    /// Hash of the password, if there is one.
    pub password_hash: Option<&'a str>,
}

/// Creates a user. False if the address has an account already, in whatever case.
pub async fn create(
    db: &impl GenericClient,
    user: &NewUser<'_>,
    now: Timestamp,
) -> Result<bool, tokio_postgres::Error> {
    let inserted = db
        .execute(
            "INSERT INTO accounts.users (id, email, role, tier, password_hash, created_at, updated_at) \
             VALUES ($1, $2, $3, $4, $5, $6, $6) ON CONFLICT DO NOTHING",
            &[
                &user.id,
                &user.email.as_str(),
                &user.role.as_str(),
                &user.tier.as_str(),
                &user.password_hash,
                &now,
            ],
        )
        .await?;
    Ok(inserted == 1)
}

/// Whether there is a user of this id with this address.
pub async fn exists(db: &impl GenericClient, id: Uuid, email: &Email) -> Result<bool, tokio_postgres::Error> {
    let row = db
        .query_one(
            "SELECT EXISTS (SELECT FROM accounts.users WHERE id = $1 AND lower(email) = lower($2)) AS user_exists",
            &[&id, &email.as_str()],
        )
        .await?;
    row.try_get("user_exists")
}

/// Makes sure that the account exists, is active and has `key`. Doing it twice changes nothing. It takes several
/// statements, so the caller gives a transaction.
pub async fn ensure_with_key(
    transaction: &impl GenericClient,
    hasher: &KeyHasher,
    user: &NewUser<'_>,
    key: &SecretString,
    now: Timestamp,
) -> Result<Uuid, tokio_postgres::Error> {
    create(transaction, user, now).await?;
    let row = transaction
        .query_one(
            "UPDATE accounts.users SET is_active = true, role = $2, updated_at = $3 \
             WHERE lower(email) = lower($1) RETURNING id",
            &[&user.email.as_str(), &user.role.as_str(), &now],
        )
        .await?;
    let id: Uuid = row.try_get("id")?;
    if !api_keys::reassign(transaction, &hasher.hash(key.expose_secret()), id).await? {
        api_keys::insert(transaction, hasher, id, "default", key, now).await?;
    }
    Ok(id)
}

/// What a log-in is checked with.
#[derive(Debug)]
pub struct Login {
    pub id: Uuid,
    /// Hash of the password, if there is one.
    pub password_hash: Option<String>,
    pub is_active: bool,
}

/// The account that logs in under a name: that of this user name, or else of this e-mail address, in whatever case.
pub async fn find_login(db: &impl GenericClient, name: &str) -> Result<Option<Login>, tokio_postgres::Error> {
    // Two look-ups by index: with OR there would be a scan of the table, which a guesser could ask for.
    let row = db
        .query_opt(
            "SELECT id, password_hash, is_active FROM ( \
             SELECT id, password_hash, is_active, 1 AS place FROM accounts.users WHERE lower(username) = lower($1) \
             UNION ALL \
             SELECT id, password_hash, is_active, 2 AS place FROM accounts.users WHERE lower(email) = lower($1) \
             ) AS accounts ORDER BY place LIMIT 1",
            &[&name],
        )
        .await?;
    row.map(|row| {
        Ok(Login {
            id: row.try_get("id")?,
            password_hash: row.try_get("password_hash")?,
            is_active: row.try_get("is_active")?,
        })
    })
    .transpose()
}

/// Holds an account until the end of the transaction, so that its changes come one by one; says whether it is active.
pub async fn lock(transaction: &impl GenericClient, id: Uuid) -> Result<bool, tokio_postgres::Error> {
    let row = transaction
        .query_opt("SELECT is_active FROM accounts.users WHERE id = $1 FOR UPDATE", &[&id])
        .await?;
    row.map_or(Ok(false), |row| row.try_get("is_active"))
}

/// The hash of a user's password, if there is one.
pub async fn find_password_hash(db: &impl GenericClient, id: Uuid) -> Result<Option<String>, tokio_postgres::Error> {
    let row = db
        .query_opt("SELECT password_hash FROM accounts.users WHERE id = $1", &[&id])
        .await?;
    row.map_or(Ok(None), |row| row.try_get("password_hash"))
}

/// Replaces the password `old` by another one. False if the account has another password by now.
pub async fn set_password(
    db: &impl GenericClient,
    id: Uuid,
    old: Option<&str>,
    new: &str,
    now: Timestamp,
) -> Result<bool, tokio_postgres::Error> {
    let changed = db
        .execute(
            "UPDATE accounts.users SET password_hash = $3, updated_at = $4 \
             WHERE id = $1 AND password_hash IS NOT DISTINCT FROM $2 AND erased_at IS NULL",
            &[&id, &old, &new, &now],
        )
        .await?;
    Ok(changed == 1)
}
