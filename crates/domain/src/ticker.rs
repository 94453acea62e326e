//! The platform's own names of assets, and the names of providers.
//!
//! Both are parsed on construction, so that an invalid one cannot exist.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// The platform's own name of an asset, such as `BTC`.
///
/// Invariant: 1 to 20 characters, upper case ASCII letters and digits.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Ticker(Box<str>);

/// Why a text is not a ticker.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a ticker has 1 to 20 letters or digits")]
pub struct InvalidTicker;

impl Ticker {
    /// The ticker as text, upper case.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Ticker {
    type Err = InvalidTicker;

    /// Parses a ticker in any case; surrounding blanks are not forgiven.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let valid = (1..=20).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_alphanumeric());
        valid
            .then(|| Self(text.to_ascii_uppercase().into()))
            .ok_or(InvalidTicker)
    }
}

impl TryFrom<String> for Ticker {
    type Error = InvalidTicker;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<Ticker> for String {
    fn from(ticker: Ticker) -> Self {
        ticker.0.into()
    }
}

impl fmt::Display for Ticker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A provider from which prices come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ProviderId {
    /// The exchange Binance, spot.
    Binance,
    /// The aggregator CoinGecko.
    CoinGecko,
    /// The aggregator CoinMarketCap.
    CoinMarketCap,
}

/// A text that names no known provider.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unknown provider {0:?}: expected binance, coingecko or coinmarketcap")]
pub struct UnknownProvider(pub String);

impl ProviderId {
    /// Every known provider.
    pub const ALL: [Self; 3] = [Self::Binance, Self::CoinGecko, Self::CoinMarketCap];

    /// Whether it is an exchange, whose prices are those of its own trades, rather than an aggregator.
    pub const fn is_exchange(self) -> bool {
        match self {
            Self::Binance => true,
            Self::CoinGecko | Self::CoinMarketCap => false,
        }
    }

    /// The provider's name in settings, keys, metrics and answers.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Binance => "binance",
            Self::CoinGecko => "coingecko",
            Self::CoinMarketCap => "coinmarketcap",
        }
    }
}

impl fmt::Display for ProviderId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for ProviderId {
    type Err = UnknownProvider;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|id| id.as_str() == text)
            .ok_or_else(|| UnknownProvider(text.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ticker_is_upper_cased() {
        assert_eq!("btc".parse::<Ticker>().unwrap().as_str(), "BTC");
        assert_eq!("1INCH".parse::<Ticker>().unwrap().as_str(), "1INCH");
    }

    #[test]
    fn text_that_is_no_ticker_is_refused() {
        for text in ["", " BTC", "BTC-USD", "ÄBC", "ABCDEFGHIJKLMNOPQRSTU"] {
            assert_eq!(text.parse::<Ticker>(), Err(InvalidTicker), "{text:?}");
        }
    }

    #[test]
    fn provider_names_round_trip() {
        for id in ProviderId::ALL {
            assert_eq!(id.as_str().parse(), Ok(id));
            assert_eq!(serde_json::to_string(&id).unwrap(), format!("\"{id}\""));
        }
    }
}
