//! Limits that administrators set for one user or key.

use reqwest::Method;
use serde_json::{Value, json};
use testkit::eventually;

use crate::harness::{Answer, TestApp, send};

const LIMITS: &str = "/api/v1/admin/limits";
const ME: &str = "/api/v1/users/me";

async fn set(app: &TestApp, admin: &str, body: Value) -> Answer {
    send(app.with_key(admin, Method::POST, LIMITS).json(&body)).await
}

/// The limit that a user meets.
async fn limit(app: &TestApp, base: &str, key: &str) -> String {
    let answer = send(app.http.get(format!("{base}{ME}")).header("X-API-Key", key)).await;
    answer.header("ratelimit-policy").to_owned()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn override_holds_on_every_gateway_until_it_is_removed() {
    let app = TestApp::start_with(&[("RATE_LIMIT_ME", "500/60")]).await;
    let (other, stop, _running) = app.start_gateway(&[("RATE_LIMIT_ME", "500/60")]).await;
    let (admin_id, admin) = app.admin("admin@example.com").await;
    let (user, key) = app.register("user@example.com").await;
    for base in [&app.base, &other] {
        assert_eq!(limit(&app, base, &key).await, "\"me\";q=500;w=60");
    }
    let answer = set(
        &app,
        &admin,
        json!({"user_id": user, "policy": "me", "limit": 7, "window_seconds": 30}),
    )
    .await;
    assert_eq!(answer.status, 201, "{}", answer.text);
    let body = answer.json();
    assert_eq!(
        body,
        json!({"id": body["id"], "user_id": user, "key_id": null, "policy": "me", "limit": 7, "window_seconds": 30,
            "expires_at": null, "created_at": "2026-03-01T12:00:00.000Z", "created_by": admin_id})
    );
    let holds = |expected: &'static str| {
        let (app, other, key) = (&app, &other, &key);
        async move {
            for base in [&app.base, other] {
                eventually(expected, || async { limit(app, base, key).await == expected }).await;
            }
        }
    };
    holds("\"me\";q=7;w=30").await;
    // A later one takes its place.
    let body = json!({"user_id": user, "policy": "me", "limit": 9, "window_seconds": 30, "expires_at": "2026-03-01T13:00:00Z"});
    let answer = set(&app, &admin, body).await;
    assert_eq!(answer.status, 201, "{}", answer.text);
    holds("\"me\";q=9;w=30").await;
    let list = send(app.with_key(&admin, Method::GET, LIMITS)).await.json();
    assert_eq!(list["overrides"], json!([answer.json()]));
    // It ends by itself.
    app.clock.set("2026-03-01T13:00:00Z".parse().unwrap());
    holds("\"me\";q=500;w=60").await;
    let list = send(app.with_key(&admin, Method::GET, LIMITS)).await.json();
    assert_eq!(list["overrides"], json!([]));

    let id = set(
        &app,
        &admin,
        json!({"user_id": user, "policy": "me", "limit": 8, "window_seconds": 30}),
    )
    .await
    .json();
    holds("\"me\";q=8;w=30").await;
    let path = format!("{LIMITS}/{}", id["id"].as_str().unwrap());
    assert_eq!(send(app.with_key(&admin, Method::DELETE, &path)).await.status, 204);
    holds("\"me\";q=500;w=60").await;
    send(app.with_key(&admin, Method::DELETE, &path))
        .await
        .problem(404, "not_found");
    stop.cancel();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn keys_override_comes_first_and_has_a_bucket_of_its_own() {
    let app = TestApp::start_with(&[("RATE_LIMIT_RATES", "500/60")]).await;
    app.publish("BTC", "1", 0).await;
    let (_, admin) = app.admin("admin@example.com").await;
    let (user, key) = app.register("user@example.com").await;
    let client = app.database.pool.get().await.unwrap();
    let key_id = gateway::store::api_keys::list_by_prefix(&client, &key).await.unwrap()[0];
    let window = json!({"policy": "rates", "window_seconds": 3600});
    let with = |more: Value| {
        let mut body = window.clone();
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        body
    };
    assert_eq!(
        set(&app, &admin, with(json!({"user_id": user, "limit": 50})))
            .await
            .status,
        201
    );
    assert_eq!(
        set(&app, &admin, with(json!({"key_id": key_id, "limit": 2})))
            .await
            .status,
        201
    );
    let rates = || send(app.with_key(&key, Method::GET, "/api/v1/rates/"));
    eventually("the key's limit holds", || async {
        rates().await.header("x-ratelimit-limit") == "2"
    })
    .await;
    eventually("it is used up", || async { rates().await.status == 429 }).await;
    // Another user at the same address is not concerned.
    let answer = app.get("/api/v1/rates/").await;
    assert_eq!(
        (answer.status.as_u16(), answer.header("x-ratelimit-limit")),
        (200, "500")
    );
    let list = send(app.with_key(&admin, Method::GET, &format!("{LIMITS}?user_id={user}")))
        .await
        .json();
    assert_eq!(list["overrides"].as_array().unwrap().len(), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn quota_can_be_widened_and_ends_nobodys_administration() {
    let app = TestApp::start_with(&[("DEFAULT_TIER", "basic"), ("QUOTA_BASIC", "1")]).await;
    let (_, admin) = app.admin("admin@example.com").await;
    let (user, key) = app.register("user@example.com").await;
    let quotes = || send(app.with_key(&key, Method::GET, "/api/v1/quotes"));
    assert_eq!(quotes().await.status, 200);
    quotes().await.problem(429, "quota_exceeded");
    // The administrator is of the tier basic, too.
    for _ in 0..3 {
        assert_eq!(send(app.with_key(&admin, Method::GET, LIMITS)).await.status, 200);
    }
    let answer = set(&app, &admin, json!({"user_id": user, "policy": "quota", "limit": 3})).await;
    assert_eq!(answer.status, 201, "{}", answer.text);
    eventually("the quota is wider", || async { quotes().await.status == 200 }).await;
    assert_eq!(quotes().await.status, 200);
    let body = quotes().await.problem(429, "quota_exceeded");
    assert_eq!(body["detail"], "Monthly quota exhausted. Maximum 3 requests per month.");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn override_needs_one_subject_and_what_its_policy_needs() {
    let app = TestApp::start().await;
    let (_, admin) = app.admin("admin@example.com").await;
    let (user, _) = app.register("user@example.com").await;
    let unknown = "01933f4e-7a00-7000-8000-000000000001";
    for (body, violations) in [
        (json!({}), vec!["body.policy missing", "body.limit missing"]),
        (json!({"policy": "login", "limit": 1}), vec!["body.policy enum"]),
        (
            json!({"policy": "me", "limit": 0, "x": 1}),
            vec!["body.limit out_of_range", "body.x extra_forbidden"],
        ),
        (json!({"policy": "me", "limit": 1}), vec!["body.window_seconds missing"]),
        (
            json!({"policy": "me", "limit": 1, "window_seconds": 1}),
            vec!["body.user_id one_of"],
        ),
        (
            json!({"policy": "me", "limit": 1, "window_seconds": 1, "user_id": user, "key_id": user}),
            vec!["body.user_id one_of"],
        ),
        (
            json!({"policy": "quota", "limit": 1, "key_id": user}),
            vec!["body.key_id quota_of_user"],
        ),
        (
            json!({"policy": "quota", "limit": 1, "user_id": unknown}),
            vec!["body.user_id unknown"],
        ),
        (
            json!({"policy": "quota", "limit": 1, "user_id": user, "expires_at": "2026-03-01T12:00:00Z"}),
            vec!["body.expires_at in_past"],
        ),
    ] {
        let answer = set(&app, &admin, body.clone()).await;
        answer.problem(422, "validation_failed");
        assert_eq!(answer.violations(), violations, "{body}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn limits_of_the_settings_are_listed_and_overrides_paged() {
    let app = TestApp::start().await;
    let (_, admin) = app.admin("admin@example.com").await;
    for n in 0..3 {
        let (user, _) = app.register(&format!("user{n}@example.com")).await;
        let answer = set(
            &app,
            &admin,
            json!({"user_id": user, "policy": "quota", "limit": n + 1}),
        )
        .await;
        assert_eq!(answer.status, 201, "{}", answer.text);
    }
    let answer = send(app.with_key(&admin, Method::GET, &format!("{LIMITS}?limit=2"))).await;
    let body = answer.json();
    let policies = body["policies"].as_array().unwrap();
    let named = |name: &str| {
        policies
            .iter()
            .filter(|policy| policy["policy"] == name)
            .collect::<Vec<_>>()
    };
    assert_eq!(
        named("market"),
        [
            &json!({"policy": "market", "limit": 100_000, "window_seconds": 60, "subject": "user", "tier_multiplied": true})
        ]
    );
    assert_eq!(named("alerts").len(), 1);
    assert_eq!(named("login")[0]["subject"], "ip");
    assert_eq!(body["quotas"][0], json!({"tier": "basic", "limit": 1_000}));
    assert_eq!(body["quotas"][5], json!({"tier": "enterprise", "limit": null}));
    let limits = |body: &Value| -> Vec<i64> {
        let overrides = body["overrides"].as_array().unwrap();
        overrides.iter().map(|one| one["limit"].as_i64().unwrap()).collect()
    };
    assert_eq!(limits(&body), [3, 2]);
    let next = format!("{LIMITS}?limit=2&cursor={}", answer.header("x-next-cursor"));
    let answer = send(app.with_key(&admin, Method::GET, &next)).await;
    assert_eq!(limits(&answer.json()), [1]);
    assert!(!answer.headers.contains_key("x-next-cursor"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn administration_is_for_administrators() {
    let app = TestApp::start().await;
    let (admin_id, admin) = app.admin("admin@example.com").await;
    for (method, path) in [
        (Method::GET, LIMITS),
        (Method::POST, LIMITS),
        (
            Method::DELETE,
            "/api/v1/admin/limits/01933f4e-7a00-7000-8000-000000000001",
        ),
        (Method::GET, "/api/v1/admin/ip-blocks"),
        (Method::POST, "/api/v1/admin/ip-blocks"),
        (Method::DELETE, "/api/v1/admin/ip-blocks/203.0.113.7"),
        (Method::GET, "/api/v1/admin/audit"),
    ] {
        send(app.anonymous(method.clone(), path))
            .await
            .problem(401, "missing_credentials");
        let body = send(app.request(method, path)).await.problem(403, "insufficient_role");
        assert_eq!(body["errors"][0]["params"]["required"], json!(["admin"]), "{path}");
    }
    let client = app.database.pool.get().await.unwrap();
    let sql = "UPDATE accounts.api_keys SET scopes = '{market:read}' WHERE user_id = $1";
    client.execute(sql, &[&admin_id]).await.unwrap();
    let body = send(app.with_key(&admin, Method::GET, LIMITS))
        .await
        .problem(403, "insufficient_scope");
    assert_eq!(body["errors"][0]["params"]["required"], json!(["admin"]));
}
