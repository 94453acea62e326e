//! Which armed alerts are blind: no price has been compared with them for a while, so they cannot fire.
//!
//! Computed whenever alerts are shown, from the moment of each asset's last evaluated price, so that an alert is
//! back by itself with the next one.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use contracts::api::alerts::{AlertBody, NoDataBody};
use contracts::keys;
use contracts::messages::QuoteMessage;
use domain::ticker::Ticker;
use jiff::Timestamp;
use platform::redis::Connection;

/// The state of an armed alert that is blind.
pub const NO_DATA: &str = "no_data";

/// Remembers when prices were evaluated.
pub async fn note_evaluated(redis: &Connection, newest: &BTreeMap<Ticker, Timestamp>) -> redis::RedisResult<()> {
    if newest.is_empty() {
        return Ok(());
    }
    let mut command = redis::cmd("HSET");
    command.arg(keys::EVALUATED_PRICES);
    for (ticker, at) in newest {
        command.arg(ticker.as_str()).arg(at.as_millisecond());
    }
    command.query_async(&mut redis.clone()).await
}

/// Marks armed alerts that no price reaches.
#[derive(Clone)]
pub struct PriceData {
    pub redis: Connection,
    /// Assets that prices are made of.
    pub watched: Vec<Ticker>,
    /// How long an asset may be without a price that may fire.
    pub limit: Duration,
}

impl PriceData {
    /// Marks the armed alerts among these that are blind. While Redis does not answer nothing is known, and nothing
    /// marked.
    pub async fn mark(&self, alerts: &mut [AlertBody], now: Timestamp) {
        let armed = alerts.iter().filter(|alert| alert.is_active);
        let tickers: BTreeSet<Ticker> = armed.map(|alert| alert.ticker.clone()).collect();
        if tickers.is_empty() {
            return;
        }
        let tickers: Vec<Ticker> = tickers.into_iter().collect();
        let known = match self.prices(&tickers).await {
            Ok(known) => known,
            Err(error) => {
                tracing::debug!(%error, "blind alerts are not known");
                return;
            }
        };
        for alert in alerts.iter_mut().filter(|alert| alert.is_active) {
            let Some((evaluated, published)) = known.get(&alert.ticker) else {
                continue;
            };
            let since = evaluated.unwrap_or(alert.created_at.0);
            let reason = if !self.watched.contains(&alert.ticker) {
                "not_watched"
            } else if !self.is_over(since, now) {
                continue;
            } else if published.is_some_and(|at| !self.is_over(at, now)) {
                "prices_unfit"
            } else {
                "no_price"
            };
            alert.state = NO_DATA.to_owned();
            alert.no_data = Some(NoDataBody {
                since: since.into(),
                reason: reason.to_owned(),
            });
        }
    }

    fn is_over(&self, at: Timestamp, now: Timestamp) -> bool {
        now.duration_since(at).unsigned_abs() > self.limit && now > at
    }

    /// Of each asset, when its newest evaluated price and its newest price of all were published.
    async fn prices(&self, tickers: &[Ticker]) -> redis::RedisResult<BTreeMap<Ticker, Moments>> {
        let mut evaluated = redis::cmd("HMGET");
        evaluated.arg(keys::EVALUATED_PRICES);
        let mut newest = redis::cmd("MGET");
        for ticker in tickers {
            evaluated.arg(ticker.as_str());
            newest.arg(keys::quote(ticker));
        }
        let (evaluated, newest): (Vec<Option<i64>>, Vec<Option<String>>) = redis::pipe()
            .add_command(evaluated)
            .add_command(newest)
            .query_async(&mut self.redis.clone())
            .await?;
        let evaluated = evaluated
            .into_iter()
            .map(|at| at.and_then(|at| Timestamp::from_millisecond(at).ok()));
        let published = newest.into_iter().map(|text| {
            let quote = text.and_then(|text| serde_json::from_str::<QuoteMessage>(&text).ok());
            quote.map(|quote| quote.published_at)
        });
        Ok(tickers.iter().cloned().zip(evaluated.zip(published)).collect())
    }
}

/// When the newest evaluated price of an asset and its newest price of all were published.
type Moments = (Option<Timestamp>, Option<Timestamp>);
