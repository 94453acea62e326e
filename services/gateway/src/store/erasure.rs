//! Erasing an account: what `accounts` holds of a person goes in one transaction, and a note stays until every other
//! service has forgotten the person too.

use deadpool_postgres::GenericClient;
use jiff::Timestamp;
use tokio_postgres::Error;
use uuid::Uuid;

/// What goes with the account.
const OWN_ROWS: [&str; 5] = [
    "DELETE FROM accounts.sessions WHERE user_id = $1",
    "DELETE FROM accounts.usage WHERE user_id = $1",
    "DELETE FROM accounts.limit_overrides WHERE user_id = $1",
    "DELETE FROM accounts.api_keys WHERE user_id = $1",
    "DELETE FROM accounts.idempotency_keys WHERE subject = 'user:' || $1::uuid::text",
];

/// Erases what this schema holds of a user. The row stays without anything personal, because audit entries name its id.
/// Doing it twice changes nothing.
pub async fn erase(transaction: &impl GenericClient, user_id: Uuid, now: Timestamp) -> Result<(), Error> {
    transaction
        .execute(
            "UPDATE accounts.users SET email = id::text || '@erased.invalid', username = NULL, password_hash = NULL, \
             is_active = false, erased_at = $2, updated_at = $2 WHERE id = $1 AND erased_at IS NULL",
            &[&user_id, &now],
        )
        .await?;
    for sql in OWN_ROWS {
        transaction.execute(sql, &[&user_id]).await?;
    }
    transaction
        .execute(
            "INSERT INTO accounts.erasures (user_id, requested_at) VALUES ($1, $2) ON CONFLICT DO NOTHING",
            &[&user_id, &now],
        )
        .await?;
    Ok(())
}

/// An account that other services have still to forget.
#[derive(Debug)]
pub struct OpenErasure {
    pub user_id: Uuid,
    pub requested_at: Timestamp,
}

/// Erasures that are not complete, the oldest request first.
pub async fn list_open(db: &impl GenericClient, limit: i64) -> Result<Vec<OpenErasure>, Error> {
    let rows = db
        .query(
            "SELECT user_id, requested_at FROM accounts.erasures ORDER BY requested_at LIMIT $1",
            &[&limit],
        )
        .await?;
    rows.iter()
        .map(|row| {
            Ok(OpenErasure {
                user_id: row.try_get("user_id")?,
                requested_at: row.try_get("requested_at")?,
            })
        })
        .collect()
}

/// Notes that every service has forgotten a user. What requests left that still ran during the erasure goes too.
pub async fn complete(db: &impl GenericClient, user_id: Uuid) -> Result<(), Error> {
    for sql in OWN_ROWS {
        db.execute(sql, &[&user_id]).await?;
    }
    db.execute("DELETE FROM accounts.erasures WHERE user_id = $1", &[&user_id])
        .await?;
    Ok(())
}
