//! The platform against real PostgreSQL, Redis and RabbitMQ.

mod amqp;
mod http;
mod lease;
mod migrate;
mod postgres;
mod stream;
