//! What a market is: prices and candles by time, before anyone moves, pins or breaks them.
//!
//! Two markets exist: the synthetic one and a replay of recorded files. Both answer for any time, so history and the
//! present are one path: a candle always contains the prices that were shown while it was open.

use crate::assets::AssetId;
use crate::clock::Millis;

/// A candle of one asset.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Candle {
    pub open: f64,
    pub high: f64,
    pub low: f64,
    pub close: f64,
    /// Traded amount over all markets, in units of the asset.
    pub volume: f64,
    /// The same in the currency of the price.
    pub turnover: f64,
}

impl Candle {
    /// A candle of one moment, without trades.
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

    /// Appends a candle that follows in time.
    pub fn extend(&mut self, next: &Candle) {
        self.high = self.high.max(next.high);
        self.low = self.low.min(next.low);
        self.close = next.close;
        self.volume += next.volume;
        self.turnover += next.turnover;
    }

    pub fn touch(&mut self, price: f64) {
        self.high = self.high.max(price);
        self.low = self.low.min(price);
        self.close = price;
    }
}

/// What a price is counted in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Quote {
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
    /// `Quote::Tether` answers only when the market has a series of its own in that currency; otherwise it is derived
    /// by the caller.
    fn price(&self, asset: AssetId, quote: Quote, at: Millis) -> Option<f64>;

    /// The whole candle from `start` to `start + length`, where length is a minute or an hour and start a multiple of
    /// it.
    fn candle(&self, asset: AssetId, quote: Quote, start: Millis, length: Millis) -> Option<Candle>;

    fn circulating_supply(&self, asset: AssetId, at: Millis) -> Option<f64>;
}
