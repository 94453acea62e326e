//! What this service keeps in Redis: newest quotes, observations, the state of venues, and the stream of quotes.
//!
//! Reading what others know is one round trip, publishing is another one. A quote replaces only an older one: ids of
//! prices begin with their time, so the script compares those. The stream lives in another slot of a cluster than
//! the quotes do, hence a pipeline and not one script; readers recognise a price they have seen by its id.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::Context;
use contracts::keys;
use contracts::messages::{ObservationMessage, QuoteMessage};
use domain::quote::Observation;
use domain::ticker::{ProviderId, Ticker};
use platform::redis::Connection;

use crate::market::Published;
use crate::message;
use crate::status::StoredSource;

/// Keeps the newest quote: a price id begins with the time it speaks of.
const KEEP_NEWEST: &str = r"
local known = redis.call('GET', KEYS[1])
if known then
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
pub struct Shared {
    /// The newest observation of each venue.
    pub observations: Vec<Observation>,
    /// The newest published prices.
    pub published: BTreeMap<Ticker, Published>,
}

/// One write.
#[derive(Debug, Default)]
pub struct Publication {
    /// Quotes, each to be kept and put into the stream.
    pub quotes: Vec<QuoteMessage>,
    /// Observations by asset.
    pub observations: Vec<(Ticker, ObservationMessage)>,
    /// The state of a venue.
    pub source: Option<StoredSource>,
}

/// The connection.
#[derive(Clone)]
pub struct Exchange {
    connection: Connection,
}

impl Exchange {
    /// Over this connection.
    pub fn new(connection: Connection) -> Self {
        Self { connection }
    }

    /// The connection.
    pub fn connection(&self) -> &Connection {
        &self.connection
    }

    /// Reads what is known about these assets, in one round trip. What cannot be understood is not known.
    ///
    /// # Errors
    ///
    /// Redis does not answer.
    pub async fn shared(&self, tickers: &BTreeSet<Ticker>) -> anyhow::Result<Shared> {
        let mut pipe = redis::pipe();
        for ticker in tickers {
            pipe.get(keys::quote(ticker)).hgetall(keys::observations(ticker));
        }
        let rows: Vec<redis::Value> = pipe
            .query_async(&mut self.connection.clone())
            .await
            .context("reading shared observations")?;
        let mut shared = Shared::default();
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
                .filter_map(|message| message::to_observation(ticker, message));
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
        if let Some(stored) = &publication.source {
            let json = serde_json::to_string(stored)?;
            pipe.set(keys::provider_state(stored.source.provider), json).ignore();
        }
        if pipe.is_empty() {
            return Ok(());
        }
        let () = pipe
            .query_async(&mut self.connection.clone())
            .await
            .context("publishing")?;
        Ok(())
    }

    /// The state of a venue as the process that asks it wrote it down.
    ///
    /// # Errors
    ///
    /// Redis does not answer.
    pub async fn find_source(&self, provider: ProviderId) -> anyhow::Result<Option<StoredSource>> {
        let json: Option<String> =
            redis::AsyncCommands::get(&mut self.connection.clone(), keys::provider_state(provider))
                .await
                .context("reading the state of a venue")?;
        Ok(json.and_then(|json| serde_json::from_str(&json).ok()))
    }
}
