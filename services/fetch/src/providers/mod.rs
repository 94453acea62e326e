//! The venues: one trait, one folder per venue, decorators for what they share.
//!
//! Each venue's folder talks (`client`), knows its JSON (`wire`) and turns it into our words (`map`). Its own
//! types never leave the folder; what comes out is a `Reading`, and after checks an observation.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use domain::asset::Asset;
use domain::interval::Interval;
use domain::quote::Observation;
use domain::ticker::{ProviderId, Ticker};
use jiff::Timestamp;

use crate::number::Number;
use crate::validate::Rejected;

/// Failures and what to do then.
pub mod error;

/// `Retry-After`.
pub mod retry_after;

/// JSON of others.
pub mod json;

/// Bounded answers over HTTP.
pub mod http;

/// The exchange Binance, spot.
pub mod binance;

/// The aggregator CoinGecko.
pub mod coingecko;

/// The aggregator CoinMarketCap.
pub mod coinmarketcap;

/// A venue in trouble is left alone.
pub mod breaker;

/// Every call is counted and timed.
pub mod instrumented;

pub use error::{ErrorKind, ProviderError, Retry};

/// One entry of a venue's answer about a price, its numbers as the venue wrote them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Reading {
    /// The venue's own name or id, where the answer tells it.
    pub symbol: Option<String>,
    /// The currency of the amounts, spelled as the venue does.
    pub currency: Option<String>,
    /// The price.
    pub price: Option<Number>,
    /// Best bid.
    pub bid: Option<Number>,
    /// Best ask.
    pub ask: Option<Number>,
    /// Volume of the last 24 hours in `currency`.
    pub volume_24h: Option<Number>,
    /// Market capitalisation in `currency`.
    pub market_cap: Option<Number>,
    /// Circulating supply.
    pub circulating_supply: Option<Number>,
    /// Total supply.
    pub total_supply: Option<Number>,
    /// Change over 24 hours in percent.
    pub change_24h_percent: Option<Number>,
    /// When the venue says the price was made.
    pub quoted_at: Option<Timestamp>,
}

/// One entry of a venue's answer about a bar.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Candle {
    /// Opening time.
    pub open_time: Option<Timestamp>,
    /// The last moment that belongs to it.
    pub close_time: Option<Timestamp>,
    /// First price.
    pub open: Option<Number>,
    /// Highest price.
    pub high: Option<Number>,
    /// Lowest price.
    pub low: Option<Number>,
    /// Last price.
    pub close: Option<Number>,
    /// Volume in units of the asset.
    pub volume: Option<Number>,
}

impl Candle {
    /// Whether it is final at `now`.
    pub fn is_closed(&self, now: Timestamp) -> bool {
        self.close_time.is_some_and(|at| at < now)
    }
}

/// One entry of an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Entry {
    /// A price.
    Reading(Box<Reading>),
    /// A bar.
    Candle(Box<Candle>),
    /// Not what this entry should be; the others are not affected.
    Spoiled(String),
}

impl From<Reading> for Entry {
    fn from(reading: Reading) -> Self {
        Self::Reading(Box::new(reading))
    }
}

impl From<Candle> for Entry {
    fn from(candle: Candle) -> Self {
        Self::Candle(Box::new(candle))
    }
}

/// What a response says beside its body: all that tells an error from an answer.
#[derive(Debug, Clone, Copy)]
pub struct Reply<'a> {
    /// HTTP status.
    pub status: u16,
    /// The body.
    pub body: &'a [u8],
    /// What `Retry-After` asks for.
    pub retry_after: Option<Duration>,
    /// The present moment.
    pub now: Timestamp,
}

/// What one poll brought.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Batch {
    /// The observations that passed the checks.
    pub observations: Vec<Observation>,
    /// The entries that did not.
    pub rejected: Vec<Rejected>,
}

/// A venue that tells current prices.
#[async_trait]
pub trait Provider: Send + Sync {
    /// Which venue this is.
    fn id(&self) -> ProviderId;

    /// What it says now about these assets. One bad entry is among the rejected; a bad answer is an error.
    async fn observations(&self, assets: &[Asset]) -> Result<Batch, ProviderError>;
}

#[async_trait]
impl<P: Provider + ?Sized> Provider for Arc<P> {
    fn id(&self) -> ProviderId {
        self.as_ref().id()
    }

    async fn observations(&self, assets: &[Asset]) -> Result<Batch, ProviderError> {
        self.as_ref().observations(assets).await
    }
}

/// A request for bars with `from <= open time < to`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BarsRequest {
    /// Our name of the asset.
    pub ticker: Ticker,
    /// The venue's own name of it.
    pub symbol: String,
    /// Length of the bars.
    pub interval: Interval,
    /// First opening time.
    pub from: Timestamp,
    /// End, exclusive.
    pub to: Timestamp,
}

/// A venue that tells past prices.
#[async_trait]
pub trait History: Send + Sync {
    /// Which venue this is.
    fn id(&self) -> ProviderId;

    /// Its bars, ascending.
    async fn bars(&self, request: &BarsRequest) -> Result<Vec<Candle>, ProviderError>;
}

#[async_trait]
impl<P: History + ?Sized> History for Arc<P> {
    fn id(&self) -> ProviderId {
        self.as_ref().id()
    }

    async fn bars(&self, request: &BarsRequest) -> Result<Vec<Candle>, ProviderError> {
        self.as_ref().bars(request).await
    }
}
