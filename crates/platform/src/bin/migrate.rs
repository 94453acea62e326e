//! Applies the migrations once per deploy; says what it applied.

use std::process::ExitCode;

use platform::migrate;
use platform::settings::{LogSettings, POSTGRES_DEFAULTS, PROCESS_DEFAULTS, PostgresSettings};

#[tokio::main]
async fn main() -> ExitCode {
    platform::tls::install_provider();
    let log: LogSettings = platform::settings::load_or_exit(&[PROCESS_DEFAULTS]);
    let settings: PostgresSettings = platform::settings::load_or_exit(&[POSTGRES_DEFAULTS]);
    let outcome = match platform::telemetry::init_with("migrate", &log) {
        Ok(()) => migrate(&settings).await,
        Err(error) => Err(error),
    };
    // A line of the log like any other, so that whoever collects those has the reason too.
    outcome.map_or_else(
        |error| {
            tracing::error!(error = format!("{error:#}"), "the schema is not migrated");
            ExitCode::FAILURE
        },
        |()| ExitCode::SUCCESS,
    )
}

async fn migrate(settings: &PostgresSettings) -> anyhow::Result<()> {
    let migrated = migrate::run(settings).await?;
    for name in &migrated.applied {
        tracing::info!(migration = name, "applied");
    }
    let newest = migrate::newest_version();
    match migrated.newer_version {
        None => tracing::info!(version = newest, "the schema is up to date"),
        Some(version) => tracing::warn!(
            version,
            newest,
            "the schema is that of a newer release and stays as it is; this release works with it unless the changelog says otherwise"
        ),
    }
    Ok(())
}
