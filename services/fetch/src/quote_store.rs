//! What this service keeps in Redis: newest quotes, observations, the state of providers, and the stream of quotes.
//!
//! Reading what others know is one round trip, publishing is another one. A quote replaces only an older one: ids of
//! prices begin with their time, so the script compares those. The stream lives in another slot of a cluster than
//! the quotes do, hence a pipeline and not one script; readers recognise a price they have seen by its id.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::Context;
use contracts::keys;
use contracts::messages::{ObservationMessage, QuoteMessage};
use domain::quote::Observation;
use domain::ticker::{ProviderId, Ticker};
use platform::redis::Connection;

use crate::convert;
use crate::metrics::REDIS_REFUSALS;
use crate::price_book::Published;
use crate::provider_registry::StoredProviderState;

/// Keeps the newest quote: a price id is a UUID v7, whose first 13 characters are the 48 bits of its time. A key of
/// another type is replaced.
const KEEP_NEWEST: &str = r"
local known = redis.pcall('GET', KEYS[1])
if type(known) == 'string' then
  local ok, quote = pcall(cjson.decode, known)
  if ok and type(quote.price_id) == 'string' and string.sub(quote.price_id, 1, 13) > string.sub(ARGV[2], 1, 13) then
    return 0
  end
end
redis.call('SET', KEYS[1], ARGV[1])
return 1
";

/// What all processes know about some assets.
#[derive(Debug, Default)]
pub struct SharedState {
    /// The newest observation of each provider.
    pub observations: Vec<Observation>,
    pub published: BTreeMap<Ticker, Published>,
}

#[derive(Debug, Default)]
pub struct Publication {
    /// Quotes, each to be kept and put into the stream.
    pub quotes: Vec<QuoteMessage>,
    pub observations: Vec<(Ticker, ObservationMessage)>,
    pub provider_state: Option<StoredProviderState>,
}

#[derive(Clone)]
pub struct QuoteStore {
    connection: Connection,
    /// Assets of which observations were refused.
    refused: Arc<Mutex<BTreeSet<Ticker>>>,
}

/// Says whether Redis refuses a command now and every time: the key is of another type.
fn is_refusal(error: &redis::ServerError) -> bool {
    error.code() == "WRONGTYPE"
}

impl QuoteStore {
    pub fn new(connection: Connection) -> Self {
        Self {
            connection,
            refused: Arc::default(),
        }
    }

    pub fn connection(&self) -> &Connection {
        &self.connection
    }

    /// Reads what is known about these assets, in one round trip. What cannot be understood is not known.
    ///
    /// # Errors
    ///
    /// Redis does not answer.
    pub async fn load(&self, tickers: &BTreeSet<Ticker>) -> anyhow::Result<SharedState> {
        let mut pipe = redis::pipe();
        for ticker in tickers {
            pipe.get(keys::quote(ticker)).hgetall(keys::observations(ticker));
        }
        let rows: Vec<redis::Value> = pipe
            .ignore_errors()
            .query_async(&mut self.connection.clone())
            .await
            .context("reading shared observations")?;
        for row in &rows {
            if let redis::Value::ServerError(error) = row
                && !is_refusal(error)
            {
                return Err(redis::RedisError::from(error.clone())).context("reading shared observations");
            }
        }
        let mut shared = SharedState::default();
        for (ticker, pair) in tickers.iter().zip(rows.chunks_exact(2)) {
            let quote: Option<String> = redis::from_redis_value_ref(&pair[0]).unwrap_or_default();
            let quote = quote.and_then(|json| serde_json::from_str::<QuoteMessage>(&json).ok());
            if let Some(quote) = quote {
                let published = Published {
                    price_id: quote.price_id,
                    price: quote.price,
                    as_of: quote.as_of,
                };
                shared.published.insert(ticker.clone(), published);
            }
            let fields: BTreeMap<String, String> = redis::from_redis_value_ref(&pair[1]).unwrap_or_default();
            let observations = fields
                .values()
                .filter_map(|json| serde_json::from_str(json).ok())
                .filter_map(|message| convert::to_observation(ticker, message));
            shared.observations.extend(observations);
        }
        Ok(shared)
    }

    /// Writes everything in one round trip.
    ///
    /// # Errors
    ///
    /// Redis does not answer. Part of it may have been written; writing it again does no harm.
    pub async fn publish(&self, publication: &Publication) -> anyhow::Result<()> {
        let mut pipe = redis::pipe();
        // Observations come first: the place of a failed command in the pipeline is then the place of its observation.
        for (ticker, observation) in &publication.observations {
            let json = serde_json::to_string(observation)?;
            pipe.hset(keys::observations(ticker), observation.provider.as_str(), json)
                .ignore();
        }
        for quote in &publication.quotes {
            let json = serde_json::to_string(quote)?;
            pipe.cmd("EVAL")
                .arg(KEEP_NEWEST)
                .arg(1)
                .arg(keys::quote(&quote.ticker))
                .arg(&json)
                .arg(quote.price_id.to_string())
                .ignore();
            pipe.cmd("XADD")
                .arg(keys::QUOTES_STREAM)
                .arg("MAXLEN")
                .arg("~")
                .arg(keys::QUOTES_STREAM_MAX_LEN)
                .arg("*")
                .arg(keys::MESSAGE_FIELD)
                .arg(json)
                .ignore();
        }
        if let Some(stored) = &publication.provider_state {
            let json = serde_json::to_string(stored)?;
            pipe.set(keys::provider_state(stored.body.provider), json).ignore();
        }
        if pipe.is_empty() {
            return Ok(());
        }
        let result: redis::RedisResult<()> = pipe.query_async(&mut self.connection.clone()).await;
        let Err(error) = result else {
            return Ok(());
        };
        // Every command of a pipeline runs, also beside one that is refused.
        let failures = error.clone().into_server_errors().unwrap_or_default();
        let is_set_aside =
            |(at, error): &(usize, redis::ServerError)| publication.observations.get(*at).filter(|_| is_refusal(error));
        let set_aside: Option<Vec<&(Ticker, ObservationMessage)>> = failures.iter().map(is_set_aside).collect();
        let Some(set_aside) = set_aside.filter(|some| !some.is_empty()) else {
            return Err(error).context("publishing");
        };
        for (ticker, _) in set_aside {
            self.set_aside(ticker, &error);
        }
        Ok(())
    }

    /// Counts observations that Redis refuses, and logs the first of each asset.
    fn set_aside(&self, ticker: &Ticker, error: &redis::RedisError) {
        metrics::counter!(REDIS_REFUSALS).increment(1);
        let mut known = self.refused.lock().unwrap_or_else(PoisonError::into_inner);
        if known.insert(ticker.clone()) {
            tracing::error!(%ticker, %error, "observations are refused for good and not shared");
        }
    }

    /// The state of a provider as the process that asks it wrote it down.
    ///
    /// # Errors
    ///
    /// Redis does not answer.
    pub async fn find_provider_state(&self, provider: ProviderId) -> anyhow::Result<Option<StoredProviderState>> {
        let json: Option<String> =
            redis::AsyncCommands::get(&mut self.connection.clone(), keys::provider_state(provider))
                .await
                .context("reading the state of a provider")?;
        Ok(json.and_then(|json| serde_json::from_str(&json).ok()))
    }
}

#[cfg(test)]
mod tests {
    use redis::AsyncCommands;
    use rust_decimal::Decimal;

    use super::*;

    fn ticker(name: &str) -> Ticker {
        name.parse().unwrap()
    }

    fn publication(names: &[&str]) -> Publication {
        let observation = |name: &&str| Observation {
            provider: ProviderId::Binance,
            symbol: format!("{name}USDT"),
            ticker: ticker(name),
            price: Decimal::ONE,
            quote_currency: ticker("USDT"),
            bid: None,
            ask: None,
            volume_24h: None,
            market_cap: None,
            circulating_supply: None,
            total_supply: None,
            change_24h_percent: None,
            quoted_at: None,
            received_at: "2026-01-01T00:00:00Z".parse().unwrap(),
            simulated: false,
        };
        let quote = |name: &&str| testkit::quote(name, "1", "2026-01-01T00:00:00Z".parse().unwrap());
        let told = |name| (ticker(name), convert::observation(&observation(&name), None));
        Publication {
            quotes: names.iter().map(quote).collect(),
            observations: names.iter().copied().map(told).collect(),
            provider_state: None,
        }
    }

    #[tokio::test]
    async fn keys_of_another_type_hold_no_other_asset_up() {
        let redis = testkit::redis().await;
        let quote_store = QuoteStore::new(redis.connection.clone());
        let mut connection = redis.connection.clone();
        let () = connection.set(keys::observations(&ticker("BTC")), "x").await.unwrap();
        let () = connection.hset(keys::quote(&ticker("BTC")), "x", "x").await.unwrap();
        let wanted = BTreeSet::from([ticker("BTC"), ticker("ETH")]);
        let before = quote_store.load(&wanted).await.unwrap();
        assert_eq!((before.observations.len(), before.published.len()), (0, 0));

        quote_store.publish(&publication(&["BTC", "ETH"])).await.unwrap();
        let after = quote_store.load(&wanted).await.unwrap();
        let known: Vec<&Ticker> = after
            .observations
            .iter()
            .map(|observation| &observation.ticker)
            .collect();
        assert_eq!(known, [&ticker("ETH")]);
        // A quote replaces whatever stands in its place.
        assert!(after.published.keys().eq(&wanted));
    }

    #[tokio::test]
    async fn a_stream_of_another_type_is_a_failure() {
        let redis = testkit::redis().await;
        let () = redis.connection.clone().set(keys::QUOTES_STREAM, "x").await.unwrap();
        let quote_store = QuoteStore::new(redis.connection.clone());
        assert!(quote_store.publish(&publication(&["BTC"])).await.is_err());
    }
}
