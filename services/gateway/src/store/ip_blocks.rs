//! The table `accounts.ip_blocks`: addresses that administrators block, and blocks that they lift.

use std::net::IpAddr;

use deadpool_postgres::GenericClient;
use jiff::Timestamp;
use tokio_postgres::{Error, Row};
use uuid::Uuid;

/// Rows that hold at one time at most: every gateway has all of them in memory.
pub const MAX_CURRENT: i64 = 10_000;

/// A row of the table.
#[derive(Debug, Clone)]
pub struct IpBlockRow {
    /// The address that stands for the client (`crate::request_context::client_network`).
    pub address: IpAddr,
    /// Another one for every change.
    pub change_id: Uuid,
    pub blocked_at: Timestamp,
    /// The end of the block or, of one that was lifted, the time until gateways may still have one to lift.
    pub blocked_until: Timestamp,
    pub lifted_at: Option<Timestamp>,
    pub comment: Option<String>,
    pub created_by: Uuid,
}

/// Stores a block, or its lifting, in place of what is known of the address.
pub async fn put(db: &impl GenericClient, row: &IpBlockRow) -> Result<(), Error> {
    db.execute(
        "INSERT INTO accounts.ip_blocks \
         (address, change_id, blocked_at, blocked_until, lifted_at, comment, created_by) \
         VALUES ($1, $2, $3, $4, $5, $6, $7) \
         ON CONFLICT (address) DO UPDATE SET \
             change_id = excluded.change_id, blocked_at = excluded.blocked_at, \
             blocked_until = excluded.blocked_until, lifted_at = excluded.lifted_at, \
             comment = excluded.comment, created_by = excluded.created_by",
        &[
            &row.address.to_string(),
            &row.change_id,
            &row.blocked_at,
            &row.blocked_until,
            &row.lifted_at,
            &row.comment,
            &row.created_by,
        ],
    )
    .await?;
    Ok(())
}

/// The blocks and liftings that have not ended, newest first.
pub async fn list(db: &impl GenericClient, now: Timestamp) -> Result<Vec<IpBlockRow>, Error> {
    let rows = db
        .query(
            "SELECT address, change_id, blocked_at, blocked_until, lifted_at, comment, created_by \
             FROM accounts.ip_blocks WHERE blocked_until > $1 ORDER BY blocked_at DESC, address LIMIT $2",
            &[&now, &MAX_CURRENT],
        )
        .await?;
    let rows: Result<Vec<Option<IpBlockRow>>, Error> = rows.iter().map(from_row).collect();
    Ok(rows?.into_iter().flatten().collect())
}

/// Whether an administrator has blocked the address.
pub async fn is_blocked(db: &impl GenericClient, address: IpAddr, now: Timestamp) -> Result<bool, Error> {
    let row = db
        .query_one(
            "SELECT EXISTS (SELECT FROM accounts.ip_blocks \
             WHERE address = $1 AND blocked_until > $2 AND lifted_at IS NULL) AS is_blocked",
            &[&address.to_string(), &now],
        )
        .await?;
    row.try_get("is_blocked")
}

/// How many have not ended.
pub async fn count(db: &impl GenericClient, now: Timestamp) -> Result<i64, Error> {
    let sql = "SELECT count(*) AS blocks FROM accounts.ip_blocks WHERE blocked_until > $1";
    db.query_one(sql, &[&now]).await?.try_get("blocks")
}

/// Removes what has ended; gives the number of rows.
pub async fn purge(db: &impl GenericClient, now: Timestamp) -> Result<u64, Error> {
    db.execute("DELETE FROM accounts.ip_blocks WHERE blocked_until <= $1", &[&now])
        .await
}

/// `None` for an address that somebody wrote by hand and that is none.
fn from_row(row: &Row) -> Result<Option<IpBlockRow>, Error> {
    let address: &str = row.try_get("address")?;
    let Ok(address) = address.parse() else {
        return Ok(None);
    };
    Ok(Some(IpBlockRow {
        address,
        change_id: row.try_get("change_id")?,
        blocked_at: row.try_get("blocked_at")?,
        blocked_until: row.try_get("blocked_until")?,
        lifted_at: row.try_get("lifted_at")?,
        comment: row.try_get("comment")?,
        created_by: row.try_get("created_by")?,
    }))
}
