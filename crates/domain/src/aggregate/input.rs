//! What a price is made of: the words of the providers, the parameters, and what became of each word.

use jiff::SignedDuration;
use rust_decimal::Decimal;

use crate::quote::Observation;

/// Fewer inputs than this give a plain median and a degraded price.
pub const WANTED_SOURCES: usize = 3;

/// Decimal places of every price in USD, as the database keeps them.
pub const PRICE_DECIMALS: u32 = 18;

/// One provider's newest word and how far it is trusted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Input {
    /// What it said.
    pub observation: Observation,
    /// Its reliability, 0 to 1.
    pub reliability: Decimal,
    /// From this age on it is not used.
    pub max_age: SignedDuration,
}

/// The parameters of the method.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parameters {
    /// How many scaled median absolute deviations from the median make an outlier.
    pub mad_factor: Decimal,
    /// A distance below this fraction of the median is never an outlier.
    pub outlier_floor: Decimal,
    /// The largest share by volume that one source may have.
    pub volume_cap: Decimal,
    /// With fewer than three inputs, a change by more than this fraction needs confirmation.
    pub jump_limit: Decimal,
}

impl Default for Parameters {
    fn default() -> Self {
        Self {
            mad_factor: Decimal::from(3),
            outlier_floor: Decimal::new(1, 2),
            volume_cap: Decimal::new(4, 1),
            jump_limit: Decimal::new(1, 1),
        }
    }
}

/// Why a source took no part.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Reason {
    /// Older than its source's limit.
    Stale,
    /// The price of its quote currency is not known.
    NoQuoteRate,
    /// Older than the newest exchange's word, which the market has moved to since.
    Outdated,
    /// Too far from the median of all.
    Outlier,
    /// Not a positive amount of USD that can be represented.
    Invalid,
}

impl Reason {
    /// The reason as clients see it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Stale => "stale",
            Self::NoQuoteRate => "no_quote_rate",
            Self::Outdated => "outdated",
            Self::Outlier => "outlier",
            Self::Invalid => "invalid",
        }
    }
}

/// One provider's part in a price.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClassifiedInput {
    /// What it said.
    pub observation: Observation,
    /// Its reliability.
    pub reliability: Decimal,
    /// Its age when the price was made; never negative.
    pub age: SignedDuration,
    /// USD per unit of its quote currency.
    pub quote_rate: Option<Decimal>,
    /// Its price in USD.
    pub usd_price: Option<Decimal>,
    /// Its share by volume among the included, capped.
    pub volume_weight: Option<Decimal>,
    /// Why it took no part.
    pub excluded: Option<Reason>,
}

impl ClassifiedInput {
    /// An amount of its quote currency in USD.
    pub(super) fn to_usd(&self, amount: Option<Decimal>) -> Option<Decimal> {
        amount?
            .checked_mul(self.quote_rate?)
            .map(|usd| usd.round_dp(PRICE_DECIMALS))
    }

    /// Its weight in the weighted median.
    pub(super) fn weight(&self) -> Decimal {
        self.volume_weight.unwrap_or_default() * self.reliability
    }
}
