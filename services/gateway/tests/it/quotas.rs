//! Monthly quotas, as clients meet them.

use std::sync::atomic::{AtomicUsize, Ordering};

use gateway::usage::copy::UsageCopier;
use reqwest::Method;
use testkit::OwnRedis;

use crate::harness::{Answer, TestApp, client, send};

const QUOTES: &str = "/api/v1/quotes";

/// Basic users with so many requests a month.
fn quota(requests: &'static str) -> [(&'static str, &'static str); 2] {
    [("DEFAULT_TIER", "basic"), ("QUOTA_BASIC", requests)]
}

async fn quotes(app: &TestApp, base: &str, key: &str) -> Answer {
    send(app.http.get(format!("{base}{QUOTES}")).header("X-API-Key", key)).await
}

async fn copy(app: &TestApp) {
    let mut copier = UsageCopier::new(app.database.pool.clone(), app.redis.connection.clone());
    copier.copy().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn quota_is_exact_over_two_gateways_and_fifty_connections() {
    let app = TestApp::start_with(&quota("1000")).await;
    let (other, stop, _running) = app.start_gateway(&quota("1000")).await;
    let (_, key) = app.register("quota@example.com").await;
    let (passed, refused) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let connections = (0..50).map(|n| {
        let base = if n % 2 == 0 { &app.base } else { &other };
        let (key, passed, refused, http) = (&key, &passed, &refused, client());
        async move {
            for _ in 0..40 {
                let answer = send(http.get(format!("{base}{QUOTES}")).header("X-API-Key", key)).await;
                match answer.status.as_u16() {
                    200 => passed.fetch_add(1, Ordering::Relaxed),
                    _ => {
                        answer.problem(429, "quota_exceeded");
                        refused.fetch_add(1, Ordering::Relaxed)
                    }
                };
            }
        }
    });
    futures_util::future::join_all(connections).await;
    assert_eq!((passed.into_inner(), refused.into_inner()), (1_000, 1_000));
    stop.cancel();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn exhausted_month_says_when_the_next_one_begins() {
    let app = TestApp::start_with(&quota("2")).await;
    let (_, key) = app.register("month@example.com").await;
    app.clock.set("2026-03-31T23:59:00Z".parse().unwrap());
    for _ in 0..2 {
        assert_eq!(quotes(&app, &app.base, &key).await.status, 200);
    }
    let answer = quotes(&app, &app.base, &key).await;
    let body = answer.problem(429, "quota_exceeded");
    assert_eq!(body["detail"], "Monthly quota exhausted. Maximum 2 requests per month.");
    assert_eq!(body["retry_after"], 61);
    // The bucket's headers tell of the bucket, which has tokens.
    assert_eq!(answer.header("x-ratelimit-limit"), "100000");
    // Another user, and who has no quota, are not concerned.
    let (_, other) = app.register("month2@example.com").await;
    assert_eq!(quotes(&app, &app.base, &other).await.status, 200);
    assert_eq!(app.get(QUOTES).await.status, 200);
    app.clock.set("2026-04-01T00:00:00Z".parse().unwrap());
    assert_eq!(quotes(&app, &app.base, &key).await.status, 200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn counts_outlive_a_restart_and_a_redis_that_loses_its_data() {
    let app = TestApp::start_with(&quota("10")).await;
    let (first, stop, running) = app.start_gateway(&quota("10")).await;
    let (_, key) = app.register("restart@example.com").await;
    for _ in 0..6 {
        assert_eq!(quotes(&app, &first, &key).await.status, 200);
    }
    stop.cancel();
    running.await.unwrap().unwrap();
    copy(&app).await;
    app.redis.flush().await;
    for _ in 0..4 {
        assert_eq!(quotes(&app, &app.base, &key).await.status, 200);
    }
    quotes(&app, &app.base, &key).await.problem(429, "quota_exceeded");
    // What was refused is not counted, and copying twice changes nothing.
    for _ in 0..2 {
        copy(&app).await;
    }
    let database = app.database.pool.get().await.unwrap();
    let row = database
        .query_one(
            "SELECT sum(requests)::bigint, count(*) FROM accounts.usage WHERE requests > 1",
            &[],
        )
        .await
        .unwrap();
    assert_eq!((row.get::<_, i64>(0), row.get::<_, i64>(1)), (10, 1));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn quota_goes_by_what_is_known_while_redis_is_down() {
    let mut redis = OwnRedis::start().await;
    let app = TestApp::start().await;
    let url = redis.url.clone();
    let settings = [quota("5").as_slice(), &[("REDIS_URL", &*url)]].concat();
    let (base, stop, _running) = app.start_gateway(&settings).await;
    let (_, key) = register_at(&app, &base).await;
    for _ in 0..3 {
        assert_eq!(quotes(&app, &base, &key).await.status, 200);
    }
    redis.stop();
    for _ in 0..2 {
        // Whether there are prices then is another matter; the quota has let the request through.
        let answer = quotes(&app, &base, &key).await;
        assert_ne!(answer.status, 429, "{}", answer.text);
        assert_eq!(answer.header("x-ratelimit-mode"), "local");
    }
    quotes(&app, &base, &key).await.problem(429, "quota_exceeded");
    stop.cancel();
}

async fn register_at(app: &TestApp, base: &str) -> (String, String) {
    let body = serde_json::json!({"email": "down@example.com"});
    let answer = send(app.http.post(format!("{base}/api/v1/users/register")).json(&body)).await;
    let body = answer.json();
    (
        body["id"].as_str().unwrap().to_owned(),
        body["api_key"].as_str().unwrap().to_owned(),
    )
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_key_of_limits_ends_by_itself() {
    // Slow enough that the buckets are still there when they are looked at.
    let app = TestApp::start_with(&[
        ("DEFAULT_TIER", "basic"),
        ("AUTH_FAILURE_LIMIT", "2/60"),
        ("RATE_LIMIT_ME", "100/360000"),
        ("RATE_LIMIT_REGISTER_TOTAL", "100/360000"),
        ("RATE_LIMIT_ADMIN", "100/360000"),
    ])
    .await;
    let (_, key) = app.register("keys@example.com").await;
    let (_, admin) = app.admin("admin@example.com").await;
    for path in [QUOTES, "/api/v1/users/me", "/api/v1/users/me/usage"] {
        send(app.with_key(&key, Method::GET, path)).await;
        send(app.request(Method::GET, path)).await;
    }
    send(app.with_key(&admin, Method::GET, "/api/v1/admin/limits")).await;
    for guess in ["a", "b", "c"] {
        send(app.with_key(guess, Method::GET, QUOTES)).await;
    }
    let mut redis = app.redis.connection.clone();
    let keys: Vec<String> = redis::AsyncCommands::keys(&mut redis, "*").await.unwrap();
    let ours = |key: &&String| {
        ["{rl:", "usage", "auth:", "lease:"]
            .iter()
            .any(|start| key.starts_with(start))
    };
    let found: Vec<&String> = keys.iter().filter(ours).collect();
    for kind in [
        "{rl:me:",
        "{rl:register-total:",
        "{rl:admin:",
        "{rl:blocked:",
        "usage:{",
        "usage-uncopied",
        "auth:",
    ] {
        assert!(found.iter().any(|key| key.starts_with(kind)), "{kind} in {found:?}");
    }
    for key in found {
        let left: i64 = redis::AsyncCommands::ttl(&mut redis, key).await.unwrap();
        assert!((0..=40 * 86_400).contains(&left), "{key}: {left}");
    }
}
