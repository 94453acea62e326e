//! Binance's own JSON. <https://github.com/binance/binance-spot-api-docs/blob/master/rest-api.md>

use serde::Deserialize;

use crate::providers::json::lenient_text;
use crate::raw_number::{RawNumber, lenient};

/// `GET /api/v3/ticker/price`, <https://github.com/binance/binance-spot-api-docs/blob/master/rest-api.md>
///
/// ```json
/// {"price":"6622.57000000","symbol":"BTCUSDT"}
/// ```
#[derive(Debug, Deserialize)]
pub struct TickerPrice {
    pub symbol: String,
    #[serde(default, deserialize_with = "lenient")]
    pub price: Option<RawNumber>,
}

/// `GET /api/v3/ticker/24hr`, <https://github.com/binance/binance-spot-api-docs/blob/master/rest-api.md>
///
/// ```json
/// {"askPrice":"6706.21000000","bidPrice":"6705.88000000","closeTime":1586991278494,"lastPrice":"6705.82000000",
///  "priceChangePercent":"-2.427","quoteVolume":"392659910.62660750","symbol":"BTCUSDT","volume":"57857.49485700"}
/// ```
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Ticker24h {
    pub symbol: String,
    #[serde(default, deserialize_with = "lenient")]
    pub last_price: Option<RawNumber>,
    #[serde(default, deserialize_with = "lenient")]
    pub bid_price: Option<RawNumber>,
    #[serde(default, deserialize_with = "lenient")]
    pub ask_price: Option<RawNumber>,
    /// In the quote asset; `volume` is in the base asset.
    #[serde(default, deserialize_with = "lenient")]
    pub quote_volume: Option<RawNumber>,
    #[serde(default, deserialize_with = "lenient")]
    pub price_change_percent: Option<RawNumber>,
    #[serde(default, deserialize_with = "lenient")]
    pub close_time: Option<RawNumber>,
}

/// The body of a refusal, <https://github.com/binance/binance-spot-api-docs/blob/master/errors.md>. Code 0 is one too.
///
/// ```json
/// {"code":-1121,"msg":"Invalid symbol."}
/// ```
#[derive(Debug, Deserialize)]
pub struct Failure {
    #[serde(default, deserialize_with = "lenient")]
    pub code: Option<RawNumber>,
    #[serde(default, deserialize_with = "lenient_text")]
    pub msg: Option<String>,
}

/// Places in a row of `GET /api/v3/klines`, <https://github.com/binance/binance-spot-api-docs/blob/master/rest-api.md>
///
/// ```json
/// [1586987400000,"6733.55000000","6737.79000000","6726.61000000","6727.14000000","121.20139100",1586987699999,
///  "815879.49416818",2208,"56.19067400","378311.74215876","0"]
/// ```
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
