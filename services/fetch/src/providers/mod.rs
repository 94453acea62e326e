//! The providers: one trait, one folder per provider, decorators for what they share.
//!
//! Each provider's folder talks (`client`), knows its JSON (`wire`) and turns it into our words (`map`). Its own
//! types never leave the folder; what comes out is a `RawTicker`, and after checks an observation.

use std::sync::Arc;

use async_trait::async_trait;
use domain::asset::Asset;
use domain::coin_id::CoinId;
use domain::interval::Interval;
use domain::quote::Observation;
use domain::ticker::{ProviderId, Ticker};
use jiff::Timestamp;

use crate::raw_number::RawNumber;
use crate::rejection::Rejected;

/// Failures and what to do then.
pub mod error;

pub mod retry_after;

pub mod json;

pub mod http;

pub mod binance;

pub mod coingecko;

pub mod coinmarketcap;

/// A provider in trouble is left alone.
pub mod circuit_breaker;

/// Every call is counted and timed.
pub mod instrumented;

/// Listings of all tokens.
pub mod listing;

pub use error::{ErrorKind, ProviderError, Retry};
pub use http::RawResponse;
pub use listing::{CreditMeter, Listing, RawListedToken, RawListingPage, plausible_credits};

/// One entry of a provider's answer about a price, its numbers as the provider wrote them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RawTicker {
    /// The provider's own name or id, where the response has it.
    pub symbol: Option<String>,
    /// The currency of the amounts, spelled as the provider does.
    pub currency: Option<String>,
    pub price: Option<RawNumber>,
    pub bid: Option<RawNumber>,
    pub ask: Option<RawNumber>,
    /// Volume of the last 24 hours in `currency`.
    pub volume_24h: Option<RawNumber>,
    /// Market capitalisation in `currency`.
    pub market_cap: Option<RawNumber>,
    pub circulating_supply: Option<RawNumber>,
    pub total_supply: Option<RawNumber>,
    /// Change over 24 hours in percent.
    pub change_24h_percent: Option<RawNumber>,
    /// When the provider says the price was made.
    pub quoted_at: Option<Timestamp>,
}

/// One entry of a provider's answer about a candle.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RawCandle {
    pub open_time: Option<Timestamp>,
    /// The last moment that belongs to it.
    pub close_time: Option<Timestamp>,
    pub open: Option<RawNumber>,
    pub high: Option<RawNumber>,
    pub low: Option<RawNumber>,
    pub close: Option<RawNumber>,
    /// Volume in units of the asset.
    pub volume: Option<RawNumber>,
}

impl RawCandle {
    /// Whether it is final at `now`.
    pub fn is_closed(&self, now: Timestamp) -> bool {
        self.close_time.is_some_and(|at| at < now)
    }
}

/// One entry of an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Entry {
    Ticker(Box<RawTicker>),
    Candle(Box<RawCandle>),
    /// Not what this entry should be; the others are not affected.
    Malformed(String),
}

impl From<RawTicker> for Entry {
    fn from(raw_ticker: RawTicker) -> Self {
        Self::Ticker(Box::new(raw_ticker))
    }
}

impl From<RawCandle> for Entry {
    fn from(candle: RawCandle) -> Self {
        Self::Candle(Box::new(candle))
    }
}

#[derive(Debug, Clone, Default, PartialEq)]
pub struct ParsedBatch {
    /// The observations that passed the checks.
    pub observations: Vec<Observation>,
    /// The entries that did not.
    pub rejected: Vec<Rejected>,
}

/// A provider that reports current prices.
#[async_trait]
pub trait Provider: Send + Sync {
    fn id(&self) -> ProviderId;

    /// What it says now about these assets. One bad entry is among the rejected; a bad answer is an error.
    async fn observations(&self, assets: &[Asset]) -> Result<ParsedBatch, ProviderError>;
}

#[async_trait]
impl<P: Provider + ?Sized> Provider for Arc<P> {
    fn id(&self) -> ProviderId {
        self.as_ref().id()
    }

    async fn observations(&self, assets: &[Asset]) -> Result<ParsedBatch, ProviderError> {
        self.as_ref().observations(assets).await
    }
}

/// What a provider said about coins.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CoinTickers {
    /// Each with the id of its coin. Coins that the provider does not know have none.
    pub tickers: Vec<RawTicker>,
    /// Some entries could not be read, so a coin that is missing may be known all the same.
    pub has_malformed: bool,
    pub received_at: Timestamp,
}

/// A provider that reports prices of coins by the ids that clients use, watched or not.
#[async_trait]
pub trait CoinPrices: Send + Sync {
    fn id(&self) -> ProviderId;

    /// What these coins cost in dollars.
    async fn coin_prices(&self, coins: &[CoinId]) -> Result<CoinTickers, ProviderError>;
}

#[async_trait]
impl<P: CoinPrices + ?Sized> CoinPrices for Arc<P> {
    fn id(&self) -> ProviderId {
        self.as_ref().id()
    }

    async fn coin_prices(&self, coins: &[CoinId]) -> Result<CoinTickers, ProviderError> {
        self.as_ref().coin_prices(coins).await
    }
}

/// A request for candles with `from <= open time < to`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CandlesRequest {
    /// Our name of the asset.
    pub ticker: Ticker,
    /// The provider's own name of it.
    pub symbol: String,
    pub interval: Interval,
    pub from: Timestamp,
    /// End, exclusive.
    pub to: Timestamp,
}

/// A provider that reports past prices.
#[async_trait]
pub trait History: Send + Sync {
    fn id(&self) -> ProviderId;

    /// Its candles, ascending.
    async fn candles(&self, request: &CandlesRequest) -> Result<Vec<RawCandle>, ProviderError>;
}

#[async_trait]
impl<P: History + ?Sized> History for Arc<P> {
    fn id(&self) -> ProviderId {
        self.as_ref().id()
    }

    async fn candles(&self, request: &CandlesRequest) -> Result<Vec<RawCandle>, ProviderError> {
        self.as_ref().candles(request).await
    }
}
