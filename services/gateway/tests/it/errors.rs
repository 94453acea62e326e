//! Every kind of error that this service can produce, produced.

use std::collections::BTreeSet;

use contracts::problem::ProblemKind;
use reqwest::Method;
use serde_json::{Value, json};
use wiremock::matchers::{method, path_regex};
use wiremock::{Mock, ResponseTemplate};

use crate::harness::{Answer, KEY, TestApp, send};

const ID: &str = "01933f4e-7a00-7000-8000-000000000001";

/// Not produced by any route there is.
const NOT_PRODUCED: [ProblemKind; 2] = [
    // Tickets are taken by streams, and there is none yet; `sessions` redeems them.
    ProblemKind::TicketInvalid,
    // A stopping server closes its connections instead.
    ProblemKind::ShuttingDown,
];

struct Produced(BTreeSet<&'static str>);

impl Produced {
    fn add(&mut self, kind: ProblemKind, answer: &Answer) {
        let body = answer.problem(kind.status(), kind.slug());
        assert_eq!(body["error"] == "ValidationError", is_rejected_input(kind), "{body}");
        self.0.insert(kind.slug());
    }
}

fn is_rejected_input(kind: ProblemKind) -> bool {
    [
        ProblemKind::MalformedJson,
        ProblemKind::InvalidParameter,
        ProblemKind::InvalidRange,
        ProblemKind::InvalidCursor,
        ProblemKind::InvalidCoinId,
        ProblemKind::ValidationFailed,
        ProblemKind::UnsupportedTicker,
        ProblemKind::WebhookUrlBlocked,
    ]
    .contains(&kind)
}

fn alert(ticker: &str) -> Value {
    json!({"ticker": ticker, "target_price": 1, "condition": "gt", "webhook_url": "https://a.example/"})
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_kind_is_produced() {
    let variables = [
        ("BODY_TIMEOUT_MS", "100"),
        ("RATE_LIMIT_ME", "1/3600"),
        ("ALLOWED_HOSTS", "127.0.0.1"),
        ("ADMIN_USER", "root"),
        ("ADMIN_PASS", "correct horse"),
        ("QUOTA_BASIC", "1"),
    ];
    let app = TestApp::start_with(&variables).await;
    let mut produced = Produced(BTreeSet::new());
    of_requests(&app, &mut produced).await;
    of_credentials(&app, &mut produced).await;
    of_accounts(&app, &mut produced).await;
    of_repeats(&app, &mut produced).await;
    of_services(&app, &mut produced).await;
    of_prices(&app, &mut produced).await;
    let expected: BTreeSet<_> = ProblemKind::ALL
        .iter()
        .filter(|kind| !NOT_PRODUCED.contains(kind))
        .map(|kind| kind.slug())
        .collect();
    assert_eq!(produced.0, expected);
}

async fn of_requests(app: &TestApp, produced: &mut Produced) {
    let post = |path: &str, body: &'static str| {
        send(
            app.request(Method::POST, path)
                .header("Content-Type", "application/json")
                .body(body),
        )
    };
    produced.add(ProblemKind::MalformedJson, &post("/api/v1/alerts", "{").await);
    produced.add(ProblemKind::ValidationFailed, &post("/api/v1/alerts", "{}").await);
    produced.add(
        ProblemKind::UnsupportedTicker,
        &app.post("/api/v1/alerts", &alert("NOPE")).await,
    );
    produced.add(
        ProblemKind::InvalidParameter,
        &app.get("/api/v1/quotes?convert=EUR").await,
    );
    produced.add(
        ProblemKind::InvalidRange,
        &app.get("/api/v1/candles/BTC?from=2000&to=1000").await,
    );
    produced.add(ProblemKind::TokenNotFound, &app.get("/api/v1/candles/NOPE").await);
    produced.add(ProblemKind::NotFound, &app.get("/api/v1/nothing").await);
    produced.add(ProblemKind::MethodNotAllowed, &post("/health", "").await);
    let text = app.request(Method::POST, "/api/v1/alerts").body("x");
    produced.add(ProblemKind::UnsupportedMediaType, &send(text).await);
    let large = app.request(Method::POST, "/api/v1/alerts").body("x".repeat(70_000));
    produced.add(ProblemKind::BodyTooLarge, &send(large).await);
    let slow = reqwest::Body::wrap_stream(futures_util::stream::pending::<Result<String, std::io::Error>>());
    produced.add(
        ProblemKind::RequestTimeout,
        &send(app.request(Method::POST, "/api/v1/alerts").body(slow)).await,
    );
    produced.add(
        ProblemKind::UriTooLong,
        &app.get(&format!("/?{}", "x".repeat(9_000))).await,
    );
    let picky = app.request(Method::GET, "/health").header("Accept-Encoding", "*;q=0");
    produced.add(ProblemKind::NotAcceptable, &send(picky).await);
    produced.add(ProblemKind::RatesWarmingUp, &app.get("/api/v1/rates").await);
    let foreign = app
        .anonymous(Method::OPTIONS, "/api/v1/rates")
        .header("Origin", "https://evil.example")
        .header("Access-Control-Request-Method", "GET");
    produced.add(ProblemKind::OriginNotAllowed, &send(foreign).await);
    let foreign = app.request(Method::GET, "/health").header("Host", "evil.example");
    produced.add(ProblemKind::MisdirectedRequest, &send(foreign).await);
    produced.add(ProblemKind::BadRequest, &cut_off(app).await);
}

/// A chunked body whose chunks are none.
async fn cut_off(app: &TestApp) -> Answer {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let address = app.base.trim_start_matches("http://");
    let mut socket = tokio::net::TcpStream::connect(address).await.unwrap();
    let request = format!(
        "POST /api/v1/alerts HTTP/1.1\r\nHost: {address}\r\nX-API-Key: {KEY}\r\nContent-Type: application/json\r\n\
         Transfer-Encoding: chunked\r\nConnection: close\r\n\r\nnonsense\r\n"
    );
    socket.write_all(request.as_bytes()).await.unwrap();
    let mut text = String::new();
    socket.read_to_string(&mut text).await.unwrap();
    let (head, body) = text.split_once("\r\n\r\n").unwrap();
    let mut lines = head.lines();
    let status = lines.next().unwrap().split(' ').nth(1).unwrap().parse().unwrap();
    let headers = lines.filter_map(|line| line.split_once(": "));
    Answer {
        status,
        headers: headers
            .map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap()))
            .collect(),
        text: body.to_owned(),
        bytes: body.into(),
    }
}

async fn of_credentials(app: &TestApp, produced: &mut Produced) {
    let me = |key: &str| {
        send(
            app.anonymous(Method::GET, "/api/v1/users/me")
                .header("X-API-Key", key.to_owned()),
        )
    };
    produced.add(ProblemKind::InvalidApiKey, &me("x").await);
    let anonymous = || app.anonymous(Method::GET, "/api/v1/users/me");
    produced.add(ProblemKind::MissingCredentials, &send(anonymous()).await);
    produced.add(ProblemKind::InvalidToken, &send(anonymous().bearer_auth("x")).await);
    let both = anonymous().bearer_auth("x").header("X-API-Key", KEY);
    produced.add(ProblemKind::CredentialsConflict, &send(both).await);
    assert_eq!(me(KEY).await.status, 200);
    produced.add(ProblemKind::RateLimited, &me(KEY).await);

    let (id, key) = app.register("scoped@example.com").await;
    let client = app.database.pool.get().await.unwrap();
    client
        .execute("UPDATE accounts.api_keys SET scopes = '{}' WHERE user_id = $1", &[&id])
        .await
        .unwrap();
    let narrow = app.anonymous(Method::GET, "/api/v1/quotes").header("X-API-Key", key);
    produced.add(ProblemKind::InsufficientScope, &send(narrow).await);

    let (strict, stop, _running) = app.start_gateway(&[("AUTH_FAILURE_LIMIT", "1/3600")]).await;
    let wrong = || {
        send(
            app.http
                .get(format!("{strict}/api/v1/users/me"))
                .header("X-API-Key", "x"),
        )
    };
    wrong().await.problem(401, "invalid_api_key");
    produced.add(ProblemKind::IpBlocked, &wrong().await);
    stop.cancel();
    // The block is everyone's; the rest of this test goes on without it.
    app.redis.flush().await;
    testkit::eventually("the block is forgotten", || async {
        app.get("/api/v1/quotes").await.status == 200
    })
    .await;
}

async fn of_accounts(app: &TestApp, produced: &mut Produced) {
    let login = |password: &str| {
        let body = json!({"username": "root", "password": password});
        send(app.anonymous(Method::POST, "/api/v1/auth/login").json(&body))
    };
    produced.add(ProblemKind::InvalidCredentials, &login("wrong horse").await);
    let tokens = login("correct horse").await.json();
    let (access, first) = (tokens["accessToken"].as_str().unwrap(), &tokens["refreshToken"]);
    let admin = |method: Method, path: &str| app.anonymous(method, path).bearer_auth(access);
    let users = format!("/api/v1/admin/users/{ID}");
    produced.add(
        ProblemKind::UserNotFound,
        &send(admin(Method::PATCH, &users).json(&json!({}))).await,
    );
    let change = admin(Method::PATCH, "/api/v1/users/me").json(&json!({"password": "battery staple"}));
    produced.add(ProblemKind::PasswordRequired, &send(change).await);
    let key = app.request(Method::DELETE, &format!("/api/v1/keys/{ID}"));
    produced.add(ProblemKind::KeyNotFound, &send(key).await);
    let reader = app.request(Method::GET, "/api/v1/admin/users");
    produced.add(ProblemKind::InsufficientRole, &send(reader).await);
    let refresh = || {
        let request = app.anonymous(Method::POST, "/api/v1/auth/refresh");
        send(request.json(&json!({"refreshToken": first})))
    };
    let second = refresh().await.json();
    app.clock.advance(std::time::Duration::from_secs(3_700));
    let expired = app.anonymous(Method::GET, "/api/v1/quotes");
    let expired = expired.bearer_auth(second["accessToken"].as_str().unwrap());
    produced.add(ProblemKind::TokenExpired, &send(expired).await);
    produced.add(ProblemKind::RefreshReused, &refresh().await);

    let (id, key) = app.register("basic@example.com").await;
    let client = app.database.pool.get().await.unwrap();
    let sql = "UPDATE accounts.users SET tier = 'basic' WHERE id = $1";
    client.execute(sql, &[&id]).await.unwrap();
    let quotes = || send(app.anonymous(Method::GET, "/api/v1/quotes").header("X-API-Key", &key));
    assert_eq!(quotes().await.status, 200);
    produced.add(ProblemKind::QuotaExceeded, &quotes().await);
}

async fn of_repeats(app: &TestApp, produced: &mut Produced) {
    let register = |email: &str, key: &str| {
        let request = app
            .anonymous(Method::POST, "/api/v1/users/register")
            .json(&json!({"email": email}));
        send(request.header("Idempotency-Key", key.to_owned()))
    };
    assert_eq!(register("g@example.com", "one").await.status, 201);
    produced.add(ProblemKind::SecretAlreadyShown, &register("g@example.com", "one").await);
    produced.add(
        ProblemKind::IdempotencyKeyReused,
        &register("h@example.com", "one").await,
    );
    produced.add(
        ProblemKind::EmailAlreadyRegistered,
        &register("g@example.com", "two").await,
    );
    let client = app.database.pool.get().await.unwrap();
    client
        .execute(
            "UPDATE accounts.idempotency_keys SET status = NULL WHERE subject LIKE 'ip:%'",
            &[],
        )
        .await
        .unwrap();
    produced.add(
        ProblemKind::IdempotencyInProgress,
        &register("g@example.com", "one").await,
    );
}

async fn of_services(app: &TestApp, produced: &mut Produced) {
    let cases = [
        (ProblemKind::AlertNotFound, format!("/api/v1/alerts/{ID}")),
        (ProblemKind::DeliveryNotFound, format!("/api/v1/deliveries/{ID}")),
        (
            ProblemKind::EndpointNotFound,
            format!("/api/v1/webhooks/endpoints/{ID}"),
        ),
        (ProblemKind::InvalidCursor, "/api/v1/alerts/?cursor=x".to_owned()),
        (ProblemKind::AlertDuplicate, "/api/v1/alerts/".to_owned()),
        (ProblemKind::WebhookUrlBlocked, "/api/v1/alerts/".to_owned()),
        (ProblemKind::PlanLimitReached, "/api/v1/alerts/".to_owned()),
        (ProblemKind::InternalError, "/api/v1/alerts/".to_owned()),
        (ProblemKind::DependencyUnavailable, "/api/v1/alerts/".to_owned()),
    ];
    for (kind, path) in cases {
        app.alerts.reset().await;
        let problem = platform::problem::Problem::new(kind, "It is so.");
        let template = ResponseTemplate::new(kind.status()).set_body_json(problem);
        Mock::given(path_regex("^/internal/"))
            .and(method("GET"))
            .respond_with(template)
            .mount(&app.alerts)
            .await;
        produced.add(kind, &app.get(&path).await);
    }
    let problem = platform::problem::Problem::new(ProblemKind::AmbiguousSymbol, "Ids: 1, 5.");
    Mock::given(path_regex("^/internal/tokens/btc$"))
        .respond_with(ResponseTemplate::new(409).set_body_json(problem))
        .mount(&app.analytics)
        .await;
    let ambiguous = app.get("/api/v1/tokens/btc?strict=true").await;
    produced.add(ProblemKind::AmbiguousSymbol, &ambiguous);
}

async fn of_prices(app: &TestApp, produced: &mut Produced) {
    produced.add(ProblemKind::InvalidCoinId, &app.get("/api/v1/price/X").await);
    for kind in [
        ProblemKind::CoinNotFound,
        ProblemKind::UpstreamRateLimited,
        ProblemKind::UpstreamFailed,
        ProblemKind::UpstreamInvalidResponse,
        ProblemKind::BatchCoordinationUnavailable,
        ProblemKind::BatchResultTimeout,
    ] {
        app.fetch.reset().await;
        let problem = platform::problem::Problem::new(kind, "It is so.");
        let template = ResponseTemplate::new(kind.status()).set_body_json(problem);
        Mock::given(method("GET"))
            .respond_with(template)
            .mount(&app.fetch)
            .await;
        produced.add(kind, &app.get("/api/v1/price/bitcoin").await);
    }
    let nowhere = format!("redis://127.0.0.1:{}", testkit::ports::free());
    let (base, stop, _running) = app.start_gateway(&[("REDIS_URL", &nowhere)]).await;
    let uncounted = app
        .http
        .get(format!("{base}/api/v1/price/bitcoin"))
        .header("X-API-Key", KEY);
    produced.add(ProblemKind::LimiterUnavailable, &send(uncounted).await);
    stop.cancel();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_internal_leaks() {
    let app = TestApp::start().await;
    for template in [
        ResponseTemplate::new(401).set_body_json(platform::problem::Problem::new(
            ProblemKind::InvalidToken,
            "secret-insides",
        )),
        ResponseTemplate::new(500).set_body_string("secret-insides"),
        ResponseTemplate::new(200).set_body_string("{\"secret-insides\": 1}"),
        ResponseTemplate::new(418).set_body_json(serde_json::json!({
            "status": 418, "type": "teapot", "detail": "secret-insides",
        })),
    ] {
        app.alerts.reset().await;
        Mock::given(method("GET"))
            .respond_with(template)
            .mount(&app.alerts)
            .await;
        let answer = app.get("/api/v1/alerts/").await;
        answer.problem(500, "internal_error");
        assert!(!answer.text.contains("secret-insides"));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn silent_service_is_unavailable() {
    let closed = format!("http://127.0.0.1:{}", testkit::ports::free());
    let app = TestApp::start_with(&[("ALERTS_URL", &closed), ("INTERNAL_TIMEOUT_MS", "200")]).await;
    let answer = app.get("/api/v1/alerts/").await;
    answer.problem(503, "dependency_unavailable");
    assert!(!answer.text.contains("127.0.0.1"));
    let slow = ResponseTemplate::new(200).set_delay(std::time::Duration::from_secs(5));
    Mock::given(method("GET"))
        .respond_with(slow)
        .mount(&app.analytics)
        .await;
    let body = app
        .get("/api/v1/candles/BTC")
        .await
        .problem(503, "dependency_unavailable");
    assert_eq!(body["status"]["error_code"], 503);
    assert_eq!(body["status"]["error_message"], body["detail"]);
    assert_eq!(body["status"]["credit_count"], 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bad_parameters_are_400_or_422_by_route() {
    let app = TestApp::start().await;
    for path in [
        "/api/v1/alerts/?limit=0",
        "/api/v1/rates/?numbers=x",
        "/api/v1/users/me?numbers=x",
        "/api/v1/alerts/x",
    ] {
        app.get(path).await.problem(422, "validation_failed");
    }
    for path in [
        "/api/v1/quotes?tickers=,",
        "/api/v1/quotes/B-TC",
        "/api/v1/quotes?numbers=x",
        "/api/v1/candles/BTC?interval=2m&limit=1001&from=x",
        "/api/v1/analytics/BTC/stats?window=6y&returns=x&risk_free=NaN",
        "/api/v1/analytics/BTC/timeseries?max_points=1&series=x",
        "/api/v1/analytics/correlation?symbols=BTC",
        "/api/v1/risk/monitors?symbols=",
        "/api/v1/webhooks/endpoints?limit=x",
    ] {
        app.get(path).await.problem(400, "invalid_parameter");
    }
    let answer = app.get("/api/v1/candles/BTC?interval=2m&limit=1001&from=x").await;
    assert_eq!(
        answer.violations(),
        [
            "query.interval enum",
            "query.from datetime_parsing",
            "query.limit out_of_range"
        ]
    );
    // What the service finds wrong is told in the route's words too.
    let field = platform::problem::FieldError::new(&["query", "limit"], "out_of_range", "must be smaller");
    let problem = platform::problem::Problem::new(ProblemKind::InvalidParameter, "limit must be smaller")
        .with_errors(vec![field]);
    Mock::given(method("GET"))
        .respond_with(ResponseTemplate::new(400).set_body_json(problem))
        .mount(&app.alerts)
        .await;
    app.get("/api/v1/alerts/").await.problem(422, "validation_failed");
    app.get("/api/v1/webhooks/endpoints")
        .await
        .problem(400, "invalid_parameter");
}
