//! Batched prices as clients see them: bodies, headers, statuses, and what is refused before fetch is asked.

use std::time::Duration;

use contracts::problem::ProblemKind;
use platform::problem::Problem;
use reqwest::Method;
use rstest::rstest;
use serde_json::{Value, json};
use testkit::{OwnRedis, eventually};
use wiremock::matchers::{header, method, path, query_param};
use wiremock::{Mock, ResponseTemplate};

use crate::harness::{INTERNAL_TOKEN, KEY, TestApp, send};

const BATCH: &str = "01933f4e-7a00-7000-8000-000000000001";

/// What fetch answers.
fn batched() -> Value {
    json!({
        "price": {"coinId": "bitcoin", "vsCurrency": "usd", "price": 67210.45,
            "fetchedAt": "2026-02-28T03:55:00.000Z"},
        "batch_id": BATCH, "batch_size": 3, "trigger": "threshold", "wait_ms": 417, "is_persisted": true,
        "provider": "coingecko",
    })
}

async fn answer(app: &TestApp, body: Value) {
    let template = ResponseTemplate::new(200).set_body_json(body);
    Mock::given(method("GET"))
        .respond_with(template)
        .mount(&app.fetch)
        .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn price_is_the_published_body_and_headers_tell_of_the_batch() {
    let app = TestApp::start().await;
    let template = ResponseTemplate::new(200).set_body_json(batched());
    Mock::given(path("/internal/price/bitcoin"))
        .and(query_param("max_age_ms", "0"))
        .and(header("x-internal-token", INTERNAL_TOKEN))
        .respond_with(template)
        .expect(4)
        .mount(&app.fetch)
        .await;
    let golden = r#"{"coinId":"bitcoin","vsCurrency":"usd","price":67210.45,"fetchedAt":"2026-02-28T03:55:00.000Z"}"#;
    for route in [
        "/api/v1/price/bitcoin",
        "/api/v1/price/bitcoin/",
        "/v1/price/bitcoin",
        "/v1/price/bitcoin/?max_age_ms=0",
    ] {
        let answer = app.get(route).await;
        assert_eq!((answer.status.as_u16(), answer.text.as_str()), (200, golden), "{route}");
        for (name, value) in [
            ("x-batch-id", BATCH),
            ("x-batch-size", "3"),
            ("x-batch-trigger", "threshold"),
            ("x-batch-wait-ms", "417"),
            ("x-persisted", "true"),
            ("x-price-provider", "coingecko"),
            ("cache-control", "no-store"),
            ("ratelimit-policy", "\"price\";q=100000;w=60"),
        ] {
            assert_eq!(answer.header(name), value, "{name}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn numbers_may_be_strings_and_ages_are_passed_on() {
    let app = TestApp::start().await;
    let template = ResponseTemplate::new(200).set_body_json(batched());
    Mock::given(path("/internal/price/bitcoin"))
        .and(query_param("max_age_ms", "60000"))
        .respond_with(template)
        .mount(&app.fetch)
        .await;
    let answer = app.get("/api/v1/price/bitcoin?max_age_ms=60000&numbers=string").await;
    assert_eq!(answer.json()["price"], "67210.45");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn history_is_the_published_body_with_a_cursor() {
    let app = TestApp::start().await;
    let items = json!([{"price": 67210.45, "fetchedAt": "2026-02-28T03:55:00.000Z"}]);
    let body = json!({"coinId": "bitcoin", "vsCurrency": "usd", "items": items, "page": 1, "limit": 1,
        "totalItems": 2, "totalPages": 2, "hasNextPage": true});
    let page = json!({"body": body, "next_cursor": "2.1.x"});
    let template = ResponseTemplate::new(200).set_body_json(page);
    Mock::given(path("/internal/price/bitcoin/history"))
        .and(query_param("limit", "1"))
        .and(query_param("page", "1"))
        .respond_with(template)
        .up_to_n_times(1)
        .mount(&app.fetch)
        .await;
    let first = app.get("/api/v1/price/bitcoin/history?limit=1&page=1").await;
    let golden = concat!(
        r#"{"coinId":"bitcoin","vsCurrency":"usd","#,
        r#""items":[{"price":67210.45,"fetchedAt":"2026-02-28T03:55:00.000Z"}],"#,
        r#""page":1,"limit":1,"totalItems":2,"totalPages":2,"hasNextPage":true}"#
    );
    assert_eq!(first.text, golden);
    let cursor = first.header("x-next-cursor");

    let last = json!({"body": body, "next_cursor": null});
    Mock::given(path("/internal/price/bitcoin/history"))
        .and(query_param("cursor", "2.1.x"))
        .respond_with(ResponseTemplate::new(200).set_body_json(last))
        .mount(&app.fetch)
        .await;
    let second = app.get(&format!("/v1/price/bitcoin/history?cursor={cursor}")).await;
    second.problem(400, "invalid_cursor");
    let second = app.get(&format!("/api/v1/price/bitcoin/history?cursor={cursor}")).await;
    assert_eq!((second.status.as_u16(), second.header("x-next-cursor")), (200, ""));
    app.get("/api/v1/price/bitcoin/history?from=2000&to=1000")
        .await
        .problem(400, "invalid_range");
}

#[rstest]
#[case(ProblemKind::CoinNotFound, None)]
#[case(ProblemKind::UpstreamRateLimited, Some(17))]
#[case(ProblemKind::UpstreamFailed, None)]
#[case(ProblemKind::UpstreamInvalidResponse, None)]
#[case(ProblemKind::BatchCoordinationUnavailable, Some(1))]
#[case(ProblemKind::BatchResultTimeout, None)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn failure_of_the_batch_keeps_its_status(#[case] kind: ProblemKind, #[case] retry_after: Option<u64>) {
    let app = TestApp::start().await;
    let mut problem = Problem::new(kind, "It is so.");
    problem.retry_after = retry_after;
    let template = ResponseTemplate::new(kind.status()).set_body_json(problem);
    Mock::given(method("GET"))
        .respond_with(template)
        .mount(&app.fetch)
        .await;
    let body = app
        .get("/api/v1/price/bitcoin")
        .await
        .problem(kind.status(), kind.slug());
    assert_eq!(body["error"], "HTTPException");
    assert_eq!(body["retry_after"].as_u64(), retry_after);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn wrong_requests_do_not_reach_fetch() {
    let app = TestApp::start().await;
    for route in ["Bitcoin", "-x", "a_b", "a%2Cb", &"a".repeat(65), "Bitcoin/history"] {
        let body = app
            .get(&format!("/api/v1/price/{route}"))
            .await
            .problem(400, "invalid_coin_id");
        assert_eq!(body["error"], "ValidationError");
        assert_eq!(body["errors"][0]["loc"], json!(["path", "coin_id"]));
    }
    for query in ["max_age_ms=60001", "max_age_ms=-1", "max_age_ms=x"] {
        let route = format!("/api/v1/price/bitcoin?{query}");
        app.get(&route).await.problem(400, "invalid_parameter");
    }
    let both = app.get("/api/v1/price/Bitcoin?max_age_ms=x").await;
    both.problem(400, "invalid_parameter");
    assert_eq!(both.violations().len(), 2);
    for query in ["limit=0", "limit=101", "page=0", "from=x"] {
        let route = format!("/api/v1/price/bitcoin/history?{query}");
        app.get(&route).await.problem(400, "invalid_parameter");
    }
    let anonymous = app.anonymous(Method::GET, "/v1/price/bitcoin");
    send(anonymous).await.problem(401, "missing_credentials");
    let (id, key) = app.register("narrow@example.com").await;
    let client = app.database.pool.get().await.unwrap();
    let statement = "UPDATE accounts.api_keys SET scopes = '{market:read}' WHERE user_id = $1";
    client.execute(statement, &[&id]).await.unwrap();
    let narrow = app
        .anonymous(Method::GET, "/api/v1/price/bitcoin")
        .header("X-API-Key", key);
    let body = send(narrow).await.problem(403, "insufficient_scope");
    assert_eq!(
        body["errors"][0]["params"]["required"],
        serde_json::json!(["price:read"])
    );
    assert!(app.fetch.received_requests().await.unwrap().is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn price_and_history_share_a_limit_and_need_the_limiter() {
    let mut own = OwnRedis::start().await;
    let app = TestApp::start().await;
    answer(&app, batched()).await;
    let more = [("RATE_LIMIT_PRICE", "2/3600"), ("REDIS_URL", own.url.as_str())];
    let (base, stop, _running) = app.start_gateway(&more).await;
    let get = |route: &'static str| send(app.http.get(format!("{base}{route}")).header("X-API-Key", KEY));
    eventually("the limiter counts", || async {
        get("/api/v1/price/bitcoin").await.status == 200
    })
    .await;
    eventually("the limit is reached", || async {
        get("/v1/price/bitcoin").await.status == 429
    })
    .await;
    let refused = get("/api/v1/price/bitcoin/history").await;
    let body = refused.problem(429, "rate_limited");
    assert_eq!(
        body["detail"],
        "Rate limit exceeded. Maximum 2 requests per 3600 seconds."
    );

    own.stop();
    let uncounted = get("/api/v1/price/bitcoin").await;
    uncounted.problem(503, "limiter_unavailable");
    assert!(!uncounted.headers.contains_key("x-ratelimit-mode"));
    assert_eq!(get("/api/v1/users/me").await.header("x-ratelimit-mode"), "local");
    own.resume().await;
    eventually("it counts again", || async {
        get("/api/v1/price/bitcoin").await.status == 200
    })
    .await;
    stop.cancel();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn gateway_waits_longer_than_a_batch_may_take() {
    let more = [("INTERNAL_TIMEOUT_MS", "1000"), ("BATCH_RESULT_TIMEOUT_MS", "15000")];
    let app = TestApp::start_with(&more).await;
    let template = ResponseTemplate::new(200).set_body_json(batched());
    let slow = template.set_delay(Duration::from_millis(1_500));
    Mock::given(method("GET")).respond_with(slow).mount(&app.fetch).await;
    assert_eq!(app.get("/api/v1/price/bitcoin").await.status, 200);
}
