//! Why entries of a provider's response are rejected.

use domain::ticker::{ProviderId, Ticker};
use jiff::Timestamp;

/// Why an entry was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RejectReason {
    /// No price, or none that is a number.
    NotANumber,
    /// Zero or negative.
    NotPositive,
    /// Too large or too small to be a price.
    OutOfRange,
    /// No currency, or one we cannot name.
    UnknownCurrency,
    /// Dated far into the future.
    TimeOutOfRange,
    /// Not the shape it should have.
    Malformed,
    /// A token of a listing without an id, symbol or name.
    Unnamed,
}

impl RejectReason {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::NotANumber => "not_a_number",
            Self::NotPositive => "not_positive",
            Self::OutOfRange => "out_of_range",
            Self::UnknownCurrency => "unknown_currency",
            Self::TimeOutOfRange => "time_out_of_range",
            Self::Malformed => "malformed",
            Self::Unnamed => "unnamed",
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rejected {
    pub provider: ProviderId,
    /// The asset, where it is known.
    pub ticker: Option<Ticker>,
    /// The provider's own name of it.
    pub symbol: String,
    pub reason: RejectReason,
    /// The price as the provider wrote it.
    pub raw_price: Option<String>,
    /// When the provider says the price was made.
    pub quoted_at: Option<Timestamp>,
    pub received_at: Timestamp,
}
