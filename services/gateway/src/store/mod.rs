//! All SQL of the gateway: one file per table, functions over a client or a transaction, rows read by column name.

pub mod api_keys;
pub mod audit;
pub mod idempotency_keys;
pub mod sessions;
pub mod users;
