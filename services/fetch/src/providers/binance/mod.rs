//! Binance, spot market: the 24-hour ticker of chosen pairs, and candles.
//!
//! All numbers are strings, all times milliseconds, and one unknown pair fails the whole request.
//! <https://github.com/binance/binance-spot-api-docs/blob/master/rest-api.md>

mod client;
mod decode;
mod wire;

pub use client::Binance;
pub use decode::{Route, decode, quote_asset};
