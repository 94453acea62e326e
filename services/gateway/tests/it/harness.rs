//! One gateway on a free port with everything it needs.

use std::collections::BTreeMap;

use contracts::keys;
use contracts::messages::QuoteMessage;
use domain::ticker::ProviderId;
use gateway::auth::api_key::{self, KeyHasher};
use gateway::auth::email::Email;
use gateway::auth::{Role, Tier};
use gateway::settings::{DEFAULTS, Settings};
use gateway::store::users::{self, NewUser};
use jiff::Timestamp;
use platform::clock::{Clock, FakeClock};
use platform::settings::{Variables, load_from};
use redis::AsyncCommands;
use reqwest::{Method, RequestBuilder, Response, StatusCode};
use secrecy::ExposeSecret;
use serde_json::{Value, json};
use testkit::{TestDatabase, TestRabbit, TestRedis};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;
use wiremock::MockServer;

pub const INTERNAL_TOKEN: &str = "0123456789abcdef0123456789abcdef";
pub const START: &str = "2026-03-01T12:00:00Z";

/// The key of the user that every test app has.
pub const KEY: &str = "sk_live_aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";

/// A gateway and its surroundings.
pub struct TestApp {
    pub database: TestDatabase,
    pub redis: TestRedis,
    pub rabbit: TestRabbit,
    pub alerts: MockServer,
    pub analytics: MockServer,
    pub fetch: MockServer,
    pub clock: FakeClock,
    pub http: reqwest::Client,
    pub base: String,
    stop: CancellationToken,
    running: Option<tokio::task::JoinHandle<anyhow::Result<()>>>,
}

impl TestApp {
    /// A gateway with limits that no test reaches by accident.
    pub async fn start() -> Self {
        Self::start_with(&[]).await
    }

    /// The same with other settings.
    pub async fn start_with(variables: &[(&str, &str)]) -> Self {
        let (database, redis, rabbit) = tokio::join!(testkit::database(), testkit::redis(), testkit::rabbit());
        let (alerts, analytics, fetch) = tokio::join!(MockServer::start(), MockServer::start(), MockServer::start());
        let mut app = Self {
            database,
            redis,
            rabbit,
            alerts,
            analytics,
            fetch,
            clock: FakeClock::new(START.parse().unwrap()),
            http: client(),
            base: String::new(),
            stop: CancellationToken::new(),
            running: None,
        };
        let (base, stop, running) = app.start_gateway(variables).await;
        (app.base, app.stop, app.running) = (base, stop, Some(running));
        app
    }

    /// One more gateway over the same stores; gives its address.
    pub async fn start_gateway(
        &self,
        variables: &[(&str, &str)],
    ) -> (String, CancellationToken, tokio::task::JoinHandle<anyhow::Result<()>>) {
        let stop = CancellationToken::new();
        let app = gateway::app::start(self.settings(variables), self.clock.shared(), stop.clone())
            .await
            .unwrap();
        let base = format!("http://{}", app.address);
        (base, stop, tokio::spawn(app.run()))
    }

    pub fn settings(&self, variables: &[(&str, &str)]) -> Settings {
        let mut all: Variables = BTreeMap::new();
        let services = [
            ("ALERTS_URL", self.alerts.uri()),
            ("ANALYTICS_URL", self.analytics.uri()),
            ("FETCH_URL", self.fetch.uri()),
        ];
        let stores = [
            ("DATABASE_URL", self.database.url.clone()),
            ("REDIS_URL", self.redis.url.clone()),
            ("RABBITMQ_URL", self.rabbit.url.clone()),
        ];
        for (name, value) in services.into_iter().chain(stores) {
            all.insert(name.to_owned(), value);
        }
        for policy in [
            "REGISTER",
            "REGISTER_TOTAL",
            "LOGIN",
            "ME",
            "RATES",
            "ALERTS",
            "PRICE",
            "MARKET",
            "ANALYTICS",
            "WRITE",
            "STREAM_CONNECT",
            "ADMIN",
        ] {
            all.insert(format!("RATE_LIMIT_{policy}"), "100000/60".to_owned());
        }
        for (name, value) in [
            ("APP_ENV", "test"),
            ("PORT", "0"),
            ("INTERNAL_PORT", "0"),
            ("INTERNAL_TOKEN", INTERNAL_TOKEN),
            ("AUTH_FAILURE_LIMIT", "100000/60"),
            ("DEMO_API_KEY", KEY),
            ("SHUTDOWN_DEADLINE_SECONDS", "2"),
            ("INTERNAL_TIMEOUT_MS", "2000"),
            // Many tests open connections at the same time.
            ("DATABASE_CONNECT_TIMEOUT_MS", "30000"),
            ("DATABASE_WAIT_TIMEOUT_MS", "30000"),
        ] {
            all.insert(name.to_owned(), value.to_owned());
        }
        for (name, value) in variables {
            all.insert((*name).to_owned(), (*value).to_owned());
        }
        load_from(&DEFAULTS, &all).unwrap()
    }

    /// A request without a credential.
    pub fn anonymous(&self, method: Method, path: &str) -> RequestBuilder {
        self.http.request(method, format!("{}{path}", self.base))
    }

    /// A request of the ready user.
    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.anonymous(method, path).header("X-API-Key", KEY)
    }

    pub async fn get(&self, path: &str) -> Answer {
        send(self.request(Method::GET, path)).await
    }

    pub async fn post(&self, path: &str, body: &Value) -> Answer {
        send(self.request(Method::POST, path).json(body)).await
    }

    /// Registers a user; gives the id and the key.
    pub async fn register(&self, email: &str) -> (Uuid, String) {
        let request = self
            .anonymous(Method::POST, "/api/v1/users/register")
            .json(&json!({"email": email}));
        let answer = send(request).await;
        assert_eq!(answer.status, 201, "{}", answer.text);
        let body = answer.json();
        (
            body["id"].as_str().unwrap().parse().unwrap(),
            body["api_key"].as_str().unwrap().to_owned(),
        )
    }

    /// An administrator; gives the id and the key.
    pub async fn admin(&self, email: &str) -> (Uuid, String) {
        let email = Email::parse(email).unwrap();
        let user = NewUser {
            id: Uuid::now_v7(),
            email: &email,
            role: Role::Admin,
            tier: Tier::Basic,
            password_hash: None,
        };
        let key = api_key::generate().unwrap();
        let hasher = KeyHasher::new(&"".into()).unwrap();
        let mut client = self.database.pool.get().await.unwrap();
        let transaction = client.transaction().await.unwrap();
        let id = users::ensure_with_key(&transaction, &hasher, &user, &key, self.clock.now())
            .await
            .unwrap();
        transaction.commit().await.unwrap();
        (id, key.expose_secret().to_owned())
    }

    /// A request with a key.
    pub fn with_key(&self, key: &str, method: Method, path: &str) -> RequestBuilder {
        self.anonymous(method, path).header("X-API-Key", key)
    }

    /// Publishes a quote, `age_ms` old.
    pub async fn publish(&self, ticker: &str, price: &str, age_ms: i64) -> QuoteMessage {
        let quote = self.quote(ticker, price, age_ms);
        let mut redis = self.redis.connection.clone();
        let text = serde_json::to_string(&quote).unwrap();
        let (): () = redis.set(keys::quote(&quote.ticker), text).await.unwrap();
        quote
    }

    pub fn quote(&self, ticker: &str, price: &str, age_ms: i64) -> QuoteMessage {
        let as_of = Timestamp::from_millisecond(self.clock.now().as_millisecond() - age_ms).unwrap();
        QuoteMessage {
            confidence: Some("0.5".parse().unwrap()),
            bid: Some("1.1".parse().unwrap()),
            volume_24h: Some("123456.789".parse().unwrap()),
            change_24h: Some("-1.25".parse().unwrap()),
            sources: vec![ProviderId::Binance, ProviderId::CoinGecko],
            ..testkit::quote(ticker, price, as_of)
        }
    }
}

impl Drop for TestApp {
    fn drop(&mut self) {
        self.stop.cancel();
        if let Some(running) = self.running.take() {
            running.abort();
        }
    }
}

pub fn client() -> reqwest::Client {
    // No pooling of what a stopping server may close; no decoding, so that encodings are seen.
    reqwest::Client::builder()
        .no_gzip()
        .no_brotli()
        .timeout(std::time::Duration::from_secs(20))
        .build()
        .unwrap()
}

/// An answer, read whole.
#[derive(Debug)]
pub struct Answer {
    pub status: StatusCode,
    pub headers: reqwest::header::HeaderMap,
    pub text: String,
    pub bytes: Vec<u8>,
}

impl Answer {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|error| panic!("{error}: {}", self.text))
    }

    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    /// Checks that this is an error body of one kind, complete and consistent; gives it.
    pub fn problem(&self, status: u16, kind: &str) -> Value {
        assert_eq!(self.status, status, "{}", self.text);
        let body = self.json();
        assert_eq!(body["type"], kind, "{body}");
        assert_eq!(body["code"], status, "{body}");
        assert_eq!(body["request_id"], self.header("x-request-id"), "{body}");
        assert_eq!(body["docs_url"], format!("/docs/errors#{kind}"), "{body}");
        assert!(
            ["HTTPException", "ValidationError"].contains(&body["error"].as_str().unwrap()),
            "{body}"
        );
        assert!(!body["detail"].as_str().unwrap().is_empty(), "{body}");
        assert!(!body["remediation"].as_str().unwrap().is_empty(), "{body}");
        assert!(body["errors"].is_array(), "{body}");
        assert!(body["timestamp"].as_str().unwrap().ends_with('Z'), "{body}");
        assert_eq!(self.header("content-type"), "application/json");
        assert_eq!(self.header("cache-control"), "no-store");
        let retry_after = self
            .headers
            .get("retry-after")
            .map(|value| value.to_str().unwrap().parse::<u64>().unwrap());
        assert_eq!(body["retry_after"].as_u64(), retry_after, "{body}");
        body
    }

    /// Places and rules of the violations in an error body.
    pub fn violations(&self) -> Vec<String> {
        let body = self.json();
        let errors = body["errors"].as_array().unwrap().clone();
        errors
            .iter()
            .map(|error| {
                let loc: Vec<&str> = error["loc"]
                    .as_array()
                    .unwrap()
                    .iter()
                    .map(|step| step.as_str().unwrap())
                    .collect();
                assert!(!error["msg"].as_str().unwrap().is_empty());
                assert!(error["params"].is_object());
                format!("{} {}", loc.join("."), error["type"].as_str().unwrap())
            })
            .collect()
    }
}

pub async fn send(request: RequestBuilder) -> Answer {
    read(request.send().await.unwrap()).await
}

async fn read(response: Response) -> Answer {
    let (status, headers) = (response.status(), response.headers().clone());
    let bytes = response.bytes().await.unwrap().to_vec();
    Answer {
        status,
        headers,
        text: String::from_utf8_lossy(&bytes).into_owned(),
        bytes,
    }
}
