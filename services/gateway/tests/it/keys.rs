//! Keys: what they may do, from where, until when, and how they are replaced.

use futures_util::future::join_all;
use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};
use std::time::Duration;
use testkit::eventually;
use uuid::Uuid;

use crate::harness::{Answer, KEY, TestApp, send};

const KEYS: &str = "/api/v1/keys";
const ME: &str = "/api/v1/users/me";

fn with_key(app: &TestApp, key: &str, method: Method, path: &str) -> RequestBuilder {
    app.anonymous(method, path).header("X-API-Key", key)
}

async fn me(app: &TestApp, key: &str) -> Answer {
    send(with_key(app, key, Method::GET, ME)).await
}

async fn create(app: &TestApp, key: &str, body: Value) -> Answer {
    send(with_key(app, key, Method::POST, KEYS).json(&body)).await
}

fn secret(body: &Value) -> String {
    body["api_key"].as_str().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn key_is_shown_once_and_listed_without_its_secret() {
    let app = TestApp::start().await;
    let answer = create(
        &app,
        KEY,
        json!({"name": "bot", "scopes": ["market:read", "keys:write", "market:read"],
            "expires_at": "2026-04-01T00:00:00Z", "ip_allow": ["127.0.0.1", "10.0.0.0/8"]}),
    )
    .await;
    assert_eq!(answer.status, 201, "{}", answer.text);
    let created = answer.json();
    assert_eq!(
        answer.header("location"),
        format!("{KEYS}/{}", created["id"].as_str().unwrap())
    );
    assert_eq!(created["scopes"], json!(["market:read", "keys:write"]));
    assert_eq!(created["ip_allow"], json!(["127.0.0.1/32", "10.0.0.0/8"]));
    assert_eq!(created["expires_at"], "2026-04-01T00:00:00.000Z");
    let key = secret(&created);
    assert!(key.starts_with(created["prefix"].as_str().unwrap()));
    assert_eq!(me(&app, &key).await.status, 200);

    let listed = app.get(KEYS).await;
    assert!(!listed.text.contains(&key[12..]), "{}", listed.text);
    let listed = listed.json();
    assert_eq!(listed.as_array().unwrap().len(), 2);
    assert_eq!(listed[0]["id"], created["id"]);
    let client = app.database.pool.get().await.unwrap();
    let row = client
        .query_one(
            "SELECT details::text FROM accounts.audit WHERE action = 'key.created'",
            &[],
        )
        .await
        .unwrap();
    assert!(!row.get::<_, String>(0).contains(&key[12..]));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn wrong_keys_are_refused_with_every_violation() {
    let app = TestApp::start().await;
    let answer = create(
        &app,
        KEY,
        json!({"name": "", "scopes": ["king"], "expires_at": "soon", "ip_allow": ["10.0.0.0/33"], "more": 1}),
    )
    .await;
    answer.problem(422, "validation_failed");
    assert_eq!(
        answer.violations(),
        [
            "body.name too_short",
            "body.scopes enum",
            "body.expires_at datetime_parsing",
            "body.ip_allow network",
            "body.more extra_forbidden"
        ]
    );
    let null = create(&app, KEY, json!({"name": "a\u{0}b"})).await;
    null.problem(422, "validation_failed");
    assert_eq!(null.violations(), ["body.name null_character"]);
    let past = create(&app, KEY, json!({"name": "x", "expires_at": "2026-03-01T12:00:00Z"})).await;
    past.problem(422, "validation_failed");
    assert_eq!(past.violations(), ["body.expires_at in_past"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn key_is_refused_from_elsewhere_and_after_its_end() {
    let app = TestApp::start_with(&[("TRUSTED_PROXIES", "127.0.0.0/8")]).await;
    let body = json!({"name": "x", "ip_allow": ["203.0.113.0/24"], "expires_at": "2026-03-01T13:00:00Z"});
    let key = secret(&create(&app, KEY, body).await.json());
    let from = |address: &'static str| send(with_key(&app, &key, Method::GET, ME).header("X-Forwarded-For", address));
    assert_eq!(from("203.0.113.7").await.status, 200);
    from("203.0.114.7").await.problem(401, "invalid_api_key");
    // The session of a key is confined as the key is.
    let exchange = with_key(&app, &key, Method::POST, "/api/v1/auth/token");
    let tokens = send(exchange.header("X-Forwarded-For", "203.0.113.7")).await.json();
    let token = tokens["accessToken"].as_str().unwrap();
    let by_token = |address: &'static str| {
        let request = app.anonymous(Method::GET, ME).bearer_auth(token);
        send(request.header("X-Forwarded-For", address))
    };
    assert_eq!(by_token("203.0.113.7").await.status, 200);
    by_token("203.0.114.7").await.problem(401, "invalid_token");
    app.clock.advance(Duration::from_secs(3_600));
    from("203.0.113.7").await.problem(401, "invalid_api_key");
    by_token("203.0.113.7").await.problem(401, "invalid_token");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn confined_key_does_not_make_itself_wider() {
    let app = TestApp::start().await;
    let body = json!({"name": "narrow", "scopes": ["market:read", "keys:write"]});
    let narrow = secret(&create(&app, KEY, body).await.json());
    let wide = create(&app, &narrow, json!({"name": "wide", "scopes": ["alerts:read"]})).await;
    let refusal = wide.problem(403, "insufficient_scope");
    assert_eq!(refusal["errors"][0]["params"]["required"], json!(["alerts:read"]));
    // Without scopes it passes on its own.
    let child = create(&app, &narrow, json!({"name": "child"})).await.json();
    assert_eq!(child["scopes"], json!(["market:read", "keys:write"]));
    // It cannot get the secret of a wider key, nor a password for the account, nor the account's data.
    let first = app.get(KEYS).await.json();
    let first = first.as_array().unwrap().last().unwrap()["id"]
        .as_str()
        .unwrap()
        .to_owned();
    let rotate = with_key(&app, &narrow, Method::POST, &format!("{KEYS}/{first}/rotate"));
    send(rotate).await.problem(403, "insufficient_scope");
    let password = with_key(&app, &narrow, Method::PATCH, ME).json(&json!({"password": "correct horse"}));
    send(password).await.problem(403, "insufficient_scope");
    let export = with_key(&app, &narrow, Method::GET, "/api/v1/users/me/export");
    send(export).await.problem(403, "insufficient_scope");
    let erase = with_key(&app, &narrow, Method::DELETE, ME).json(&json!({"confirm": "demo@cryptolens.example"}));
    send(erase).await.problem(403, "insufficient_scope");
    // Without keys:write there are no keys at all.
    let reader = secret(
        &create(&app, KEY, json!({"name": "r", "scopes": ["market:read"]}))
            .await
            .json(),
    );
    create(&app, &reader, json!({"name": "x"}))
        .await
        .problem(403, "insufficient_scope");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn key_of_some_networks_and_a_time_makes_none_that_is_valid_elsewhere_or_longer() {
    let app = TestApp::start().await;
    let body = json!({"name": "near", "ip_allow": ["127.0.0.0/8"], "expires_at": "2026-03-01T13:00:00Z"});
    let near = secret(&create(&app, KEY, body).await.json());
    // What is left open is as the key itself.
    let child = create(&app, &near, json!({"name": "child"})).await.json();
    assert_eq!(child["ip_allow"], json!(["127.0.0.0/8"]));
    assert_eq!(child["expires_at"], "2026-03-01T13:00:00.000Z");
    let inside = json!({"name": "x", "ip_allow": ["127.0.0.1"], "expires_at": "2026-03-01T12:30:00Z"});
    assert_eq!(create(&app, &near, inside).await.status, 201);
    for body in [
        json!({"name": "x", "ip_allow": ["0.0.0.0/0"]}),
        json!({"name": "x", "ip_allow": ["127.0.0.1", "203.0.113.0/24"]}),
        json!({"name": "x", "expires_at": "2026-03-01T13:00:01Z"}),
    ] {
        create(&app, &near, body).await.problem(403, "insufficient_scope");
    }
    let first = app.get(KEYS).await.json();
    let first = first.as_array().unwrap().last().unwrap()["id"]
        .as_str()
        .unwrap()
        .to_owned();
    send(with_key(&app, &near, Method::POST, &format!("{KEYS}/{first}/rotate")))
        .await
        .problem(403, "insufficient_scope");
    let password = with_key(&app, &near, Method::PATCH, ME).json(&json!({"password": "correct horse"}));
    send(password).await.problem(403, "insufficient_scope");
    // It may be replaced by its like.
    let id = app.get(KEYS).await.json();
    let id = id.as_array().unwrap().iter().find(|key| key["name"] == "near").unwrap()["id"].clone();
    let path = format!("{KEYS}/{}/rotate", id.as_str().unwrap());
    assert_eq!(send(with_key(&app, &near, Method::POST, &path)).await.status, 201);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ended_keys_do_not_hide_those_that_are_valid() {
    let app = TestApp::start().await;
    let client = app.database.pool.get().await.unwrap();
    let sql = "INSERT INTO accounts.api_keys (id, user_id, name, prefix, key_hash, created_at, expires_at) \
        SELECT ('ffffffff' || substr(gen_random_uuid()::text, 9))::uuid, user_id, 'x', 'x', sha256(n::text::bytea), \
        created_at, '2026-03-01T11:00:00Z' FROM accounts.api_keys, generate_series(1, 150) AS n";
    client.execute(sql, &[]).await.unwrap();
    let listed = app.get(KEYS).await.json();
    assert_eq!(listed.as_array().unwrap().len(), 1, "{listed}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rotated_key_ends_after_the_overlap() {
    let app = TestApp::start().await;
    let (other, stop, _running) = app.start_gateway(&[]).await;
    let old = create(&app, KEY, json!({"name": "bot", "scopes": ["market:read"]}))
        .await
        .json();
    let (id, old_key) = (old["id"].as_str().unwrap(), secret(&old));
    let rotate = |id: &str, body: Value| {
        let path = format!("{KEYS}/{id}/rotate");
        send(app.request(Method::POST, &path).json(&body))
    };
    let answer = rotate(id, json!({"overlap_seconds": 3600})).await;
    assert_eq!(answer.status, 201, "{}", answer.text);
    let new = answer.json();
    assert_ne!(new["id"], old["id"]);
    assert_eq!((&new["name"], &new["scopes"]), (&old["name"], &old["scopes"]));
    let new_key = secret(&new);
    assert_eq!(me(&app, &old_key).await.status, 200);
    assert_eq!(me(&app, &new_key).await.status, 200);
    // A second time it would give its own end to the next key.
    rotate(id, json!({})).await.problem(404, "key_not_found");
    app.clock.advance(Duration::from_secs(3_600));
    eventually("the old key has ended", || async {
        me(&app, &old_key).await.status == 401
    })
    .await;
    assert_eq!(me(&app, &new_key).await.status, 200);

    // Without an overlap it ends at once, everywhere.
    let there = |key: &str| send(app.http.get(format!("{other}{ME}")).header("X-API-Key", key));
    assert_eq!(there(&new_key).await.status, 200);
    let newest = send(app.request(Method::POST, &format!("{KEYS}/{}/rotate", new["id"].as_str().unwrap()))).await;
    assert_eq!(newest.status, 201, "{}", newest.text);
    eventually("the old key has ended", || async {
        there(&new_key).await.status == 401
    })
    .await;
    for body in [json!({"overlap_seconds": 604_801}), json!({"overlap_seconds": "1"})] {
        rotate(id, body).await.problem(422, "validation_failed");
    }
    rotate(id, json!({})).await.problem(404, "key_not_found");
    rotate(&Uuid::now_v7().to_string(), json!({}))
        .await
        .problem(404, "key_not_found");
    stop.cancel();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rotations_under_load_lose_no_request() {
    let app = TestApp::start().await;
    let mut key = create(&app, KEY, json!({"name": "bot"})).await.json();
    for _ in 0..5 {
        let path = format!("{KEYS}/{}/rotate", key["id"].as_str().unwrap());
        let rotation = app.request(Method::POST, &path).json(&json!({"overlap_seconds": 60}));
        let used = secret(&key);
        let load = join_all((0..20).map(|_| me(&app, &used)));
        let (rotated, answers) = tokio::join!(send(rotation), load);
        assert!(answers.iter().all(|answer| answer.status == 200));
        key = rotated.json();
        assert_eq!(me(&app, &secret(&key)).await.status, 200);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn key_of_another_user_is_not_found() {
    let app = TestApp::start().await;
    let (_, other) = app.register("other@example.com").await;
    let mine = app.get(KEYS).await.json()[0]["id"].as_str().unwrap().to_owned();
    let path = format!("{KEYS}/{mine}");
    send(with_key(&app, &other, Method::DELETE, &path))
        .await
        .problem(404, "key_not_found");
    send(with_key(&app, &other, Method::POST, &format!("{path}/rotate")))
        .await
        .problem(404, "key_not_found");
    assert_eq!(me(&app, KEY).await.status, 200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn repeat_of_a_creation_makes_no_second_key() {
    let app = TestApp::start().await;
    let request = || {
        let request = app.request(Method::POST, KEYS).json(&json!({"name": "bot"}));
        send(request.header("Idempotency-Key", "once"))
    };
    assert_eq!(request().await.status, 201);
    request().await.problem(409, "secret_already_shown");
    // The run died after the commit: the key is there, and its secret is lost.
    let client = app.database.pool.get().await.unwrap();
    let sql = "UPDATE accounts.idempotency_keys SET status = NULL, running_until = now() - interval '1 year'";
    client.execute(sql, &[]).await.unwrap();
    request().await.problem(409, "secret_already_shown");
    assert_eq!(app.get(KEYS).await.json().as_array().unwrap().len(), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn keys_of_one_user_are_bounded() {
    let app = TestApp::start().await;
    let client = app.database.pool.get().await.unwrap();
    let sql = "INSERT INTO accounts.api_keys (id, user_id, name, prefix, key_hash, created_at) \
        SELECT gen_random_uuid(), user_id, 'x', 'x', sha256(n::text::bytea), created_at \
        FROM accounts.api_keys, generate_series(1, 98) AS n";
    client.execute(sql, &[]).await.unwrap();
    let answers = join_all((0..5).map(|_| create(&app, KEY, json!({"name": "x"})))).await;
    assert_eq!(answers.iter().filter(|answer| answer.status == 201).count(), 1);
    let refused = answers.iter().find(|answer| answer.status != 201).unwrap();
    refused.problem(403, "plan_limit_reached");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn last_use_is_written_down() {
    let app = TestApp::start().await;
    let created = create(&app, KEY, json!({"name": "bot"})).await.json();
    assert_eq!(created["last_used_at"], Value::Null);
    assert_eq!(me(&app, &secret(&created)).await.status, 200);
    eventually("the use is listed", || async {
        let listed = app.get(KEYS).await.json();
        listed[0]["last_used_at"] == "2026-03-01T12:00:00.000Z"
    })
    .await;
}
