//! The whole platform as processes: the four services as built, on free ports, with a simulator
//! and a webhook sink of their own. Each process can be killed, restarted and doubled.

mod api;
mod backends;
mod process;

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use deadpool_postgres::Pool;
use futures_util::future::join_all;
use market_sim::{Config, PerVenue, Simulator, Venue};
use reqwest::Client;

pub use api::{Account, Api};
pub use backends::{Postgres, Rabbit, Redis};
pub use process::Service;
use process::ServiceProcess;

use crate::child::Folder;
use crate::sink::WebhookSink;
use crate::{database, rabbit, redis};

/// The internal credential of all stacks.
pub const INTERNAL_TOKEN: &str = "testkit-internal-token-0123456789abcdef";

/// Debug builds on a busy machine take their time.
const READY_DEADLINE: Duration = Duration::from_secs(180);

/// How a stack is to be.
#[derive(Debug)]
pub struct TestStackOptions {
    pub postgres: Postgres,
    pub redis: Redis,
    pub rabbit: Rabbit,
    /// Services that run twice.
    pub doubled: Vec<Service>,
    /// Variables that differ from those of other stacks.
    pub variables: BTreeMap<String, String>,
}

impl TestStackOptions {
    /// One process of each service, on shares of the common servers.
    pub async fn shared() -> Self {
        let (postgres, redis, rabbit) = tokio::join!(database::database(), redis::redis(), rabbit::rabbit());
        Self {
            postgres: Postgres::Shared(postgres),
            redis: Redis::Shared(Box::new(redis)),
            rabbit: Rabbit::Shared(rabbit),
            doubled: Vec::new(),
            variables: BTreeMap::new(),
        }
    }

    /// Runs these services twice.
    #[must_use]
    pub fn doubled(mut self, services: &[Service]) -> Self {
        self.doubled = services.to_vec();
        self
    }

    /// Sets a variable of all services.
    #[must_use]
    pub fn with(mut self, name: &str, value: &str) -> Self {
        self.variables.insert(name.to_owned(), value.to_owned());
        self
    }
}

/// A running platform; everything ends with this value.
pub struct TestStack {
    running: Vec<ServiceProcess>,
    /// The webhook sink that alerts may name.
    pub sink: WebhookSink,
    pub simulator: Simulator,
    pub postgres: Postgres,
    pub redis: Redis,
    pub rabbit: Rabbit,
    http: Client,
    logs: Folder,
}

impl TestStack {
    /// One process of each service, on shares of the common servers, ready.
    ///
    /// # Panics
    ///
    /// A service is not ready in time; the message shows its output.
    pub async fn start() -> Self {
        Self::start_with(TestStackOptions::shared().await).await
    }

    /// Starts with these options and waits until every process is ready.
    ///
    /// # Panics
    ///
    /// A service is not ready in time; the message shows its output.
    pub async fn start_with(options: TestStackOptions) -> Self {
        platform::tls::install_provider();
        let simulator = market_sim::start(simulator_config()).expect("a simulator");
        let sink = WebhookSink::start().await;
        let http = Client::builder()
            .no_proxy()
            .timeout(Duration::from_secs(60))
            .build()
            .expect("an HTTP client");
        let logs = Folder::new("logs").expect("a folder");
        let mut variables = common_variables(&options, &simulator);
        variables.extend(options.variables);
        let mut running = Vec::new();
        for service in Service::ALL {
            let copies = if options.doubled.contains(&service) { 2 } else { 1 };
            running.extend((0..copies).map(|copy| ServiceProcess::new(service, copy, logs.path())));
        }
        let addresses: Vec<(Service, usize, String)> =
            running.iter().map(|one| (one.service, one.copy, one.url())).collect();
        for one in &mut running {
            for (name, service) in [
                ("FETCH_URL", Service::Fetch),
                ("ANALYTICS_URL", Service::CoreAnalytics),
                ("ALERTS_URL", Service::Alerts),
            ] {
                // The second process of one service calls the second of another, where there is one.
                let called = addresses
                    .iter()
                    .rev()
                    .find(|(is, copy, _)| *is == service && *copy <= one.copy);
                let url = called.map(|(.., url)| url.clone()).unwrap_or_default();
                variables.insert(name.to_owned(), url);
            }
            one.configure(&variables);
        }
        let mut stack = Self {
            running,
            sink,
            simulator,
            postgres: options.postgres,
            redis: options.redis,
            rabbit: options.rabbit,
            http,
            logs,
        };
        for one in &mut stack.running {
            one.spawn();
        }
        stack.wait_until_ready().await;
        stack
    }

    /// Waits until every process that runs is ready.
    ///
    /// # Panics
    ///
    /// One is not in time; the message shows its output.
    pub async fn wait_until_ready(&mut self) {
        let http = &self.http;
        join_all(self.running.iter_mut().map(|one| one.until_ready(http, READY_DEADLINE))).await;
    }

    /// Ends all processes of a service at once, as `kill -9` does.
    ///
    /// # Panics
    ///
    /// One of them had died before: a service must survive all that a test did until now.
    pub fn kill(&mut self, service: Service) {
        for one in self.running.iter_mut().filter(|one| one.service == service) {
            one.kill();
        }
    }

    /// Ends one process of a doubled service at once, as `kill -9` does.
    ///
    /// # Panics
    ///
    /// There is no such process, or it had died before.
    pub fn kill_copy(&mut self, service: Service, copy: usize) {
        let mut running = self.running.iter_mut();
        let one = running.find(|one| one.service == service && one.copy == copy);
        one.expect("a process").kill();
    }

    /// Holds one process of a service where it is, as `kill -STOP` does, until it is woken or killed.
    ///
    /// # Panics
    ///
    /// There is no such process.
    pub fn freeze(&self, service: Service, copy: usize) {
        self.process(service, copy).signal("STOP");
    }

    /// Lets a frozen process go on.
    ///
    /// # Panics
    ///
    /// There is no such process.
    pub fn wake(&self, service: Service, copy: usize) {
        self.process(service, copy).signal("CONT");
    }

    fn process(&self, service: Service, copy: usize) -> &ServiceProcess {
        let mut running = self.running.iter();
        let one = running.find(|one| one.service == service && one.copy == copy);
        one.expect("a process")
    }

    /// Starts all processes of a service again, and waits until they are ready.
    ///
    /// # Panics
    ///
    /// One is not ready in time; the message shows its output.
    pub async fn restart(&mut self, service: Service) {
        for one in self.running.iter_mut().filter(|one| one.service == service) {
            one.spawn();
        }
        self.wait_until_ready().await;
    }

    /// Makes sure that every process still runs.
    ///
    /// # Panics
    ///
    /// One of them died; the message shows its output.
    pub fn assert_alive(&mut self) {
        for one in &mut self.running {
            one.assert_alive();
        }
    }

    /// All that the processes have written.
    ///
    /// # Panics
    ///
    /// The files cannot be read.
    #[must_use]
    pub fn read_logs(&self) -> String {
        let files = std::fs::read_dir(self.logs.path()).expect("a folder");
        let texts = files.map(|file| std::fs::read(file.expect("a file").path()).expect("a log"));
        texts.map(|text| String::from_utf8_lossy(&text).into_owned()).collect()
    }

    /// The address of the first process of a service.
    #[must_use]
    pub fn url(&self, service: Service) -> String {
        self.urls(service).swap_remove(0)
    }

    /// The addresses of all processes of a service.
    #[must_use]
    pub fn urls(&self, service: Service) -> Vec<String> {
        self.running
            .iter()
            .filter(|one| one.service == service)
            .map(ServiceProcess::url)
            .collect()
    }

    /// The public API, without a credential.
    #[must_use]
    pub fn api(&self) -> Api {
        Api::new(self.http.clone(), self.url(Service::Gateway))
    }

    /// Connections to the platform's database, to check what is stored.
    #[must_use]
    pub fn pool(&self) -> &Pool {
        self.postgres.pool()
    }
}

impl fmt::Debug for TestStack {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(&self.running).finish()
    }
}

fn simulator_config() -> Config {
    Config {
        // Stacks send far more requests than a provider allows.
        limits: PerVenue {
            binance: 10_000_000,
            coingecko: 10_000_000,
            coinmarketcap: 10_000_000,
        },
        ..Config::default()
    }
}

fn common_variables(options: &TestStackOptions, simulator: &Simulator) -> BTreeMap<String, String> {
    let unlimited = "1000000/1";
    let database = options.postgres.url();
    let (redis, rabbit) = (options.redis.url(), options.rabbit.url());
    let (binance, coingecko, coinmarketcap) = (
        simulator.base_url(Venue::Binance),
        simulator.base_url(Venue::CoinGecko),
        simulator.base_url(Venue::CoinMarketCap),
    );
    [
        ("APP_ENV", "test"),
        ("LOG_LEVEL", "info"),
        ("BIND_ADDRESS", "127.0.0.1"),
        ("INTERNAL_TOKEN", INTERNAL_TOKEN),
        ("SHUTDOWN_DEADLINE_SECONDS", "5"),
        ("DATABASE_URL", database),
        ("DATABASE_POOL_SIZE", "6"),
        // Patience where no test is about time: the machine may be busy with other tests.
        ("DATABASE_CONNECT_TIMEOUT_MS", "20000"),
        ("DATABASE_WAIT_TIMEOUT_MS", "20000"),
        ("DATABASE_STATEMENT_TIMEOUT_MS", "30000"),
        ("REDIS_RESPONSE_TIMEOUT_MS", "5000"),
        ("INTERNAL_TIMEOUT_MS", "50000"),
        ("BATCH_ADMISSION_TIMEOUT_MS", "20000"),
        ("BACKFILL_CONCURRENCY", "1"),
        ("REDIS_URL", redis),
        ("RABBITMQ_URL", rabbit),
        ("SUPPORTED_TICKERS", "BTC,ETH"),
        ("POLL_INTERVAL_SECONDS", "0.5"),
        ("PROVIDER_TIMEOUT_MS", "15000"),
        ("BINANCE_BASE_URL", &binance),
        ("BINANCE_MAX_AGE_SECONDS", "20"),
        ("COINGECKO_BASE_URL", &coingecko),
        ("COINGECKO_MAX_AGE_SECONDS", "20"),
        ("CMC_BASE_URL", &coinmarketcap),
        ("CMC_MAX_AGE_SECONDS", "20"),
        ("CMC_API_KEY", "testkit"),
        // The simulator's credits are without end.
        ("CMC_CREDITS_PER_MONTH", "0"),
        ("API_KEY_PEPPER", "testkit-pepper-0123456789abcdefghij"),
        ("WEBHOOK_ALLOWED_CIDRS", "127.0.0.0/8"),
        ("WEBHOOK_ALLOWED_PORTS", "1024-65535"),
        ("WEBHOOK_BACKOFF_BASE_MS", "200"),
        ("QUEUE_LOST_AFTER_SECONDS", "5"),
        ("INDEX_RECONCILE_SECONDS", "2"),
        ("RATE_LIMIT_REGISTER", unlimited),
        ("RATE_LIMIT_REGISTER_TOTAL", unlimited),
        ("RATE_LIMIT_LOGIN", unlimited),
        ("RATE_LIMIT_ME", unlimited),
        ("RATE_LIMIT_RATES", unlimited),
        ("RATE_LIMIT_ALERTS", unlimited),
        ("RATE_LIMIT_PRICE", unlimited),
        ("RATE_LIMIT_MARKET", unlimited),
        ("RATE_LIMIT_ANALYTICS", unlimited),
        ("RATE_LIMIT_WRITE", unlimited),
        ("RATE_LIMIT_STREAM_CONNECT", unlimited),
        ("RATE_LIMIT_ADMIN", unlimited),
        ("AUTH_FAILURE_LIMIT", unlimited),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()))
    .into()
}
