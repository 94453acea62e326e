//! A handler that panics is answered like any other failure.

use actix_web::HttpResponse;
use actix_web::middleware::from_fn;
use actix_web::test::{TestRequest, call_service, init_service, read_body, try_call_service};
use actix_web::web;
use gateway::auth::Scope;
use gateway::middleware;
use gateway::rate_limit::policy::RateLimitPolicy;
use gateway::route::Route;
use gateway::route_policy::RoutePolicy;
use gateway::state::AppState;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use crate::harness::{KEY, TestApp};

const PAGE: &str = "https://board.example";
const GATE: RoutePolicy = RoutePolicy::scoped(Scope::MarketRead)
    .limited(RateLimitPolicy::Market)
    .enveloped();

async fn broken() -> HttpResponse {
    panic!("as the test wants it")
}

/// The state of one more gateway over the stores of `app`.
fn state(app: &TestApp) -> web::Data<AppState> {
    let settings = app.settings(&[("CORS_ALLOWED_ORIGINS", PAGE)]);
    let (used, _) = tokio::sync::mpsc::channel(1);
    web::Data::new(AppState::new(settings, app.clock.shared(), used, &CancellationToken::new()).unwrap())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn panic_is_answered_with_all_headers_and_releases_its_key() {
    let app = TestApp::start().await;
    let service = actix_web::App::new().app_data(state(&app)).configure(|config| {
        Route::at("/broken")
            .get(&GATE, broken)
            .post(&GATE, broken)
            .register(config)
    });
    let service = init_service(service.wrap(from_fn(middleware::handle))).await;
    let with_key = |request: TestRequest| {
        request
            .insert_header(("X-API-Key", KEY))
            .insert_header(("Origin", PAGE))
    };

    let request = with_key(TestRequest::get().uri("/broken"));
    let response = call_service(&service, request.to_request()).await;
    assert_eq!(response.status(), 500);
    for (name, value) in [
        ("access-control-allow-origin", PAGE),
        ("x-content-type-options", "nosniff"),
        ("cache-control", "no-store"),
    ] {
        assert_eq!(response.headers().get(name).unwrap(), value, "{name}");
    }
    for name in ["x-request-id", "ratelimit", "x-ratelimit-remaining"] {
        assert!(response.headers().contains_key(name), "{name}");
    }
    let body: Value = serde_json::from_slice(&read_body(response).await).unwrap();
    assert_eq!(body["type"], "internal_error");
    assert_eq!(body["status"]["error_code"], json!(500), "the family is the route's");

    // Both run: neither waits for the other's end.
    for _ in 0..2 {
        let request = with_key(TestRequest::post().uri("/broken")).insert_header(("Idempotency-Key", "k-1"));
        assert_eq!(call_service(&service, request.to_request()).await.status(), 500);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn panic_outside_the_handlers_has_the_error_body_and_all_headers() {
    let app = TestApp::start().await;
    // Not a route: no policy stands before it, so only the layers around the application are left to catch its panic.
    let service = actix_web::App::new()
        .app_data(state(&app))
        .default_service(web::to(broken));
    let service = init_service(service.wrap(from_fn(middleware::handle))).await;
    let request = TestRequest::get()
        .uri("/api/v1/quotes")
        .insert_header(("X-Request-Id", "my-request"))
        .insert_header(("Origin", PAGE));
    let error = try_call_service(&service, request.to_request()).await.err().unwrap();
    let response = error.error_response();
    assert_eq!(response.status(), 500);
    for (name, value) in [
        ("access-control-allow-origin", PAGE),
        ("x-content-type-options", "nosniff"),
        ("cache-control", "no-store"),
        ("content-type", "application/json"),
        ("x-request-id", "my-request"),
    ] {
        assert_eq!(response.headers().get(name).unwrap(), value, "{name}");
    }
    let body = actix_web::body::to_bytes(response.into_body()).await.unwrap();
    let body: Value = serde_json::from_slice(&body).unwrap();
    assert_eq!(
        (&body["type"], &body["request_id"]),
        (&json!("internal_error"), &json!("my-request"))
    );
}
