//! CoinGecko's own JSON. <https://docs.coingecko.com/reference/coins-markets>

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::number::{Number, lenient};
use crate::providers::json::lenient_text;

/// One row of `GET /coins/markets`. All but the id can be `null`.
#[derive(Debug, Deserialize)]
pub struct Market {
    #[serde(default, deserialize_with = "lenient_text")]
    pub id: Option<String>,
    #[serde(default, deserialize_with = "lenient")]
    pub current_price: Option<Number>,
    #[serde(default, deserialize_with = "lenient")]
    pub market_cap: Option<Number>,
    #[serde(default, deserialize_with = "lenient")]
    pub total_volume: Option<Number>,
    #[serde(default, deserialize_with = "lenient")]
    pub price_change_percentage_24h: Option<Number>,
    #[serde(default, deserialize_with = "lenient")]
    pub circulating_supply: Option<Number>,
    #[serde(default, deserialize_with = "lenient")]
    pub total_supply: Option<Number>,
    #[serde(default, deserialize_with = "lenient_text")]
    pub last_updated: Option<String>,
}

/// `GET /coins/{id}/market_chart`: three lists of `[milliseconds, value]`.
#[derive(Debug, Deserialize)]
pub struct MarketChart<'a> {
    #[serde(borrow)]
    pub prices: Vec<&'a RawValue>,
    #[serde(default, borrow)]
    pub market_caps: Option<Vec<&'a RawValue>>,
    #[serde(default, borrow)]
    pub total_volumes: Option<Vec<&'a RawValue>>,
}

/// Endings of the keys of `GET /simple/price`: `usd` is the price, `usd_market_cap` and so on stand beside it.
pub mod simple {
    pub const MARKET_CAP: &str = "_market_cap";
    pub const VOLUME_24H: &str = "_24h_vol";
    pub const CHANGE_24H: &str = "_24h_change";
    /// Seconds; one for all currencies.
    pub const LAST_UPDATED_AT: &str = "last_updated_at";
}

/// Places in a row of `GET /coins/{id}/ohlc`.
pub mod ohlc {
    /// The CLOSE time, unlike everywhere else.
    pub const CLOSE_TIME: usize = 0;
    pub const OPEN: usize = 1;
    pub const HIGH: usize = 2;
    pub const LOW: usize = 3;
    pub const CLOSE: usize = 4;
}
