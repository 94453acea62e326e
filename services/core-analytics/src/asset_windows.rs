//! Bounded history of each asset in memory, from which metrics are computed on every quote.
//!
//! The candles in PostgreSQL are the truth: every refresh reads the newest few of them again, so late prices, and
//! prices that another process of this service counted, are in the windows too. Now and then, and when history was
//! filled in, the windows of an asset are read anew.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError};

use domain::interval::Interval;
use domain::ticker::Ticker;
use jiff::{SignedDuration, Timestamp};
use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;

use crate::store::{Store, WindowRow, candles};

/// How far back closing prices of 5 minutes go: 7 days, and the hour that is compared with them.
pub const CLOSES_SPAN: SignedDuration = SignedDuration::from_hours(7 * 24 + 2);
/// How far back extremes of 5 minutes go.
pub const DAY_SPAN: SignedDuration = SignedDuration::from_hours(24);
/// How far back hourly highs go.
pub const MONTH_SPAN: SignedDuration = SignedDuration::from_hours(30 * 24);
/// The newest candles that every refresh reads again.
const OVERLAP: SignedDuration = SignedDuration::from_mins(15);
/// How old windows may be before they are read anew.
const RELOAD_INTERVAL: SignedDuration = SignedDuration::from_mins(5);

/// The highest and the lowest price of one candle.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Extremes {
    pub high: Decimal,
    pub low: Decimal,
}

/// The history of one asset, keyed by the opening times of candles in unix seconds.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct AssetWindow {
    /// Closing prices of 5 minutes.
    pub closes: BTreeMap<i64, f64>,
    /// Extremes of 5 minutes.
    pub extremes: BTreeMap<i64, Extremes>,
    pub hourly_highs: BTreeMap<i64, f64>,
}

impl AssetWindow {
    /// Takes in a candle of 5 minutes, new or changed.
    pub fn put_five_minutes(&mut self, open_time: Timestamp, extremes: Extremes, close: Decimal) {
        let Some(close) = close.to_f64() else { return };
        self.closes.insert(open_time.as_second(), close);
        self.extremes.insert(open_time.as_second(), extremes);
    }

    /// Takes in an hour, new or changed.
    pub fn put_hour(&mut self, open_time: Timestamp, high: Decimal) {
        if let Some(high) = high.to_f64() {
            self.hourly_highs.insert(open_time.as_second(), high);
        }
    }

    /// Forgets what no metric at `now` needs.
    pub fn drop_before(&mut self, now: Timestamp) {
        let start = |span: SignedDuration| (now - span).as_second();
        self.closes = self.closes.split_off(&(start(CLOSES_SPAN)));
        self.extremes = self.extremes.split_off(&(start(DAY_SPAN) - Interval::M5.seconds()));
        self.hourly_highs = self
            .hourly_highs
            .split_off(&(start(MONTH_SPAN) - Interval::H1.seconds()));
    }
}

/// Assets whose stored history changed behind the windows' back; clones share the list.
#[derive(Debug, Clone, Default)]
pub struct ChangedHistory(Arc<Mutex<HashSet<Ticker>>>);

impl ChangedHistory {
    /// Notes that an asset's history changed.
    pub fn note(&self, ticker: &Ticker) {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(ticker.clone());
    }

    fn take(&self, ticker: &Ticker) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(ticker)
    }
}

/// The windows of all assets.
#[derive(Debug)]
pub struct AssetWindows {
    store: Store,
    changed: ChangedHistory,
    assets: HashMap<Ticker, Kept>,
}

#[derive(Debug)]
struct Kept {
    window: AssetWindow,
    read_at: Timestamp,
    refreshed_at: Timestamp,
}

impl AssetWindows {
    /// Windows that are read when they are first needed.
    pub fn new(store: Store, changed: ChangedHistory) -> Self {
        Self {
            store,
            changed,
            assets: HashMap::new(),
        }
    }

    /// Brings the windows of these assets up to date.
    ///
    /// # Errors
    /// PostgreSQL does not answer; the next refresh makes up for it.
    pub async fn refresh(&mut self, tickers: &[Ticker], now: Timestamp) -> anyhow::Result<()> {
        let (mut anew, mut newest) = (Vec::new(), Vec::new());
        let mut since = now;
        for ticker in tickers {
            match self.assets.get(ticker) {
                Some(kept) if now.duration_since(kept.read_at) < RELOAD_INTERVAL && !self.changed.take(ticker) => {
                    since = since.min(kept.refreshed_at);
                    newest.push(ticker.clone());
                }
                _ => anew.push(ticker.clone()),
            }
        }
        if !newest.is_empty() {
            let from = Interval::M5.open_time(since - OVERLAP);
            self.read(&newest, from, Interval::H1.open_time(from), now).await?;
        }
        // One after the other: the history of all assets at once would be the largest thing in memory.
        for ticker in anew {
            // Before the read: if that fails, the next refresh reads it all, instead of going on with a gap.
            self.assets.remove(&ticker);
            self.read(&[ticker], now - CLOSES_SPAN, now - MONTH_SPAN, now).await?;
        }
        Ok(())
    }

    /// The history of an asset that was refreshed.
    pub fn find(&self, ticker: &Ticker) -> Option<&AssetWindow> {
        self.assets.get(ticker).map(|kept| &kept.window)
    }

    async fn read(
        &mut self,
        tickers: &[Ticker],
        five_minutes_from: Timestamp,
        hours_from: Timestamp,
        now: Timestamp,
    ) -> anyhow::Result<()> {
        let five_minutes =
            candles::list_window(&self.store.client().await?, tickers, Interval::M5, five_minutes_from).await?;
        let hours = candles::list_window(&self.store.client().await?, tickers, Interval::H1, hours_from).await?;
        for ticker in tickers {
            let kept = self.assets.entry(ticker.clone()).or_insert_with(|| Kept {
                window: AssetWindow::default(),
                read_at: now,
                refreshed_at: now,
            });
            kept.refreshed_at = now;
        }
        for WindowRow {
            ticker,
            open_time,
            high,
            low,
            close,
        } in five_minutes
        {
            if let Some(kept) = self.assets.get_mut(&ticker) {
                let extremes = Extremes {
                    high: high.normalize(),
                    low: low.normalize(),
                };
                kept.window.put_five_minutes(open_time, extremes, close);
            }
        }
        for WindowRow {
            ticker,
            open_time,
            high,
            ..
        } in hours
        {
            if let Some(kept) = self.assets.get_mut(&ticker) {
                kept.window.put_hour(open_time, high);
            }
        }
        for ticker in tickers {
            if let Some(kept) = self.assets.get_mut(ticker) {
                kept.window.drop_before(now);
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_are_bounded() {
        let mut window = AssetWindow::default();
        let start: Timestamp = "2026-01-01T00:00:00Z".parse().unwrap();
        let mut now = start;
        for _ in 0..(40 * 288) {
            let extremes = Extremes {
                high: Decimal::TWO,
                low: Decimal::ONE,
            };
            window.put_five_minutes(Interval::M5.open_time(now), extremes, Decimal::ONE);
            window.put_hour(Interval::H1.open_time(now), Decimal::TWO);
            window.drop_before(now);
            now += SignedDuration::from_mins(5);
        }
        assert_eq!(window.closes.len(), (7 * 24 + 2) * 12 + 1);
        assert_eq!(window.extremes.len(), 290);
        assert_eq!(window.hourly_highs.len(), 721);
    }
}
