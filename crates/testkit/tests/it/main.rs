//! The harness itself, and the whole platform end to end: one scenario a file.

#![expect(clippy::unwrap_used, reason = "a failed expectation ends the test")]

mod alert_rules;
mod batched_price;
mod campaign;
mod dead_endpoints;
mod debug_logs;
mod doubled_services;
mod erased_account;
mod killed_services;
mod listed_tokens;
mod lost_servers;
mod own_servers;
mod price_to_webhook;
mod spikes;
mod wrong_prices;
