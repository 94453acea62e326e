//! The market as one venue shows it at this moment: delayed, frozen or wrong, if that is its state.

use crate::assets::{Asset, AssetId, Catalogue};
use crate::clock::{DAY, Millis};
use crate::fault_effects::FaultEffects;
use crate::market::Candle;
use crate::price_feed::PriceFeed;
use crate::rng;
use crate::venue::Venue;

pub struct VenueView<'a> {
    feed: &'a PriceFeed,
    venue: Venue,
    now: Millis,
    /// When the venue last refreshed what it shows.
    refreshed: Millis,
    effects: &'a FaultEffects,
}

/// The last 24 hours of an asset.
#[derive(Debug, Clone, Copy)]
pub struct LastDay {
    pub at: Millis,
    pub candle: Candle,
    pub price: f64,
}

impl<'a> VenueView<'a> {
    /// What `venue` shows at `now` when it refreshes every `refresh` milliseconds.
    pub fn new(feed: &'a PriceFeed, venue: Venue, now: Millis, refresh: Millis, effects: &'a FaultEffects) -> Self {
        let refreshed = if refresh > 1 {
            now - now.rem_euclid(refresh)
        } else {
            now
        };
        Self {
            feed,
            venue,
            now,
            refreshed,
            effects,
        }
    }

    pub fn catalogue(&self) -> &'a Catalogue {
        self.feed.catalogue()
    }

    pub fn now(&self) -> Millis {
        self.now
    }

    /// The faults that touch this answer.
    pub fn effects(&self) -> &FaultEffects {
        self.effects
    }

    /// The moment whose price is shown. A price fixed by hand is shown at once, so that a test need not wait.
    pub fn at(&self, asset: AssetId) -> Millis {
        if let Some(since) = self.effects.frozen(asset) {
            return since.min(self.refreshed);
        }
        if self.feed.pinned(asset, self.now).is_some() {
            self.now
        } else {
            self.refreshed
        }
    }

    pub fn price(&self, asset: AssetId) -> Option<f64> {
        Some(self.feed.price(self.venue, asset, self.at(asset))? * self.effects.offset(asset))
    }

    /// A price of the past.
    pub fn price_at(&self, asset: AssetId, at: Millis) -> Option<f64> {
        self.feed.price(self.venue, asset, at.min(self.at(asset)))
    }

    /// Whether the price is fixed, so that it is to be printed exactly.
    pub fn pinned(&self, asset: AssetId) -> bool {
        self.feed.pinned(asset, self.at(asset)).is_some()
    }

    /// A candle, cut at the present.
    pub fn candle(&self, asset: AssetId, from: Millis, to: Millis) -> Option<Candle> {
        let now = self.at(asset);
        if from > now || from < self.begins(self.catalogue().get(asset)) {
            return None;
        }
        self.feed.range(self.venue, asset, from, to.min(now))
    }

    /// The last 24 hours.
    pub fn last_day(&self, asset: AssetId) -> Option<LastDay> {
        let at = self.at(asset);
        let offset = self.effects.offset(asset);
        let mut candle = self.feed.range(self.venue, asset, at - DAY, at)?;
        let price = self.price(asset)?;
        if offset != 1.0 {
            candle.touch(price);
        }
        candle.close = price;
        Some(LastDay { at, candle, price })
    }

    /// Turnover of the 24 hours before a time, in the venue's currency.
    pub fn turnover(&self, asset: AssetId, at: Millis) -> Option<f64> {
        self.feed
            .range(self.venue, asset, at - DAY, at)
            .map(|candle| candle.turnover)
    }

    pub fn supply(&self, asset: AssetId) -> Option<f64> {
        self.feed.circulating_supply(asset, self.at(asset))
    }

    pub fn begins(&self, asset: &Asset) -> Millis {
        asset
            .profile
            .added
            .parse::<jiff::civil::Date>()
            .map_or(0, day_start)
            .max(FIRST_DAY)
    }

    /// A small number that belongs to an asset and a moment, for what nobody models: sizes of orders, counts of trades.
    pub fn detail(&self, asset: AssetId, what: &str) -> f64 {
        rng::uniform(rng::key(asset as u64, what), self.at(asset) / 1_000)
    }
}

/// No market of this kind is older.
const FIRST_DAY: Millis = 1_502_928_000_000;

fn day_start(day: jiff::civil::Date) -> Millis {
    day.to_zoned(jiff::tz::TimeZone::UTC)
        .map_or(0, |zoned| zoned.timestamp().as_millisecond())
}
