//! The schema, brought up to date: every file of `migrations/` applied once, in order, forward only.
//!
//! Two processes that migrate at once take turns on an advisory lock; the second finds nothing
//! left to do.

use anyhow::Context;

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

/// Applies what is missing and returns the names of what was applied.
///
/// # Errors
///
/// The server does not answer, a migration fails (it then leaves no trace), or an applied file
/// was edited afterwards.
pub async fn run(settings: &PostgresSettings) -> anyhow::Result<Vec<String>> {
    run_with(settings, &embedded::migrations::runner()).await
}

/// Applies the given migrations instead of the embedded ones.
///
/// # Errors
///
/// As [`run`].
pub async fn run_with(settings: &PostgresSettings, runner: &refinery::Runner) -> anyhow::Result<Vec<String>> {
    let (mut client, connection) = postgres::open(settings).await?;
    let driver = tokio::spawn(connection);
    // The lock belongs to the session, so it ends with the connection even if we are killed.
    client
        .execute("SELECT pg_advisory_lock($1)", &[&LOCK])
        .await
        .context("migration lock")?;
    let report = runner.run_async(&mut client).await.context("migration failed")?;
    client
        .execute("SELECT pg_advisory_unlock($1)", &[&LOCK])
        .await
        .context("migration lock")?;
    drop(client);
    driver.await?.context("PostgreSQL connection")?;
    Ok(report.applied_migrations().iter().map(ToString::to_string).collect())
}
