//! The gateway as its clients see it, with real PostgreSQL, Redis and RabbitMQ and stand-ins for the other services.

#![allow(missing_docs, clippy::unwrap_used, reason = "a failed expectation ends the test")]

mod harness;

mod account;
mod accounts;
mod admin_blocks;
mod admin_limits;
mod administration;
mod alerts;
mod audit;
mod browser;
mod caching;
mod check_order;
mod errors;
mod hostile_requests;
mod idempotency;
mod keys;
mod market;
mod outages;
mod panics;
mod permissions;
mod price;
mod quotas;
mod rate_limits;
mod sessions;
mod system;
mod tokens;
mod usage;
