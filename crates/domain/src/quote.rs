//! What one provider said, and the one price made of what all said.
//!
//! An `Observation` is already in our words (ticker, decimals, moments) but still in the provider's currency;
//! a `Quote` is in USD and names what it was made of. Unknown is `None`, never a number.

use std::collections::BTreeSet;
use std::fmt;

use jiff::Timestamp;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::ticker::{ProviderId, Ticker};

/// Whether an aggregate price may be relied on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Quality {
    /// Enough fresh sources agree.
    Ok,
    /// Fewer sources than wanted, or an assumption was made.
    Degraded,
    /// Older than its limit.
    Stale,
}

/// What one provider said about one asset at one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Observation {
    /// The provider.
    pub provider: ProviderId,
    /// The provider's own name of the asset or pair.
    pub symbol: String,
    /// Our name of the asset.
    pub ticker: Ticker,
    /// The price in `quote_currency`, greater than zero.
    pub price: Decimal,
    /// The currency of all amounts of money here.
    pub quote_currency: Ticker,
    /// Best bid.
    pub bid: Option<Decimal>,
    /// Best ask.
    pub ask: Option<Decimal>,
    /// Volume of the last 24 hours, in `quote_currency`.
    pub volume_24h: Option<Decimal>,
    /// Market capitalisation, in `quote_currency`.
    pub market_cap: Option<Decimal>,
    /// Circulating supply, in units of the asset.
    pub circulating_supply: Option<Decimal>,
    /// Total supply, in units of the asset.
    pub total_supply: Option<Decimal>,
    /// Change over 24 hours in percent.
    pub change_24h_percent: Option<Decimal>,
    /// When the provider says the price was made.
    pub quoted_at: Option<Timestamp>,
    /// When it reached us.
    pub received_at: Timestamp,
    /// Whether the answer said that it is a simulation.
    pub simulated: bool,
}

impl Observation {
    /// The moment the price speaks of: the provider's own time where it reports one.
    pub fn source_time(&self) -> Timestamp {
        self.quoted_at.unwrap_or(self.received_at)
    }

    /// The same, but never after its arrival: providers' clocks run ahead of ours by a second or so.
    pub fn as_of(&self) -> Timestamp {
        self.source_time().min(self.received_at)
    }

    /// Whether this says something newer than `other`: a later price, or a later reading of the same. A word dated
    /// ahead counts from its arrival, so that it does not silence its provider until that time has come.
    pub fn is_newer_than(&self, other: &Self) -> bool {
        (self.as_of(), self.received_at) > (other.as_of(), other.received_at)
    }
}

/// Something a reader of a price should know.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Flag {
    /// A provider said that its market is simulated.
    Simulated,
    /// A dollar token was taken at par because its own price was not known.
    QuoteRateAssumed,
    /// A provider was left out because it was too far from the others.
    OutlierExcluded,
}

impl Flag {
    /// The flag as clients see it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Simulated => "simulated",
            Self::QuoteRateAssumed => "quote_rate_assumed",
            Self::OutlierExcluded => "outlier_excluded",
        }
    }
}

impl fmt::Display for Flag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// How a price is made of its inputs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Method {
    /// The median weighted by capped volume share and reliability.
    WeightedMedian,
    /// The plain median, when there are fewer than three inputs.
    Median,
}

impl Method {
    /// Name and version of the method.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::WeightedMedian => "wmedian/1",
            Self::Median => "median/1",
        }
    }
}

/// The one price of an asset in USD, made of what the providers said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Quote {
    /// The price's id: equal inputs give an equal id, whichever process computes it.
    pub price_id: Uuid,
    /// The asset.
    pub ticker: Ticker,
    /// The price in USD.
    pub price: Decimal,
    /// Half-width of the confidence interval in USD; unknown when one source without a spread is all there is.
    pub confidence: Option<Decimal>,
    /// Median of the best bids that are known, in USD.
    pub bid: Option<Decimal>,
    /// Median of the best asks that are known, in USD.
    pub ask: Option<Decimal>,
    /// Volume of the last 24 hours in USD: a listing provider's, else the sum of the exchanges'.
    pub volume_24h: Option<Decimal>,
    /// Market capitalisation in USD, from a listing provider.
    pub market_cap: Option<Decimal>,
    /// Circulating supply, from a listing provider.
    pub circulating_supply: Option<Decimal>,
    /// Total supply, from a listing provider.
    pub total_supply: Option<Decimal>,
    /// Median of the changes over 24 hours, in percent.
    pub change_24h_percent: Option<Decimal>,
    /// The providers that went into the price, in the order of their names.
    pub sources: Vec<ProviderId>,
    /// Whether it may be relied on.
    pub quality: Quality,
    /// What a reader should know.
    pub flags: BTreeSet<Flag>,
    /// How it was made.
    pub method: Method,
    /// The moment the price speaks of: the newest time among its inputs.
    pub as_of: Timestamp,
}
