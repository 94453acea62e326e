//! CoinMarketCap's own JSON. <https://coinmarketcap.com/api/documentation/v1/>

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::providers::json::{lenient_text, lenient_texts};
use crate::raw_number::{RawNumber, lenient};

/// A coin, in every version of the call, <https://coinmarketcap.com/api/documentation/v1/>
///
/// ```json
/// {"id":1,"name":"Bitcoin","symbol":"BTC","slug":"bitcoin","date_added":"2013-04-28T00:00:00.000Z",
///  "tags":["mineable","pow"],"max_supply":21000000,"circulating_supply":18687212,"total_supply":18687212,"cmc_rank":1,
///  "last_updated":"2021-04-20T23:29:02.000Z","quote":{"USD":{"price":56507.38254720854}}}
/// ```
#[derive(Debug, Deserialize)]
pub struct Coin<'a> {
    /// A number, or text.
    #[serde(default, deserialize_with = "lenient_text")]
    pub id: Option<String>,
    #[serde(default, deserialize_with = "lenient_text")]
    pub name: Option<String>,
    #[serde(default, deserialize_with = "lenient_text")]
    pub symbol: Option<String>,
    #[serde(default, deserialize_with = "lenient_text")]
    pub slug: Option<String>,
    #[serde(default, deserialize_with = "lenient")]
    pub cmc_rank: Option<RawNumber>,
    #[serde(default, deserialize_with = "lenient")]
    pub circulating_supply: Option<RawNumber>,
    #[serde(default, deserialize_with = "lenient")]
    pub total_supply: Option<RawNumber>,
    #[serde(default, deserialize_with = "lenient")]
    pub max_supply: Option<RawNumber>,
    #[serde(default, deserialize_with = "lenient")]
    pub self_reported_circulating_supply: Option<RawNumber>,
    #[serde(default, deserialize_with = "lenient")]
    pub self_reported_market_cap: Option<RawNumber>,
    #[serde(default, deserialize_with = "lenient_text")]
    pub date_added: Option<String>,
    /// Words, or objects with a `slug` each.
    #[serde(default, deserialize_with = "lenient_texts")]
    pub tags: Vec<String>,
    #[serde(default, deserialize_with = "lenient_text")]
    pub last_updated: Option<String>,
    /// Keyed by currency in v1 and v2, an array in v3.
    #[serde(default, borrow)]
    pub quote: Option<&'a RawValue>,
}

/// What a coin costs in one currency, <https://coinmarketcap.com/api/documentation/v1/>
///
/// ```json
/// {"price":56507.38254720854,"volume_24h":68130148004.21379,"percent_change_24h":0.82913441,
///  "market_cap":1055965437224.7859,"last_updated":"2021-04-20T23:29:02.000Z"}
/// ```
#[derive(Debug, Default, Deserialize)]
pub struct Quote {
    /// v3 only: the currency's symbol.
    #[serde(default, deserialize_with = "lenient_text")]
    pub symbol: Option<String>,
    /// The same under another name.
    #[serde(default, deserialize_with = "lenient_text")]
    pub currency: Option<String>,
    /// v3 only: the currency's id.
    #[serde(default, deserialize_with = "lenient_text")]
    pub id: Option<String>,
    #[serde(default, deserialize_with = "lenient")]
    pub price: Option<RawNumber>,
    #[serde(default, deserialize_with = "lenient")]
    pub volume_24h: Option<RawNumber>,
    #[serde(default, deserialize_with = "lenient")]
    pub percent_change_1h: Option<RawNumber>,
    #[serde(default, deserialize_with = "lenient")]
    pub percent_change_24h: Option<RawNumber>,
    #[serde(default, deserialize_with = "lenient")]
    pub percent_change_7d: Option<RawNumber>,
    #[serde(default, deserialize_with = "lenient")]
    pub market_cap: Option<RawNumber>,
    #[serde(default, deserialize_with = "lenient")]
    pub fully_diluted_market_cap: Option<RawNumber>,
    #[serde(default, deserialize_with = "lenient_text")]
    pub last_updated: Option<String>,
}

/// The part `status` of every response.
/// <https://coinmarketcap.com/api/documentation/v1/#section/Errors-and-Rate-Limits>
///
/// ```json
/// {"timestamp":"2018-06-02T22:51:28.209Z","error_code":1002,"error_message":"API key missing.","elapsed":10}
/// ```
#[derive(Debug, Default, Deserialize)]
pub struct Status {
    /// A number, or text in v3 style answers; 0 is success.
    #[serde(default, deserialize_with = "lenient_text")]
    pub error_code: Option<String>,
    #[serde(default, deserialize_with = "lenient_text")]
    pub error_message: Option<String>,
    /// What the request cost.
    #[serde(default, deserialize_with = "lenient")]
    pub credit_count: Option<RawNumber>,
    /// Listings only: how many coins there are.
    #[serde(default, deserialize_with = "lenient")]
    pub total_count: Option<RawNumber>,
}
