//! What faults do to one answer.

use serde::{Deserialize, Serialize};

use crate::assets::AssetId;
use crate::clock::Millis;
use crate::faults::FaultKind;

/// What replaces a price.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Absurdity {
    /// Not a number; where the venue sends bare numbers this is not even JSON.
    Nan,
    /// Below zero.
    Negative,
    /// Zero.
    Zero,
    /// Beyond any currency.
    Huge,
    /// Neither number nor string.
    WrongType,
    /// An empty string where strings are sent, else `null`.
    Empty,
}

impl Absurdity {
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

/// What the standing faults do to one answer.
#[derive(Debug, Clone, Default)]
pub struct Effects {
    /// Wait first.
    pub slow: Option<u64>,
    /// Never answer.
    pub hang: bool,
    /// Answer this instead.
    pub instead: Option<FaultKind>,
    /// Cut the answer.
    pub truncated: bool,
    /// Replace prices.
    pub absurd: Vec<(Option<AssetId>, Absurdity)>,
    /// Multiply prices.
    pub offsets: Vec<(Option<AssetId>, f64)>,
    /// Stop the time of prices.
    pub frozen: Vec<(Option<AssetId>, Millis)>,
}

impl Effects {
    /// What replaces the prices of an asset.
    pub fn absurdity(&self, asset: AssetId) -> Option<Absurdity> {
        self.absurd
            .iter()
            .rev()
            .find(|(of, _)| of.is_none_or(|of| of == asset))
            .map(|(_, what)| *what)
    }

    /// By what the prices of an asset are wrong.
    pub fn offset(&self, asset: AssetId) -> f64 {
        self.offsets
            .iter()
            .filter(|(of, _)| of.is_none_or(|of| of == asset))
            .map(|(_, percent)| 1.0 + percent / 100.0)
            .product()
    }

    /// When the prices of an asset stopped.
    pub fn frozen(&self, asset: AssetId) -> Option<Millis> {
        self.frozen
            .iter()
            .filter(|(of, _)| of.is_none_or(|of| of == asset))
            .map(|(_, since)| *since)
            .min()
    }
}
