//! The service `alerts` against real PostgreSQL, Redis and RabbitMQ.

#![allow(clippy::unwrap_used, reason = "a failed expectation ends the test")]

mod attempts;
mod connection_reuse;
mod creation;
mod database_tls;
mod end_to_end;
mod endpoint_queues;
mod endpoints;
mod firing;
mod harness;
mod index;
mod isolation;
mod missed_quotes;
mod monitors;
mod notices;
mod outages;
mod plan_limits;
mod replay;
mod retention;
mod retries;
mod secrets;
mod tls;
mod webhook_client;
