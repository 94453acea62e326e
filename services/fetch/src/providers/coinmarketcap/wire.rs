//! CoinMarketCap's own JSON. <https://coinmarketcap.com/api/documentation/v1/>

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::number::{Number, lenient};
use crate::providers::json::lenient_text;

/// A coin, in every version of the call.
#[derive(Debug, Deserialize)]
pub struct Coin<'a> {
    /// A number, or text.
    #[serde(default, deserialize_with = "lenient_text")]
    pub id: Option<String>,
    #[serde(default, deserialize_with = "lenient")]
    pub circulating_supply: Option<Number>,
    #[serde(default, deserialize_with = "lenient")]
    pub total_supply: Option<Number>,
    #[serde(default, deserialize_with = "lenient_text")]
    pub last_updated: Option<String>,
    /// Keyed by currency in v1 and v2, an array in v3.
    #[serde(default, borrow)]
    pub quote: Option<&'a RawValue>,
}

/// What a coin costs in one currency.
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
    pub price: Option<Number>,
    #[serde(default, deserialize_with = "lenient")]
    pub volume_24h: Option<Number>,
    #[serde(default, deserialize_with = "lenient")]
    pub percent_change_24h: Option<Number>,
    #[serde(default, deserialize_with = "lenient")]
    pub market_cap: Option<Number>,
    #[serde(default, deserialize_with = "lenient_text")]
    pub last_updated: Option<String>,
}

/// What every answer says about itself.
#[derive(Debug, Default, Deserialize)]
pub struct Status {
    /// A number, or text in v3 style answers; 0 is success.
    #[serde(default, deserialize_with = "lenient_text")]
    pub error_code: Option<String>,
    #[serde(default, deserialize_with = "lenient_text")]
    pub error_message: Option<String>,
}
