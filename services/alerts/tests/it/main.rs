//! The service `alerts` against real PostgreSQL, Redis and RabbitMQ.

#![allow(clippy::unwrap_used, reason = "a failed expectation ends the test")]

mod harness;

mod line;

mod attempts;
mod creation;

mod firing;

mod outages;

mod retention;
mod retries;

mod limits;

mod notices;

mod secrets;

mod send;

mod tls;

mod reuse;

mod database_tls;

mod index;
mod isolation;

mod endpoint_queues;
mod endpoints;

mod missed;
mod monitors;
