//! Pure meaning: assets, prices, quotes, candles, aggregation, statistics, alert rules.
