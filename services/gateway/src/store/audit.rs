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

/// Which entries are listed.
#[derive(Debug, Default)]
pub struct Filter {
    pub actor_id: Option<Uuid>,
    pub action: Option<String>,
    pub target: Option<String>,
    pub from: Option<Timestamp>,
    pub to: Option<Timestamp>,
}

/// A row of the table.
#[derive(Debug)]
pub struct Entry {
    pub id: Uuid,
    pub at: Timestamp,
    pub actor_id: Option<Uuid>,
    pub action: String,
    pub target: String,
    pub details: Value,
    pub request_id: Option<String>,
}

/// At most `limit` entries, newest first, older than `before`.
pub async fn list(
    db: &impl GenericClient,
    filter: &Filter,
    before: Option<Uuid>,
    limit: i64,
) -> Result<Vec<Entry>, Error> {
    let rows = db
        .query(
            "SELECT id, at, actor_id, action, target, details, request_id FROM accounts.audit \
             WHERE ($1::uuid IS NULL OR actor_id = $1) AND ($2::text IS NULL OR action = $2) \
             AND ($3::text IS NULL OR target = $3) AND ($4::timestamptz IS NULL OR at >= $4) \
             AND ($5::timestamptz IS NULL OR at < $5) AND ($6::uuid IS NULL OR id < $6) ORDER BY id DESC LIMIT $7",
            &[
                &filter.actor_id,
                &filter.action,
                &filter.target,
                &filter.from,
                &filter.to,
                &before,
                &limit,
            ],
        )
        .await?;
    rows.iter()
        .map(|row| {
            Ok(Entry {
                id: row.try_get("id")?,
                at: row.try_get("at")?,
                actor_id: row.try_get("actor_id")?,
                action: row.try_get("action")?,
                target: row.try_get("target")?,
                details: row.try_get("details")?,
                request_id: row.try_get("request_id")?,
            })
        })
        .collect()
}
