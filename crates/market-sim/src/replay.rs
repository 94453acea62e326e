//! The replay market: recorded files played at any speed, from a point in them, around and around or once.
//!
//! Time is mapped: a minute of the wall shows `speed` minutes of the recording, backwards too, so there is history
//! before now from the first moment. What the wall never gets is the recording's own dates: to a client the market is
//! live.

use std::path::PathBuf;

use crate::assets::{AssetId, Catalogue};
use crate::clock::{DAY, Millis};
use crate::market::{Candle, Market, Quote};
use crate::recording::{Labelled, Recording, ReplayError, read_folder};

/// A price holds this long after the last point of its recording.
const HELD: Millis = DAY;

/// What to replay, and how.
#[derive(Debug, Clone)]
pub struct ReplayOptions {
    pub folder: PathBuf,
    /// Minutes of the recording per minute.
    pub speed: f64,
    /// Where to begin, as a share of the recording from 0 to 1.
    pub begin: f64,
    /// Whether to begin again after the end; otherwise the last prices stand.
    pub repeat: bool,
}

impl ReplayOptions {
    /// A folder at normal speed, from three quarters of its length, again and again.
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        Self {
            folder: folder.into(),
            speed: 1.0,
            begin: 0.75,
            repeat: true,
        }
    }
}

/// Recorded files as a market.
pub struct Replay {
    dollars: Vec<Option<Recording>>,
    tethers: Vec<Option<Recording>>,
    circulating: Vec<f64>,
    is_tether: Option<AssetId>,
    first: Millis,
    last: Millis,
    offset: f64,
    anchor: Millis,
    speed: f64,
    repeat: bool,
}

impl Replay {
    /// Reads the files; `anchor` is the wall's time at which the replay begins.
    ///
    /// # Errors
    /// When nothing can be replayed.
    pub fn open(options: &ReplayOptions, catalogue: &Catalogue, anchor: Millis) -> Result<Self, ReplayError> {
        let mut recordings = read_folder(&options.folder, catalogue)?;
        recordings.sort_by_key(|labelled| (labelled.rank, std::cmp::Reverse(labelled.recording.times.len())));
        let mut dollars: Vec<Option<Recording>> = vec![None; catalogue.len()];
        let mut tethers = dollars.clone();
        for Labelled {
            asset,
            quote,
            recording,
            ..
        } in recordings
        {
            let slot = match quote {
                Quote::Usd => &mut dollars[asset],
                Quote::Tether => &mut tethers[asset],
            };
            if slot.is_none() {
                *slot = Some(recording);
            }
        }
        let spans = || dollars.iter().chain(&tethers).flatten().filter_map(Recording::span);
        let nothing = || ReplayError::Nothing(options.folder.clone());
        let first = spans().map(|(first, _)| first).min().ok_or_else(nothing)?;
        let last = spans()
            .map(|(_, last)| last)
            .max()
            .filter(|last| *last > first)
            .ok_or_else(nothing)?;
        Ok(Self {
            dollars,
            tethers,
            circulating: catalogue.iter().map(|(_, asset)| asset.profile.circulating).collect(),
            is_tether: catalogue.tether(),
            first,
            last,
            offset: options.begin.clamp(0.0, 1.0) * (last - first) as f64,
            anchor,
            speed: options.speed.clamp(0.001, 100_000.0),
            repeat: options.repeat,
        })
    }

    /// Distance from the beginning of the recording, before it is folded into its length.
    fn position(&self, at: Millis) -> f64 {
        self.offset + (at - self.anchor) as f64 * self.speed
    }

    /// The recording's time of a position.
    fn moment(&self, position: f64) -> Option<Millis> {
        let length = (self.last - self.first) as f64;
        let position = if self.repeat {
            position.rem_euclid(length)
        } else {
            position.min(length)
        };
        (position >= 0.0).then(|| self.first + position as Millis)
    }

    fn recording(&self, asset: AssetId, quote: Quote) -> Option<&Recording> {
        match quote {
            Quote::Usd => self.dollars[asset].as_ref().or(self.tethers[asset].as_ref()),
            Quote::Tether => self.tethers[asset].as_ref(),
        }
    }

    /// Extends the candle by the points of a stretch of the recording that lies in one round.
    fn stretch(recording: &Recording, from: Millis, to: Millis, candle: &mut Option<Candle>) {
        let Some(open) = price_at(recording, from) else { return };
        let mut part = Candle::flat(open);
        let begin = recording.times.partition_point(|time| *time <= from);
        let end = recording.times.partition_point(|time| *time < to);
        for price in recording.prices.get(begin..end).unwrap_or_default() {
            part.touch(*price);
        }
        if let Some(close) = price_at(recording, to) {
            part.touch(close);
        }
        part.volume = (traded_at(recording, to) - traded_at(recording, from)).max(0.0);
        match candle {
            Some(candle) => candle.extend(&part),
            None => *candle = Some(part),
        }
    }
}

impl Market for Replay {
    fn kind(&self) -> &'static str {
        "replay"
    }

    fn price(&self, asset: AssetId, quote: Quote, at: Millis) -> Option<f64> {
        match self.recording(asset, quote) {
            Some(recording) => price_at(recording, self.moment(self.position(at))?),
            None => (quote == Quote::Usd && self.is_tether == Some(asset)).then_some(1.0),
        }
    }

    fn candle(&self, asset: AssetId, quote: Quote, start: Millis, length: Millis) -> Option<Candle> {
        let Some(recording) = self.recording(asset, quote) else {
            return self.price(asset, quote, start).map(Candle::flat);
        };
        let (mut at, end) = (self.position(start), self.position(start + length));
        let round = (self.last - self.first) as f64;
        let mut candle = None;
        if end - at > round {
            // Faster than a round per candle: all of it is in every candle.
            Self::stretch(recording, self.first, self.last, &mut candle);
        } else {
            while at < end {
                let stop = if self.repeat {
                    ((at / round).floor() + 1.0) * round
                } else {
                    end
                };
                let stop = stop.min(end).max(at + 1.0);
                let from = self.moment(at);
                let to = if self.repeat && (stop / round).fract() == 0.0 {
                    Some(self.last)
                } else {
                    self.moment(stop)
                };
                if let (Some(from), Some(to)) = (from, to) {
                    Self::stretch(recording, from, to, &mut candle);
                }
                at = stop;
            }
        }
        candle.map(|mut candle| {
            candle.volume /= self.speed;
            candle.turnover = candle.volume * f64::midpoint(candle.open, candle.close);
            candle
        })
    }

    fn circulating_supply(&self, asset: AssetId, at: Millis) -> Option<f64> {
        let recording = self.recording(asset, Quote::Usd);
        let Some(recording) = recording.filter(|recording| recording.supplies.iter().any(Option::is_some)) else {
            return Some(self.circulating[asset]);
        };
        let moment = self.moment(self.position(at))?;
        let index = recording.times.partition_point(|time| *time <= moment).checked_sub(1)?;
        recording.supplies.get(index).copied().flatten()
    }
}

fn price_at(recording: &Recording, moment: Millis) -> Option<f64> {
    let next = recording.times.partition_point(|time| *time <= moment);
    let index = next.checked_sub(1)?;
    let (time, price) = (recording.times[index], recording.prices[index]);
    match (recording.times.get(next), recording.prices.get(next)) {
        (Some(_), Some(_)) if recording.steps => Some(price),
        (Some(later), Some(then)) => {
            Some(price + (then - price) * (moment - time) as f64 / (later - time).max(1) as f64)
        }
        _ => (moment - time <= HELD).then_some(price),
    }
}

fn traded_at(recording: &Recording, moment: Millis) -> f64 {
    let next = recording.times.partition_point(|time| *time <= moment);
    let Some(index) = next.checked_sub(1) else { return 0.0 };
    let (time, traded) = (recording.times[index], recording.traded[index]);
    match (recording.times.get(next), recording.traded.get(next)) {
        (Some(_), Some(_)) if recording.steps => traded,
        (Some(later), Some(then)) => traded + (then - traded) * (moment - time) as f64 / (later - time).max(1) as f64,
        _ => traded,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::MINUTE;

    const ANCHOR: Millis = 1_790_000_000_000 - 1_790_000_000_000 % MINUTE;

    fn folder() -> PathBuf {
        use std::sync::atomic::{AtomicU32, Ordering};
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let name = format!(
            "market-sim-replay-{}-{}",
            std::process::id(),
            NEXT.fetch_add(1, Ordering::Relaxed)
        );
        let folder = std::env::temp_dir().join(name);
        std::fs::create_dir_all(&folder).unwrap();
        let mut text = String::from("open_time_s,open,high,low,close,volume_base\n");
        for minute in 0..100 {
            let open = 100 + minute;
            text.push_str(&format!(
                "{},{open},{},{},{},3\n",
                minute * 60,
                open + 5,
                open - 5,
                open + 1
            ));
        }
        std::fs::write(folder.join("coinbase_btcusd_1m.csv"), text).unwrap();
        folder
    }

    fn replay(change: impl FnOnce(&mut ReplayOptions)) -> Replay {
        let folder = folder();
        let mut options = ReplayOptions {
            begin: 0.5,
            ..ReplayOptions::new(&folder)
        };
        change(&mut options);
        let replay = Replay::open(&options, &Catalogue::built_in(), ANCHOR).unwrap();
        std::fs::remove_dir_all(folder).unwrap();
        replay
    }

    #[test]
    fn a_candle_passes_through_the_recorded_extremes() {
        let replay = replay(|options| options.begin = 0.0);
        let candle = replay.candle(0, Quote::Usd, ANCHOR + 10 * MINUTE, MINUTE).unwrap();
        assert_eq!(
            (candle.open, candle.high, candle.low, candle.close),
            (110.0, 115.0, 105.0, 111.0)
        );
        assert!((candle.volume - 3.0).abs() < 0.01, "{}", candle.volume);
    }

    #[test]
    fn history_comes_before_now_and_speed_shortens_it() {
        let replay = replay(|options| options.speed = 10.0);
        let middle = replay.price(0, Quote::Usd, ANCHOR).unwrap();
        assert!((middle - 150.0).abs() < 6.0, "{middle}");
        let before = replay.price(0, Quote::Usd, ANCHOR - 4 * MINUTE).unwrap();
        assert!((before - 110.0).abs() < 6.0, "{before}");
    }

    #[test]
    fn it_repeats_or_stands_at_the_end() {
        let day = ANCHOR + 100 * MINUTE;
        let (again, once) = (replay(|_| ()), replay(|options| options.repeat = false));
        assert_eq!(once.price(0, Quote::Usd, day), Some(200.0));
        assert!((again.price(0, Quote::Usd, day).unwrap() - 150.0).abs() < 6.0);
        assert_eq!(once.price(0, Quote::Usd, ANCHOR - 60 * MINUTE), None);
        let across = again.candle(0, Quote::Usd, ANCHOR + 30 * MINUTE, 60 * MINUTE).unwrap();
        assert!(across.high > 200.0 && across.low < 100.0, "{across:?}");
    }

    #[test]
    fn time_outside_of_the_recording_is_unknown() {
        let replay = replay(|_| ());
        let catalogue = Catalogue::built_in();
        assert_eq!(replay.price(catalogue.find("ETH").unwrap(), Quote::Usd, ANCHOR), None);
        assert_eq!(replay.price(catalogue.tether().unwrap(), Quote::Usd, ANCHOR), Some(1.0));
    }
}
