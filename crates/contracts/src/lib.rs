//! What separately deployed services agree on: names, messages, bodies, kinds of problems.
//!
//! Everything here is a wire format. Golden files in `tests/golden` pin each of them; a change that
//! breaks a reader fails there. Changes are additive; a message that must break gets a new version.

#![warn(missing_docs)]

/// Names in Redis: keys, streams, consumer groups, channels.
pub mod keys;

/// Names in RabbitMQ.
pub mod queues;

/// Header names between services and towards endpoints.
pub mod headers;

/// Numbers as clients see them: exact, never through binary floating point.
pub mod number;

/// Times as clients see them: RFC 3339, UTC, milliseconds.
pub mod time;

/// What travels in streams and queues.
pub mod messages;

/// Listings of tokens.
pub mod listing;

/// The catalogue of things that go wrong, by stable slug.
pub mod problem;

/// Request and response bodies of internal HTTP, most of them also public.
pub mod api;
