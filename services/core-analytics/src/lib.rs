//! Candles, statistics and metrics of every asset.
//!
//! The modules stand in the order in which a quote passes through them, those that answer requests after them.

pub mod app;
pub mod settings;

/// From a quote to stored candles and published metrics.
pub mod asset_windows;
pub mod candles;
/// From a listing to tokens and their history.
pub mod listing;
pub mod listing_consumer;
pub mod metrics;
pub mod publish;
pub mod quote_consumer;
pub mod refusals;
pub mod store;

/// Work in the background: missing history, partitions.
pub mod backfill;
pub mod maintenance;

pub mod close_series;
pub mod market_overview;
pub mod routes;
pub mod stats_response;
pub mod time_range;
pub mod token_interval;
pub mod token_list;
pub mod token_response;
pub mod velocity_response;

pub mod cli;

pub use app::{App, run};
pub use settings::Settings;
