//! The service `alerts` against real PostgreSQL, Redis and RabbitMQ.

mod harness;

mod line;
