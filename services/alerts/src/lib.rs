//! Evaluates alerts on every published price, and delivers what they say as signed webhooks.
//!
//! PostgreSQL decides: an alert fires in one transaction that also writes its event and its message. Redis only finds
//! candidates and RabbitMQ only carries ids; either can lose everything at any moment.

/// Everything an operator may set.
pub mod settings;

/// Builds the service and runs it.
pub mod app;

/// Names of metrics.
pub mod metrics;

/// From quotes to fired alerts.
pub mod quote_consumer;

/// What a batch of quotes asks the index.
pub mod evaluation;

/// Intervals whose quotes nobody read.
pub mod missed_quotes;

/// Which armed alerts no price reaches.
pub mod price_data;

/// The index of armed alerts in Redis.
pub mod index;

/// The transaction in which alerts fire.
pub mod fire;

/// The bodies of webhooks.
pub mod payload;

/// Secrets of receivers at rest.
pub mod secrets;

/// From the outbox into the queue.
pub mod outbox;

/// From the queue to the receiver.
pub mod delivery;

/// Risk levels.
pub mod monitors;

/// Removing what is old.
pub mod retention;

/// SQL.
pub mod store;

/// Internal HTTP.
pub mod routes;
