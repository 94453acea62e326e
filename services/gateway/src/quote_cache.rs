//! The newest quotes, read from Redis and cached in this process for a quarter of a second.
//!
//! However many requests arrive, one read per quarter second goes to Redis; the others wait for its result. A failed
//! read, such as while the connection is re-established, is bridged by the last successful one for two seconds.

use std::sync::{Arc, OnceLock, PoisonError, RwLock};
use std::time::{Duration, Instant};

use actix_web::http::header::HeaderValue;
use contracts::keys;
use contracts::messages::{FLAG_SIMULATED, QuoteMessage};
use domain::ticker::Ticker;
use jiff::Timestamp;
use platform::redis::Connection;
use tokio::sync::Mutex;

use crate::error::ApiError;
use crate::response::Rendered;
use crate::response::envelope::CacheLevel;

const SNAPSHOT_TTL: Duration = Duration::from_millis(250);

/// How long quotes are served that a failing Redis cannot replace. Their ages keep growing, so they turn stale in time.
const BRIDGE_TTL: Duration = Duration::from_secs(2);

/// The quotes of all supported tickers at one moment, in their order.
#[derive(Debug, Default)]
pub struct QuoteSnapshot {
    /// Every ticker with its quote, if it ever had one.
    pub quotes: Vec<(Ticker, Option<QuoteMessage>)>,
    /// The body of the route for rates, which is asked for most: the first request renders it for all.
    pub rates: OnceLock<RatesBody>,
}

/// The flat map of fresh rates.
#[derive(Debug, Clone)]
pub struct RatesBody {
    pub rendered: Rendered,
    /// The tickers that have no fresh price.
    pub missing: Option<HeaderValue>,
    /// The first of its prices is stale after this moment.
    pub fresh_until: Timestamp,
}

/// The result of a read. A failure is cached like a success, so that requests do not queue for a Redis that is down.
type Outcome = Result<Arc<QuoteSnapshot>, ApiError>;

#[derive(Default)]
struct Kept {
    /// The last result and its time.
    last: Option<(Instant, Outcome)>,
    /// The last success and its time.
    snapshot: Option<(Instant, Arc<QuoteSnapshot>)>,
}

pub struct QuoteCache {
    redis: Connection,
    keys: Vec<String>,
    tickers: Vec<Ticker>,
    /// Never locked across an await.
    kept: RwLock<Kept>,
    reading: Mutex<()>,
}

impl QuoteCache {
    pub fn new(redis: Connection, tickers: Vec<Ticker>) -> Self {
        let keys = tickers.iter().map(keys::quote).collect();
        Self {
            redis,
            keys,
            tickers,
            kept: RwLock::default(),
            reading: Mutex::default(),
        }
    }

    /// Whether `ticker` is offered here.
    pub fn is_supported(&self, ticker: &Ticker) -> bool {
        self.tickers.contains(ticker)
    }

    pub async fn snapshot(&self) -> Result<Arc<QuoteSnapshot>, ApiError> {
        self.snapshot_with_level().await.map(|(snapshot, _)| snapshot)
    }

    /// The newest quotes, and whether they were still in this process or are from Redis.
    pub async fn snapshot_with_level(&self) -> Result<(Arc<QuoteSnapshot>, CacheLevel), ApiError> {
        if let Some(outcome) = self.fresh() {
            return outcome.map(|snapshot| (snapshot, CacheLevel::Process));
        }
        // One reader at a time; the others find its result when they get the lock.
        let _turn = self.reading.lock().await;
        if let Some(outcome) = self.fresh() {
            return outcome.map(|snapshot| (snapshot, CacheLevel::Process));
        }
        let read = self.read().await.map(Arc::new);
        let mut kept = self.kept.write().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        let (outcome, place) = match read {
            Ok(snapshot) => {
                kept.snapshot = Some((now, Arc::clone(&snapshot)));
                (Ok(snapshot), CacheLevel::Redis)
            }
            Err(error) => match &kept.snapshot {
                Some((at, snapshot)) if now.duration_since(*at) < BRIDGE_TTL => {
                    (Ok(Arc::clone(snapshot)), CacheLevel::Process)
                }
                Some(_) | None => (Err(error), CacheLevel::None),
            },
        };
        kept.last = Some((now, outcome.clone()));
        outcome.map(|snapshot| (snapshot, place))
    }

    fn fresh(&self) -> Option<Outcome> {
        let kept = self.kept.read().unwrap_or_else(PoisonError::into_inner);
        kept.last
            .as_ref()
            .filter(|(at, _)| at.elapsed() < SNAPSHOT_TTL)
            .map(|(_, outcome)| outcome.clone())
    }

    async fn read(&self) -> Result<QuoteSnapshot, ApiError> {
        let mut redis = self.redis.clone();
        let texts: Vec<Option<String>> = redis::cmd("MGET").arg(&self.keys).query_async(&mut redis).await?;
        let quotes = self
            .tickers
            .iter()
            .cloned()
            .zip(texts.into_iter().map(|text| text.and_then(|text| parse(&text))));
        Ok(QuoteSnapshot {
            quotes: quotes.collect(),
            rates: OnceLock::new(),
        })
    }
}

/// One unreadable quote is logged and missing; the others are served.
fn parse(text: &str) -> Option<QuoteMessage> {
    serde_json::from_str(text)
        .inspect_err(|error| tracing::error!(%error, "quote is unreadable"))
        .ok()
}

impl QuoteSnapshot {
    pub fn find(&self, ticker: &Ticker) -> Option<&QuoteMessage> {
        self.quotes
            .iter()
            .find(|(name, _)| name == ticker)
            .and_then(|(_, quote)| quote.as_ref())
    }

    /// Age of the newest quote.
    pub fn age(&self, now: Timestamp) -> Option<Duration> {
        self.present().map(|quote| age(quote, now)).min()
    }

    /// Whether the newest quotes come from a simulated market.
    pub fn is_simulated(&self) -> bool {
        self.present()
            .any(|quote| quote.flags.iter().any(|flag| flag == FLAG_SIMULATED))
    }

    fn present(&self) -> impl Iterator<Item = &QuoteMessage> {
        self.quotes.iter().filter_map(|(_, quote)| quote.as_ref())
    }
}

/// Time since the observation behind a quote; zero if that lies ahead of this clock.
pub fn age(quote: &QuoteMessage, now: Timestamp) -> Duration {
    Duration::try_from(now.duration_since(quote.as_of)).unwrap_or_default()
}
