//! The SQL of schema `alerting`, one file per aggregate.

use deadpool_postgres::Pool;

/// Alerts: create, look up, delete, and what the index should hold.
pub mod alerts;

/// What happened to an alert.
pub mod events;

/// Receivers of webhooks and their health.
pub mod endpoints;

/// Their secrets, as they are stored.
pub mod secrets;

/// What owners learn of their receivers.
pub mod notices;

/// Messages to endpoints.
pub mod deliveries;

/// Where unfinished deliveries are: waiting, queued, or with a consumer.
pub mod outbox;

/// When which endpoint's messages may be published.
pub mod queues;

/// Attempts to deliver messages, and dead letters.
pub mod attempts;

/// Risk levels.
pub mod monitors;

/// Intervals whose quotes nobody read.
pub mod missed_quotes;

/// Removing what is old.
pub mod retention;

/// What was refused for good.
pub mod refused;

/// Why PostgreSQL did not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// No connection could be had in time.
    #[error("no connection to PostgreSQL")]
    Unreachable(#[source] deadpool_postgres::PoolError),
    /// A statement failed.
    #[error("a statement failed")]
    Statement(#[source] tokio_postgres::Error),
    /// A row holds what this version cannot read.
    #[error("unreadable {0} in the database")]
    Unreadable(&'static str),
}

impl StoreError {
    /// Says whether the same request may succeed a moment later: the database is away, not wrong.
    pub fn is_outage(&self) -> bool {
        match self {
            Self::Unreachable(_) => true,
            Self::Statement(error) => platform::postgres::is_outage(error),
            Self::Unreadable(_) => false,
        }
    }
}

impl From<deadpool_postgres::PoolError> for StoreError {
    fn from(error: deadpool_postgres::PoolError) -> Self {
        Self::Unreachable(error)
    }
}

impl From<tokio_postgres::Error> for StoreError {
    fn from(error: tokio_postgres::Error) -> Self {
        Self::Statement(error)
    }
}

/// A connection of the pool.
///
/// # Errors
/// When none can be had in time.
pub async fn connection(pool: &Pool) -> Result<deadpool_postgres::Client, StoreError> {
    Ok(pool.get().await?)
}
