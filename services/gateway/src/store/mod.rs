//! All SQL of the gateway: one file per table, functions over a client or a transaction, rows read by column name.

/// API keys, and the changes of identities that caches have to learn of.
pub mod api_keys;

/// Stored answers of repeated POSTs.
pub mod idempotency_keys;

/// Accounts.
pub mod users;
