//! Takes prices from venues, makes one price that can be trusted and explained.
//!
//! The modules stand in the order in which data passes through them.

/// What is configured.
pub mod settings;

/// What can be watched.
pub mod assets;

/// Numbers as venues write them.
pub mod number;

/// Times as venues write them.
pub mod moment;

/// The venues.
pub mod providers;

/// Venues' names become ours.
pub mod normalise;

/// Pure checks.
pub mod validate;

/// One loop per venue.
pub mod poll;

/// How each venue is doing.
pub mod status;

/// All that the venues said, and the prices made of it.
pub mod market;

/// Which symbols are refused, told once.
pub mod refusals;

/// From polls to published prices.
pub mod intake;

/// Domain values as messages.
pub mod message;

/// What is kept in Redis.
pub mod exchange;

/// How prices were made.
pub mod explain;

/// Points that took no part.
pub mod flagged;

/// Candles and points become bars.
pub mod bars;

/// Past prices on request.
pub mod history;

/// Internal HTTP.
pub mod routes;

/// All of it together.
pub mod app;

/// What we make of a recorded answer.
pub mod decode;

/// Names of metrics.
pub mod metric;
