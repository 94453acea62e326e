//! The platform against real PostgreSQL, Redis and RabbitMQ.

#![expect(clippy::unwrap_used, reason = "a failed expectation ends the test")]

mod amqp;
mod drain;
mod health;
mod http;
mod lease;
mod migrate;
mod postgres;
mod postgres_tls;
mod redis;
mod stream;
