//! Candles, statistics and metrics of every asset.

/// `core-analytics stats`.
pub mod cli;

/// Statistics as the contract writes them.
pub mod stats_body;
