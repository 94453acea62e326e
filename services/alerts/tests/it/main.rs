//! The service `alerts` against real PostgreSQL, Redis and RabbitMQ.

mod harness;

mod line;

mod creation;

mod firing;

mod outages;

mod retries;

mod send;

mod tls;

mod isolation;

mod endpoints;

mod monitors;
