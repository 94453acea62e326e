//! Binance's own JSON. <https://github.com/binance/binance-spot-api-docs/blob/master/rest-api.md>

use serde::Deserialize;

use crate::number::{Number, lenient};
use crate::providers::json::lenient_text;

/// `GET /api/v3/ticker/price`
#[derive(Debug, Deserialize)]
pub struct TickerPrice {
    pub symbol: String,
    #[serde(default, deserialize_with = "lenient")]
    pub price: Option<Number>,
}

/// `GET /api/v3/ticker/24hr`
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Ticker24h {
    pub symbol: String,
    #[serde(default, deserialize_with = "lenient")]
    pub last_price: Option<Number>,
    #[serde(default, deserialize_with = "lenient")]
    pub bid_price: Option<Number>,
    #[serde(default, deserialize_with = "lenient")]
    pub ask_price: Option<Number>,
    /// In the quote asset; `volume` is in the base asset.
    #[serde(default, deserialize_with = "lenient")]
    pub quote_volume: Option<Number>,
    #[serde(default, deserialize_with = "lenient")]
    pub price_change_percent: Option<Number>,
    #[serde(default, deserialize_with = "lenient")]
    pub close_time: Option<Number>,
}

/// The body of a refusal. Code 0 is one too.
#[derive(Debug, Deserialize)]
pub struct Failure {
    #[serde(default, deserialize_with = "lenient")]
    pub code: Option<Number>,
    #[serde(default, deserialize_with = "lenient_text")]
    pub msg: Option<String>,
}

/// Places in a row of `GET /api/v3/klines`.
pub mod kline {
    pub const OPEN_TIME: usize = 0;
    pub const OPEN: usize = 1;
    pub const HIGH: usize = 2;
    pub const LOW: usize = 3;
    pub const CLOSE: usize = 4;
    /// In the base asset.
    pub const VOLUME: usize = 5;
    /// The opening of the next one less 1 ms.
    pub const CLOSE_TIME: usize = 6;
}
