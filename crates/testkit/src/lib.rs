//! Test harness: what a test needs of the outside world, private to it and gone afterwards.
//!
//! Tests find the servers through the environment that `make test` sets, and fail at once without it. Every test has
//! its own database, Redis database number and broker vhost, so all of them run in parallel. A test that stops a server
//! has one of its own ([`servers`]), and the end-to-end tests run the whole platform as processes ([`stack`]).

#![allow(
    missing_docs,
    reason = "only tests use this crate: what a name says is not said again"
)]

mod child;
mod cleanup;
pub mod database;
pub mod environment;
pub mod messages;
pub mod ports;
pub mod rabbit;
pub mod redis;
pub mod servers;
pub mod sink;
pub mod stack;
mod table_scan;
pub mod tls;
pub mod wait;

pub use database::{TestDatabase, database};
pub use messages::quote;
pub use rabbit::{TestRabbit, rabbit};
pub use redis::{TestRedis, redis};
pub use servers::{OwnPostgres, OwnRabbit, OwnRedis};
pub use sink::{Answer, Received, WebhookSink};
pub use stack::{Account, Api, Service, TestStack, TestStackOptions};
pub use table_scan::rows_containing;
pub use wait::{eventually, found};

/// A simulator of the providers on a free port.
///
/// # Panics
///
/// There is no free port.
#[must_use]
pub fn simulator() -> market_sim::Simulator {
    market_sim::start(market_sim::Config::default()).expect("a simulator")
}
