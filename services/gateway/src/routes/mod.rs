//! The API: one resource per file, each with its policies, its parameters and its handlers.
//! Which handler stands at which path is the table in `crate::router`.

pub mod account;
pub mod admin_audit;
pub mod admin_ip_blocks;
pub mod admin_keys;
pub mod admin_limits;
pub mod admin_users;
pub mod alerts;
pub mod analytics;
pub mod auth;
pub mod candles;
pub mod deliveries;
pub mod keys;
pub mod market;
pub mod pages;
pub mod price;
pub mod quotes;
pub mod rates;
pub mod risk;
pub mod status;
pub mod system;
pub mod tokens;
pub mod usage;
pub mod users;
pub mod webhooks;
