//! All SQL of the gateway: functions over a client or a transaction, rows read by column name.

pub mod admin_users;
pub mod administrators;
pub mod api_keys;
pub mod audit;
pub mod erasure;
pub mod idempotency_keys;
pub mod ip_blocks;
pub mod keys;
pub mod limit_overrides;
pub mod sessions;
pub mod usage;
pub mod users;
