//! What is watched, and each provider's own name for it.
//!
//! The list is data (`deploy/assets.toml`); this is its shape. Symbols at aggregators are not unique, so ids are used
//! there.

use serde::{Deserialize, Serialize};

use crate::ticker::{ProviderId, Ticker};

/// One asset, as every provider calls it. A provider without a name for it is not asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Asset {
    /// The platform's name, such as `BTC`.
    pub ticker: Ticker,
    /// The name that people read, such as `Bitcoin`.
    pub name: String,
    /// Binance's symbol of its pair with USDT, such as `BTCUSDT`.
    #[serde(default)]
    pub binance: Option<String>,
    /// CoinGecko's id, such as `bitcoin`.
    #[serde(default)]
    pub coingecko: Option<String>,
    /// CoinMarketCap's id, such as 1.
    #[serde(default)]
    pub coinmarketcap: Option<u32>,
}

impl Asset {
    /// The provider's own name for this asset as text, if it has one.
    pub fn symbol_at(&self, provider: ProviderId) -> Option<String> {
        match provider {
            ProviderId::Binance => self.binance.clone(),
            ProviderId::CoinGecko => self.coingecko.clone(),
            ProviderId::CoinMarketCap => self.coinmarketcap.map(|id| id.to_string()),
        }
    }
}
