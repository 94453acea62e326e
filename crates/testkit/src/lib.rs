//! Test harness: what a test needs of the outside world, private to it and gone afterwards.
//!
//! Tests find the servers through the environment that `make test` sets, and fail at once without
//! it. Every test has its own database, Redis database number and broker vhost, so all of them run
//! in parallel.

/// Where the servers are.
pub mod environment;

mod child;

mod cleanup;

/// Ports that are known before their process starts.
pub mod ports;

/// A migrated PostgreSQL database of one test.
pub mod database;

/// A Redis database number of one test.
pub mod redis;

/// A RabbitMQ vhost of one test.
pub mod rabbit;

/// A webhook endpoint that records and obeys a script.
pub mod sink;

/// Certificates of servers and authorities.
pub mod tls;

/// Servers that one test may stop.
pub mod servers;

/// The whole platform as processes.
pub mod stack;

/// Waiting for what has to happen.
pub mod wait;

pub use database::{TestDatabase, database};
pub use rabbit::{TestRabbit, rabbit};
pub use redis::{TestRedis, redis};
pub use servers::{OwnPostgres, OwnRabbit, OwnRedis};
pub use sink::{Answer, Received, WebhookSink};
pub use stack::{Account, Api, Service, TestStack, TestStackOptions};
pub use wait::{eventually, found};

/// A simulator of the venues on a free port.
///
/// # Panics
///
/// There is no free port.
#[must_use]
pub fn simulator() -> market_sim::Simulator {
    market_sim::start(market_sim::Config::default()).expect("a simulator")
}
