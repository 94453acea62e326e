//! A running service with its own database, its own Redis database, a clock that stands still, and a double of `fetch`.

use std::time::Duration;

use contracts::keys;
use contracts::listing::ListingMessage;
use contracts::messages::{MetricsMessage, QuoteMessage};
use core_analytics::App;
use core_analytics::settings::{DEFAULTS, Settings};
use core_analytics::store::Store;
use domain::candle::{Candle, Tick};
use domain::interval::Interval;
use domain::ticker::Ticker;
use jiff::Timestamp;
use platform::client::InternalClient;
use platform::clock::FakeClock;
use platform::settings::{Variables, load_from};
use redis::AsyncCommands;
use rust_decimal::Decimal;
use testkit::{TestDatabase, TestRedis};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;
use wiremock::MockServer;

pub const TOKEN: &str = "0123456789abcdef0123456789abcdef";

/// Servers of one test, and the time.
pub struct TestApp {
    pub database: TestDatabase,
    pub redis: TestRedis,
    pub fetch: MockServer,
    pub clock: FakeClock,
}

/// One process of the service.
pub struct RunningApp {
    pub client: InternalClient,
    pub base: url::Url,
    stop: CancellationToken,
    task: JoinHandle<anyhow::Result<()>>,
}

pub fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

pub fn ticker(name: &str) -> Ticker {
    name.parse().unwrap()
}

pub fn decimal(text: &str) -> Decimal {
    text.parse().unwrap()
}

impl TestApp {
    pub async fn new(now: &str) -> Self {
        let (database, redis, fetch) = tokio::join!(testkit::database(), testkit::redis(), MockServer::start());
        Self {
            database,
            redis,
            fetch,
            clock: FakeClock::new(at(now)),
        }
    }

    pub fn store(&self) -> Store {
        Store::new(self.database.pool.clone())
    }

    /// Starts the service; history is filled in for `supported` only.
    pub async fn start(&self, supported: &[&str]) -> RunningApp {
        let variables: Variables = [
            ("PORT", "0".to_owned()),
            ("APP_ENV", "test".to_owned()),
            ("INTERNAL_TOKEN", TOKEN.to_owned()),
            ("DATABASE_URL", self.database.url.clone()),
            ("REDIS_URL", self.redis.url.clone()),
            ("FETCH_URL", self.fetch.uri()),
            ("SUPPORTED_TICKERS", supported.join(",")),
            ("TOKEN_MAX_AGE_SECONDS", "900".to_owned()),
            ("VELOCITY_MAX_HOLD_SECONDS", "5400".to_owned()),
            // Nothing is measured here, and many tests share few cores.
            ("DATABASE_CONNECT_TIMEOUT_MS", "30000".to_owned()),
            ("DATABASE_WAIT_TIMEOUT_MS", "30000".to_owned()),
            ("REDIS_RESPONSE_TIMEOUT_MS", "10000".to_owned()),
        ]
        .into_iter()
        .filter(|(_, value)| !value.is_empty())
        .map(|(name, value)| (name.to_owned(), value))
        .collect();
        let mut settings: Settings = load_from(&DEFAULTS, &variables).unwrap();
        settings.supported_tickers = supported.iter().map(|name| ticker(name)).collect();
        let stop = CancellationToken::new();
        let app = App::start(settings, self.clock.shared(), stop.clone()).await.unwrap();
        let base: url::Url = format!("http://{}/", app.address()).parse().unwrap();
        RunningApp {
            client: InternalClient::new(base.clone(), TOKEN.into(), Duration::from_secs(20)).unwrap(),
            base,
            stop,
            task: tokio::spawn(app.run()),
        }
    }

    /// Appends quotes to the stream, as `fetch` does.
    pub async fn publish(&self, quotes: &[QuoteMessage]) {
        let mut pipeline = redis::pipe();
        for quote in quotes {
            let text = serde_json::to_string(quote).unwrap();
            platform::stream::append_to(&mut pipeline, keys::QUOTES_STREAM, keys::QUOTES_STREAM_MAX_LEN, &text);
        }
        let () = pipeline.query_async(&mut self.redis.connection.clone()).await.unwrap();
    }

    /// Appends what became of polls to the stream of listings, as `fetch` does.
    pub async fn publish_listings(&self, messages: &[ListingMessage]) {
        let mut pipeline = redis::pipe();
        for message in messages {
            let text = serde_json::to_string(message).unwrap();
            platform::stream::append_to(
                &mut pipeline,
                keys::LISTINGS_STREAM,
                keys::LISTINGS_STREAM_MAX_LEN,
                &text,
            );
        }
        let () = pipeline.query_async(&mut self.redis.connection.clone()).await.unwrap();
    }

    /// All stored candles of one length.
    pub async fn candles(&self, name: &str, interval: Interval) -> Vec<Candle> {
        let range = (Timestamp::UNIX_EPOCH, at("2100-01-01T00:00:00Z"));
        let direction = core_analytics::store::Direction::Oldest;
        let candles = core_analytics::store::candles::list_candles(
            &self.store().client().await.unwrap(),
            &ticker(name),
            interval,
            range,
            100_000,
            direction,
        )
        .await;
        candles.unwrap().into_iter().map(normal).collect()
    }

    /// How many prices are in all candles of one day's length.
    pub async fn counted(&self, name: &str) -> u64 {
        self.candles(name, Interval::D1)
            .await
            .iter()
            .map(|candle| candle.n)
            .sum()
    }

    pub async fn metrics(&self, name: &str) -> Option<MetricsMessage> {
        let text: Option<String> = self
            .redis
            .connection
            .clone()
            .get(keys::metrics(&ticker(name)))
            .await
            .unwrap();
        text.map(|text| serde_json::from_str(&text).unwrap())
    }

    /// How many quotes were handed out and not acked, or not handed out at all.
    pub async fn unfinished(&self) -> usize {
        self.unfinished_in(keys::QUOTES_STREAM).await
    }

    /// How many entries of a stream were handed out and not acked, or not handed out at all.
    pub async fn unfinished_in(&self, stream: &str) -> usize {
        let mut connection = self.redis.connection.clone();
        let groups: Vec<std::collections::HashMap<String, redis::Value>> = redis::cmd("XINFO")
            .arg("GROUPS")
            .arg(stream)
            .query_async(&mut connection)
            .await
            .unwrap();
        let group = groups.into_iter().next().unwrap();
        let number = |name: &str| -> usize { redis::from_redis_value(group[name].clone()).unwrap() };
        number("pending") + number("lag")
    }
}

impl RunningApp {
    /// Asks it to stop and waits until it has.
    pub async fn stop(self) {
        self.stop.cancel();
        self.task.await.unwrap().unwrap();
    }

    pub fn is_alive(&self) -> bool {
        !self.task.is_finished()
    }
}

/// Trailing zeros of the table's scale do not matter.
pub fn normal(candle: Candle) -> Candle {
    let mut candle = candle;
    candle.open.price = candle.open.price.normalize();
    candle.high = candle.high.normalize();
    candle.low = candle.low.normalize();
    candle.close.price = candle.close.price.normalize();
    candle.volume = candle.volume.map(|volume| volume.normalize());
    candle
}

/// Its id is random, so that which of two prices of one moment counts does not follow from the order they are made in.
pub fn quote(name: &str, as_of: Timestamp, price: &str) -> QuoteMessage {
    QuoteMessage {
        price_id: Uuid::new_v4(),
        ..testkit::quote(name, price, as_of)
    }
}

pub fn tick(quote: &QuoteMessage) -> Tick {
    Tick {
        at: quote.as_of,
        id: quote.price_id,
        published_at: quote.published_at,
        price: quote.price.normalize(),
        volume: None,
    }
}
