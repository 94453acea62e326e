//! The table `accounts.limit_overrides`: limits that administrators set for a user or a key.

use deadpool_postgres::GenericClient;
use jiff::Timestamp;
use tokio_postgres::{Error, Row};
use uuid::Uuid;

/// Whom an override is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Subject {
    User(Uuid),
    Key(Uuid),
}

/// A row of the table.
#[derive(Debug, Clone)]
pub struct OverrideRow {
    pub id: Uuid,
    pub subject: Subject,
    pub policy: String,
    pub requests: u32,
    pub window_seconds: Option<u32>,
    pub expires_at: Option<Timestamp>,
    pub created_at: Timestamp,
    pub created_by: Uuid,
}

const COLUMNS: &str = "id, user_id, key_id, policy, requests, window_seconds, expires_at, created_at, created_by";

/// Sets an override in place of the one that the subject has for the policy. False if there is no such user or key.
pub async fn set(db: &impl GenericClient, new: &OverrideRow) -> Result<bool, Error> {
    let (user, key) = match new.subject {
        Subject::User(id) => (Some(id), None),
        Subject::Key(id) => (None, Some(id)),
    };
    let set = db
        .execute(
            "WITH subject AS ( \
                 SELECT id FROM accounts.users WHERE id = $2 AND erased_at IS NULL \
                 UNION ALL SELECT id FROM accounts.api_keys WHERE id = $3 AND revoked_at IS NULL \
             ) \
             INSERT INTO accounts.limit_overrides \
             (id, user_id, key_id, policy, requests, window_seconds, expires_at, created_at, created_by) \
             SELECT $1, $2, $3, $4, $5, $6, $7, $8, $9 FROM subject \
             ON CONFLICT (subject_id, policy) DO UPDATE SET \
                 id = excluded.id, requests = excluded.requests, window_seconds = excluded.window_seconds, \
                 expires_at = excluded.expires_at, created_at = excluded.created_at, created_by = excluded.created_by",
            &[
                &new.id,
                &user,
                &key,
                &new.policy,
                &to_integer(new.requests),
                &new.window_seconds.map(to_integer),
                &new.expires_at,
                &new.created_at,
                &new.created_by,
            ],
        )
        .await?;
    Ok(set == 1)
}

/// Removes an override; gives it. `None` if there is no such override.
pub async fn remove(db: &impl GenericClient, id: Uuid) -> Result<Option<OverrideRow>, Error> {
    let sql = format!("DELETE FROM accounts.limit_overrides WHERE id = $1 RETURNING {COLUMNS}");
    db.query_opt(&sql, &[&id]).await?.map(|row| from_row(&row)).transpose()
}

/// At most `limit` overrides that have not expired, newest first, older than `before`: all, or those of a user and of the
/// user's keys.
pub async fn list(
    db: &impl GenericClient,
    user: Option<Uuid>,
    before: Option<Uuid>,
    limit: i64,
    now: Timestamp,
) -> Result<Vec<OverrideRow>, Error> {
    let sql = format!(
        "SELECT {COLUMNS} FROM accounts.limit_overrides \
         WHERE ($1::uuid IS NULL OR user_id = $1 OR key_id IN (SELECT id FROM accounts.api_keys WHERE user_id = $1)) \
         AND ($2::uuid IS NULL OR id < $2) AND (expires_at IS NULL OR expires_at > $3) ORDER BY id DESC LIMIT $4"
    );
    let rows = db.query(&sql, &[&user, &before, &now, &limit]).await?;
    rows.iter().map(from_row).collect()
}

/// Removes what has expired; gives the number of rows.
pub async fn purge(db: &impl GenericClient, now: Timestamp) -> Result<u64, Error> {
    db.execute("DELETE FROM accounts.limit_overrides WHERE expires_at <= $1", &[&now])
        .await
}

fn from_row(row: &Row) -> Result<OverrideRow, Error> {
    let user: Option<Uuid> = row.try_get("user_id")?;
    let key: Option<Uuid> = row.try_get("key_id")?;
    let window: Option<i32> = row.try_get("window_seconds")?;
    let requests: i32 = row.try_get("requests")?;
    Ok(OverrideRow {
        id: row.try_get("id")?,
        // A check of the table keeps it to one of them.
        subject: match user {
            Some(user) => Subject::User(user),
            None => Subject::Key(key.unwrap_or_default()),
        },
        policy: row.try_get("policy")?,
        requests: requests.unsigned_abs(),
        window_seconds: window.map(i32::unsigned_abs),
        expires_at: row.try_get("expires_at")?,
        created_at: row.try_get("created_at")?,
        created_by: row.try_get("created_by")?,
    })
}

fn to_integer(number: u32) -> i32 {
    i32::try_from(number).unwrap_or(i32::MAX)
}
