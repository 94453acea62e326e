//! The table `accounts.audit`: who did what. Rows are only ever added.

use deadpool_postgres::GenericClient;
use jiff::Timestamp;
use platform::request_id::RequestId;
use serde_json::Value;
use tokio_postgres::Error;
use uuid::Uuid;

/// Something that was done.
#[derive(Debug)]
pub struct NewEntry<'a> {
    /// The user who did it; `None` for the platform itself.
    pub actor_id: Option<Uuid>,
    /// What was done, such as `key.revoked`.
    pub action: &'a str,
    /// To what: an id or a network.
    pub target: &'a str,
    /// What else is to be known. It never holds a secret or an e-mail address.
    pub details: Value,
}

/// Adds an entry. It belongs into the transaction of what it records, so that neither is there without the other.
pub async fn record(db: &impl GenericClient, entry: &NewEntry<'_>, now: Timestamp) -> Result<(), Error> {
    let request_id = RequestId::current();
    db.execute(
        "INSERT INTO accounts.audit (id, at, actor_id, action, target, details, request_id) \
         VALUES ($1, $2, $3, $4, $5, $6::text::jsonb, $7)",
        &[
            &Uuid::now_v7(),
            &now,
            &entry.actor_id,
            &entry.action,
            &entry.target,
            &entry.details.to_string(),
            &request_id.as_ref().map(RequestId::as_str),
        ],
    )
    .await?;
    Ok(())
}
