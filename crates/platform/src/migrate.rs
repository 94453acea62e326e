//! The schema, brought up to date: every file of `migrations/` applied once, in order, forward only.
//!
//! Two processes that migrate at once take turns on an advisory lock; the second finds nothing
//! left to do. An older release on the schema of a newer one finds nothing to do either, so that going back to it is no
//! outage.

use anyhow::{Context, bail};
use tokio_postgres::Client;
use tokio_postgres::error::SqlState;

use crate::postgres;
use crate::settings::PostgresSettings;

mod embedded {
    refinery::embed_migrations!("../../migrations");
}

/// Any number that no other lock of the same database uses.
const LOCK: i64 = 0x6372_7970_746f;

/// The version the embedded migrations lead to.
#[must_use]
pub fn newest_version() -> i64 {
    let runner = embedded::migrations::runner();
    let versions = runner.get_migrations().iter().map(|one| i64::from(one.version()));
    versions.max().unwrap_or(0)
}

/// A fingerprint of the embedded migrations: changes whenever any of them does.
#[must_use]
pub fn fingerprint() -> u64 {
    use std::hash::{DefaultHasher, Hash, Hasher};
    let mut hasher = DefaultHasher::new();
    let runner = embedded::migrations::runner();
    let mut files: Vec<_> = runner
        .get_migrations()
        .iter()
        .map(|one| (one.version(), one.checksum()))
        .collect();
    files.sort_unstable();
    files.hash(&mut hasher);
    hasher.finish()
}

/// What a run of the migrations did.
#[derive(Debug, PartialEq, Eq)]
pub struct Migrated {
    /// The names of what was applied.
    pub applied: Vec<String>,
    /// The schema's version, when a newer release made it; then nothing was applied.
    pub newer_version: Option<i64>,
}

/// Applies what is missing.
///
/// # Errors
///
/// The server does not answer, a migration fails (it then leaves no trace), or an applied file
/// was edited afterwards.
pub async fn run(settings: &PostgresSettings) -> anyhow::Result<Migrated> {
    run_with(settings, &embedded::migrations::runner()).await
}

/// Applies the given migrations instead of the embedded ones.
///
/// # Errors
///
/// As [`run`].
pub async fn run_with(settings: &PostgresSettings, runner: &refinery::Runner) -> anyhow::Result<Migrated> {
    let (mut client, connection) = postgres::open_patiently(settings).await?;
    let driver = tokio::spawn(connection);
    // The lock belongs to the session, so it ends with the connection even if we are killed.
    client
        .execute("SELECT pg_advisory_lock($1)", &[&LOCK])
        .await
        .context("migration lock")?;
    let migrated = apply(&mut client, runner).await?;
    client
        .execute("SELECT pg_advisory_unlock($1)", &[&LOCK])
        .await
        .context("migration lock")?;
    drop(client);
    driver.await?.context("PostgreSQL connection")?;
    Ok(migrated)
}

async fn apply(client: &mut Client, runner: &refinery::Runner) -> anyhow::Result<Migrated> {
    let newer_version = newer_version(client, runner).await?;
    if newer_version.is_some() {
        return Ok(Migrated {
            applied: Vec::new(),
            newer_version,
        });
    }
    let report = runner.run_async(client).await.context("migration failed")?;
    Ok(Migrated {
        applied: report.applied_migrations().iter().map(ToString::to_string).collect(),
        newer_version: None,
    })
}

/// The schema's version, if that is beyond the newest of `runner`. All of `runner` must be in it as it is here: a
/// schema that went another way is refused.
async fn newer_version(client: &Client, runner: &refinery::Runner) -> anyhow::Result<Option<i64>> {
    let query = "SELECT version::bigint, checksum FROM refinery_schema_history ORDER BY version";
    let rows = match client.query(query, &[]).await {
        Err(error) if error.code() == Some(&SqlState::UNDEFINED_TABLE) => return Ok(None),
        rows => rows.context("reading the schema version")?,
    };
    let mut own: Vec<(i64, String)> = runner
        .get_migrations()
        .iter()
        .map(|one| (i64::from(one.version()), one.checksum().to_string()))
        .collect();
    own.sort_unstable();
    let newest = own.last().map_or(0, |(version, _)| *version);
    let found: Vec<(i64, String)> = rows.iter().map(|row| (row.get(0), row.get(1))).collect();
    let Some((version, _)) = found.last().filter(|(version, _)| *version > newest) else {
        return Ok(None);
    };
    let shared = found.iter().filter(|(version, _)| *version <= newest);
    if !shared.eq(own.iter()) {
        bail!("the database schema is at version {version} and did not come there by the migrations of this release");
    }
    Ok(Some(*version))
}
