//! CoinGecko's own JSON. <https://docs.coingecko.com/reference/coins-markets>

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::providers::json::lenient_text;
use crate::raw_number::{RawNumber, lenient};

/// One row of `GET /coins/markets`, <https://docs.coingecko.com/reference/coins-markets>. All but the id can be `null`.
///
/// ```json
/// {"id":"bitcoin","symbol":"btc","name":"Bitcoin","current_price":70187,"market_cap":1381651251183,
///  "market_cap_rank":1,"fully_diluted_valuation":1474623675796,"total_volume":20154184933,
///  "price_change_percentage_24h":3.12502,"circulating_supply":19675987,"total_supply":21000000,"max_supply":21000000,
///  "last_updated":"2024-04-07T16:49:31.736Z"}
/// ```
#[derive(Debug, Deserialize)]
pub struct Market {
    #[serde(default, deserialize_with = "lenient_text")]
    pub id: Option<String>,
    #[serde(default, deserialize_with = "lenient_text")]
    pub symbol: Option<String>,
    #[serde(default, deserialize_with = "lenient_text")]
    pub name: Option<String>,
    #[serde(default, deserialize_with = "lenient")]
    pub current_price: Option<RawNumber>,
    #[serde(default, deserialize_with = "lenient")]
    pub market_cap: Option<RawNumber>,
    #[serde(default, deserialize_with = "lenient")]
    pub market_cap_rank: Option<RawNumber>,
    #[serde(default, deserialize_with = "lenient")]
    pub fully_diluted_valuation: Option<RawNumber>,
    #[serde(default, deserialize_with = "lenient")]
    pub total_volume: Option<RawNumber>,
    #[serde(default, deserialize_with = "lenient")]
    pub price_change_percentage_24h: Option<RawNumber>,
    /// This and the next one only if they were asked for.
    #[serde(default, deserialize_with = "lenient")]
    pub price_change_percentage_1h_in_currency: Option<RawNumber>,
    #[serde(default, deserialize_with = "lenient")]
    pub price_change_percentage_7d_in_currency: Option<RawNumber>,
    #[serde(default, deserialize_with = "lenient")]
    pub circulating_supply: Option<RawNumber>,
    #[serde(default, deserialize_with = "lenient")]
    pub total_supply: Option<RawNumber>,
    #[serde(default, deserialize_with = "lenient")]
    pub max_supply: Option<RawNumber>,
    #[serde(default, deserialize_with = "lenient_text")]
    pub last_updated: Option<String>,
}

/// `GET /coins/{id}/market_chart`, <https://docs.coingecko.com/reference/coins-id-market-chart>: three lists of
/// `[milliseconds, value]`.
///
/// ```json
/// {"prices":[[1711843200000,69702.3087473573]],"market_caps":[[1711843200000,1370247487960.09]],
///  "total_volumes":[[1711843200000,16408802301.8374]]}
/// ```
#[derive(Debug, Deserialize)]
pub struct MarketChart<'a> {
    #[serde(borrow)]
    pub prices: Vec<&'a RawValue>,
    #[serde(default, borrow)]
    pub market_caps: Option<Vec<&'a RawValue>>,
    #[serde(default, borrow)]
    pub total_volumes: Option<Vec<&'a RawValue>>,
}

/// Endings of the keys of `GET /simple/price`, <https://docs.coingecko.com/reference/simple-price>: `usd` is the price,
/// `usd_market_cap` and so on stand beside it.
///
/// ```json
/// {"bitcoin":{"usd":49253}}
/// ```
pub mod simple {
    pub const MARKET_CAP: &str = "_market_cap";
    pub const VOLUME_24H: &str = "_24h_vol";
    pub const CHANGE_24H: &str = "_24h_change";
    /// Seconds; one for all currencies.
    pub const LAST_UPDATED_AT: &str = "last_updated_at";
}

/// Places in a row of `GET /coins/{id}/ohlc`, <https://docs.coingecko.com/reference/coins-id-ohlc>
///
/// ```json
/// [1620504000000,57945.79,59122.18,57945.79,59122.18]
/// ```
pub mod ohlc {
    /// The CLOSE time, unlike everywhere else.
    pub const CLOSE_TIME: usize = 0;
    pub const OPEN: usize = 1;
    pub const HIGH: usize = 2;
    pub const LOW: usize = 3;
    pub const CLOSE: usize = 4;
}
