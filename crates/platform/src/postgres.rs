//! The PostgreSQL pool: bounded waits everywhere, and fast recovery after a restart of the server.
//!
//! A connection that broke is noticed when it comes back to the pool or leaves it, and replaced;
//! so after a restart a caller sees an error or two while the old ones close, and then it works.

use std::time::Duration;

use anyhow::{Context, bail};
use deadpool_postgres::{Manager, ManagerConfig, PoolConfig, RecyclingMethod, Runtime, Timeouts};
pub use deadpool_postgres::{Pool, PoolError};
use tokio_postgres::error::SqlState;
use tokio_postgres::tls::MakeTlsConnect;
use tokio_postgres::{Client, Connection, Socket};
use tokio_postgres_rustls::MakeRustlsConnect;

use crate::backoff::Backoff;
use crate::retry::{Limit, retry};
use crate::settings::PostgresSettings;
use crate::tls;

/// A transaction that waits for its client longer than this is ended by the server.
const IDLE_IN_TRANSACTION_MS: u64 = 30_000;
/// How long a starting service waits for a database that does not answer yet.
const START_TIMEOUT: Duration = Duration::from_secs(60);

/// The encrypted stream of a connection.
pub type TlsStream = <MakeRustlsConnect as MakeTlsConnect<Socket>>::Stream;

/// Makes the pool; connections are opened when needed, so the server may still be starting.
///
/// # Errors
///
/// The address is invalid.
pub fn connect(settings: &PostgresSettings) -> anyhow::Result<Pool> {
    let (mut parameters, tls) = connector(settings)?;
    let options = format!(
        "{} -c statement_timeout={} -c idle_in_transaction_session_timeout={IDLE_IN_TRANSACTION_MS}",
        parameters.get_options().unwrap_or_default(),
        settings.database_statement_timeout_ms,
    );
    parameters.options(options.trim_start());
    // Broken connections announce themselves, so no question is asked before each use.
    let manager_config = ManagerConfig {
        recycling_method: RecyclingMethod::Fast,
    };
    let manager = Manager::from_config(parameters, tls, manager_config);
    let wait = Duration::from_millis(settings.database_wait_timeout_ms);
    let open = Duration::from_millis(settings.database_connect_timeout_ms);
    let mut config = PoolConfig::new(settings.database_pool_size);
    config.timeouts = Timeouts {
        wait: Some(wait),
        create: Some(open),
        recycle: Some(open),
    };
    Pool::builder(manager)
        .config(config)
        .runtime(Runtime::Tokio1)
        .build()
        .context("PostgreSQL pool")
}

/// Opens a connection outside of the pool, for what belongs to one session: notifications, locks.
///
/// # Errors
///
/// The address is invalid, the server does not answer in time or refuses.
pub async fn open(settings: &PostgresSettings) -> anyhow::Result<(Client, Connection<Socket, TlsStream>)> {
    let (parameters, tls) = connector(settings)?;
    let timeout = Duration::from_millis(settings.database_connect_timeout_ms);
    tokio::time::timeout(timeout, parameters.connect(tls))
        .await
        .context("no PostgreSQL connection in time")?
        .context("PostgreSQL connection")
}

/// As [`open`], but waits for a server that is still starting, or too busy to answer at once. One that refuses is not
/// asked again.
///
/// # Errors
///
/// As [`open`].
pub async fn open_patiently(settings: &PostgresSettings) -> anyhow::Result<(Client, Connection<Socket, TlsStream>)> {
    let attempt = |_| async {
        match open(settings).await {
            Err(error) if !is_away(&error) => Ok(Err(error)),
            outcome => outcome.map(Ok),
        }
    };
    retry(
        Backoff::RECONNECT,
        Limit::Elapsed(START_TIMEOUT),
        attempt,
        |error: &anyhow::Error, attempt| {
            tracing::warn!(error = format!("{error:#}"), attempt, "waiting for PostgreSQL");
        },
    )
    .await?
}

/// Says whether a connection failed because the server does not answer, or not yet.
fn is_away(error: &anyhow::Error) -> bool {
    // Without an error of the driver the time was up.
    let Some(error) = error.downcast_ref::<tokio_postgres::Error>() else {
        return true;
    };
    match error.code() {
        _ if error.is_closed() => true,
        Some(state) => ["53", "57"].iter().any(|class| state.code().starts_with(class)),
        // A failed TLS handshake is an error of input and output too, of invalid data.
        None => std::error::Error::source(error)
            .and_then(|source| source.downcast_ref::<std::io::Error>())
            .is_some_and(|source| source.kind() != std::io::ErrorKind::InvalidData),
    }
}

/// The parameters and the TLS of every connection, in the pool or outside, so that all verify the same.
fn connector(settings: &PostgresSettings) -> anyhow::Result<(tokio_postgres::Config, MakeRustlsConnect)> {
    let address = settings
        .address()
        .map_err(|error| anyhow::anyhow!("DATABASE_URL {error}"))?;
    if address.ignores_root_certificate {
        tracing::warn!("DATABASE_URL: sslrootcert is not used with this sslmode; set verify-full to verify the server");
    }
    let mut parameters = address.parameters;
    let open = Duration::from_millis(settings.database_connect_timeout_ms);
    parameters
        .connect_timeout(open)
        .keepalives(true)
        .keepalives_idle(Duration::from_secs(15))
        .tcp_user_timeout(Duration::from_secs(15));
    if parameters.get_application_name().is_none() {
        parameters.application_name("cryptolens");
    }
    let tls = MakeRustlsConnect::new(tls::client_config_with(&address.verification));
    Ok((parameters, tls))
}

/// Says whether the same statement may succeed later: the server is away, full or busy. Otherwise it refuses what it
/// was given, and will do so every time.
#[must_use]
pub fn is_outage(error: &tokio_postgres::Error) -> bool {
    let Some(state) = error.code() else {
        // Without a state the connection broke, unless the driver could not turn a value into its column's type or
        // back.
        let text = error.to_string();
        let refused = [
            "error serializing",
            "error deserializing",
            "invalid column",
            "expected ",
            "error encoding",
        ];
        return !refused.iter().any(|start| text.starts_with(start));
    };
    // Connection, rollback (deadlocks too), resources (a full disk too), locks, the operator, the system.
    let classes = ["08", "40", "53", "55", "57", "58"];
    classes.iter().any(|class| state.code().starts_with(class))
        || [
            SqlState::READ_ONLY_SQL_TRANSACTION,
            SqlState::IDLE_IN_TRANSACTION_SESSION_TIMEOUT,
            // While migrations run beside an older process, statements that were prepared before are planned anew.
            SqlState::FEATURE_NOT_SUPPORTED,
        ]
        .contains(state)
}

/// Why something stored could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// No connection could be had in time.
    #[error("no connection to PostgreSQL")]
    Unreachable(#[from] PoolError),
    /// PostgreSQL refused a statement, or the connection broke under it.
    #[error("a statement failed")]
    Statement(#[from] tokio_postgres::Error),
    /// A row holds what this version cannot read.
    #[error("unreadable {0} in the database")]
    Unreadable(&'static str),
}

impl StoreError {
    /// Says whether the same request may succeed a moment later: the database is away, not wrong.
    #[must_use]
    pub fn is_outage(&self) -> bool {
        match self {
            // Whatever the reason: a wrong password is put right from outside, and no request is to blame for it.
            Self::Unreachable(_) => true,
            Self::Statement(error) => is_outage(error),
            Self::Unreadable(_) => false,
        }
    }
}

/// Asks the server something cheap.
///
/// # Errors
///
/// No connection, or no answer.
pub async fn ping(pool: &Pool) -> anyhow::Result<()> {
    let client = pool.get().await.context("PostgreSQL connection")?;
    client.simple_query("SELECT 1").await.context("PostgreSQL ping")?;
    Ok(())
}

/// Makes sure that the server takes writes: one in recovery, set read-only or with a full disk does not. The write is
/// undone.
///
/// # Errors
///
/// No connection, no answer, or a refusal.
pub async fn check(pool: &Pool) -> anyhow::Result<()> {
    let mut client = pool.get().await.context("PostgreSQL connection")?;
    let transaction = client.transaction().await.context("PostgreSQL transaction")?;
    transaction
        .batch_execute("INSERT INTO health.writes DEFAULT VALUES")
        .await
        .context("PostgreSQL write")?;
    transaction.rollback().await.context("PostgreSQL rollback")
}

/// Makes sure the schema is at least at `version` before a service starts to work on it.
///
/// A server that does not answer yet is waited for; an older schema is refused at once.
///
/// # Errors
///
/// The schema is older, or the server stayed silent.
pub async fn require_schema(pool: &Pool, version: u32) -> anyhow::Result<()> {
    let found = retry(
        Backoff::RECONNECT,
        Limit::Elapsed(START_TIMEOUT),
        |_| schema_version(pool),
        |error: &anyhow::Error, attempt| {
            tracing::warn!(error = format!("{error:#}"), attempt, "waiting for PostgreSQL");
        },
    )
    .await?;
    if found < i64::from(version) {
        bail!(
            "the database schema is at version {found}, this service needs {version}: \
             run `make migrate` (or the `migrate` binary)"
        );
    }
    Ok(())
}

/// The newest applied migration, 0 for an empty database.
async fn schema_version(pool: &Pool) -> anyhow::Result<i64> {
    let client = pool.get().await.context("PostgreSQL connection")?;
    let query = "SELECT coalesce(max(version), 0)::bigint FROM refinery_schema_history";
    match client.query_one(query, &[]).await {
        Ok(row) => Ok(row.get(0)),
        Err(error) if error.code() == Some(&SqlState::UNDEFINED_TABLE) => Ok(0),
        Err(error) => Err(error).context("reading the schema version"),
    }
}
