//! The order of checks, and what is the same on every route.

use reqwest::{Method, RequestBuilder};
use serde_json::json;

use crate::harness::{TestApp, send};

const ALERTS: &str = "/api/v1/alerts/";

fn with_body(request: RequestBuilder, media: &str, body: impl Into<reqwest::Body>) -> RequestBuilder {
    request.header("Content-Type", media).body(body)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn checks_come_in_the_contracts_order() {
    let app = TestApp::start_with(&[("RATE_LIMIT_ALERTS", "3/3600")]).await;
    let anonymous = || app.anonymous(Method::POST, ALERTS);
    let known = || app.request(Method::POST, ALERTS);
    let large = "x".repeat(65 * 1024);
    // Size and media type before the credential.
    send(with_body(anonymous(), "application/json", large))
        .await
        .problem(413, "body_too_large");
    send(with_body(anonymous(), "text/plain", "{}"))
        .await
        .problem(415, "unsupported_media_type");
    // The credential before what the body says.
    send(with_body(anonymous(), "application/json", "{"))
        .await
        .problem(401, "missing_credentials");
    send(with_body(
        anonymous().header("X-API-Key", "x"),
        "application/json",
        "{}",
    ))
    .await
    .problem(401, "invalid_api_key");
    // Known callers hear about the body, until their limit comes first.
    send(with_body(known(), "application/json", "{"))
        .await
        .problem(400, "malformed_json");
    send(with_body(known(), "application/json", "{}"))
        .await
        .problem(422, "validation_failed");
    send(with_body(known(), "application/json", "{}").header("Idempotency-Key", ""))
        .await
        .problem(422, "validation_failed");
    send(with_body(known(), "application/json", "{"))
        .await
        .problem(429, "rate_limited");
    // The limit comes before the permission.
    let (id, key) = app.register("narrow@example.com").await;
    let client = app.database.pool.get().await.unwrap();
    let sql = "UPDATE accounts.api_keys SET scopes = '{}' WHERE user_id = $1";
    client.execute(sql, &[&id]).await.unwrap();
    let narrow = || send(app.anonymous(Method::GET, ALERTS).header("X-API-Key", &key));
    for _ in 0..3 {
        narrow().await.problem(403, "insufficient_scope");
    }
    narrow().await.problem(429, "rate_limited");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bodies_are_bounded_also_when_their_length_is_not_announced() {
    let app = TestApp::start_with(&[("BODY_TIMEOUT_MS", "200")]).await;
    let chunks = |count: usize| {
        let chunks = (0..count).map(|_| Ok::<_, std::io::Error>("x".repeat(1024)));
        reqwest::Body::wrap_stream(futures_util::stream::iter(chunks))
    };
    let post = |body: reqwest::Body| send(with_body(app.request(Method::POST, ALERTS), "application/json", body));
    post(chunks(65)).await.problem(413, "body_too_large");
    post(chunks(64)).await.problem(400, "malformed_json");
    let endless = futures_util::stream::pending::<Result<String, std::io::Error>>();
    post(reqwest::Body::wrap_stream(endless))
        .await
        .problem(408, "request_timeout");
    let compressed =
        with_body(app.request(Method::POST, ALERTS), "application/json", "{}").header("Content-Encoding", "gzip");
    send(compressed).await.problem(415, "unsupported_media_type");
    let foreign = with_body(
        app.request(Method::POST, ALERTS),
        "application/json; charset=utf-16",
        "{}",
    );
    send(foreign).await.problem(415, "unsupported_media_type");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn repeated_keys_in_a_body_are_refused() {
    let app = TestApp::start().await;
    let body = r#"{"email":"a@example.com","email":"b@example.com"}"#;
    let answer = send(with_body(
        app.anonymous(Method::POST, "/api/v1/users/register"),
        "application/json",
        body,
    ))
    .await;
    answer.problem(422, "validation_failed");
    assert_eq!(answer.violations(), ["body.email duplicate_key"]);
    let answer = send(with_body(
        app.anonymous(Method::POST, "/api/v1/users/register"),
        "application/json",
        "[]",
    ))
    .await;
    assert_eq!(answer.violations(), ["body object_type"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn unknown_paths_and_methods_have_the_one_body() {
    let app = TestApp::start().await;
    for path in ["/api/v1/nothing", "/api/v2/rates", "/api/v1/alerts/a/b/c", "/docs/x/y"] {
        send(app.anonymous(Method::GET, path)).await.problem(404, "not_found");
        send(app.anonymous(Method::POST, path)).await.problem(404, "not_found");
    }
    for (method, path, allow) in [
        (Method::PUT, "/api/v1/alerts", "GET, HEAD, POST, OPTIONS"),
        (Method::GET, "/api/v1/users/register", "POST, OPTIONS"),
        (Method::DELETE, "/api/v1/quotes/BTC/", "GET, HEAD, OPTIONS"),
        (
            Method::POST,
            "/api/v1/alerts/01933f4e-7a00-7000-8000-000000000001",
            "GET, HEAD, DELETE, OPTIONS",
        ),
        (Method::POST, "/health", "GET, HEAD, OPTIONS"),
        (Method::POST, "/", "GET, HEAD, OPTIONS"),
    ] {
        let answer = send(app.anonymous(method, path)).await;
        answer.problem(405, "method_not_allowed");
        assert_eq!(answer.header("allow"), allow, "{path}");
    }
    let body = send(app.anonymous(Method::PUT, "/api/v1/quotes")).await.json();
    assert_eq!(
        (&body["status"]["error_code"], &body["status"]["state"]),
        (&json!(405), &json!("error"))
    );
    assert!(
        send(app.anonymous(Method::PUT, "/api/v1/alerts"))
            .await
            .json()
            .get("status")
            .is_none()
    );
    let long = format!("/api/v1/rates?x={}", "y".repeat(9_000));
    send(app.anonymous(Method::GET, &long))
        .await
        .problem(414, "uri_too_long");
    let picky = app
        .anonymous(Method::GET, "/health")
        .header("Accept-Encoding", "identity;q=0, *;q=0");
    send(picky).await.problem(406, "not_acceptable");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn head_is_get_without_a_body_and_options_needs_no_credential() {
    let app = TestApp::start().await;
    app.publish("BTC", "1", 0).await;
    for path in [
        "/api/v1/rates",
        "/api/v1/quotes/BTC",
        "/api/v1/users/me",
        "/health",
        "/openapi.json",
        "/docs",
        "/",
    ] {
        let (get, head) = (app.get(path).await, send(app.request(Method::HEAD, path)).await);
        assert_eq!((head.status, head.text.as_str()), (get.status, ""), "{path}");
        assert_eq!(head.header("content-type"), get.header("content-type"), "{path}");
        let options = send(app.anonymous(Method::OPTIONS, path)).await;
        assert_eq!((options.status.as_u16(), options.text.as_str()), (204, ""), "{path}");
        assert!(options.header("allow").contains("HEAD"), "{path}");
    }
    send(app.anonymous(Method::HEAD, "/api/v1/users/me")).await;
    assert_eq!(send(app.anonymous(Method::HEAD, "/api/v1/users/me")).await.status, 401);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn trailing_slash_changes_nothing() {
    let app = TestApp::start().await;
    app.publish("BTC", "1", 0).await;
    for path in [
        "/api/v1/rates",
        "/api/v1/quotes",
        "/api/v1/quotes/BTC",
        "/api/v1/users/me",
        "/health/live",
    ] {
        for path in [path.to_owned(), format!("{path}/")] {
            assert_eq!(app.get(&path).await.status, 200, "{path}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn request_ids_are_accepted_or_made() {
    let app = TestApp::start().await;
    let get = |id: &str| {
        send(
            app.anonymous(Method::GET, "/health/live")
                .header("X-Request-Id", id.to_owned()),
        )
    };
    assert_eq!(get("Abc.1_2-3").await.header("x-request-id"), "Abc.1_2-3");
    for id in ["", "with blank", &"x".repeat(65)] {
        let made = get(id).await;
        assert_ne!(made.header("x-request-id"), id);
        assert_eq!(made.header("x-request-id").len(), 36);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn violation_of_numbers_is_named_with_the_others() {
    let app = TestApp::start().await;
    let answer = app.get("/api/v1/candles/BTC?numbers=maybe&limit=0").await;
    answer.problem(400, "invalid_parameter");
    assert_eq!(answer.violations(), ["query.limit out_of_range", "query.numbers enum"]);
    // A handler that reads no parameter refuses it too.
    let answer = app.get("/api/v1/users/me?numbers=maybe").await;
    assert_eq!(answer.violations(), ["query.numbers enum"], "{}", answer.text);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn cursor_of_a_wrong_length_is_an_invalid_cursor() {
    let app = TestApp::start().await;
    let long = "x".repeat(600);
    for list in [
        "/api/v1/alerts/",
        "/api/v1/webhooks/endpoints",
        "/api/v1/candles/BTC",
        "/api/v1/quotes",
    ] {
        for cursor in ["", long.as_str()] {
            let answer = app.get(&format!("{list}?cursor={cursor}")).await;
            answer.problem(400, "invalid_cursor");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn refusals_before_routing_carry_the_status_of_enveloped_routes() {
    let app = TestApp::start().await;
    let long = format!("/api/v1/candles/BTC/?x={}", "y".repeat(9_000));
    let body = send(app.anonymous(Method::GET, &long))
        .await
        .problem(414, "uri_too_long");
    assert_eq!(body["status"]["error_code"], 414);
    let picky = |path: &str| {
        app.anonymous(Method::GET, path)
            .header("Accept-Encoding", "identity;q=0, *;q=0")
    };
    let body = send(picky("/api/v1/quotes")).await.problem(406, "not_acceptable");
    assert_eq!(body["status"]["error_code"], 406);
    let body = send(picky("/api/v1/rates/")).await.problem(406, "not_acceptable");
    assert!(body.get("status").is_none());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn errors_say_how_long_they_took() {
    let app = TestApp::start().await;
    let slow = wiremock::ResponseTemplate::new(503).set_delay(std::time::Duration::from_millis(40));
    wiremock::Mock::given(wiremock::matchers::path("/internal/candles/BTC"))
        .respond_with(slow)
        .mount(&app.analytics)
        .await;
    let answer = app.get("/api/v1/candles/BTC").await;
    assert!(answer.status.is_server_error(), "{}", answer.text);
    assert!(
        answer.json()["status"]["elapsed"].as_u64() >= Some(40),
        "{}",
        answer.text
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn documented_idempotency_keys_are_the_accepted_ones() {
    let app = TestApp::start().await;
    let document = send(app.anonymous(Method::GET, "/openapi.json")).await.json();
    let parameters = document["paths"]["/api/v1/webhooks/verify"]["post"]["parameters"].clone();
    let key = parameters
        .as_array()
        .unwrap()
        .iter()
        .find(|p| p["name"] == "Idempotency-Key");
    // Blanks are accepted inside a key and not at its ends, where HTTP drops them.
    assert_eq!(key.unwrap()["schema"]["pattern"], "^[!-~]([ -~]{0,126}[!-~])?$");
    let longest = format!("a{}b", " ".repeat(126));
    let too_long = format!("{longest}c");
    for (key, is_accepted) in [
        ("a", true),
        ("a b", true),
        (&longest, true),
        (&too_long, false),
        ("a\tb", false),
    ] {
        let request = app.request(Method::POST, "/api/v1/webhooks/verify");
        let answer = send(request.header("Idempotency-Key", key).json(&json!({}))).await;
        let is_refused = answer
            .violations()
            .iter()
            .any(|v| v.starts_with("header.Idempotency-Key"));
        assert_eq!(is_refused, !is_accepted, "{key:?}: {}", answer.text);
    }
}
