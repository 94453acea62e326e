//! The harness itself, and the whole platform end to end: one scenario a file.

#![expect(clippy::unwrap_used, reason = "a failed expectation ends the test")]

mod campaign;

mod own_servers;

mod price_to_webhook;

mod alert_rules;

mod dead_endpoints;

mod wrong_prices;

mod killed_services;

mod lost_servers;

mod doubled_services;

mod spikes;

mod debug_logs;
