//! What administrators do with users and keys, and the first administrator.

use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};
use testkit::eventually;
use uuid::Uuid;

use crate::harness::{Answer, KEY, TestApp, send};

const ME: &str = "/api/v1/users/me";
const PASSWORD: &str = "an administrator's password";

async fn start() -> (TestApp, String) {
    let app = TestApp::start_with(&[("ADMIN_USER", "root"), ("ADMIN_PASS", PASSWORD)]).await;
    let admin = log_in(&app, &app.base, PASSWORD).await;
    assert_eq!(admin.status, 200, "{}", admin.text);
    let token = admin.json()["accessToken"].as_str().unwrap().to_owned();
    (app, token)
}

async fn log_in(app: &TestApp, base: &str, password: &str) -> Answer {
    let body = json!({"username": "ROOT", "password": password});
    send(app.http.post(format!("{base}/auth/login")).json(&body)).await
}

fn of_admin(app: &TestApp, token: &str, method: Method, path: &str) -> RequestBuilder {
    app.anonymous(method, path).bearer_auth(token)
}

async fn audit(app: &TestApp) -> Vec<(String, Value)> {
    let client = app.database.pool.get().await.unwrap();
    let rows = client
        .query("SELECT action, details::text FROM accounts.audit ORDER BY id", &[])
        .await
        .unwrap();
    rows.iter()
        .map(|row| {
            let details: String = row.get(1);
            (row.get(0), serde_json::from_str(&details).unwrap())
        })
        .collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn first_administrator_exists_after_the_start() {
    let (app, token) = start().await;
    let me = send(of_admin(&app, &token, Method::GET, ME)).await.json();
    assert_eq!((&me["role"], &me["tier"]), (&json!("admin"), &json!("enterprise")));
    // Again, and two at once: it stays one account, and its session goes on.
    let settings = [("ADMIN_USER", "root"), ("ADMIN_PASS", PASSWORD)];
    let (one, other) = tokio::join!(app.start_gateway(&settings), app.start_gateway(&settings));
    assert_eq!(send(of_admin(&app, &token, Method::GET, ME)).await.status, 200);
    let users = send(of_admin(&app, &token, Method::GET, "/api/v1/admin/users?role=admin")).await;
    assert_eq!(users.json().as_array().unwrap().len(), 1, "{}", users.text);
    // Another password ends the sessions of the old one.
    let changed = [("ADMIN_USER", "root"), ("ADMIN_PASS", "another password")];
    let (base, stop, _running) = app.start_gateway(&changed).await;
    eventually("the session has ended", || async {
        send(of_admin(&app, &token, Method::GET, ME)).await.status == 401
    })
    .await;
    log_in(&app, &base, PASSWORD).await.problem(401, "invalid_credentials");
    assert_eq!(log_in(&app, &base, "another password").await.status, 200);
    for stop in [one.1, other.1, stop] {
        stop.cancel();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn name_of_the_administrator_is_not_taken_by_registration() {
    // Whoever registers the address before the start must not become the administrator.
    let app = TestApp::start().await;
    let (_, key) = app.register("root@example.com").await;
    let settings = [("ADMIN_USER", "root@example.com"), ("ADMIN_PASS", PASSWORD)];
    let (base, stop, _running) = app.start_gateway(&settings).await;
    let me = send(app.http.get(format!("{base}{ME}")).header("X-API-Key", &key)).await;
    assert_eq!(me.json()["role"], "reader");
    let body = json!({"username": "root@example.com", "password": PASSWORD});
    let tokens = send(app.http.post(format!("{base}/auth/login")).json(&body))
        .await
        .json();
    let token = tokens["accessToken"].as_str().unwrap();
    let me = send(app.http.get(format!("{base}{ME}")).bearer_auth(token))
        .await
        .json();
    assert_eq!(me["role"], "admin");
    assert_ne!(me["email"], "root@example.com");
    stop.cancel();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn users_are_listed_by_pages_and_filters() {
    let (app, token) = start().await;
    for n in 0..5 {
        app.register(&format!("user{n}@example.com")).await;
    }
    let list = |query: &str| {
        send(of_admin(
            &app,
            &token,
            Method::GET,
            &format!("/api/v1/admin/users{query}"),
        ))
    };
    let emails = |answer: &Answer| -> Vec<String> {
        let body = answer.json();
        let users = body.as_array().unwrap();
        users
            .iter()
            .map(|user| user["email"].as_str().unwrap().to_owned())
            .collect()
    };
    let first = list("?q=USER&limit=3").await;
    assert_eq!(
        emails(&first),
        ["user4@example.com", "user3@example.com", "user2@example.com"]
    );
    let cursor = first.header("x-next-cursor").to_owned();
    let second = list(&format!("?q=USER&limit=3&cursor={cursor}")).await;
    assert_eq!(emails(&second), ["user1@example.com", "user0@example.com"]);
    assert_eq!(second.header("x-next-cursor"), "");
    list(&format!("?q=other&cursor={cursor}"))
        .await
        .problem(400, "invalid_cursor");
    let one = &second.json()[0];
    assert_eq!((&one["keys"], &one["has_password"]), (&json!(1), &json!(false)));
    assert_eq!(emails(&list("?role=admin").await).len(), 1);
    assert_eq!(emails(&list("?is_active=false").await).len(), 0);
    assert_eq!(emails(&list("?tier=basic").await).len(), 0);
    list("?role=king&limit=0").await.problem(400, "invalid_parameter");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn change_of_a_user_holds_everywhere_and_is_recorded() {
    let (app, token) = start().await;
    let (other, stop, _running) = app.start_gateway(&[]).await;
    let (id, key) = app.register("ada@example.com").await;
    let me = || send(app.http.get(format!("{other}{ME}")).header("X-API-Key", &key));
    assert_eq!(me().await.json()["role"], "reader");
    let path = format!("/api/v1/admin/users/{id}");
    let change = |body: Value| send(of_admin(&app, &token, Method::PATCH, &path).json(&body));
    let changed = change(json!({"role": "analyst", "tier": "basic"})).await;
    assert_eq!(changed.status, 200, "{}", changed.text);
    assert_eq!(changed.json()["role"], "analyst");
    eventually("the role holds", || async { me().await.json()["role"] == "analyst" }).await;
    assert_eq!(me().await.json()["tier"], "basic");
    change(json!({"is_active": false})).await;
    eventually("the user is inactive", || async { me().await.status == 401 }).await;
    change(json!({"is_active": true})).await;
    eventually("the user is active", || async { me().await.status == 200 }).await;
    // What is so already is no change.
    assert_eq!(change(json!({"is_active": true})).await.status, 200);
    let entries = audit(&app).await;
    assert_eq!(
        entries[0],
        (
            "user.updated".to_owned(),
            json!({"role": {"from": "reader", "to": "analyst"}, "tier": {"from": "enterprise", "to": "basic"}})
        )
    );
    assert_eq!(entries.len(), 3, "{entries:?}");
    change(json!({"role": "king", "more": 1}))
        .await
        .problem(422, "validation_failed");
    let nobody = format!("/api/v1/admin/users/{}", Uuid::now_v7());
    send(of_admin(&app, &token, Method::PATCH, &nobody).json(&json!({})))
        .await
        .problem(404, "user_not_found");
    let own = send(of_admin(&app, &token, Method::GET, ME)).await.json()["id"].clone();
    let own = format!("/api/v1/admin/users/{}", own.as_str().unwrap());
    let refused =
        send(of_admin(&app, &token, Method::PATCH, &own).json(&json!({"is_active": false, "role": "reader"}))).await;
    refused.problem(422, "validation_failed");
    assert_eq!(
        refused.violations(),
        ["body.role own_account", "body.is_active own_account"]
    );
    stop.cancel();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn administrator_revokes_keys_of_others() {
    let (app, token) = start().await;
    let (id, key) = app.register("ada@example.com").await;
    let listed = send(of_admin(
        &app,
        &token,
        Method::GET,
        &format!("/api/v1/admin/keys?user_id={id}"),
    ))
    .await;
    assert!(!listed.text.contains(&key[12..]));
    let listed = listed.json();
    assert_eq!(listed.as_array().unwrap().len(), 1);
    assert_eq!(listed[0]["user_id"], json!(id));
    let path = format!("/api/v1/admin/keys/{}", listed[0]["id"].as_str().unwrap());
    assert_eq!(send(of_admin(&app, &token, Method::DELETE, &path)).await.status, 204);
    eventually("the key is refused", || async {
        let me = app.anonymous(Method::GET, ME).header("X-API-Key", &key);
        send(me).await.status == 401
    })
    .await;
    send(of_admin(&app, &token, Method::DELETE, &path))
        .await
        .problem(404, "key_not_found");
    assert_eq!(audit(&app).await.last().unwrap().0, "key.revoked");
    // All keys, of which the demonstration's is one.
    let all = send(of_admin(&app, &token, Method::GET, "/api/v1/admin/keys")).await;
    assert!(all.text.contains(&KEY[..12]), "{}", all.text);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn audit_log_is_only_added_to() {
    let (app, token) = start().await;
    let (id, _) = app.register("ada@example.com").await;
    let change = of_admin(&app, &token, Method::PATCH, &format!("/api/v1/admin/users/{id}"));
    assert_eq!(send(change.json(&json!({"tier": "basic"}))).await.status, 200);
    let client = app.database.pool.get().await.unwrap();
    for sql in [
        "UPDATE accounts.audit SET action = 'nothing'",
        "DELETE FROM accounts.audit",
        "TRUNCATE accounts.audit",
    ] {
        let error = client.execute(sql, &[]).await.unwrap_err();
        assert!(
            error.as_db_error().unwrap().message().contains("append-only"),
            "{error}"
        );
    }
    assert_eq!(audit(&app).await.len(), 1);
}
