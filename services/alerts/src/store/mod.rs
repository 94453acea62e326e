//! The SQL of schema `alerting`, one file per table; `armed_alerts`, `notices`, `queues` and `retention` are about
//! several tables or a part of one.
//!
//! Functions fail with [`StoreError`] when PostgreSQL does not answer or refuses, and with nothing else.

use deadpool_postgres::Pool;

pub mod alerts;
pub mod armed_alerts;
pub mod attempts;
pub mod deliveries;
pub mod delivery_history;
pub mod endpoints;
pub mod events;
pub mod missed_quotes;
pub mod monitors;
pub mod notices;
pub mod outbox;
pub mod queues;
pub mod refused;
pub mod retention;
pub mod secrets;

#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    #[error("no connection to PostgreSQL")]
    Unreachable(#[source] deadpool_postgres::PoolError),
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
