//! Candles, statistics and metrics of every asset.
