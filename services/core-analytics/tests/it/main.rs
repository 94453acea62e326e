//! The service against real PostgreSQL and Redis, and the command line.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod backfill;
mod candles;
mod command_line;
mod harness;
mod listings;
mod metrics;
mod outages;
mod partitions;
mod refusals;
mod routes;
mod tokens;
