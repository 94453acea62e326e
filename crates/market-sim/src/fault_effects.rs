//! What faults do to one answer.

use crate::assets::AssetId;
use crate::clock::Millis;
use crate::fault_kind::{CorruptPrice, FaultKind};

/// What the standing faults do to one answer.
#[derive(Debug, Clone, Default)]
pub struct FaultEffects {
    pub slow: Option<u64>,
    pub hang: bool,
    pub instead: Option<FaultKind>,
    pub truncated: bool,
    pub absurd: Vec<(Option<AssetId>, CorruptPrice)>,
    pub offsets: Vec<(Option<AssetId>, f64)>,
    /// Stop the time of prices.
    pub frozen: Vec<(Option<AssetId>, Millis)>,
}

impl FaultEffects {
    /// What replaces the prices of an asset.
    pub fn corrupt_price(&self, asset: AssetId) -> Option<CorruptPrice> {
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
