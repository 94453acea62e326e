//! Pure meaning: no I/O, no async, no clock. Time is an argument.
//!
//! The modules stand in the order in which data passes through them.

#![warn(missing_docs)]

/// Names of assets, parsed on construction.
pub mod ticker;

/// What is watched, and each provider's own name for it.
pub mod asset;

/// Ids of coins, watched or not.
pub mod coin_id;

/// Windows and candle lengths.
pub mod interval;

/// What one provider said, and the one price made of what all said.
pub mod quote;

/// Outliers, weighted median, confidence.
pub mod aggregate;

/// Candles, built from ticks in any order.
pub mod candle;

/// The volume-weighted average price.
pub mod vwap;

/// Returns, volatility, drawdown, ratios, correlation.
pub mod statistics;

/// Technical indicators of a series of candles.
pub mod indicators;

/// How often the capitalisation of a token changes hands, and where that is heading.
pub mod velocity;

/// The history of a token in cells of time.
pub mod token_point;

/// How far the data of a token can be relied on.
pub mod data_quality;

/// An alert's condition and its evaluation.
pub mod rule;

/// Risk levels and their boundaries.
pub mod monitor;
