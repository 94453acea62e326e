//! Everything one running simulator knows, shared by its venues and its control interface.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::assets::AssetId;
use crate::clock::{Clock, Millis};
use crate::fault_effects::FaultEffects;
use crate::faults::{FaultRequest, Faults, Refused};
use crate::limits::{Limit, Usage};
use crate::overrides::Overrides;
use crate::price_feed::PriceFeed;
use crate::venue::Venue;

const LONGEST_MOVE: Duration = Duration::from_secs(7 * 86_400);

fn millis(length: Duration) -> Millis {
    Millis::try_from(length.as_millis()).unwrap_or(Millis::MAX)
}

/// A number for each venue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PerVenue {
    pub binance: u64,
    pub coingecko: u64,
    pub coinmarketcap: u64,
}

impl PerVenue {
    /// The number of a venue.
    pub fn of(&self, venue: Venue) -> u64 {
        match venue {
            Venue::Binance => self.binance,
            Venue::CoinGecko => self.coingecko,
            Venue::CoinMarketCap => self.coinmarketcap,
        }
    }
}

/// Counts of requests by route, by venue.
pub type Counts = BTreeMap<&'static str, BTreeMap<&'static str, u64>>;

/// What survives a restart in the state file.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Saved {
    pub anchor: Millis,
    /// What was done to the market.
    pub overrides: Overrides,
}

pub struct State {
    pub feed: PriceFeed,
    pub clock: Arc<dyn Clock>,
    refresh_ms: PerVenue,
    anchor: Millis,
    state_file: Option<PathBuf>,
    limits: Mutex<Vec<(Venue, Limit)>>,
    faults: Mutex<Faults>,
    counts: Mutex<Counts>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl State {
    /// A simulator of a market.
    pub fn new(
        feed: PriceFeed,
        clock: Arc<dyn Clock>,
        refresh_ms: PerVenue,
        limits: PerVenue,
        anchor: Millis,
        state_file: Option<PathBuf>,
    ) -> Self {
        let limits = Venue::ALL
            .into_iter()
            .map(|venue| (venue, Limit::new(limits.of(venue))))
            .collect();
        Self {
            feed,
            clock,
            refresh_ms,
            anchor,
            state_file,
            limits: Mutex::new(limits),
            faults: Mutex::default(),
            counts: Mutex::default(),
        }
    }

    /// How often a venue refreshes what it shows.
    pub fn refresh(&self, venue: Venue) -> Millis {
        Millis::try_from(self.refresh_ms.of(venue)).unwrap_or(Millis::MAX)
    }

    pub fn count(&self, venue: Venue, endpoint: &'static str) {
        *lock(&self.counts)
            .entry(venue.slug())
            .or_default()
            .entry(endpoint)
            .or_default() += 1;
    }

    /// All counts since the start.
    pub fn counts(&self) -> Counts {
        lock(&self.counts).clone()
    }

    /// Spends of a venue's limit; also says the limit.
    pub fn spend(&self, venue: Venue, weight: u64) -> (Usage, u64) {
        let now = self.clock.now();
        let mut limits = lock(&self.limits);
        for (of, limit) in limits.iter_mut() {
            if *of == venue {
                return (limit.spend(weight, now), limit.per_minute());
            }
        }
        (
            Usage {
                used: weight,
                retry_after: None,
            },
            u64::MAX,
        )
    }

    /// What the standing faults do to an answer.
    pub fn effects(&self, venue: Venue, endpoint: &str) -> FaultEffects {
        lock(&self.faults).take(venue, endpoint, self.clock.now())
    }

    /// Adds a fault.
    ///
    /// # Errors
    /// When the wish makes no sense.
    pub fn add_fault(&self, request: FaultRequest) -> Result<(), Refused> {
        lock(&self.faults).add(request, self.feed.catalogue(), self.clock.now())
    }

    pub fn faults(&self) -> Vec<FaultRequest> {
        lock(&self.faults).list(self.clock.now())
    }

    pub fn clear_faults(&self) -> usize {
        lock(&self.faults).clear()
    }

    /// Moves a price by a percentage over a time, from now on. With `stays` it goes back after that, in the same time;
    /// otherwise the move is for good.
    ///
    /// # Errors
    /// When the asset is unknown or the numbers make no sense.
    pub fn move_price(
        &self,
        ticker: &str,
        percent: f64,
        length: Duration,
        stays: Option<Duration>,
    ) -> Result<(), Refused> {
        let asset = self.find(ticker)?;
        if !percent.is_finite() || percent <= -100.0 || percent > 1_000_000.0 {
            return Err(Refused("percent must be above -100 and at most 1000000".to_owned()));
        }
        if length > LONGEST_MOVE || stays > Some(LONGEST_MOVE) {
            return Err(Refused("seconds and recover_after must be at most 604800".to_owned()));
        }
        let length = millis(length);
        let now = self.clock.now();
        self.feed.intervene(|overrides| {
            overrides.add_move(asset, percent, now, length);
            if let Some(stays) = stays {
                overrides.add_return(asset, percent, now + length + millis(stays), length);
            }
        });
        self.save();
        Ok(())
    }

    /// Nails a price.
    ///
    /// # Errors
    /// When the asset is unknown or the price is not above zero.
    pub fn pin(&self, ticker: &str, price: f64) -> Result<(), Refused> {
        let asset = self.find(ticker)?;
        if !price.is_finite() || price <= 0.0 {
            return Err(Refused("price must be above zero".to_owned()));
        }
        let now = self.clock.now();
        self.feed.intervene(|overrides| overrides.pin(asset, price, now));
        self.save();
        Ok(())
    }

    /// Lets one price go, or all.
    ///
    /// # Errors
    /// When the asset is unknown.
    pub fn unpin(&self, ticker: Option<&str>) -> Result<usize, Refused> {
        let assets: Vec<AssetId> = match ticker {
            Some(ticker) => vec![self.find(ticker)?],
            None => self.feed.catalogue().iter().map(|(id, _)| id).collect(),
        };
        let now = self.clock.now();
        let freed = self
            .feed
            .intervene(|overrides| assets.into_iter().filter(|id| overrides.unpin(*id, now)).count());
        self.save();
        Ok(freed)
    }

    /// Forgets every move and pin, also of the past.
    pub fn forget_overrides(&self) {
        self.feed.intervene(Overrides::clear);
        self.save();
    }

    /// An asset by any of its names.
    ///
    /// # Errors
    /// When there is none.
    pub fn find(&self, name: &str) -> Result<AssetId, Refused> {
        self.feed
            .catalogue()
            .find(name)
            .ok_or_else(|| Refused(format!("no asset is called `{name}`")))
    }

    /// Writes what must survive a restart; the old file stays whole if that fails.
    fn save(&self) {
        let Some(path) = &self.state_file else { return };
        let saved = Saved {
            anchor: self.anchor,
            overrides: self.feed.overrides(Overrides::clone),
        };
        let draft = path.with_extension("new");
        let written = serde_json::to_vec(&saved)
            .map_err(std::io::Error::other)
            .and_then(|text| std::fs::write(&draft, text))
            .and_then(|()| std::fs::rename(&draft, path));
        if let Err(error) = written {
            tracing::error!(path = %path.display(), %error, "cannot write the state file");
        }
    }
}
