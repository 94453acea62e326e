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
