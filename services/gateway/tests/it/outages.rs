//! The table "when something is down" of `docs/operations.md`, row by row: what users see of each route family.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use contracts::queues;
use domain::quote::Quality;
use reqwest::Method;
use serde_json::{Value, json};
use testkit::{OwnPostgres, OwnRabbit, OwnRedis, eventually};
use wiremock::matchers::path_regex;
use wiremock::{Mock, MockServer, ResponseTemplate};

use crate::harness::{KEY, TestApp, send};

const UNAVAILABLE: &str = "503 dependency_unavailable";

/// What each family answers while everything is well.
const WELL: [(&str, &str, &str); 13] = [
    ("rates", "/api/v1/rates/", "200"),
    ("quotes", "/api/v1/quotes?tickers=BTC", "200 ok"),
    ("candles", "/api/v1/candles/BTC", "200 ok"),
    ("price", "/api/v1/price/bitcoin", "200"),
    ("analytics", "/api/v1/analytics/BTC/stats", "200 ok"),
    ("risk", "/api/v1/risk/monitors?symbols=BTC", "200 ok"),
    ("alerts", "/api/v1/alerts/", "200"),
    ("webhooks", "/api/v1/webhooks/endpoints", "200"),
    ("me", "/api/v1/users/me", "200"),
    ("register", "/api/v1/users/register", "201"),
    ("status", "/api/v1/status", "200 ok"),
    ("health", "/health", "200 ok"),
    ("live", "/health/live", "200 ok"),
];

/// The rows of the document, by their first column.
const ROWS: [&str; 12] = [
    "a provider",
    "all providers",
    "PostgreSQL takes no writes (a standby, read-only, disk full)",
    "PostgreSQL",
    "Redis",
    "Redis takes no writes (a replica, `maxmemory` reached)",
    "RabbitMQ under an alarm (memory, disk)",
    "the queue `webhooks_queue` exists with other arguments",
    "RabbitMQ",
    "`fetch`",
    "`core-analytics`",
    "`alerts`",
];

/// Families with what users see of them.
type Exceptions<'a> = &'a [(&'static str, &'a str)];

type Seen = BTreeMap<&'static str, String>;

/// What users of the gateway at `base` see.
async fn seen(app: &TestApp, base: &str) -> Seen {
    let mut seen = Seen::new();
    for (family, path, _) in WELL {
        let request = if family == "register" {
            let email = format!("user-{}@example.com", uuid::Uuid::new_v4());
            app.http.post(format!("{base}{path}")).json(&json!({ "email": email }))
        } else {
            app.http.get(format!("{base}{path}")).header("X-API-Key", KEY)
        };
        let answer = send(request).await;
        let body: Value = serde_json::from_str(&answer.text).unwrap_or_default();
        // The problem's type, the state of the envelope, or the state of health.
        let word = body["type"]
            .as_str()
            .or(body["status"]["state"].as_str())
            .or(body["status"].as_str());
        let text = match word {
            Some(word) => format!("{} {word}", answer.status.as_u16()),
            None => answer.status.as_u16().to_string(),
        };
        seen.insert(family, text);
    }
    seen
}

fn well_except(exceptions: Exceptions<'_>) -> Seen {
    let mut expected: Seen = WELL
        .iter()
        .map(|(family, _, well)| (*family, (*well).to_owned()))
        .collect();
    for (family, text) in exceptions {
        assert!(expected.insert(family, (*text).to_owned()).is_some(), "{family}");
    }
    expected
}

/// Waits until users see this. What is kept for moments (quotes, health) may be of before.
async fn expect(app: &TestApp, base: &str, row: &str, exceptions: Exceptions<'_>) {
    assert!(ROWS.contains(&row), "{row}");
    let expected = well_except(exceptions);
    let deadline = Instant::now() + Duration::from_secs(30);
    loop {
        let now = seen(app, base).await;
        if now == expected {
            return;
        }
        let differing: Vec<_> = now
            .iter()
            .filter(|(family, text)| expected[*family] != **text)
            .collect();
        assert!(Instant::now() < deadline, "{row}: {differing:?}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

async fn answer_with(server: &MockServer, regex: &str, body: Value) {
    let answer = ResponseTemplate::new(200).set_body_json(body);
    Mock::given(path_regex(regex)).respond_with(answer).mount(server).await;
}

/// The other services, all well.
async fn app() -> TestApp {
    let app = TestApp::start().await;
    let sourced = |data: Value| {
        json!({"data": data, "state": "ok", "as_of": "2026-03-01T12:00:00.000Z",
        "sources": ["candles"], "estimated": false})
    };
    let about = json!({"service": "s", "version": "1.2.3", "uptime_seconds": 5});
    for server in [&app.alerts, &app.analytics, &app.fetch] {
        answer_with(server, "^/internal/about$", about.clone()).await;
    }
    let venue = json!({"provider": "binance", "state": "ok", "age_ms": 900, "breaker": "closed", "last_error": null,
        "last_error_at": null, "weight": 0.9, "simulated": true});
    answer_with(&app.fetch, "^/internal/sources$", json!([venue])).await;
    let price = json!({"coinId": "bitcoin", "vsCurrency": "usd", "price": 1, "fetchedAt": "2026-03-01T12:00:00.000Z"});
    let batched = json!({"price": price, "batch_id": uuid::Uuid::nil(), "batch_size": 1, "trigger": "window",
        "wait_ms": 5000, "is_persisted": true, "provider": "coingecko"});
    answer_with(&app.fetch, "^/internal/price/", batched).await;
    answer_with(&app.analytics, "/stats$", sourced(crate::market::stats())).await;
    let page = json!({"items": [], "next_cursor": null});
    answer_with(&app.analytics, "^/internal/candles/", sourced(page.clone())).await;
    let monitor = json!({"symbol": "BTC", "level": "OK", "since": "2026-03-01T11:00:00.000Z",
        "as_of": "2026-03-01T12:00:00.000Z", "checks": []});
    answer_with(&app.alerts, "^/internal/risk/monitors$", json!([monitor])).await;
    answer_with(&app.alerts, "^/internal/(alerts|webhooks)", page).await;
    app.publish("BTC", "70000", 0).await;
    app
}

/// A service that has lost a store of its own.
async fn lose_store(server: &MockServer) {
    server.reset().await;
    let problem = json!({"kind": "dependency_unavailable", "status": 503, "detail": "postgres", "errors": [],
        "retry_after": 2});
    let answer = ResponseTemplate::new(503).set_body_json(problem);
    Mock::given(path_regex("^/internal/(risk|alerts|webhooks|candles|analytics)"))
        .respond_with(answer)
        .mount(server)
        .await;
    let about = json!({"service": "s", "version": "1.2.3", "uptime_seconds": 5});
    answer_with(server, "^/internal/about$", about).await;
}

/// An address at which nothing listens.
fn nowhere(scheme: &str) -> String {
    format!("{scheme}://127.0.0.1:{}", testkit::ports::free())
}

#[test]
fn every_row_of_the_document_is_shown_here() {
    let document = include_str!("../../../../docs/operations.md");
    let table = document.split_once("## When something is down").unwrap().1;
    let rows: Vec<&str> = table
        .lines()
        .skip_while(|line| !line.starts_with('|'))
        .take_while(|line| line.starts_with('|'))
        .skip(2)
        .map(|line| line.split('|').nth(1).unwrap().trim())
        .collect();
    // That nothing answers while the gateway is away needs no proof.
    let shown: Vec<&str> = ROWS.into_iter().chain(["`gateway`"]).collect();
    assert_eq!(rows, shown);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn venues_away() {
    let app = app().await;
    assert_eq!(seen(&app, &app.base).await, well_except(&[]));
    let mut quote = app.quote("BTC", "70000", 0);
    (quote.quality, quote.n_sources) = (Quality::Degraded, 2);
    let mut redis = app.redis.connection.clone();
    let text = serde_json::to_string(&quote).unwrap();
    let (): () = redis::AsyncCommands::set(&mut redis, contracts::keys::quote(&quote.ticker), text)
        .await
        .unwrap();
    expect(&app, &app.base, "a provider", &[("quotes", "200 degraded")]).await;
    app.clock.advance(Duration::from_secs(60));
    let seen = [
        ("rates", "503 rates_warming_up"),
        ("quotes", "200 stale"),
        ("health", "200 degraded"),
    ];
    expect(&app, &app.base, "all providers", &seen).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn postgres_away() {
    let app = app().await;
    app.database.set_read_only(true).await;
    let row = "PostgreSQL takes no writes (a standby, read-only, disk full)";
    let seen = [("register", UNAVAILABLE), ("health", "503 unavailable")];
    expect(&app, &app.base, row, &seen).await;

    let mut own = OwnPostgres::start().await;
    let (base, stop, _running) = app.start_gateway(&[("DATABASE_URL", &own.url)]).await;
    expect(&app, &base, "PostgreSQL", &[]).await;
    own.stop().await;
    for server in [&app.alerts, &app.analytics] {
        lose_store(server).await;
    }
    let seen = [
        ("candles", UNAVAILABLE),
        ("analytics", UNAVAILABLE),
        ("risk", UNAVAILABLE),
        ("alerts", UNAVAILABLE),
        ("webhooks", UNAVAILABLE),
        ("register", UNAVAILABLE),
        ("health", "503 unavailable"),
    ];
    expect(&app, &base, "PostgreSQL", &seen).await;
    stop.cancel();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn redis_away() {
    let app = app().await;
    let mut own = OwnRedis::start().await;
    let (base, stop, _running) = app.start_gateway(&[("REDIS_URL", &own.url)]).await;
    let client = redis::Client::open(own.url.as_str()).unwrap();
    let mut connection = client.get_multiplexed_async_connection().await.unwrap();
    let quote = app.quote("BTC", "70000", 0);
    let text = serde_json::to_string(&quote).unwrap();
    let (): () = redis::AsyncCommands::set(&mut connection, contracts::keys::quote(&quote.ticker), text)
        .await
        .unwrap();
    expect(&app, &base, "Redis", &[]).await;

    let full = redis::cmd("CONFIG").arg("SET").arg("maxmemory").arg("1").to_owned();
    let (): () = full.query_async(&mut connection).await.unwrap();
    let row = "Redis takes no writes (a replica, `maxmemory` reached)";
    let uncounted = ("price", "503 limiter_unavailable");
    expect(&app, &base, row, &[uncounted, ("health", "503 unavailable")]).await;
    let rates = app.http.get(format!("{base}/api/v1/rates/")).header("X-API-Key", KEY);
    assert_eq!(send(rates).await.header("x-ratelimit-mode"), "local");

    own.stop();
    let seen = [
        ("rates", UNAVAILABLE),
        ("quotes", UNAVAILABLE),
        uncounted,
        ("health", "503 unavailable"),
    ];
    expect(&app, &base, "Redis", &seen).await;
    stop.cancel();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn short_redis_outage_is_bridged() {
    let app = TestApp::start().await;
    let mut own = OwnRedis::start().await;
    let (base, stop, _running) = app.start_gateway(&[("REDIS_URL", &own.url)]).await;
    let client = redis::Client::open(own.url.as_str()).unwrap();
    let mut connection = client.get_multiplexed_async_connection().await.unwrap();
    let text = serde_json::to_string(&app.quote("BTC", "70000", 0)).unwrap();
    let key = contracts::keys::quote(&"BTC".parse().unwrap());
    let (): () = redis::AsyncCommands::set(&mut connection, key, text).await.unwrap();
    let rates = || async { send(app.http.get(format!("{base}/api/v1/rates/")).header("X-API-Key", KEY)).await };
    eventually("the price is seen", || async { rates().await.status == 200 }).await;
    let before = Instant::now();
    assert_eq!(rates().await.status, 200);
    own.stop();
    eventually("prices end", || async { rates().await.status == 503 }).await;
    // What was answered before the stop had been read a quarter of a second earlier at most.
    assert!(
        before.elapsed() >= Duration::from_millis(1_700),
        "{:?}",
        before.elapsed()
    );
    rates().await.problem(503, "dependency_unavailable");
    stop.cancel();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rabbit_away() {
    let app = app().await;
    let unavailable = [("health", "503 unavailable")];
    let mut own = OwnRabbit::start().await;
    let (base, stop, _running) = app.start_gateway(&[("RABBITMQ_URL", &own.url)]).await;
    expect(&app, &base, "RabbitMQ", &[]).await;
    own.set_disk_alarm(true);
    expect(&app, &base, "RabbitMQ under an alarm (memory, disk)", &unavailable).await;
    own.set_disk_alarm(false);
    expect(&app, &base, "RabbitMQ", &[]).await;
    own.stop().await;
    expect(&app, &base, "RabbitMQ", &unavailable).await;
    stop.cancel();

    let api: url::Url = testkit::environment::address("TEST_RABBITMQ_API").parse().unwrap();
    let vhost = app.rabbit.url.rsplit_once('/').unwrap().1;
    let queue = api.join(&format!("/api/queues/{vhost}/{}", queues::WEBHOOKS)).unwrap();
    let row = "the queue `webhooks_queue` exists with other arguments";
    app.http.delete(queue.clone()).send().await.unwrap();
    let other = json!({"durable": true, "arguments": {"x-max-length": 5}});
    let made = app.http.put(queue).json(&other).send().await.unwrap();
    assert!(made.status().is_success(), "{}", made.status());
    expect(&app, &app.base, row, &unavailable).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn services_away() {
    let app = app().await;
    let away: [(&str, &str, Exceptions<'_>); 3] = [
        ("`fetch`", "FETCH_URL", &[("price", UNAVAILABLE)]),
        (
            "`core-analytics`",
            "ANALYTICS_URL",
            &[("candles", UNAVAILABLE), ("analytics", UNAVAILABLE)],
        ),
        (
            "`alerts`",
            "ALERTS_URL",
            &[
                ("risk", UNAVAILABLE),
                ("alerts", UNAVAILABLE),
                ("webhooks", UNAVAILABLE),
            ],
        ),
    ];
    for (row, variable, failing) in away {
        let (base, stop, _running) = app.start_gateway(&[(variable, &nowhere("http"))]).await;
        let mut seen = failing.to_vec();
        seen.push(("status", "200 degraded"));
        expect(&app, &base, row, &seen).await;
        let answer = app
            .http
            .request(Method::GET, format!("{base}/api/v1/status"))
            .header("X-API-Key", KEY);
        assert!(send(answer).await.text.contains("\"down\""), "{row}");
        stop.cancel();
    }
}
