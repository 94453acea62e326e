//! A user's own usage.

use gateway::usage::calendar::{Day, Month};
use gateway::usage::copy::UsageCopier;
use gateway::usage::counters::Counters;
use jiff::SignedDuration;
use platform::clock::Clock;
use reqwest::Method;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::harness::{TestApp, send};

const USAGE: &str = "/api/v1/users/me/usage";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn usage_counts_by_day_and_route_class() {
    let app = TestApp::start_with(&[("DEFAULT_TIER", "basic"), ("RATE_LIMIT_MARKET", "100/3600")]).await;
    let (_, key) = app.register("usage@example.com").await;
    let get = |path: &'static str| send(app.with_key(&key, Method::GET, path));
    for _ in 0..3 {
        assert_eq!(get("/api/v1/quotes").await.status, 200);
    }
    app.clock.set("2026-03-02T00:00:01Z".parse().unwrap());
    assert_eq!(get("/api/v1/quotes").await.status, 200);
    // A request that its handler refuses counts; one without a credential is nobody's.
    get("/api/v1/quotes?numbers=x").await.problem(400, "invalid_parameter");
    send(app.anonymous(Method::GET, "/api/v1/quotes")).await;
    let body = get(USAGE).await.json();
    assert_eq!(body["from"], "2026-02-01");
    assert_eq!(body["to"], "2026-03-02");
    assert_eq!(
        body["days"],
        json!([
            {"day": "2026-03-02", "route_class": "me", "requests": 1},
            {"day": "2026-03-02", "route_class": "market", "requests": 2},
            {"day": "2026-03-01", "route_class": "market", "requests": 3},
        ])
    );
    assert_eq!(
        body["month"],
        json!({"month": "2026-03", "used": 6, "limit": 1000, "resets_at": "2026-04-01T00:00:00.000Z"})
    );
    let bucket = |name: &str| -> Value {
        let buckets = body["buckets"].as_array().unwrap();
        buckets.iter().find(|bucket| bucket["policy"] == name).unwrap().clone()
    };
    let market = bucket("market");
    assert_eq!(
        (&market["limit"], &market["window_seconds"]),
        (&json!(100), &json!(3600))
    );
    assert_eq!(market["remaining"], 95);
    assert_eq!(bucket("alerts-read")["remaining"], 100_000);

    // The same from PostgreSQL, when Redis has lost everything.
    let mut copier = UsageCopier::new(app.database.pool.clone(), app.redis.connection.clone());
    copier.copy().await.unwrap();
    app.redis.flush().await;
    let body = get("/api/v1/users/me/usage?from=2026-03-01&to=2026-03-01T23:00:00Z")
        .await
        .json();
    assert_eq!(
        body["days"],
        json!([{"day": "2026-03-01", "route_class": "market", "requests": 3}])
    );
    assert_eq!(body["month"]["used"], 7);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn usage_without_a_quota_is_counted_too() {
    let app = TestApp::start().await;
    for _ in 0..5 {
        assert_eq!(app.get("/api/v1/quotes").await.status, 200);
    }
    let (other, stop, running) = app.start_gateway(&[]).await;
    let request = app
        .http
        .get(format!("{other}/api/v1/quotes"))
        .header("X-API-Key", crate::harness::KEY);
    assert_eq!(send(request).await.status, 200);
    // What a gateway counted is not lost when it ends.
    stop.cancel();
    running.await.unwrap().unwrap();
    let body = app.get(USAGE).await.json();
    let today = json!([
        {"day": "2026-03-01", "route_class": "me", "requests": 1},
        {"day": "2026-03-01", "route_class": "market", "requests": 6},
    ]);
    assert_eq!(body["days"], today);
    assert_eq!(body["month"]["limit"], Value::Null);
    assert_eq!(body["month"]["used"], 7);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn batch_that_is_sent_twice_is_added_once() {
    let app = TestApp::start().await;
    let counters = || Counters::new(app.database.pool.clone(), app.redis.connection.clone());
    let (sender, other) = (counters(), counters());
    let (user, month) = (Uuid::now_v7(), Month::parse("2026-03").unwrap());
    let counts = [("2026-03-01:market".to_owned(), 5), ("2026-03-02:me".to_owned(), 2)];
    for (counters, batch) in [(&sender, 1), (&sender, 1), (&other, 1), (&sender, 2), (&other, 1)] {
        counters.add(user, month, None, Some(batch), &counts).await.unwrap();
    }
    let (total, rows) = sender.read(user, month).await.unwrap().unwrap();
    assert_eq!(total, 21);
    let mut requests: Vec<i64> = rows.iter().map(|row| row.requests).collect();
    requests.sort_unstable();
    assert_eq!(requests, [6, 15]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ranges_are_checked() {
    let app = TestApp::start().await;
    let app = &app;
    let get = |query: &'static str| async move { app.get(&format!("{USAGE}?{query}")).await };
    let answer = get("from=yesterday&to=2026-13-01").await;
    answer.problem(422, "validation_failed");
    assert_eq!(
        answer.violations(),
        ["query.from date_parsing", "query.to date_parsing"]
    );
    get("from=2026-03-02&to=2026-03-01").await.problem(400, "invalid_range");
    let answer = get("from=2025-02-28&to=2026-03-01").await;
    answer.problem(422, "validation_failed");
    assert_eq!(answer.violations(), ["query.from range_too_long"]);
    let body = get("from=2025-03-01&to=1772323200").await.json();
    assert_eq!(
        (&body["from"], &body["to"]),
        (&json!("2025-03-01"), &json!("2026-03-01"))
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn usage_is_shown_beyond_the_quota() {
    let app = TestApp::start_with(&[("DEFAULT_TIER", "basic"), ("QUOTA_BASIC", "1")]).await;
    let (_, key) = app.register("beyond@example.com").await;
    let get = |path: &'static str| send(app.with_key(&key, Method::GET, path));
    assert_eq!(get("/api/v1/quotes").await.status, 200);
    get("/api/v1/quotes").await.problem(429, "quota_exceeded");
    // So is the account.
    assert_eq!(get("/api/v1/users/me").await.status, 200);
    assert_eq!(get(USAGE).await.json()["month"]["used"], 3);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn old_usage_is_removed() {
    let app = TestApp::start().await;
    assert_eq!(app.get("/api/v1/quotes").await.status, 200);
    app.get(USAGE).await;
    let mut copier = UsageCopier::new(app.database.pool.clone(), app.redis.connection.clone());
    copier.copy().await.unwrap();
    let database = app.database.pool.get().await.unwrap();
    let today = Day::of(app.clock.now()).date();
    assert_eq!(gateway::store::usage::purge(&database, today).await.unwrap(), 0);
    let later = app.clock.now() + SignedDuration::from_hours(24);
    let tomorrow = Day::of(later).date();
    assert_eq!(gateway::store::usage::purge(&database, tomorrow).await.unwrap(), 2);
}
