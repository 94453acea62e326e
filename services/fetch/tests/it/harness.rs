//! A running service with everything it talks to, and ways to wait for what it does.

use std::path::PathBuf;
use std::time::Duration;

use contracts::api::fetch::ProviderBody;
use contracts::keys;
use contracts::messages::QuoteMessage;
use domain::ticker::{ProviderId, Ticker};
use fetch::app::{self, App};
use fetch::settings::Settings;
use market_sim::{Simulator, Venue};
use platform::client::InternalClient;
use platform::clock::SystemClock;
use platform::redis::Connection;
use platform::request_id::{RequestContext, RequestId};
use platform::settings::Variables;
use redis::AsyncCommands;
use secrecy::SecretString;
use testkit::{TestDatabase, TestRedis, found};
use tokio_util::sync::CancellationToken;

pub const TOKEN: &str = "0123456789012345678901234567890123456789";

/// Far longer than an answer takes.
const PATIENCE: Duration = Duration::from_secs(120);

/// The folder of recorded data; `None` if it is knowingly absent.
pub fn shared_folder() -> Option<PathBuf> {
    let set = platform::settings::environment().remove("CRYPTOLENS_SHARED");
    if set.as_deref() == Some("none") {
        eprintln!("skipped: CRYPTOLENS_SHARED=none says that the recorded data are absent");
        return None;
    }
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared");
    let folder = set.map_or(root, PathBuf::from);
    assert!(
        folder.join("providers/fixtures").is_dir(),
        "no recorded data in {}: set CRYPTOLENS_SHARED to their folder, or to none if they are absent",
        folder.display()
    );
    Some(folder)
}

/// A recorded body.
pub fn fixture(name: &str) -> Option<Vec<u8>> {
    let path = shared_folder()?.join("providers/fixtures").join(name);
    Some(std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display())))
}

/// Settings that lead to these servers, overridden by `more`.
pub fn variables(sim: &Simulator, redis_url: &str, database_url: &str, more: &[(&str, &str)]) -> Variables {
    let provider = |provider| sim.base_url(provider);
    let mut variables: Variables = [
        ("APP_ENV", "test".to_owned()),
        ("PORT", "0".to_owned()),
        ("HTTP_WORKERS", "1".to_owned()),
        ("INTERNAL_TOKEN", TOKEN.to_owned()),
        ("REDIS_URL", redis_url.to_owned()),
        ("DATABASE_URL", database_url.to_owned()),
        ("BINANCE_BASE_URL", provider(Venue::Binance)),
        ("COINGECKO_BASE_URL", provider(Venue::CoinGecko)),
        ("CMC_BASE_URL", provider(Venue::CoinMarketCap)),
        ("CMC_API_KEY", "test-key".to_owned()),
        ("POLL_INTERVAL_SECONDS", "0.1".to_owned()),
        // Patience where no test is about time: the machine may be busy with other tests.
        ("BATCH_ADMISSION_TIMEOUT_MS", "30000".to_owned()),
        ("BATCH_RESULT_TIMEOUT_MS", "60000".to_owned()),
        ("BATCH_LEASE_MS", "30000".to_owned()),
        ("UPSTREAM_TIMEOUT_MS", "20000".to_owned()),
        ("SUPPORTED_TICKERS", "BTC,ETH".to_owned()),
        // Only the tests of listings need them, and a simulator's credits are without end.
        ("LISTING_ENABLED", "false".to_owned()),
        ("CMC_CREDITS_PER_MONTH", "0".to_owned()),
    ]
    .map(|(name, value)| (name.to_owned(), value))
    .into();
    variables.extend(
        more.iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned())),
    );
    variables
}

/// One process of the service.
pub struct Process {
    pub app: App,
    pub stop: CancellationToken,
    pub client: InternalClient,
}

impl Process {
    pub fn start(variables: &Variables) -> Self {
        let settings = Settings::from_variables(variables).unwrap();
        let stop = CancellationToken::new();
        let app = app::start(settings, SystemClock::shared(), stop.clone()).unwrap();
        let url = format!("http://{}", app.address).parse().unwrap();
        let client = InternalClient::new(url, SecretString::from(TOKEN), PATIENCE).unwrap();
        Self { app, stop, client }
    }

    pub async fn stop(self) {
        self.stop.cancel();
        self.app.join().await.unwrap();
    }

    pub async fn source(&self, provider: ProviderId) -> ProviderBody {
        let sources: Vec<ProviderBody> = self.client.get("/sources", &(), &context()).await.unwrap();
        sources.into_iter().find(|source| source.provider == provider).unwrap()
    }
}

pub fn context() -> RequestContext {
    RequestId::generate().into()
}

/// A process with a simulator, a database and a Redis of its own.
pub struct TestApp {
    pub sim: Simulator,
    pub redis: TestRedis,
    pub database: TestDatabase,
    pub process: Process,
}

impl TestApp {
    pub async fn start(more: &[(&str, &str)]) -> Self {
        Self::start_with(|_| (), more).await
    }

    /// Prepares the simulator before the first poll.
    pub async fn start_with(prepare: impl FnOnce(&Simulator), more: &[(&str, &str)]) -> Self {
        let sim = market_sim::start(market_sim::Config::default()).unwrap();
        prepare(&sim);
        let (redis, database) = (testkit::redis().await, testkit::database().await);
        let process = Process::start(&variables(&sim, &redis.url, &database.url, more));
        Self {
            sim,
            redis,
            database,
            process,
        }
    }

    pub async fn stop(self) {
        self.process.stop().await;
        self.sim.stop().await;
    }

    /// Waits for a newest quote of BTC of which `wanted` is true.
    pub async fn quote(&self, what: &str, wanted: impl Fn(&QuoteMessage) -> bool) -> QuoteMessage {
        quote(&self.redis.connection, "BTC", what, wanted).await
    }

    /// Waits until so many more quotes of BTC have been published, and returns the newest.
    pub async fn quotes_later(&self, count: u32) -> QuoteMessage {
        let mut newest = self.quote("a first quote", |_| true).await;
        for _ in 0..count {
            let before = newest.price_id;
            newest = self.quote("another quote", |quote| quote.price_id != before).await;
        }
        newest
    }
}

pub async fn find_quote(redis: &Connection, ticker: &str) -> Option<QuoteMessage> {
    let ticker: Ticker = ticker.parse().unwrap();
    let json: Option<String> = redis.clone().get(keys::quote(&ticker)).await.ok()?;
    Some(serde_json::from_str(&json?).unwrap())
}

pub async fn quote(
    redis: &Connection,
    ticker: &str,
    what: &str,
    wanted: impl Fn(&QuoteMessage) -> bool,
) -> QuoteMessage {
    let wanted = &wanted;
    found(what, || async move {
        find_quote(redis, ticker).await.filter(|quote| wanted(quote))
    })
    .await
}

/// Everything in the stream of quotes.
pub async fn published(redis: &Connection) -> Vec<QuoteMessage> {
    let reply: redis::streams::StreamRangeReply = redis.clone().xrange_all(keys::QUOTES_STREAM).await.unwrap();
    reply
        .ids
        .iter()
        .map(|entry| {
            let json: String = entry.get(keys::MESSAGE_FIELD).unwrap();
            serde_json::from_str(&json).unwrap()
        })
        .collect()
}
