//! Health, probes, metrics, status.

use reqwest::Method;
use serde_json::json;
use wiremock::matchers::path;
use wiremock::{Mock, ResponseTemplate};

use crate::harness::{KEY, TestApp, send};
use testkit::eventually;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn health_names_dependencies_and_the_age_of_prices() {
    let app = TestApp::start().await;
    let health = || async { send(app.anonymous(Method::GET, "/health")).await };
    let answer = health().await;
    assert_eq!(answer.status, 200);
    let body = answer.json();
    assert_eq!(body["status"], "degraded");
    assert_eq!(
        body["dependencies"],
        json!({"postgres": "ok", "redis": "ok", "rabbitmq": "ok"})
    );
    assert_eq!(
        body["checks"]["prices"],
        json!({"status": "missing", "age_ms": null, "simulated": false})
    );
    for name in ["postgres", "redis", "rabbitmq"] {
        assert_eq!(body["checks"][name]["status"], "ok");
        assert!(body["checks"][name]["latency_ms"].is_f64());
        assert!(body["checks"][name]["checked_at"].is_string());
    }
    let strings = send(app.anonymous(Method::GET, "/health?numbers=string")).await.json();
    let latency = strings["checks"]["postgres"]["latency_ms"].as_str().unwrap();
    assert!(latency.parse::<f64>().unwrap() > 0.0, "{latency}");
    for path in [
        "/health?numbers=",
        "/health?numbers=x",
        "/health/live?numbers=x",
        "/openapi.json?numbers=x",
    ] {
        assert_eq!(send(app.anonymous(Method::GET, path)).await.status, 200, "{path}");
    }
    let mut quote = app.quote("BTC", "1", 4_100);
    quote.flags = vec!["simulated".into()];
    let text = serde_json::to_string(&quote).unwrap();
    let mut redis = app.redis.connection.clone();
    let (): () = redis::AsyncCommands::set(&mut redis, contracts::keys::quote(&quote.ticker), text)
        .await
        .unwrap();
    eventually("the price is seen", || async {
        health().await.json()["status"] == "ok"
    })
    .await;
    assert_eq!(
        health().await.json()["checks"]["prices"],
        json!({"status": "ok", "age_ms": 4_100, "simulated": true})
    );
    app.clock.advance(std::time::Duration::from_secs(11));
    assert_eq!(health().await.json()["checks"]["prices"]["status"], "stale");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn health_names_dependencies_that_are_down() {
    let app = TestApp::start().await;
    let closed = testkit::ports::free();
    let (redis, rabbit) = (
        format!("redis://127.0.0.1:{closed}"),
        format!("amqp://127.0.0.1:{closed}"),
    );
    let (base, stop, _running) = app
        .start_gateway(&[("REDIS_URL", &redis), ("RABBITMQ_URL", &rabbit)])
        .await;
    let answer = send(app.http.get(format!("{base}/health"))).await;
    assert_eq!(answer.status, 503);
    let body = answer.json();
    assert_eq!(body["status"], "unavailable");
    assert_eq!(
        body["dependencies"],
        json!({"postgres": "ok", "redis": "down", "rabbitmq": "down"})
    );
    let ready = send(app.http.get(format!("{base}/health/ready"))).await;
    assert_eq!(
        (ready.status.as_u16(), ready.json()),
        (503, json!({"status": "unavailable"}))
    );
    let live = send(app.http.get(format!("{base}/health/live"))).await;
    assert_eq!((live.status.as_u16(), live.json()), (200, json!({"status": "ok"})));
    // Prices cannot be read; that is said without telling where Redis is.
    let rates = send(app.http.get(format!("{base}/api/v1/rates")).header("X-API-Key", KEY)).await;
    rates.problem(503, "dependency_unavailable");
    assert!(!rates.text.contains("127.0.0.1"));
    stop.cancel();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn read_only_database_is_down_and_no_internal_error() {
    let app = TestApp::start().await;
    app.database.set_read_only(true).await;
    let health = || async { send(app.anonymous(Method::GET, "/health")).await };
    eventually("health says so", || async {
        health().await.json()["dependencies"]["postgres"] == "down"
    })
    .await;
    for number in 0..10 {
        let body = json!({"email": format!("reader{number}@example.com")});
        let answer = send(app.anonymous(Method::POST, "/api/v1/users/register").json(&body)).await;
        answer.problem(503, "dependency_unavailable");
    }
    app.database.set_read_only(false).await;
    eventually("health is back", || async { health().await.status == 200 }).await;
    app.register("writer@example.com").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn status_shows_venues_services_and_queues() {
    let app = TestApp::start().await;
    let venue = json!({"provider": "binance", "state": "ok", "age_ms": 900, "breaker": "closed", "last_error": null,
        "last_error_at": null, "weight": 0.9, "simulated": true});
    let about = |name: &str| {
        ResponseTemplate::new(200).set_body_json(json!({"service": name, "version": "1.2.3", "uptime_seconds": 5}))
    };
    Mock::given(path("/internal/sources"))
        .respond_with(ResponseTemplate::new(200).set_body_json(json!([venue])))
        .mount(&app.fetch)
        .await;
    Mock::given(path("/internal/about"))
        .respond_with(about("fetch"))
        .mount(&app.fetch)
        .await;
    Mock::given(path("/internal/about"))
        .respond_with(about("core-analytics"))
        .mount(&app.analytics)
        .await;
    let body = app.get("/api/v1/status").await.json();
    assert_eq!(body["status"]["state"], "degraded", "{body}");
    assert_eq!(body["data"]["sources"], json!([venue]));
    let states: Vec<_> = body["data"]["services"]
        .as_array()
        .unwrap()
        .iter()
        .map(|s| (s["name"].clone(), s["state"].clone()))
        .collect();
    let expected = [
        ("gateway", "ok"),
        ("fetch", "ok"),
        ("core-analytics", "ok"),
        ("alerts", "down"),
    ];
    assert_eq!(states, expected.map(|(name, state)| (json!(name), json!(state))));
    assert_eq!(
        body["data"]["queues"],
        json!([{"name": "webhooks_queue", "depth": null}])
    );
}
