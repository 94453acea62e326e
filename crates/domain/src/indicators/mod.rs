//! Technical indicators of a series of candles.
//!
//! Each is a state that takes one value after another, so the newest value costs the same however long the series is.
//! A whole series is the same state run over it ([`series`](crate::indicators::series)), so both always agree. Until
//! enough values were seen there is no output. A gap ends what was seen: no average reaches across missing candles,
//! just as no return does.

/// Checked parameters.
mod parameters;

/// What all indicators have in common, and a whole series of one.
mod indicator;

/// The simple moving average.
mod sma;

/// The exponential moving average.
mod ema;

/// Wilder's smoothing.
mod wilder;

/// The relative strength index.
mod rsi;

/// Moving average convergence and divergence.
mod macd;

/// Bollinger bands.
mod bollinger;

/// The average true range.
mod atr;

pub use atr::{Atr, PriceRange};
pub use bollinger::{Bands, BollingerBands};
pub use ema::Ema;
pub use indicator::{Indicator, series};
pub use macd::{Macd, MacdValue};
pub use parameters::{BandWidth, InvalidParameter, Period};
pub use rsi::Rsi;
pub use sma::Sma;
