//! The SQL of schema `alerting`, one file per table; `armed_alerts`, `erasure`, `notices`, `queues` and `retention` are about
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
pub mod erasure;
pub mod events;
pub mod missed_quotes;
pub mod monitors;
pub mod notices;
pub mod outbox;
pub mod queues;
pub mod refused;
pub mod replay;
pub mod retention;
pub mod secrets;

pub use platform::postgres::StoreError;

/// A connection of the pool.
///
/// # Errors
/// When none can be had in time.
pub async fn connection(pool: &Pool) -> Result<deadpool_postgres::Client, StoreError> {
    Ok(pool.get().await?)
}
