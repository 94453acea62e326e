//! Repeated POSTs.

use std::time::Duration;

use contracts::problem::ProblemKind;
use reqwest::Method;
use serde_json::{Value, json};
use wiremock::matchers::{method, path};
use wiremock::{Mock, ResponseTemplate};

use crate::harness::{Answer, TestApp, send};

fn valid() -> Value {
    json!({"ticker": "BTC", "target_price": 1, "condition": "gt", "webhook_url": "https://a.example/"})
}

async fn create(app: &TestApp, key: &str, body: &Value) -> Answer {
    send(
        app.request(Method::POST, "/api/v1/alerts/")
            .header("Idempotency-Key", key)
            .json(body),
    )
    .await
}

async fn alerts_answer(app: &TestApp, template: ResponseTemplate, times: u64) {
    Mock::given(method("POST"))
        .and(path("/internal/alerts"))
        .respond_with(template)
        .expect(times)
        .mount(&app.alerts)
        .await;
}

fn created() -> ResponseTemplate {
    ResponseTemplate::new(201).set_body_json(json!({
        "id": "01933f4e-7a00-7000-8000-000000000001", "user_id": "01933f4e-7a00-7000-8000-000000000002",
        "ticker": "BTC",
        "kind": "price", "target_price": 1, "condition": "gt", "webhook_url": "https://a.example/",
        "webhook_endpoint_id": "01933f4e-7a00-7000-8000-000000000003", "is_active": true, "state": "armed",
        "last_value": null, "fires": 0, "created_at": "2026-03-01T12:00:00.000Z",
        "updated_at": "2026-03-01T12:00:00.000Z",
        "triggered_at": null
    }))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn repeat_gets_the_stored_answer_for_a_day() {
    let app = TestApp::start().await;
    alerts_answer(&app, created(), 2).await;
    let first = create(&app, "k-1", &valid()).await;
    assert_eq!((first.status.as_u16(), first.header("idempotent-replayed")), (201, ""));
    app.clock.advance(Duration::from_secs(86_399));
    let again = create(&app, "k-1", &valid()).await;
    assert_eq!(
        (again.status.as_u16(), again.header("idempotent-replayed")),
        (201, "true")
    );
    assert_eq!(again.text, first.text);
    assert_eq!(again.header("location"), first.header("location"));
    assert_eq!(again.header("content-type"), "application/json");
    // After a day the key is new.
    app.clock.advance(Duration::from_secs(1));
    assert_eq!(create(&app, "k-1", &valid()).await.header("idempotent-replayed"), "");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn refusals_are_repeated_and_passing_failures_are_not() {
    let app = TestApp::start().await;
    let refused = platform::problem::Problem::new(ProblemKind::AlertDuplicate, "x");
    alerts_answer(&app, ResponseTemplate::new(409).set_body_json(refused), 1).await;
    create(&app, "k-1", &valid()).await.problem(409, "alert_duplicate");
    let again = create(&app, "k-1", &valid()).await;
    again.problem(409, "alert_duplicate");
    assert_eq!(again.header("idempotent-replayed"), "true");

    app.alerts.reset().await;
    let away = platform::problem::Problem::new(ProblemKind::DependencyUnavailable, "x");
    alerts_answer(&app, ResponseTemplate::new(503).set_body_json(away), 1).await;
    create(&app, "k-2", &valid())
        .await
        .problem(503, "dependency_unavailable");
    app.alerts.reset().await;
    alerts_answer(&app, created(), 1).await;
    assert_eq!(create(&app, "k-2", &valid()).await.status, 201);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn key_belongs_to_one_request_of_one_user() {
    let app = TestApp::start().await;
    alerts_answer(&app, created(), 2).await;
    assert_eq!(create(&app, "k-1", &valid()).await.status, 201);
    let mut other = valid();
    other["target_price"] = json!(2);
    create(&app, "k-1", &other).await.problem(422, "idempotency_key_reused");
    let (_, key) = app.register("other@example.com").await;
    let request = app
        .anonymous(Method::POST, "/api/v1/alerts/")
        .header("X-API-Key", key)
        .json(&other);
    let answer = send(request.header("Idempotency-Key", "k-1")).await;
    assert_eq!(
        (answer.status.as_u16(), answer.header("idempotent-replayed")),
        (201, "")
    );
    for bad in ["", &"k".repeat(129), "ä"] {
        let answer = create(&app, bad, &valid()).await;
        answer.problem(422, "validation_failed");
        assert_eq!(answer.violations(), ["header.Idempotency-Key length"]);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn concurrent_repeats_run_once() {
    let app = TestApp::start().await;
    alerts_answer(&app, created().set_delay(Duration::from_millis(300)), 1).await;
    let answers = futures_util::future::join_all((0..10).map(|_| async { create(&app, "k-1", &valid()).await })).await;
    let (ran, repeated): (Vec<_>, Vec<_>) = answers
        .iter()
        .partition(|answer| answer.status == 201 && answer.header("idempotent-replayed").is_empty());
    assert_eq!(ran.len(), 1);
    for answer in repeated {
        if answer.status != 201 {
            answer.problem(409, "idempotency_in_progress");
        }
    }
    assert_eq!(
        create(&app, "k-1", &valid()).await.header("idempotent-replayed"),
        "true"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn dead_run_is_taken_over() {
    let app = TestApp::start().await;
    alerts_answer(&app, created(), 2).await;
    assert_eq!(create(&app, "k-1", &valid()).await.status, 201);
    // As if the process had died before it stored the answer.
    let client = app.database.pool.get().await.unwrap();
    client
        .execute(
            "UPDATE accounts.idempotency_keys SET status = NULL, response_body = NULL",
            &[],
        )
        .await
        .unwrap();
    create(&app, "k-1", &valid())
        .await
        .problem(409, "idempotency_in_progress");
    app.clock.advance(Duration::from_secs(31));
    assert_eq!(create(&app, "k-1", &valid()).await.status, 201);
    assert_eq!(
        create(&app, "k-1", &valid()).await.header("idempotent-replayed"),
        "true"
    );
    let ids = ids_asked_for(&app).await;
    assert_eq!(ids.len(), 2);
    assert_eq!(ids[0], ids[1], "the second run finds what the first one made");
}

/// The ids under which the alerts service was asked to create alerts.
async fn ids_asked_for(app: &TestApp) -> Vec<Value> {
    let requests = app.alerts.received_requests().await.unwrap();
    requests
        .iter()
        .filter(|request| request.url.path() == "/internal/alerts")
        .map(|request| request.body_json::<Value>().unwrap()["id"].clone())
        .collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn failed_run_hands_its_creation_id_to_the_next() {
    let app = TestApp::start().await;
    let failing = ResponseTemplate::new(503)
        .set_body_json(json!({"status": 503, "kind": "dependency_unavailable", "detail": "x"}));
    alerts_answer(&app, failing, 1).await;
    assert_eq!(create(&app, "k-1", &valid()).await.status, 503);
    let first = ids_asked_for(&app).await;
    app.alerts.reset().await;
    alerts_answer(&app, created(), 2).await;
    assert_eq!(create(&app, "k-1", &valid()).await.status, 201);
    assert_eq!(ids_asked_for(&app).await, first);
    // Another key makes another alert.
    assert_eq!(create(&app, "k-2", &valid()).await.status, 201);
    assert_ne!(ids_asked_for(&app).await[1], first[0]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn interrupted_registration_is_told_from_a_foreign_one() {
    let app = TestApp::start().await;
    let register = |key: &'static str| {
        let request = app
            .anonymous(Method::POST, "/api/v1/users/register")
            .json(&json!({"email": "s@example.com"}));
        send(request.header("Idempotency-Key", key))
    };
    assert_eq!(register("k-1").await.status, 201);
    let client = app.database.pool.get().await.unwrap();
    client
        .execute("UPDATE accounts.idempotency_keys SET status = NULL", &[])
        .await
        .unwrap();
    app.clock.advance(Duration::from_secs(31));
    register("k-1").await.problem(409, "secret_already_shown");
    register("k-2").await.problem(400, "email_already_registered");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn secret_is_not_stored() {
    let app = TestApp::start().await;
    let register = || {
        let request = app
            .anonymous(Method::POST, "/api/v1/users/register")
            .json(&json!({"email": "s@example.com"}));
        send(request.header("Idempotency-Key", "k-1"))
    };
    let first = register().await;
    assert_eq!(first.status, 201);
    register().await.problem(409, "secret_already_shown");
    let key = first.json()["api_key"].as_str().unwrap().to_owned();
    let client = app.database.pool.get().await.unwrap();
    let row = client
        .query_one("SELECT k::text, response_body FROM accounts.idempotency_keys k", &[])
        .await
        .unwrap();
    assert!(!row.get::<_, String>(0).contains(&key));
    assert_eq!(row.get::<_, Option<Vec<u8>>>(1), None);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn repeated_test_of_a_receiver_is_one_message() {
    let app = TestApp::start().await;
    let failing = ResponseTemplate::new(503)
        .set_body_json(json!({"status": 503, "kind": "dependency_unavailable", "detail": "x"}));
    Mock::given(method("POST"))
        .respond_with(failing)
        .expect(3)
        .mount(&app.alerts)
        .await;
    let path = format!("/api/v1/webhooks/endpoints/{}/test", uuid::Uuid::now_v7());
    let ping = |key: &'static str| send(app.request(Method::POST, &path).header("Idempotency-Key", key));
    for key in ["k-1", "k-1", "k-2"] {
        assert_eq!(ping(key).await.status, 503);
    }
    let requests = app.alerts.received_requests().await.unwrap();
    let ids: Vec<Value> = requests
        .iter()
        .map(|request| request.body_json::<Value>().unwrap()["id"].clone())
        .collect();
    assert!(ids[0].is_string());
    assert_eq!(ids[0], ids[1], "the second run finds the message of the first");
    assert_ne!(ids[0], ids[2]);
}
