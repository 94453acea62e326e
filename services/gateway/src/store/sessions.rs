//! The table `accounts.sessions`: log-ins and their refresh tokens.

use deadpool_postgres::GenericClient;
use uuid::Uuid;

use crate::auth::Identity;
use crate::error::ApiError;
use crate::store::api_keys;

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
             coalesce(k.ip_allow, '{}') AS ip_allow, k.expires_at \
             FROM accounts.sessions s JOIN accounts.users u ON u.id = s.user_id \
             LEFT JOIN accounts.api_keys k ON k.id = s.key_id \
             WHERE s.id = $1 AND s.revoked_at IS NULL AND u.is_active AND k.revoked_at IS NULL",
        )
        .await?;
    let row = db.query_opt(&statement, &[&id]).await?;
    row.map(|row| api_keys::identity_from_row(&row)).transpose()
}
