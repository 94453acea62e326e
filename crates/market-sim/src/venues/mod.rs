//! The venues' wire formats. Each module turns a path and parameters into the answer that venue would give.
//!
//! They are plain functions of a view of the market, so their tests need no network.

use crate::json::Json;
use crate::market::Quote;
use crate::view::View;

/// Binance spot.
pub mod binance;

/// Binance's candles.
pub mod klines;

/// CoinGecko.
pub mod coingecko;

/// CoinGecko's history.
pub mod coingecko_charts;

/// CoinMarketCap.
pub mod coinmarketcap;

/// A venue that is simulated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Venue {
    /// Binance spot.
    Binance,
    /// CoinGecko.
    CoinGecko,
    /// CoinMarketCap.
    CoinMarketCap,
}

impl Venue {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Binance, Self::CoinGecko, Self::CoinMarketCap];

    /// Its name and the prefix of its paths.
    pub fn slug(self) -> &'static str {
        match self {
            Self::Binance => "binance",
            Self::CoinGecko => "coingecko",
            Self::CoinMarketCap => "coinmarketcap",
        }
    }

    /// By its name.
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

    /// Names of its endpoints, for faults and counts; `other` is the rest.
    pub fn endpoints(self) -> &'static [&'static str] {
        match self {
            Self::Binance => binance::ENDPOINTS,
            Self::CoinGecko => coingecko::ENDPOINTS,
            Self::CoinMarketCap => coinmarketcap::ENDPOINTS,
        }
    }

    /// The endpoint of a path below the venue's prefix.
    pub fn endpoint(self, path: &str) -> &'static str {
        let name = match self {
            Self::Binance => path.strip_prefix("/api/v3/").unwrap_or_default().to_owned(),
            Self::CoinGecko => coingecko::endpoint(path),
            Self::CoinMarketCap => coinmarketcap::endpoint(path),
        };
        self.endpoints()
            .iter()
            .find(|known| **known == name)
            .copied()
            .unwrap_or("other")
    }

    /// The answer to a request, and what it weighs.
    pub fn answer(self, view: &View<'_>, request: &Request<'_>) -> Reply {
        match self {
            Self::Binance => binance::answer(view, request),
            Self::CoinGecko => coingecko::answer(view, request),
            Self::CoinMarketCap => coinmarketcap::answer(view, request),
        }
    }
}

/// What a client asked.
#[derive(Debug, Clone, Default)]
pub struct Request<'a> {
    /// The path below the venue's prefix.
    pub path: &'a str,
    /// The query's pairs, decoded.
    pub query: Vec<(String, String)>,
    /// `X-CMC_PRO_API_KEY`, if sent.
    pub api_key: Option<String>,
    /// `X-MBX-TIME-UNIT`, if sent.
    pub time_unit: Option<String>,
}

impl Request<'_> {
    /// A parameter that is present and not empty.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.query
            .iter()
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.as_str())
            .filter(|value| !value.is_empty())
    }

    /// Whether a switch is on.
    pub fn is_on(&self, name: &str) -> bool {
        self.get(name)
            .is_some_and(|value| value.eq_ignore_ascii_case("true") || value == "1")
    }
}

/// What a venue answers.
#[derive(Debug, Clone)]
pub struct Reply {
    /// HTTP status.
    pub status: u16,
    /// The body.
    pub body: Json,
    /// Headers beyond the usual ones.
    pub headers: Vec<(&'static str, String)>,
    /// What it costs of the venue's limit.
    pub weight: u64,
}

impl Reply {
    /// A good answer.
    pub fn ok(body: Json) -> Self {
        Self {
            status: 200,
            body,
            headers: Vec::new(),
            weight: 1,
        }
    }

    /// An error of the venue.
    pub fn error(status: u16, body: Json) -> Self {
        Self {
            status,
            body,
            headers: Vec::new(),
            weight: 1,
        }
    }

    /// With a weight.
    #[must_use]
    pub fn weighing(mut self, weight: u64) -> Self {
        self.weight = weight;
        self
    }
}

/// Splits a list at commas, blanks kept, as the venues do.
pub fn list(value: &str) -> impl Iterator<Item = &str> {
    value.split(',').filter(|item| !item.is_empty())
}
