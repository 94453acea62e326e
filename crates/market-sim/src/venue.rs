//! The venues that are simulated.

use crate::market::Quote;

/// A venue that is simulated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Venue {
    Binance,
    CoinGecko,
    CoinMarketCap,
}

impl Venue {
    pub const ALL: [Self; 3] = [Self::Binance, Self::CoinGecko, Self::CoinMarketCap];

    /// Its name and the prefix of its paths.
    pub fn slug(self) -> &'static str {
        match self {
            Self::Binance => "binance",
            Self::CoinGecko => "coingecko",
            Self::CoinMarketCap => "coinmarketcap",
        }
    }

    pub fn find(slug: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|venue| venue.slug() == slug)
    }

    /// What its prices are counted in.
    pub fn quote(self) -> Quote {
        match self {
            Self::Binance => Quote::Tether,
            Self::CoinGecko | Self::CoinMarketCap => Quote::Usd,
        }
    }
}
