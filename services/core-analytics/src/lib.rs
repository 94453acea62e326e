//! Candles, statistics and metrics of every asset.
//!
//! The modules stand in the order in which a quote passes through them; below the line is what answers questions.

/// What an operator can set.
pub mod settings;

/// Builds the service out of its parts.
pub mod app;

/// Quotes in, bars and metrics out.
pub mod intake;

/// From prices and venue history to the bars of every length.
pub mod bars;

/// The SQL of core-analytics.
pub mod store;

/// Bounded history of each asset in memory.
pub mod windows;

/// What is computed on each quote.
pub mod metrics;

/// Publishes metrics.
pub mod emit;

/// Fills in missing history.
pub mod backfill;

/// Makes and drops partitions.
pub mod maintenance;

/// Which bars answer a question about a stretch of time.
pub mod ranges;

/// Closing prices as a series.
pub mod closes;

/// Statistics as the contract writes them.
pub mod stats_body;

/// What is refused for good.
pub mod refusals;

/// The internal routes.
pub mod routes;

/// `core-analytics stats`.
pub mod cli;

pub use app::{App, run};
pub use settings::Settings;
