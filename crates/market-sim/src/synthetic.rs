//! The synthetic market: correlated paths with changing volatility and occasional jumps, a pure function of seed and
//! time.
//!
//! An asset's logarithm is the sum of the whole market's path times its beta, its sector's path, its own path, and
//! jumps that fade over ten days. A day is computed at once and kept in a bounded cache; below the minute a bridge
//! with its own noise moves the price, held inside the minute's high and low so that candles and shown prices agree.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};

use crate::assets::{AssetId, Catalogue, Profile, Sector};
use crate::brownian::{BrownianPath, CELLS, MINUTES};
use crate::clock::{DAY, HOUR, MINUTE, Millis};
use crate::market::{Candle, Market, Quote};
use crate::rng::{key, normal, smooth, uniform};

const MARKET_VOLATILITY: f64 = 0.42;
const SECTOR_VOLATILITY: f64 = 0.20;
const JUMP_DAYS: i64 = 10;
/// Steps of the bridge inside a minute.
const STEPS: i64 = 64;
/// Days kept in memory; a day of one asset is about 20 kB.
const CACHED_DAYS: usize = 512;
const MINUTES_PER_HOUR: usize = 60;

/// The market of a seed.
pub struct Synthetic {
    market: BrownianPath,
    market_jumps: u64,
    temper: u64,
    series: Vec<Series>,
    days: Mutex<Days>,
}

struct Series {
    profile: Profile,
    own: BrownianPath,
    sector: Option<BrownianPath>,
    jumps: u64,
    wicks: u64,
    volumes: u64,
    bridge: u64,
    temper: u64,
    /// Standard deviation of a minute from all its sources.
    sigma: f64,
}

/// One day of one asset.
struct Day {
    prices: Vec<f64>,
    volumes: Vec<f32>,
    volatility: [f64; CELLS],
    hours: Vec<Candle>,
}

#[derive(Default)]
struct Days {
    kept: HashMap<(AssetId, i64), Arc<Day>>,
    order: VecDeque<(AssetId, i64)>,
}

impl Synthetic {
    /// Builds the market of `seed`.
    pub fn new(seed: u64, catalogue: &Catalogue) -> Self {
        let series = catalogue
            .iter()
            .map(|(_, asset)| Series::new(seed, &asset.ticker, asset.profile))
            .collect();
        Self {
            market: BrownianPath::new(key(seed, "market"), MARKET_VOLATILITY),
            market_jumps: key(seed, "market jumps"),
            temper: key(seed, "market temper"),
            series,
            days: Mutex::default(),
        }
    }

    fn day(&self, asset: AssetId, number: i64) -> Arc<Day> {
        let wanted = (asset, number);
        if let Some(day) = self
            .days
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .kept
            .get(&wanted)
        {
            return Arc::clone(day);
        }
        let day = Arc::new(self.compute(asset, number));
        let mut days = self.days.lock().unwrap_or_else(PoisonError::into_inner);
        if days.kept.insert(wanted, Arc::clone(&day)).is_none() {
            days.order.push_back(wanted);
            if days.order.len() > CACHED_DAYS
                && let Some(oldest) = days.order.pop_front()
            {
                days.kept.remove(&oldest);
            }
        }
        day
    }

    fn compute(&self, asset: AssetId, number: i64) -> Day {
        let series = &self.series[asset];
        let volatility = self.volatility(series, number);
        let mut logs = vec![0.0; MINUTES + 1];
        if series.profile.sector != Sector::Stable {
            self.market.add_day(number, series.profile.beta, &volatility, &mut logs);
            add_jumps(
                self.market_jumps,
                0.05,
                (0.02, 0.06),
                series.profile.beta,
                number,
                &mut logs,
            );
            add_jumps(series.jumps, 0.06, (0.03, 0.09), 1.0, number, &mut logs);
        }
        if let Some(sector) = &series.sector {
            sector.add_day(number, 1.0, &volatility, &mut logs);
        }
        series.own.add_day(number, 1.0, &volatility, &mut logs);
        let prices: Vec<f64> = logs.iter().map(|log| series.profile.price * log.exp()).collect();
        let volumes = (0..MINUTES)
            .map(|minute| series.volume(number, minute, &prices, &volatility))
            .collect();
        let mut day = Day {
            prices,
            volumes,
            volatility,
            hours: Vec::with_capacity(24),
        };
        for hour in 0..24 {
            let first = hour * MINUTES_PER_HOUR;
            let mut candle = series.minute(&day, number, first);
            for minute in first + 1..first + MINUTES_PER_HOUR {
                candle.extend(&series.minute(&day, number, minute));
            }
            day.hours.push(candle);
        }
        day
    }

    /// Volatility clusters over days and hours, for the market and for the asset, and is higher when America is awake.
    fn volatility(&self, series: &Series, number: i64) -> [f64; CELLS] {
        let mut cells = [0.0; CELLS];
        for (index, cell) in cells.iter_mut().enumerate() {
            let at = number * DAY + index as i64 * (DAY / CELLS as i64);
            let mood = 0.45 * smooth(self.temper, at, 3 * DAY)
                + 0.25 * smooth(self.temper ^ 1, at, 5 * HOUR)
                + 0.25 * smooth(series.temper, at, DAY);
            *cell = 0.8 * mood.exp() * season(index);
        }
        cells
    }
}

impl Series {
    fn new(seed: u64, ticker: &str, profile: Profile) -> Self {
        let own = BrownianPath::new(key(seed, ticker), profile.volatility);
        let sector = match profile.sector {
            Sector::Stable => None,
            Sector::Money => Some("money"),
            Sector::Platform => Some("platform"),
            Sector::Application => Some("application"),
            Sector::Meme => Some("meme"),
        };
        let sector = sector.map(|name| BrownianPath::new(key(seed, name), SECTOR_VOLATILITY));
        let market = MARKET_VOLATILITY * profile.beta / (365.0 * MINUTES as f64).sqrt();
        let sigma = (own.sigma().powi(2) + market.powi(2) + sector.map_or(0.0, |path| path.sigma().powi(2))).sqrt();
        let named = |what: &str| key(key(seed, ticker), what);
        Self {
            profile,
            own,
            sector,
            jumps: named("jumps"),
            wicks: named("wicks"),
            volumes: named("volumes"),
            bridge: named("bridge"),
            temper: named("temper"),
            sigma,
        }
    }

    fn minute(&self, day: &Day, number: i64, minute: usize) -> Candle {
        let (open, close) = (day.prices[minute], day.prices[minute + 1]);
        let reach = self.sigma * day.volatility[minute * CELLS / MINUTES];
        let index = (number * MINUTES as i64 + minute as i64) * 2;
        let high = open.max(close) * (1.0 + reach * (0.3 + 0.5 * normal(self.wicks, index).abs()));
        let low = open.min(close) * (1.0 - reach * (0.3 + 0.5 * normal(self.wicks, index + 1).abs()));
        let volume = f64::from(day.volumes[minute]);
        Candle {
            open,
            high,
            low,
            close,
            volume,
            turnover: volume * f64::midpoint(open, close),
        }
    }

    /// More is traded when the price moves.
    fn volume(&self, number: i64, minute: usize, prices: &[f64], volatility: &[f64; CELLS]) -> f32 {
        let (open, close) = (prices[minute], prices[minute + 1]);
        let cell = minute * CELLS / MINUTES;
        let moved = ((close / open - 1.0).abs() / (self.sigma * volatility[cell]).max(1e-12)).min(5.0);
        let burst = (0.5 * normal(self.volumes, number * MINUTES as i64 + minute as i64)).exp();
        let usual = self.profile.daily_turnover / MINUTES as f64 / open;
        (usual * volatility[cell].sqrt() * burst * (0.6 + 0.3 * moved)) as f32
    }

    /// Bridges the minute in steps under a second, inside its high and low.
    fn inside(&self, candle: &Candle, reach: f64, minute: i64, part: f64) -> f64 {
        let position = part * STEPS as f64;
        let (mut low, mut high) = (0_i64, STEPS);
        let (mut at_low, mut at_high) = (candle.open, candle.close);
        while high - low > 1 {
            let middle = i64::midpoint(low, high);
            let spread = reach * candle.open * ((high - low) as f64 / STEPS as f64).sqrt() / 2.0;
            let value = f64::midpoint(at_low, at_high) + spread * normal(self.bridge, minute * STEPS + middle);
            if position < middle as f64 {
                (high, at_high) = (middle, value);
            } else {
                (low, at_low) = (middle, value);
            }
        }
        let rest = (position - low as f64) / (high - low) as f64;
        (at_low + (at_high - at_low) * rest).clamp(candle.low, candle.high)
    }
}

/// Jumps of this day and of the days whose jumps have not faded yet.
fn add_jumps(key: u64, chance: f64, size: (f64, f64), weight: f64, number: i64, logs: &mut [f64]) {
    let fade = (JUMP_DAYS * MINUTES as i64) as f64;
    for day in number - JUMP_DAYS..=number {
        if uniform(key, day * 4) >= chance {
            continue;
        }
        let at = (uniform(key, day * 4 + 1) * MINUTES as f64) as i64;
        let sign = if uniform(key, day * 4 + 2) < 0.5 { -1.0 } else { 1.0 };
        let height = weight * sign * (size.0 + (size.1 - size.0) * uniform(key, day * 4 + 3));
        for (minute, log) in logs.iter_mut().enumerate() {
            let age = ((number - day) * MINUTES as i64 + minute as i64 - at) as f64;
            if age > 0.0 && age < fade {
                *log += height * (1.0 - age / fade).powi(2);
            }
        }
    }
}

/// Higher in the afternoon and evening of UTC.
fn season(cell: usize) -> f64 {
    let angle = (cell as f64 / CELLS as f64 - 16.0 / 24.0) * std::f64::consts::TAU;
    1.0 + 0.25 * angle.cos()
}

impl Market for Synthetic {
    fn kind(&self) -> &'static str {
        "synthetic"
    }

    fn price(&self, asset: AssetId, quote: Quote, at: Millis) -> Option<f64> {
        if quote == Quote::Tether {
            return None;
        }
        let number = at.div_euclid(DAY);
        let minute = at.rem_euclid(DAY) / MINUTE;
        let part = at.rem_euclid(MINUTE) as f64 / MINUTE as f64;
        let day = self.day(asset, number);
        let series = &self.series[asset];
        let index = usize::try_from(minute).ok()?;
        let candle = series.minute(&day, number, index);
        let reach = series.sigma * day.volatility[index * CELLS / MINUTES];
        Some(series.inside(&candle, reach, at.div_euclid(MINUTE), part))
    }

    fn candle(&self, asset: AssetId, quote: Quote, start: Millis, length: Millis) -> Option<Candle> {
        if quote == Quote::Tether {
            return None;
        }
        let number = start.div_euclid(DAY);
        let day = self.day(asset, number);
        let within = start.rem_euclid(DAY);
        if length == HOUR {
            return day.hours.get(usize::try_from(within / HOUR).ok()?).copied();
        }
        Some(self.series[asset].minute(&day, number, usize::try_from(within / MINUTE).ok()?))
    }

    fn circulating_supply(&self, asset: AssetId, _at: Millis) -> Option<f64> {
        Some(self.series[asset].profile.circulating)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Millis = 1_790_000_000_000;

    fn market(seed: u64) -> Synthetic {
        Synthetic::new(seed, &Catalogue::built_in())
    }

    fn price(market: &Synthetic, asset: AssetId, at: Millis) -> f64 {
        market.price(asset, Quote::Usd, at).unwrap()
    }

    #[test]
    fn the_same_seed_goes_on_where_it_stopped() {
        let (first, again, other) = (market(1), market(1), market(2));
        for step in 0..50 {
            let at = NOW + step * 1_711;
            assert_eq!(price(&first, 0, at), price(&again, 0, at));
            assert_ne!(price(&first, 0, at), price(&other, 0, at));
        }
    }

    #[test]
    fn every_two_seconds_show_a_movement() {
        let market = market(1);
        for asset in 0..3 {
            let moved = (0..200)
                .filter(|step| {
                    price(&market, asset, NOW + step * 2_000) != price(&market, asset, NOW + (step + 1) * 2_000)
                })
                .count();
            assert!(moved > 150, "asset {asset} moved {moved} times of 200");
        }
    }

    #[test]
    fn candles_contain_the_prices_that_were_shown() {
        let market = market(3);
        let hour = NOW - NOW.rem_euclid(HOUR);
        let outer = market.candle(4, Quote::Usd, hour, HOUR).unwrap();
        for minute in 0..60 {
            let start = hour + minute * MINUTE;
            let candle = market.candle(4, Quote::Usd, start, MINUTE).unwrap();
            assert!(candle.high <= outer.high && candle.low >= outer.low);
            assert_eq!(candle.open, price(&market, 4, start));
            for second in 0..60 {
                let shown = price(&market, 4, start + second * 1_000);
                assert!(
                    shown <= candle.high && shown >= candle.low,
                    "{shown} outside {candle:?}"
                );
            }
        }
    }

    #[test]
    fn prices_stay_believable_over_years_and_assets_are_correlated() {
        let market = market(1);
        let catalogue = Catalogue::built_in();
        let bitcoin = catalogue.find("BTC").unwrap();
        let ether = catalogue.find("ETH").unwrap();
        let mut pairs = Vec::new();
        for step in 0..120 {
            let at = NOW - step * 3 * DAY;
            for (id, asset) in catalogue.iter() {
                let ratio = price(&market, id, at) / asset.profile.price;
                assert!(ratio > 0.1 && ratio < 10.0, "{} at {ratio} of its base", asset.ticker);
                if asset.profile.sector == Sector::Stable {
                    assert!((ratio - 1.0).abs() < 0.005, "{ratio}");
                }
            }
            let change = |id| (price(&market, id, at) / price(&market, id, at - DAY)).ln();
            pairs.push((change(bitcoin), change(ether)));
        }
        let sum = |f: &dyn Fn(&(f64, f64)) -> f64| pairs.iter().map(f).sum::<f64>();
        let correlation = sum(&|p| p.0 * p.1) / (sum(&|p| p.0 * p.0) * sum(&|p| p.1 * p.1)).sqrt();
        assert!(correlation > 0.5 && correlation < 0.97, "correlation {correlation}");
    }
}
