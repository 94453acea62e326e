//! The bootstrap administrator in `accounts.users`, known by a user name.

use deadpool_postgres::GenericClient;
use jiff::Timestamp;
use tokio_postgres::Error;
use uuid::Uuid;

use crate::auth::{Role, Tier};

/// The account with a user name.
#[derive(Debug)]
pub struct Administrator {
    pub id: Uuid,
    pub password_hash: Option<String>,
}

/// Finds the account of a user name, and holds it until the end of the transaction.
pub async fn find(transaction: &impl GenericClient, name: &str) -> Result<Option<Administrator>, Error> {
    let row = transaction
        .query_opt(
            "SELECT id, password_hash FROM accounts.users WHERE lower(username) = lower($1) FOR UPDATE",
            &[&name],
        )
        .await?;
    row.map(|row| {
        Ok(Administrator {
            id: row.try_get("id")?,
            password_hash: row.try_get("password_hash")?,
        })
    })
    .transpose()
}

/// Creates the account, unless another gateway just did. Its e-mail address is made up: the name is not taken for one,
/// because whoever registered that address before would become an administrator.
pub async fn create(db: &impl GenericClient, name: &str, hash: &str, now: Timestamp) -> Result<(), Error> {
    let id = Uuid::now_v7();
    db.execute(
        "INSERT INTO accounts.users (id, username, email, role, tier, password_hash, created_at, updated_at) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $7) ON CONFLICT DO NOTHING",
        &[
            &id,
            &name,
            &format!("{id}@administrator.invalid"),
            &Role::Admin.as_str(),
            &Tier::Enterprise.as_str(),
            &hash,
            &now,
        ],
    )
    .await?;
    Ok(())
}

/// Makes sure that the account is an active administrator's, with this password.
pub async fn ensure(db: &impl GenericClient, id: Uuid, hash: &str, now: Timestamp) -> Result<(), Error> {
    db.execute(
        "UPDATE accounts.users SET role = $2, is_active = true, password_hash = $3, updated_at = $4 \
         WHERE id = $1 AND (role, is_active, password_hash) IS DISTINCT FROM ($2, true, $3)",
        &[&id, &Role::Admin.as_str(), &hash, &now],
    )
    .await?;
    Ok(())
}
