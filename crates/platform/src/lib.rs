//! What every process of the platform does the same way: start-up, eyes, connections, stopping.
//!
//! It knows nothing of markets. Services build on it and meet one another only through the shapes
//! of `contracts`; this crate carries those shapes and never looks inside them.

#![warn(missing_docs)]

/// The environment, read once, checked whole.
pub mod settings;

/// Settings and logs, at the start of a service.
pub mod startup;

/// Log lines: for machines in production, for people elsewhere.
pub mod telemetry;

/// The one door to the wall clock.
pub mod clock;

/// The id that follows one request through every process.
pub mod request_id;

/// Signals become one cancellation token.
pub mod signals;

/// Long-lived tasks whose death ends the process.
pub mod supervisor;

/// Waiting times between attempts.
pub mod backoff;

/// Attempts until one succeeds.
pub mod retry;

/// Batches with items that may be refused.
pub mod batch;

/// Leaving alone what is in trouble.
pub mod circuit_breaker;

/// Networks in CIDR notation.
pub mod network;

/// The header `Retry-After`.
pub mod retry_after;

/// The error body services send one another.
pub mod problem;

/// The process-wide TLS provider and trusted roots.
pub mod tls;

/// Prometheus metrics of the process.
pub mod metrics;

/// Alive, ready, and what is down.
pub mod health;

/// The internal HTTP server, and the parts of it that the public one shares.
pub mod server;

/// The internal HTTP client.
pub mod client;

/// Secrets at rest.
pub mod sealing;

/// The PostgreSQL pool.
pub mod postgres;

/// The database's clock.
pub mod database_clock;

/// The schema, brought up to date.
pub mod migrate;

/// Redis connections.
pub mod redis;

/// Redis streams, read as a group or from the tail.
pub mod stream;

/// Work that only one process does at a time.
pub mod lease;

/// RabbitMQ: confirmed publishing, competing consumers.
pub mod amqp;
