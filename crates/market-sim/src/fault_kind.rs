//! The kinds of faults, and what a corrupt price looks like.

use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum FaultKind {
    /// The venue's own 429 (or, with `status`, 418 or 403) with `Retry-After` in seconds.
    RateLimited {
        /// Seconds to wait.
        retry_after: u64,
        /// Another status than 429.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        status: Option<u16>,
    },
    /// The venue's words for a plan whose credits of the month are used up.
    QuotaExhausted,
    ServerError {
        status: u16,
    },
    /// A page for people, with status 200.
    Html,
    /// The right answer, cut in the middle.
    Truncated,
    /// Prices that cannot be.
    Absurd {
        what: CorruptPrice,
    },
    Slow {
        ms: u64,
    },
    Hang,
    /// Live prices wrong by a percentage.
    PriceOffset {
        percent: f64,
    },
    /// Prices and times stand still.
    Freeze,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CorruptPrice {
    /// Not a number; where the venue sends bare numbers this is not even JSON.
    Nan,
    Negative,
    Zero,
    Huge,
    WrongType,
    /// An empty string where strings are sent, else `null`.
    Empty,
}

impl CorruptPrice {
    /// The text on the wire.
    pub fn spelling(self, quoted: bool) -> &'static str {
        match (self, quoted) {
            (Self::Nan, true) => "\"NaN\"",
            (Self::Nan, false) => "NaN",
            (Self::Negative, true) => "\"-1.00000000\"",
            (Self::Negative, false) => "-1.0",
            (Self::Zero, true) => "\"0.00000000\"",
            (Self::Zero, false) => "0.0",
            (Self::Huge, true) => "\"1e300\"",
            (Self::Huge, false) => "1e300",
            (Self::WrongType, _) => "{\"unexpected\":[true]}",
            (Self::Empty, true) => "\"\"",
            (Self::Empty, false) => "null",
        }
    }
}
