//! Repeated POSTs.

use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};
use wiremock::matchers::{method, path};
use wiremock::{Mock, ResponseTemplate};

use crate::harness::{Answer, World, send};

fn valid() -> Value {
    json!({"ticker": "BTC", "target_price": 1, "condition": "gt", "webhook_url": "https://a.example/"})
}

async fn create(world: &World, key: &str, body: &Value) -> Answer {
    send(
        world
            .request(Method::POST, "/api/v1/alerts/")
            .header("Idempotency-Key", key)
            .json(body),
    )
    .await
}

async fn alerts_answer(world: &World, template: ResponseTemplate, times: u64) {
    Mock::given(method("POST"))
        .and(path("/internal/alerts"))
        .respond_with(template)
        .expect(times)
        .mount(&world.alerts)
        .await;
}

fn created() -> ResponseTemplate {
    ResponseTemplate::new(201).set_body_json(json!({
        "id": "01933f4e-7a00-7000-8000-000000000001", "user_id": "01933f4e-7a00-7000-8000-000000000002", "ticker": "BTC",
        "kind": "price", "target_price": 1, "condition": "gt", "webhook_url": "https://a.example/",
        "webhook_endpoint_id": "01933f4e-7a00-7000-8000-000000000003", "is_active": true, "state": "armed",
        "last_value": null, "fires": 0, "created_at": "2026-03-01T12:00:00.000Z", "updated_at": "2026-03-01T12:00:00.000Z",
        "triggered_at": null
    }))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_repeat_gets_the_stored_answer_for_a_day() {
    let world = World::start().await;
    alerts_answer(&world, created(), 2).await;
    let first = create(&world, "k-1", &valid()).await;
    assert_eq!((first.status.as_u16(), first.header("idempotent-replayed")), (201, ""));
    world.clock.advance(Duration::from_secs(86_399));
    let again = create(&world, "k-1", &valid()).await;
    assert_eq!(
        (again.status.as_u16(), again.header("idempotent-replayed")),
        (201, "true")
    );
    assert_eq!(again.text, first.text);
    assert_eq!(again.header("location"), first.header("location"));
    assert_eq!(again.header("content-type"), "application/json");
    // After a day the key is new.
    world.clock.advance(Duration::from_secs(1));
    assert_eq!(create(&world, "k-1", &valid()).await.header("idempotent-replayed"), "");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn refusals_are_repeated_and_passing_failures_are_not() {
    let world = World::start().await;
    let refused = platform::problem::Problem::new(409, "alert_duplicate", "x");
    alerts_answer(&world, ResponseTemplate::new(409).set_body_json(refused), 1).await;
    create(&world, "k-1", &valid()).await.problem(409, "alert_duplicate");
    let again = create(&world, "k-1", &valid()).await;
    again.problem(409, "alert_duplicate");
    assert_eq!(again.header("idempotent-replayed"), "true");

    world.alerts.reset().await;
    let away = platform::problem::Problem::new(503, "dependency_unavailable", "x");
    alerts_answer(&world, ResponseTemplate::new(503).set_body_json(away), 1).await;
    create(&world, "k-2", &valid())
        .await
        .problem(503, "dependency_unavailable");
    world.alerts.reset().await;
    alerts_answer(&world, created(), 1).await;
    assert_eq!(create(&world, "k-2", &valid()).await.status, 201);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_belongs_to_one_request_of_one_user() {
    let world = World::start().await;
    alerts_answer(&world, created(), 2).await;
    assert_eq!(create(&world, "k-1", &valid()).await.status, 201);
    let mut other = valid();
    other["target_price"] = json!(2);
    create(&world, "k-1", &other)
        .await
        .problem(422, "idempotency_key_reused");
    let (_, key) = world.register("other@example.com").await;
    let request = world
        .anonymous(Method::POST, "/api/v1/alerts/")
        .header("X-API-Key", key)
        .json(&other);
    let answer = send(request.header("Idempotency-Key", "k-1")).await;
    assert_eq!(
        (answer.status.as_u16(), answer.header("idempotent-replayed")),
        (201, "")
    );
    for bad in ["", &"k".repeat(129), "ä"] {
        let answer = create(&world, bad, &valid()).await;
        answer.problem(422, "validation_failed");
        assert_eq!(answer.violations(), ["header.Idempotency-Key length"]);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn concurrent_repeats_run_once() {
    let world = World::start().await;
    alerts_answer(&world, created().set_delay(Duration::from_millis(300)), 1).await;
    let answers =
        futures_util::future::join_all((0..10).map(|_| async { create(&world, "k-1", &valid()).await })).await;
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
        create(&world, "k-1", &valid()).await.header("idempotent-replayed"),
        "true"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_run_that_died_is_taken_over() {
    let world = World::start().await;
    alerts_answer(&world, created(), 2).await;
    assert_eq!(create(&world, "k-1", &valid()).await.status, 201);
    // As if the process had died before it stored the answer.
    let client = world.database.pool.get().await.unwrap();
    client
        .execute(
            "UPDATE accounts.idempotency_keys SET status = NULL, response_body = NULL",
            &[],
        )
        .await
        .unwrap();
    create(&world, "k-1", &valid())
        .await
        .problem(409, "idempotency_in_progress");
    world.clock.advance(Duration::from_secs(31));
    assert_eq!(create(&world, "k-1", &valid()).await.status, 201);
    assert_eq!(
        create(&world, "k-1", &valid()).await.header("idempotent-replayed"),
        "true"
    );
    let ids = ids_asked_for(&world).await;
    assert_eq!(ids.len(), 2);
    assert_eq!(ids[0], ids[1], "the second run finds what the first one made");
}

/// The ids under which the alerts service was asked to create alerts.
async fn ids_asked_for(world: &World) -> Vec<Value> {
    let requests = world.alerts.received_requests().await.unwrap();
    requests
        .iter()
        .filter(|request| request.url.path() == "/internal/alerts")
        .map(|request| request.body_json::<Value>().unwrap()["id"].clone())
        .collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_run_that_failed_hands_its_id_to_the_next() {
    let world = World::start().await;
    let failing = ResponseTemplate::new(503)
        .set_body_json(json!({"status": 503, "kind": "dependency_unavailable", "detail": "x"}));
    alerts_answer(&world, failing, 1).await;
    assert_eq!(create(&world, "k-1", &valid()).await.status, 503);
    let first = ids_asked_for(&world).await;
    world.alerts.reset().await;
    alerts_answer(&world, created(), 2).await;
    assert_eq!(create(&world, "k-1", &valid()).await.status, 201);
    assert_eq!(ids_asked_for(&world).await, first);
    // Another key makes another alert.
    assert_eq!(create(&world, "k-2", &valid()).await.status, 201);
    assert_ne!(ids_asked_for(&world).await[1], first[0]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_registration_that_died_before_it_answered_is_told_from_anothers() {
    let world = World::start().await;
    let register = |key: &'static str| {
        let request = world
            .anonymous(Method::POST, "/api/v1/users/register")
            .json(&json!({"email": "s@example.com"}));
        send(request.header("Idempotency-Key", key))
    };
    assert_eq!(register("k-1").await.status, 201);
    let client = world.database.pool.get().await.unwrap();
    client
        .execute("UPDATE accounts.idempotency_keys SET status = NULL", &[])
        .await
        .unwrap();
    world.clock.advance(Duration::from_secs(31));
    register("k-1").await.problem(409, "secret_already_shown");
    register("k-2").await.problem(400, "email_already_registered");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_secret_is_not_stored() {
    let world = World::start().await;
    let register = || {
        let request = world
            .anonymous(Method::POST, "/api/v1/users/register")
            .json(&json!({"email": "s@example.com"}));
        send(request.header("Idempotency-Key", "k-1"))
    };
    let first = register().await;
    assert_eq!(first.status, 201);
    register().await.problem(409, "secret_already_shown");
    let key = first.json()["api_key"].as_str().unwrap().to_owned();
    let client = world.database.pool.get().await.unwrap();
    let row = client
        .query_one("SELECT k::text, response_body FROM accounts.idempotency_keys k", &[])
        .await
        .unwrap();
    assert!(!row.get::<_, String>(0).contains(&key));
    assert_eq!(row.get::<_, Option<Vec<u8>>>(1), None);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_repeated_test_of_a_receiver_is_one_message() {
    let world = World::start().await;
    let failing = ResponseTemplate::new(503)
        .set_body_json(json!({"status": 503, "kind": "dependency_unavailable", "detail": "x"}));
    Mock::given(method("POST"))
        .respond_with(failing)
        .expect(3)
        .mount(&world.alerts)
        .await;
    let path = format!("/api/v1/webhooks/endpoints/{}/test", uuid::Uuid::now_v7());
    let ping = |key: &'static str| send(world.request(Method::POST, &path).header("Idempotency-Key", key));
    for key in ["k-1", "k-1", "k-2"] {
        assert_eq!(ping(key).await.status, 503);
    }
    let requests = world.alerts.received_requests().await.unwrap();
    let ids: Vec<Value> = requests
        .iter()
        .map(|request| request.body_json::<Value>().unwrap()["id"].clone())
        .collect();
    assert!(ids[0].is_string());
    assert_eq!(ids[0], ids[1], "the second run finds the message of the first");
    assert_ne!(ids[0], ids[2]);
}
