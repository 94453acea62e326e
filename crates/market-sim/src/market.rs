//! What a market is: prices and bars by time, before anyone moves, pins or breaks them.
//!
//! Two markets exist: the synthetic one and a replay of recorded files. Both answer for any time, so history and the
//! present are one path: a bar always contains the prices that were shown while it was open.

use crate::assets::AssetId;
use crate::clock::Millis;

/// A bar of one asset.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Bar {
    /// Price at its start.
    pub open: f64,
    /// Highest price.
    pub high: f64,
    /// Lowest price.
    pub low: f64,
    /// Price at its end.
    pub close: f64,
    /// Traded amount over all markets, in units of the asset.
    pub volume: f64,
    /// The same in the currency of the price.
    pub turnover: f64,
}

impl Bar {
    /// A bar of one moment, without trades.
    pub fn flat(price: f64) -> Self {
        Self {
            open: price,
            high: price,
            low: price,
            close: price,
            volume: 0.0,
            turnover: 0.0,
        }
    }

    /// Appends a bar that follows in time.
    pub fn extend(&mut self, next: &Bar) {
        self.high = self.high.max(next.high);
        self.low = self.low.min(next.low);
        self.close = next.close;
        self.volume += next.volume;
        self.turnover += next.turnover;
    }

    /// Appends one more price.
    pub fn touch(&mut self, price: f64) {
        self.high = self.high.max(price);
        self.low = self.low.min(price);
        self.close = price;
    }
}

/// What a price is counted in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Quote {
    /// United States dollars.
    Usd,
    /// Tether, a moment's value of which is itself a price of the market.
    Tether,
}

/// A source of prices for every watched asset at any time.
pub trait Market: Send + Sync {
    /// What answers say about themselves: `synthetic` or `replay`.
    fn kind(&self) -> &'static str;

    /// The price at a time, or `None` where the market has no data.
    ///
    /// `Quote::Tether` answers only when the market has a series of its own in that currency; otherwise it is derived by the caller.
    fn price(&self, asset: AssetId, quote: Quote, at: Millis) -> Option<f64>;

    /// The whole bar from `start` to `start + length`, where length is a minute or an hour and start a multiple of it.
    fn bar(&self, asset: AssetId, quote: Quote, start: Millis, length: Millis) -> Option<Bar>;

    /// Coins in circulation.
    fn circulating_supply(&self, asset: AssetId, at: Millis) -> Option<f64>;
}
