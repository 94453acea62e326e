//! Rows of `alerting.monitors`.

use std::collections::BTreeMap;

use contracts::api::alerts::MonitorCheckBody;
use deadpool_postgres::Pool;
use domain::monitor::{CheckName, Level, Standing};
use domain::ticker::Ticker;
use jiff::Timestamp;
use tokio_postgres::Row;
use tokio_postgres::types::Json;

use super::{StoreError, alerts, connection};

#[derive(Debug, Clone, PartialEq)]
pub struct MonitorState {
    /// The worst level of its checks; `None` while nothing is known.
    pub level: Option<Level>,
    pub since: Option<Timestamp>,
    /// The checks as the API shows them.
    pub checks: Vec<MonitorCheckBody>,
    /// The time of the price they come from.
    pub as_of: Timestamp,
}

/// Reads the states of all assets.
pub async fn list(pool: &Pool) -> Result<BTreeMap<Ticker, MonitorState>, StoreError> {
    let client = connection(pool).await?;
    let statement = client
        .prepare_cached("SELECT ticker, level, since, checks, as_of FROM alerting.monitors")
        .await?;
    client.query(&statement, &[]).await?.iter().map(read).collect()
}

fn read(row: &Row) -> Result<(Ticker, MonitorState), StoreError> {
    let level = match row.get::<_, Option<&str>>("level") {
        None => None,
        Some(text) => {
            let known = [Level::Ok, Level::Warning, Level::Alert]
                .into_iter()
                .find(|level| level.as_str() == text);
            Some(known.ok_or(StoreError::Unreadable("risk level"))?)
        }
    };
    let Json(checks) = row.try_get("checks").map_err(|_| StoreError::Unreadable("checks"))?;
    Ok((
        alerts::ticker(row.get("ticker"))?,
        MonitorState {
            level,
            since: row.get("since"),
            checks,
            as_of: row.get("as_of"),
        },
    ))
}

/// What is remembered of each check between two values.
pub type Standings = BTreeMap<CheckName, Standing>;

#[derive(Debug, Clone, PartialEq)]
pub struct Decision {
    /// The worst level of its checks; `None` while nothing is known.
    pub level: Option<Level>,
    /// The checks as the API shows them.
    pub bodies: Vec<MonitorCheckBody>,
    /// What the next decision needs to know.
    pub standings: Standings,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stored {
    /// Nothing: a newer state is stored.
    Older,
    Same,
    Changed {
        from: Option<Level>,
        to: Option<Level>,
    },
}

/// Replaces an asset's state by what `decide` makes of the one before, unless a state of `as_of` or newer is stored,
/// and notes a change of the level.
///
/// Deciding happens under a lock of the asset: of two instances one sees the other's state and one announces a change.
pub async fn update(
    pool: &Pool,
    ticker: &Ticker,
    as_of: Timestamp,
    decide: impl FnOnce(&Standings) -> Decision,
) -> Result<Stored, StoreError> {
    let mut client = connection(pool).await?;
    let transaction = client.transaction().await?;
    // Not the lock of a row: the first state of an asset has none yet.
    let lock = transaction
        .prepare_cached("SELECT pg_advisory_xact_lock(hashtextextended('alerting.monitors ' || $1::text, 0))")
        .await?;
    transaction.execute(&lock, &[&ticker.as_str()]).await?;
    let find = transaction
        .prepare_cached(
            "SELECT ticker, level, since, checks, as_of, standings FROM alerting.monitors WHERE ticker = $1",
        )
        .await?;
    let row = transaction.query_opt(&find, &[&ticker.as_str()]).await?;
    let old = row.as_ref().map(read).transpose()?.map(|(_, state)| state);
    if old.as_ref().is_some_and(|old| old.as_of >= as_of) {
        return Ok(Stored::Older);
    }
    let standings = match &row {
        None => Standings::new(),
        Some(row) => {
            let Json(standings) = row
                .try_get("standings")
                .map_err(|_| StoreError::Unreadable("standings"))?;
            standings
        }
    };
    let new = decide(&standings);
    let (from, to) = (old.as_ref().and_then(|old| old.level), new.level);
    let since = old.filter(|old| old.level == to).map_or(Some(as_of), |old| old.since);
    let (from_text, to_text) = (from.map(Level::as_str), to.map(Level::as_str));
    let upsert = transaction
        .prepare_cached(
            "INSERT INTO alerting.monitors (ticker, level, since, checks, as_of, standings)
             VALUES ($1, $2, $3, $4, $5, $6)
             ON CONFLICT (ticker) DO UPDATE
             SET level = $2, since = $3, checks = $4, as_of = $5, standings = $6",
        )
        .await?;
    transaction
        .execute(
            &upsert,
            &[
                &ticker.as_str(),
                &to_text,
                &since,
                &Json(&new.bodies),
                &as_of,
                &Json(&new.standings),
            ],
        )
        .await?;
    let changed = from != to;
    if changed && to.is_some() {
        let note = transaction
            .prepare_cached(
                "INSERT INTO alerting.monitor_transitions (ticker, from_level, to_level, at) VALUES ($1, $2, $3, $4)",
            )
            .await?;
        transaction
            .execute(&note, &[&ticker.as_str(), &from_text, &to_text, &as_of])
            .await?;
    }
    transaction.commit().await?;
    Ok(if changed {
        Stored::Changed { from, to }
    } else {
        Stored::Same
    })
}
