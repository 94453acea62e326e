//! Changing, exporting and erasing an account.

use std::time::Duration;

use contracts::api::alerts::ErasureBody;
use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};
use testkit::{eventually, rows_containing};
use uuid::Uuid;
use wiremock::matchers::{header, method, path, query_param};
use wiremock::{Mock, ResponseTemplate};

use crate::harness::{Answer, KEY, TestApp, send};

const ME: &str = "/api/v1/users/me";

fn of_user(app: &TestApp, key: &str, method: Method, path: &str) -> RequestBuilder {
    app.anonymous(method, path).header("X-API-Key", key)
}

async fn login(app: &TestApp, name: &str, password: &str) -> Answer {
    let body = json!({"username": name, "password": password});
    send(app.anonymous(Method::POST, "/api/v1/auth/login").json(&body)).await
}

fn token(answer: &Answer) -> String {
    answer.json()["accessToken"].as_str().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn new_password_needs_the_old_one_and_ends_other_sessions() {
    let app = TestApp::start().await;
    let (_, key) = app.register("ada@example.com").await;
    let change = |body: Value| send(of_user(&app, &key, Method::PATCH, ME).json(&body));
    let first = change(json!({"password": "correct horse"})).await;
    assert_eq!(first.status, 200, "{}", first.text);
    assert_eq!(first.json()["email"], "ada@example.com");
    let (kept, ended) = (
        token(&login(&app, "ada@example.com", "correct horse").await),
        token(&login(&app, "ada@example.com", "correct horse").await),
    );
    for body in [
        json!({"password": "battery staple"}),
        json!({"password": "battery staple", "current_password": "wrong horse!"}),
    ] {
        change(body).await.problem(403, "password_required");
    }
    change(json!({"password": "short"}))
        .await
        .problem(422, "validation_failed");
    assert_eq!(change(json!({})).await.status, 200);
    let body = json!({"password": "battery staple", "current_password": "correct horse"});
    let changed = send(app.anonymous(Method::PATCH, ME).bearer_auth(&kept).json(&body)).await;
    assert_eq!(changed.status, 200, "{}", changed.text);
    let me = |token: &str| send(app.anonymous(Method::GET, ME).bearer_auth(token));
    eventually("the other session has ended", || async {
        me(&ended).await.status == 401
    })
    .await;
    assert_eq!(me(&kept).await.status, 200);
    login(&app, "ada@example.com", "correct horse")
        .await
        .problem(401, "invalid_credentials");
    assert_eq!(login(&app, "ada@example.com", "battery staple").await.status, 200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn guesses_at_the_current_password_are_limited_as_log_ins_are() {
    let app = TestApp::start_with(&[("RATE_LIMIT_LOGIN", "3/3600")]).await;
    let body = json!({"email": "ada@example.com", "password": "correct horse"});
    let registered = app.anonymous(Method::POST, "/api/v1/users/register").json(&body);
    let key = send(registered).await.json()["api_key"].as_str().unwrap().to_owned();
    let guess = || {
        let body = json!({"password": "battery staple", "current_password": "wrong horse"});
        send(of_user(&app, &key, Method::PATCH, ME).json(&body))
    };
    for _ in 0..3 {
        guess().await.problem(403, "password_required");
    }
    guess().await.problem(429, "rate_limited");
}

async fn mount_lists(app: &TestApp, user: Uuid) {
    let list = |name: &str| {
        Mock::given(method("GET"))
            .and(path(format!("/internal/{name}")))
            .and(header("x-user-id", user.to_string()))
            .and(query_param("limit", "500"))
    };
    let page = |items: Value, cursor: Option<&str>| {
        ResponseTemplate::new(200).set_body_json(json!({"items": items, "next_cursor": cursor}))
    };
    let endpoint = |id: u128| {
        json!({"id": Uuid::from_u128(id), "url": "https://hooks.example/", "implicit": true,
            "is_enabled": true, "disabled_reason": null,
            "disabled_at": null, "last_success_at": null, "consecutive_failures": 0, "created_at": "2026-03-01T12:00:00.000Z"})
    };
    let second = list("webhooks/endpoints").and(query_param("cursor", "next"));
    let second = second.respond_with(page(json!([endpoint(2)]), None));
    let first = list("webhooks/endpoints").respond_with(page(json!([endpoint(1)]), Some("next")));
    let empty = ["alerts", "deliveries"].map(|name| list(name).respond_with(page(json!([]), None)));
    for mock in [second, first].into_iter().chain(empty) {
        mock.mount(&app.alerts).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn export_holds_everything_and_no_secret() {
    let app = TestApp::start().await;
    let (id, key) = app.register("ada@example.com").await;
    let export = || send(of_user(&app, &key, Method::GET, "/api/v1/users/me/export"));
    // An outage is an error, not half a document.
    export().await.problem(500, "internal_error");
    mount_lists(&app, id).await;
    let answer = export().await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    assert_eq!(answer.header("cache-control"), "no-store");
    assert!(!answer.text.contains(&key[12..]));
    let body = answer.json();
    assert_eq!(body["account"]["email"], "ada@example.com");
    assert_eq!(body["api_keys"].as_array().unwrap().len(), 1);
    assert_eq!(body["webhook_endpoints"].as_array().unwrap().len(), 2, "{body}");
    assert!(body["usage"].is_array(), "{body}");
    assert_eq!((&body["alerts"], &body["deliveries"]), (&json!([]), &json!([])));
}

async fn mount_erasure(app: &TestApp, is_complete: bool) {
    app.alerts.reset().await;
    Mock::given(method("POST"))
        .and(path("/internal/users/erase"))
        .respond_with(ResponseTemplate::new(200).set_body_json(ErasureBody { is_complete }))
        .mount(&app.alerts)
        .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn erased_account_leaves_no_trace_of_its_address() {
    let app = TestApp::start().await;
    mount_erasure(&app, false).await;
    let register = || {
        let body = json!({"email": "Ada.Erased@example.com", "password": "correct horse"});
        send(
            app.anonymous(Method::POST, "/api/v1/users/register")
                .header("Idempotency-Key", "register ada.erased@example.com")
                .json(&body),
        )
    };
    let key = register().await.json()["api_key"].as_str().unwrap().to_owned();
    // What leaves rows behind: answers of repeated requests, keys, sessions, audit entries.
    let access = token(&login(&app, "ada.erased@example.com", "correct horse").await);
    for path in ["/api/v1/keys", "/api/v1/auth/stream-ticket"] {
        let post = of_user(&app, &key, Method::POST, path).header("Idempotency-Key", path);
        let body = if path.ends_with("keys") {
            json!({"name": "for ada.erased@example.com"})
        } else {
            json!({})
        };
        assert_eq!(send(post.json(&body)).await.status, 201);
    }
    assert!(
        !rows_containing(&app.database.pool, "ada.erased@example.com")
            .await
            .is_empty()
    );

    let erase = |confirm: &str| send(of_user(&app, &key, Method::DELETE, ME).json(&json!({"confirm": confirm})));
    erase("someone@example.com").await.problem(422, "validation_failed");
    let answer = erase("ADA.erased@example.com").await;
    assert_eq!(answer.status, 202, "{}", answer.text);
    assert_eq!(answer.json()["status"], "erasing");
    assert_eq!(
        rows_containing(&app.database.pool, "ada.erased").await,
        Vec::<String>::new()
    );
    send(of_user(&app, &key, Method::GET, ME))
        .await
        .problem(401, "invalid_api_key");
    send(app.anonymous(Method::GET, ME).bearer_auth(&access))
        .await
        .problem(401, "invalid_token");
    login(&app, "ada.erased@example.com", "correct horse")
        .await
        .problem(401, "invalid_credentials");

    // The other services are asked until they have forgotten the user, and once more after requests of before ended.
    let client = app.database.pool.get().await.unwrap();
    let open = async || -> i64 {
        let row = client
            .query_one("SELECT count(*) AS n FROM accounts.erasures", &[])
            .await
            .unwrap();
        row.get("n")
    };
    let asked = async || app.alerts.received_requests().await.unwrap().len();
    eventually("alerts is asked", || async { asked().await > 0 }).await;
    assert_eq!(open().await, 1);
    mount_erasure(&app, true).await;
    eventually("alerts is asked again", || async { asked().await > 0 }).await;
    assert_eq!(open().await, 1);
    app.clock.advance(Duration::from_secs(61));
    eventually("the erasure is complete", || async { open().await == 0 }).await;
    // The address is free again.
    let again = json!({"email": "ada.erased@example.com"});
    let again = app.anonymous(Method::POST, "/api/v1/users/register").json(&again);
    assert_eq!(send(again).await.status, 201);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn demonstration_account_can_be_erased_and_comes_back() {
    let app = TestApp::start().await;
    mount_erasure(&app, true).await;
    let erase = of_user(&app, KEY, Method::DELETE, ME).json(&json!({"confirm": "demo@cryptolens.example"}));
    assert_eq!(send(erase).await.status, 202);
    let (other, stop, _running) = app.start_gateway(&[]).await;
    let me = app.http.get(format!("{other}{ME}")).header("X-API-Key", KEY);
    assert_eq!(send(me).await.status, 200);
    stop.cancel();
}
