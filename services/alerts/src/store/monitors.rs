//! Rows of `alerting.monitors`.

use std::collections::BTreeMap;

use contracts::api::alerts::MonitorCheckBody;
use deadpool_postgres::Pool;
use domain::monitor::Level;
use domain::ticker::Ticker;
use jiff::Timestamp;
use tokio_postgres::Row;
use tokio_postgres::types::Json;

use super::{StoreError, alerts, connection};

/// The newest risk level of one asset.
#[derive(Debug, Clone, PartialEq)]
pub struct MonitorState {
    /// The worst level of its checks; `None` while nothing is known.
    pub level: Option<Level>,
    /// Since when it is that.
    pub since: Option<Timestamp>,
    /// The checks as they are answered.
    pub checks: Vec<MonitorCheckBody>,
    /// The time of the price they come from.
    pub as_of: Timestamp,
}

/// Reads the states of all assets.
///
/// # Errors
/// When PostgreSQL does not answer.
pub async fn list(pool: &Pool) -> Result<BTreeMap<Ticker, MonitorState>, StoreError> {
    let client = connection(pool).await?;
    let statement = client
        .prepare_cached("SELECT ticker, level, since, checks, as_of FROM alerting.monitors")
        .await?;
    client.query(&statement, &[]).await?.iter().map(read).collect()
}

fn read(row: &Row) -> Result<(Ticker, MonitorState), StoreError> {
    let level = match row.get::<_, Option<&str>>(1) {
        None => None,
        Some(text) => {
            let known = [Level::Ok, Level::Warning, Level::Alert]
                .into_iter()
                .find(|level| level.as_str() == text);
            Some(known.ok_or(StoreError::Unreadable("risk level"))?)
        }
    };
    let Json(checks) = row.try_get(3).map_err(|_| StoreError::Unreadable("checks"))?;
    Ok((
        alerts::ticker(row.get(0))?,
        MonitorState {
            level,
            since: row.get(2),
            checks,
            as_of: row.get(4),
        },
    ))
}

/// What storing a state did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stored {
    /// Nothing: a newer one is stored.
    Older,
    /// The level stayed.
    Same,
    /// The level changed from this one.
    Changed(Option<Level>),
}

/// Stores levels computed from the price of `as_of`, unless newer ones are stored, and notes a change of the level.
///
/// The change is decided under a lock of the asset, so that of two instances one announces it, also the first.
///
/// # Errors
/// When PostgreSQL does not answer.
pub async fn store(
    pool: &Pool,
    ticker: &Ticker,
    level: Option<Level>,
    checks: &[MonitorCheckBody],
    as_of: Timestamp,
) -> Result<Stored, StoreError> {
    let mut client = connection(pool).await?;
    let transaction = client.transaction().await?;
    let lock = transaction
        .prepare_cached("SELECT pg_advisory_xact_lock(hashtextextended('alerting.monitors ' || $1::text, 0))")
        .await?;
    transaction.execute(&lock, &[&ticker.as_str()]).await?;
    let find = transaction
        .prepare_cached("SELECT ticker, level, since, checks, as_of FROM alerting.monitors WHERE ticker = $1")
        .await?;
    let old = transaction
        .query_opt(&find, &[&ticker.as_str()])
        .await?
        .as_ref()
        .map(read)
        .transpose()?;
    let old = old.map(|(_, state)| state);
    if old.as_ref().is_some_and(|old| old.as_of >= as_of) {
        return Ok(Stored::Older);
    }
    let from = old.as_ref().and_then(|old| old.level);
    let since = old
        .filter(|old| old.level == level)
        .map_or(Some(as_of), |old| old.since);
    let (level_text, from_text) = (level.map(Level::as_str), from.map(Level::as_str));
    let upsert = transaction
        .prepare_cached(
            "INSERT INTO alerting.monitors (ticker, level, since, checks, as_of) VALUES ($1, $2, $3, $4, $5)
             ON CONFLICT (ticker) DO UPDATE SET level = $2, since = $3, checks = $4, as_of = $5",
        )
        .await?;
    transaction
        .execute(&upsert, &[&ticker.as_str(), &level_text, &since, &Json(checks), &as_of])
        .await?;
    let changed = from != level;
    if changed && level.is_some() {
        let note = transaction
            .prepare_cached(
                "INSERT INTO alerting.monitor_transitions (ticker, from_level, to_level, at) VALUES ($1, $2, $3, $4)",
            )
            .await?;
        transaction
            .execute(&note, &[&ticker.as_str(), &from_text, &level_text, &as_of])
            .await?;
    }
    transaction.commit().await?;
    Ok(if changed { Stored::Changed(from) } else { Stored::Same })
}
