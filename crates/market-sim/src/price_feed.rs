//! The market as one venue prints it: moved and pinned by hand, with the venue's small difference, in the venue's
//! currency.
//!
//! Everything any venue answers, live or history, comes through here, so a candle always agrees with what was shown.

use std::sync::{Arc, PoisonError, RwLock};

use crate::assets::{AssetId, Catalogue};
use crate::clock::{HOUR, MINUTE, Millis};
use crate::market::{Candle, Market, Quote};
use crate::overrides::Overrides;
use crate::rng;
use crate::venue::Venue;

const BASIS_POINT: f64 = 1e-4;
/// Points of a minute that is looked at closely because someone intervened in it, or because it is not over.
const SAMPLES: i64 = 12;

/// The market with everything that was done to it.
pub struct PriceFeed {
    market: Box<dyn Market>,
    catalogue: Arc<Catalogue>,
    overrides: RwLock<Overrides>,
    /// Seed of the venues' differences; recorded prices are printed as they are.
    basis: Option<u64>,
}

impl PriceFeed {
    /// A tape of a market; `basis` seeds the venues' small differences.
    pub fn new(market: Box<dyn Market>, catalogue: Arc<Catalogue>, basis: Option<u64>) -> Self {
        Self {
            market,
            catalogue,
            overrides: RwLock::default(),
            basis,
        }
    }

    pub fn catalogue(&self) -> &Catalogue {
        &self.catalogue
    }

    pub fn kind(&self) -> &'static str {
        self.market.kind()
    }

    pub fn intervene<T>(&self, change: impl FnOnce(&mut Overrides) -> T) -> T {
        change(&mut self.overrides.write().unwrap_or_else(PoisonError::into_inner))
    }

    pub fn overrides<T>(&self, read: impl FnOnce(&Overrides) -> T) -> T {
        read(&self.overrides.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// The fixed price of an asset.
    pub fn pinned(&self, asset: AssetId, at: Millis) -> Option<f64> {
        self.overrides(|overrides| overrides.pinned(asset, at))
    }

    pub fn circulating_supply(&self, asset: AssetId, at: Millis) -> Option<f64> {
        self.market.circulating_supply(asset, at)
    }

    /// The price a venue prints at a time.
    pub fn price(&self, venue: Venue, asset: AssetId, at: Millis) -> Option<f64> {
        let derived = venue.quote() == Quote::Tether && Some(asset) != self.catalogue.tether();
        if let Some(pinned) = self.pinned(asset, at) {
            return Some(if derived { pinned / self.tether(at) } else { pinned });
        }
        let own = if derived {
            self.market.price(asset, Quote::Tether, at)
        } else {
            None
        };
        let (price, lens) = match own {
            Some(price) => (price, 1.0),
            None => (
                self.market.price(asset, Quote::Usd, at)?,
                self.lens(venue, asset, derived, at),
            ),
        };
        Some(price * self.overrides(|overrides| overrides.factor(asset, at)) * lens)
    }

    /// Everything between two times in one candle, the end excluded from none of its figures.
    pub fn range(&self, venue: Venue, asset: AssetId, from: Millis, to: Millis) -> Option<Candle> {
        let mut candle: Option<Candle> = None;
        let mut at = from;
        while at < to {
            let (next, part) = if at % HOUR == 0 && at + HOUR <= to && self.quiet(venue, asset, at, at + HOUR) {
                (at + HOUR, self.whole(venue, asset, at, HOUR))
            } else if at % MINUTE == 0 && at + MINUTE <= to && self.quiet(venue, asset, at, at + MINUTE) {
                (at + MINUTE, self.whole(venue, asset, at, MINUTE))
            } else {
                let next = (at - at.rem_euclid(MINUTE) + MINUTE).min(to);
                (next, self.sampled(venue, asset, at, next))
            };
            match (&mut candle, part) {
                (Some(candle), Some(part)) => candle.extend(&part),
                (None, Some(part)) => candle = Some(part),
                (_, None) => {}
            }
            at = next;
        }
        candle.or_else(|| self.price(venue, asset, from).map(Candle::flat))
    }

    fn quiet(&self, venue: Venue, asset: AssetId, from: Millis, to: Millis) -> bool {
        self.overrides(|overrides| {
            let tether = self.catalogue.tether().filter(|_| venue.quote() == Quote::Tether);
            overrides.quiet(asset, from, to) && tether.is_none_or(|tether| overrides.quiet(tether, from, to))
        })
    }

    /// A whole candle of the market through the venue's lens, which is monotone inside an hour.
    fn whole(&self, venue: Venue, asset: AssetId, start: Millis, length: Millis) -> Option<Candle> {
        let derived = venue.quote() == Quote::Tether && Some(asset) != self.catalogue.tether();
        let factor = self.overrides(|overrides| overrides.factor(asset, start));
        let own = if derived {
            self.market.candle(asset, Quote::Tether, start, length)
        } else {
            None
        };
        let (candle, first, last) = match own {
            Some(candle) => (candle, factor, factor),
            None => {
                let candle = self.market.candle(asset, Quote::Usd, start, length)?;
                let lens = |at| self.lens(venue, asset, derived, at) * factor;
                (candle, lens(start), lens(start + length))
            }
        };
        Some(Candle {
            open: candle.open * first,
            high: candle.high * first.max(last),
            low: candle.low * first.min(last),
            close: candle.close * last,
            volume: candle.volume,
            turnover: candle.turnover * first,
        })
    }

    /// Part of a minute, or a minute in which something was done, looked at closely.
    fn sampled(&self, venue: Venue, asset: AssetId, from: Millis, to: Millis) -> Option<Candle> {
        let mut candle = Candle::flat(self.price(venue, asset, from)?);
        let mut moments: Vec<Millis> = (1..SAMPLES).map(|step| from + (to - from) * step / SAMPLES).collect();
        moments.extend(self.overrides(|overrides| overrides.edges(asset, from, to)));
        moments.sort_unstable();
        moments.push(to);
        for at in moments {
            if let Some(price) = self.price(venue, asset, at) {
                candle.touch(price);
            }
        }
        let minute = from - from.rem_euclid(MINUTE);
        if let Some(whole) = self.market.candle(asset, Quote::Usd, minute, MINUTE) {
            candle.volume = whole.volume * (to - from) as f64 / MINUTE as f64;
            candle.turnover = candle.volume * f64::midpoint(candle.open, candle.close);
        }
        Some(candle)
    }

    /// What turns the market's dollars into the venue's price: its difference, and Tether where it counts in that.
    fn lens(&self, venue: Venue, asset: AssetId, derived: bool, at: Millis) -> f64 {
        let basis = self.basis.map_or(1.0, |seed| {
            let key = rng::key(seed, venue.slug()) ^ (asset as u64).wrapping_mul(0x9e37_79b9);
            let size = if Some(asset) == self.catalogue.tether() {
                0.2
            } else {
                1.2
            };
            1.0 + size * BASIS_POINT * rng::linear(key, at, HOUR)
        });
        if derived { basis / self.tether(at) } else { basis }
    }

    /// Tether in dollars, in straight lines between full hours.
    fn tether(&self, at: Millis) -> f64 {
        let Some(tether) = self.catalogue.tether() else {
            return 1.0;
        };
        if let Some(pinned) = self.pinned(tether, at) {
            return pinned;
        }
        let hour = at - at.rem_euclid(HOUR);
        let knot = |at| self.market.price(tether, Quote::Usd, at).unwrap_or(1.0);
        let part = (at - hour) as f64 / HOUR as f64;
        (knot(hour) * (1.0 - part) + knot(hour + HOUR) * part)
            * self.overrides(|overrides| overrides.factor(tether, at))
    }
}
