//! What administrators see and change of `accounts.users`.

use deadpool_postgres::GenericClient;
use jiff::Timestamp;
use tokio_postgres::Row;
use uuid::Uuid;

use crate::auth::{Role, Tier};
use crate::error::ApiError;
use crate::store::api_keys::parse;

/// A user as administrators see it.
#[derive(Debug, Clone)]
pub struct AdminUser {
    pub id: Uuid,
    pub email: String,
    pub username: Option<String>,
    pub role: Role,
    pub tier: Tier,
    pub is_active: bool,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
    pub has_password: bool,
    /// Keys that are not revoked.
    pub keys: i64,
}

/// Which users are listed.
#[derive(Debug, Default)]
pub struct UserFilter {
    /// What e-mail address or user name begins with, in whatever case.
    pub prefix: Option<String>,
    pub role: Option<Role>,
    pub tier: Option<Tier>,
    pub is_active: Option<bool>,
    /// Those before this id.
    pub before: Option<Uuid>,
}

/// What changes of a user; `None` stays.
#[derive(Debug, Clone, Copy, Default)]
pub struct UserChange {
    pub role: Option<Role>,
    pub tier: Option<Tier>,
    pub is_active: Option<bool>,
}

const COLUMNS: &str = "id, email, username, role, tier, is_active, created_at, updated_at, \
    password_hash IS NOT NULL AS has_password, \
    (SELECT count(*) FROM accounts.api_keys k WHERE k.user_id = u.id AND k.revoked_at IS NULL) AS keys";

fn from_row(row: &Row) -> Result<AdminUser, ApiError> {
    Ok(AdminUser {
        id: row.try_get("id")?,
        email: row.try_get("email")?,
        username: row.try_get("username")?,
        role: parse(row.try_get("role")?)?,
        tier: parse(row.try_get("tier")?)?,
        is_active: row.try_get("is_active")?,
        created_at: row.try_get("created_at")?,
        updated_at: row.try_get("updated_at")?,
        has_password: row.try_get("has_password")?,
        keys: row.try_get("keys")?,
    })
}

/// Users that are not erased, newest first.
pub async fn list(db: &impl GenericClient, filter: &UserFilter, limit: i64) -> Result<Vec<AdminUser>, ApiError> {
    let sql = format!(
        "SELECT {COLUMNS} FROM accounts.users u WHERE erased_at IS NULL \
         AND ($1::text IS NULL OR starts_with(lower(email), lower($1)) OR starts_with(lower(username), lower($1))) \
         AND ($2::text IS NULL OR role = $2) AND ($3::text IS NULL OR tier = $3) \
         AND ($4::boolean IS NULL OR is_active = $4) AND ($5::uuid IS NULL OR id < $5) ORDER BY id DESC LIMIT $6"
    );
    let rows = db
        .query(
            &sql,
            &[
                &filter.prefix,
                &filter.role.map(Role::as_str),
                &filter.tier.map(Tier::as_str),
                &filter.is_active,
                &filter.before,
                &limit,
            ],
        )
        .await?;
    rows.iter().map(from_row).collect()
}

/// A user that is not erased, held until the end of the transaction.
pub async fn find(transaction: &impl GenericClient, id: Uuid) -> Result<Option<AdminUser>, ApiError> {
    let sql = format!("SELECT {COLUMNS} FROM accounts.users u WHERE id = $1 AND erased_at IS NULL FOR UPDATE OF u");
    let row = transaction.query_opt(&sql, &[&id]).await?;
    row.map(|row| from_row(&row)).transpose()
}

/// Changes a user.
pub async fn update(
    db: &impl GenericClient,
    id: Uuid,
    change: UserChange,
    now: Timestamp,
) -> Result<(), tokio_postgres::Error> {
    db.execute(
        "UPDATE accounts.users SET role = coalesce($2, role), tier = coalesce($3, tier), \
         is_active = coalesce($4, is_active), updated_at = $5 WHERE id = $1",
        &[
            &id,
            &change.role.map(Role::as_str),
            &change.tier.map(Tier::as_str),
            &change.is_active,
            &now,
        ],
    )
    .await?;
    Ok(())
}
