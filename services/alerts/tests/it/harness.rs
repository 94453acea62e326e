//! A private database, Redis, vhost and endpoint, and as many instances of the service as a test wants.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use alerts::delivery::DeliveryContext;
use alerts::delivery::dns::NameResolver;
use alerts::delivery::recorder::Recorder;
use alerts::delivery::signature::SigningSecret;
use alerts::delivery::webhook_client::{WebhookClient, WebhookClientSettings};
use alerts::delivery::worker::Worker;
use alerts::evaluator::Evaluator;
use alerts::index::AlertIndex;
use alerts::relay::Relay;
use alerts::settings::{DEFAULTS, Settings};
use alerts::store::alerts::{Creation, NewAlert};
use alerts::{app, store};
use contracts::api::alerts::PlanLimits;
use contracts::keys;
use contracts::messages::QuoteMessage;
use domain::rule::{Condition, QualityGate};
use jiff::{SignedDuration, Timestamp};
use platform::amqp::Consumer;
use platform::clock::{Clock, SharedClock, SystemClock};
use platform::settings::{Variables, load_from};
use platform::stream::append;
use platform::tls::{Authorities, Verification};
use serde_json::{Value, json};
use testkit::{TestDatabase, TestRabbit, TestRedis, WebhookSink};
use tokio::sync::Notify;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

/// Long enough for the slowest machine; nothing waits for it that works.
pub const DEADLINE: Duration = Duration::from_secs(30);

const TOKEN: &str = "0123456789abcdef0123456789abcdef";

/// What one test has for itself.
pub struct TestStack {
    pub database: TestDatabase,
    pub redis: TestRedis,
    pub rabbit: TestRabbit,
    pub sink: WebhookSink,
    pub http: reqwest::Client,
}

impl TestStack {
    pub async fn new() -> Self {
        platform::tls::install_provider();
        Self {
            database: testkit::database().await,
            redis: testkit::redis().await,
            rabbit: testkit::rabbit().await,
            sink: WebhookSink::start().await,
            http: reqwest::Client::builder().no_proxy().timeout(DEADLINE).build().unwrap(),
        }
    }

    /// Settings that lead here, with loopback allowed and quick retries, and what the test changes.
    pub fn settings(&self, changes: &[(&str, &str)]) -> Settings {
        let mut variables: Variables = [
            ("APP_ENV", "test"),
            ("PORT", "0"),
            ("HTTP_WORKERS", "1"),
            ("INTERNAL_TOKEN", TOKEN),
            ("DATABASE_URL", &self.database.url),
            ("REDIS_URL", &self.redis.url),
            ("RABBITMQ_URL", &self.rabbit.url),
            ("WEBHOOK_ALLOWED_CIDRS", "127.0.0.0/8,::1/128"),
            ("WEBHOOK_ALLOWED_PORTS", "*"),
            ("WEBHOOK_BACKOFF_BASE_MS", "50"),
            ("WEBHOOK_BACKOFF_MAX_MS", "200"),
            ("SHUTDOWN_DEADLINE_SECONDS", "5"),
            // Nothing is measured here, and many tests share few cores.
            ("DATABASE_CONNECT_TIMEOUT_MS", "30000"),
            ("DATABASE_WAIT_TIMEOUT_MS", "30000"),
            ("REDIS_RESPONSE_TIMEOUT_MS", "10000"),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .into();
        variables.extend(
            changes
                .iter()
                .map(|(name, value)| ((*name).to_owned(), (*value).to_owned())),
        );
        load_from(&DEFAULTS, &variables).unwrap()
    }

    pub async fn start(&self) -> TestApp {
        self.start_with(&[], SystemClock::shared()).await
    }

    pub async fn start_with(&self, changes: &[(&str, &str)], clock: SharedClock) -> TestApp {
        let stop = CancellationToken::new();
        let settings = self.settings(changes);
        let app = app::start(settings, clock, stop.clone()).await.unwrap();
        let address = app.address();
        let task = tokio::spawn(app.run());
        TestApp {
            address,
            stop,
            task,
            http: self.http.clone(),
        }
    }

    /// Publishes a price that is true now.
    pub async fn publish(&self, ticker: &str, price: &str) -> QuoteMessage {
        let quote = quote(ticker, price, SystemClock.now());
        self.publish_quote(&quote).await;
        quote
    }

    pub async fn publish_quote(&self, quote: &QuoteMessage) {
        let text = serde_json::to_string(quote).unwrap();
        let command = append(keys::QUOTES_STREAM, keys::QUOTES_STREAM_MAX_LEN, &text);
        let () = command.query_async(&mut self.redis.connection.clone()).await.unwrap();
    }

    /// The part of the service that evaluates, alone: nothing is published or delivered.
    pub fn evaluator(&self) -> Evaluator {
        Evaluator {
            pool: self.database.pool.clone(),
            index: AlertIndex::new(self.redis.connection.clone()),
            redis: self.redis.connection.clone(),
            clock: SystemClock::shared(),
            gate: QualityGate::DEFAULT,
            relay: Arc::new(Notify::new()),
        }
    }

    /// The part of the service that queues, alone.
    pub fn relay(&self, clock: SharedClock, lost_after: Duration) -> Relay {
        Relay {
            pool: self.database.pool.clone(),
            queue: alerts::relay::Queue {
                broker: self.rabbit.broker(),
                publisher: self.rabbit.broker().publisher(),
                opened: tokio::sync::watch::Sender::new(None).subscribe(),
                prefetch: Worker::prefetch(4),
            },
            clock,
            wake: Arc::new(Notify::new()),
            lost_after,
            policy: self.settings(&[]).retry_policy(),
        }
    }

    /// Alerts without a service: rows of one user for one address, with targets 1, 2, 3 and so on.
    pub async fn insert_alerts(&self, count: u32, url: &str) -> Vec<Uuid> {
        let user_id = Uuid::now_v7();
        let mut ids = Vec::new();
        for target in 1..=count {
            let new = NewAlert {
                id: Uuid::now_v7(),
                user_id,
                ticker: "BTC".parse().unwrap(),
                condition: Condition::Gt,
                target_price: target.into(),
                webhook_url: url.to_owned(),
                endpoint_url: url.to_owned(),
                endpoint_id: Uuid::now_v7(),
                endpoint_secret: SigningSecret::generate().unwrap().expose().into(),
                limits: PlanLimits::default(),
                request_id: "test".to_owned(),
            };
            let created = store::alerts::create(&self.database.pool, &new, SystemClock.now())
                .await
                .unwrap();
            let Creation::Made(alert) = created else {
                panic!("{created:?}");
            };
            ids.push(alert.id);
        }
        ids
    }

    pub async fn count(&self, query: &str) -> i64 {
        let client = self.database.pool.get().await.unwrap();
        client.query_one(query, &[]).await.unwrap().get(0)
    }

    /// The value of the only column of the only row.
    pub async fn value<T: for<'a> tokio_postgres::types::FromSql<'a>>(&self, query: &str) -> T {
        let client = self.database.pool.get().await.unwrap();
        client.query_one(query, &[]).await.unwrap().get(0)
    }

    /// The part of the service that delivers, alone.
    pub fn worker(&self, clock: SharedClock) -> (Worker, Consumer, Recorder) {
        let settings = self.settings(&[]);
        let client = WebhookClientSettings {
            timeout: settings.webhook_timeout(),
            first_timeout: settings.webhook_timeout(),
            connect_timeout: Duration::from_secs(10),
            verification: Verification::Full(Authorities::public()),
            idle_per_host: 1,
        };
        let context = DeliveryContext {
            client: WebhookClient::new(
                settings.egress_policy().unwrap(),
                &NameResolver::new().unwrap(),
                &client,
            )
            .unwrap(),
            keys: Arc::new(settings.sealing.ring().unwrap()),
            policy: settings.retry_policy(),
            clock: clock.clone(),
            unit_random: rand::random,
        };
        let worker = Worker {
            pool: self.database.pool.clone(),
            context: Arc::new(context),
            clock: clock.clone(),
            concurrency: 4,
            claim_lease: settings.claim_lease(),
            drain_for: Duration::ZERO,
        };
        let recorder = Recorder {
            pool: self.database.pool.clone(),
            clock,
            disable_after: settings.webhook_disable_after_failures,
            relay: Arc::new(Notify::new()),
        };
        let queue = self
            .rabbit
            .broker()
            .consume(contracts::queues::WEBHOOKS, Worker::prefetch(4));
        (worker, queue, recorder)
    }

    /// Nothing waits that nothing would publish, and nobody waited for another in a circle.
    pub async fn assert_queues_are_sound(&self) {
        let client = self.database.pool.get().await.unwrap();
        assert_eq!(store::queues::find_stalled(&client).await.unwrap(), Vec::<Uuid>::new());
        let deadlocks = "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()";
        assert_eq!(self.count(deadlocks).await, 0);
    }

    /// Waits until a count has a value.
    pub async fn wait_for_count(&self, query: &str, expected: i64) {
        let waiting = async {
            while self.count(query).await != expected {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        if tokio::time::timeout(DEADLINE, waiting).await.is_err() {
            panic!("{query} is {} and not {expected}", self.count(query).await);
        }
    }
}

pub fn quote(ticker: &str, price: &str, at: Timestamp) -> QuoteMessage {
    QuoteMessage {
        confidence: Some("3.1".parse().unwrap()),
        as_of: at - SignedDuration::from_millis(500),
        ..testkit::quote(ticker, price, at)
    }
}

pub struct TestApp {
    pub address: SocketAddr,
    stop: CancellationToken,
    task: JoinHandle<anyhow::Result<()>>,
    http: reqwest::Client,
}

impl TestApp {
    pub async fn stop(self) {
        self.stop.cancel();
        self.task.await.unwrap().unwrap();
    }

    pub fn request(&self, method: reqwest::Method, path: &str, user: Uuid) -> reqwest::RequestBuilder {
        self.http
            .request(method, format!("http://{}/internal{path}", self.address))
            .header("x-internal-token", TOKEN)
            .header("x-user-id", user.to_string())
    }

    pub async fn get(&self, path: &str, user: Uuid) -> (u16, Value) {
        answer(self.request(reqwest::Method::GET, path, user)).await
    }

    pub async fn post(&self, path: &str, user: Uuid, body: &Value) -> (u16, Value) {
        answer(self.request(reqwest::Method::POST, path, user).json(body)).await
    }

    pub async fn delete(&self, path: &str, user: Uuid) -> (u16, Value) {
        answer(self.request(reqwest::Method::DELETE, path, user)).await
    }

    /// Creates an alert that must succeed.
    pub async fn create(&self, user: Uuid, ticker: &str, condition: &str, target: &str, url: &str) -> Value {
        let (status, body) = self.post("/alerts", user, &alert(ticker, condition, target, url)).await;
        assert_eq!(status, 201, "{body}");
        body
    }
}

pub fn alert(ticker: &str, condition: &str, target: &str, url: &str) -> Value {
    let target: Value = serde_json::from_str(target).unwrap();
    json!({"id": Uuid::now_v7(), "ticker": ticker, "condition": condition, "target_price": target, "webhook_url": url})
}

async fn answer(request: reqwest::RequestBuilder) -> (u16, Value) {
    let response = request.send().await.unwrap();
    let status = response.status().as_u16();
    let text = response.text().await.unwrap();
    (
        status,
        if text.is_empty() {
            Value::Null
        } else {
            serde_json::from_str(&text).unwrap()
        },
    )
}

/// Alerts that have fired, without a service: their messages are committed and not queued.
pub async fn fire(stack: &TestStack, count: u32) {
    stack.insert_alerts(count, &stack.sink.url("/hook")).await;
    let payload = serde_json::to_string(&quote("BTC", "1000000", SystemClock.now())).unwrap();
    assert_eq!(stack.evaluator().evaluate(&[&payload]).await.unwrap(), count as usize);
}
