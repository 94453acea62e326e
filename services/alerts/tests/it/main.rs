//! The service `alerts` against real PostgreSQL, Redis and RabbitMQ.

#![allow(clippy::unwrap_used, reason = "a failed expectation ends the test")]

mod harness;

mod end_to_end;

mod attempts;
mod creation;

mod firing;

mod outages;

mod retention;
mod retries;

mod plan_limits;

mod notices;

mod secrets;

mod webhook_client;

mod tls;

mod connection_reuse;

mod database_tls;

mod index;
mod isolation;

mod endpoint_queues;
mod endpoints;

mod missed_quotes;
mod monitors;
