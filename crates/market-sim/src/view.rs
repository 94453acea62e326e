//! The market as one venue shows it at this moment: delayed, frozen or wrong, if that is its state.

use crate::assets::{Asset, AssetId, Catalogue};
use crate::clock::{DAY, Millis};
use crate::effects::Effects;
use crate::market::Bar;
use crate::noise;
use crate::tape::Tape;
use crate::venues::Venue;

/// One venue, now.
pub struct View<'a> {
    tape: &'a Tape,
    venue: Venue,
    now: Millis,
    /// When the venue last refreshed what it shows.
    refreshed: Millis,
    effects: &'a Effects,
}

/// The last 24 hours of an asset.
#[derive(Debug, Clone, Copy)]
pub struct LastDay {
    /// When they end.
    pub at: Millis,
    /// All of them.
    pub bar: Bar,
    /// The newest price.
    pub price: f64,
}

impl<'a> View<'a> {
    /// What `venue` shows at `now` when it refreshes every `refresh` milliseconds.
    pub fn new(tape: &'a Tape, venue: Venue, now: Millis, refresh: Millis, effects: &'a Effects) -> Self {
        let refreshed = if refresh > 1 {
            now - now.rem_euclid(refresh)
        } else {
            now
        };
        Self {
            tape,
            venue,
            now,
            refreshed,
            effects,
        }
    }

    /// The assets.
    pub fn catalogue(&self) -> &'a Catalogue {
        self.tape.catalogue()
    }

    /// The venue's clock.
    pub fn now(&self) -> Millis {
        self.now
    }

    /// The faults that touch this answer.
    pub fn effects(&self) -> &Effects {
        self.effects
    }

    /// The moment whose price is shown. A price nailed by hand is shown at once, so that a test need not wait.
    pub fn at(&self, asset: AssetId) -> Millis {
        if let Some(since) = self.effects.frozen(asset) {
            return since.min(self.refreshed);
        }
        if self.tape.pinned(asset, self.now).is_some() {
            self.now
        } else {
            self.refreshed
        }
    }

    /// The newest price.
    pub fn price(&self, asset: AssetId) -> Option<f64> {
        Some(self.tape.price(self.venue, asset, self.at(asset))? * self.effects.offset(asset))
    }

    /// A price of the past.
    pub fn price_at(&self, asset: AssetId, at: Millis) -> Option<f64> {
        self.tape.price(self.venue, asset, at.min(self.at(asset)))
    }

    /// Whether the price is nailed, so that it is to be printed exactly.
    pub fn pinned(&self, asset: AssetId) -> bool {
        self.tape.pinned(asset, self.at(asset)).is_some()
    }

    /// A bar, cut at the present.
    pub fn bar(&self, asset: AssetId, from: Millis, to: Millis) -> Option<Bar> {
        let now = self.at(asset);
        if from > now || from < self.begins(self.catalogue().get(asset)) {
            return None;
        }
        self.tape.range(self.venue, asset, from, to.min(now))
    }

    /// The last 24 hours.
    pub fn last_day(&self, asset: AssetId) -> Option<LastDay> {
        let at = self.at(asset);
        let offset = self.effects.offset(asset);
        let mut bar = self.tape.range(self.venue, asset, at - DAY, at)?;
        let price = self.price(asset)?;
        if offset != 1.0 {
            bar.touch(price);
        }
        bar.close = price;
        Some(LastDay { at, bar, price })
    }

    /// Turnover of the 24 hours before a time, in the venue's currency.
    pub fn turnover(&self, asset: AssetId, at: Millis) -> Option<f64> {
        self.tape.range(self.venue, asset, at - DAY, at).map(|bar| bar.turnover)
    }

    /// Coins in circulation.
    pub fn supply(&self, asset: AssetId) -> Option<f64> {
        self.tape.circulating_supply(asset, self.at(asset))
    }

    /// Listed since.
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
        noise::uniform(noise::key(asset as u64, what), self.at(asset) / 1_000)
    }
}

/// No market of this kind is older.
const FIRST_DAY: Millis = 1_502_928_000_000;

fn day_start(day: jiff::civil::Date) -> Millis {
    day.to_zoned(jiff::tz::TimeZone::UTC)
        .map_or(0, |zoned| zoned.timestamp().as_millisecond())
}
