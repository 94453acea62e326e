//! Redis that forgets, PostgreSQL that is away.

use std::time::Duration;

use contracts::problem::ProblemKind;
use jiff::SignedDuration;
use platform::client::ClientError;
use platform::client::RequestContext;

use crate::harness::{TestApp, at, quote};
use testkit::eventually;

const NOW: &str = "2026-03-01T12:00:00Z";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_flushed_redis_fills_again() {
    let app = TestApp::new(NOW).await;
    let running = app.start(&[]).await;
    app.publish(&[quote("BTC", at(NOW), "10")]).await;
    eventually("the first quote", async || app.metrics("BTC").await.is_some()).await;
    app.redis.flush().await;
    assert!(app.metrics("BTC").await.is_none());
    app.publish(&[quote("BTC", at(NOW) + SignedDuration::from_secs(1), "11")])
        .await;
    eventually("the quote after the flush", async || {
        app.counted("BTC").await == 2 && app.metrics("BTC").await.is_some()
    })
    .await;
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn while_postgresql_is_away_quotes_wait_and_the_process_lives() {
    let app = TestApp::new(NOW).await;
    let running = app.start(&[]).await;
    app.publish(&[quote("BTC", at(NOW), "10")]).await;
    eventually("the first quote", async || app.unfinished().await == 0).await;

    let gate = Gate::new(&app.database.url).await;
    gate.close().await;
    app.publish(&[quote("BTC", at(NOW) + SignedDuration::from_secs(1), "11")])
        .await;
    let ready = running.base.join("health/ready").unwrap();
    eventually("not ready", async || status(&ready).await == 503).await;
    let query = contracts::api::analytics::StatsQuery::default();
    let answer: Result<serde_json::Value, _> = running
        .client
        .get("analytics/BTC/stats", &query, &RequestContext::current())
        .await;
    match answer {
        Err(ClientError::Problem(problem)) => assert_eq!(problem.kind, ProblemKind::DependencyUnavailable),
        other => panic!("{other:?}"),
    }
    assert_eq!(app.unfinished().await, 1, "nothing is acked");
    assert!(running.is_alive());

    gate.open().await;
    eventually("the waiting quote", async || app.unfinished().await == 0).await;
    assert_eq!(app.counted("BTC").await, 2);
    eventually("ready again", async || status(&ready).await == 200).await;
    running.stop().await;
}

async fn status(url: &url::Url) -> u16 {
    let client = reqwest::Client::builder()
        .timeout(Duration::from_secs(10))
        .build()
        .unwrap();
    client.get(url.clone()).send().await.unwrap().status().as_u16()
}

/// Lets nobody into the test's database.
struct Gate {
    admin: tokio_postgres::Client,
    name: String,
}

impl Gate {
    async fn new(url: &str) -> Self {
        let mut url: url::Url = url.parse().unwrap();
        let name = url.path().trim_start_matches('/').to_owned();
        url.set_path("postgres");
        let (admin, connection) = tokio_postgres::connect(url.as_str(), tokio_postgres::NoTls)
            .await
            .unwrap();
        tokio::spawn(connection);
        Self { admin, name }
    }

    async fn close(&self) {
        let name = &self.name;
        let kick = format!("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'");
        self.allow(false).await;
        self.admin.batch_execute(&kick).await.unwrap();
    }

    async fn open(&self) {
        self.allow(true).await;
    }

    async fn allow(&self, allowed: bool) {
        let statement = format!("ALTER DATABASE {} WITH ALLOW_CONNECTIONS {allowed}", self.name);
        self.admin.batch_execute(&statement).await.unwrap();
    }
}
