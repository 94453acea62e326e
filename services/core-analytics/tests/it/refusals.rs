//! What is refused for good is set aside, and the rest goes on.

use std::time::Duration;

use contracts::keys;
use core_analytics::asset_windows::ChangedHistory;
use core_analytics::backfill::Backfill;
use core_analytics::refusals::Refusals;
use domain::interval::Interval;
use platform::client::InternalClient;
use redis::AsyncCommands;
use testkit::eventually;
use wiremock::matchers::path;
use wiremock::{Mock, ResponseTemplate};

use crate::backfill::mount_provider;
use crate::harness::{TOKEN, TestApp, at, quote, ticker};

const NOW: &str = "2026-03-01T12:30:20Z";

async fn execute(app: &TestApp, statement: &str) {
    let client = app.database.pool.get().await.unwrap();
    client.batch_execute(statement).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_price_that_postgresql_refuses_takes_no_other_with_it() {
    let app = TestApp::new(NOW).await;
    execute(&app, "ALTER TABLE analytics.ticks ADD CHECK (price <> 666)").await;
    let running = app.start(&[]).await;
    let mut quotes: Vec<_> = (1..=9).map(|i| quote("BTC", at(NOW), &i.to_string())).collect();
    quotes.insert(4, quote("BTC", at(NOW), "666"));
    quotes.push(quote("ETH", at(NOW), "666"));
    app.publish(&quotes).await;
    eventually("all but the refused ones are counted, and none waits", async || {
        app.counted("BTC").await == 9 && app.unfinished().await == 0
    })
    .await;
    assert_eq!(app.counted("ETH").await, 0);
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn metrics_that_redis_refuses_hold_no_price_up() {
    let app = TestApp::new(NOW).await;
    let () = app
        .redis
        .connection
        .clone()
        .set(keys::METRICS_STREAM, "not a stream")
        .await
        .unwrap();
    let running = app.start(&[]).await;
    app.publish(&[quote("BTC", at(NOW), "10")]).await;
    eventually("the price is counted and does not wait", async || {
        app.counted("BTC").await == 1 && app.unfinished().await == 0
    })
    .await;
    running.stop().await;
}

fn backfill(app: &TestApp, names: &[&str]) -> Backfill {
    let fetch = InternalClient::new(app.fetch.uri().parse().unwrap(), TOKEN.into(), Duration::from_secs(20));
    Backfill {
        store: app.store(),
        fetch: fetch.unwrap(),
        clock: app.clock.shared(),
        tickers: names.iter().map(|name| ticker(name)).collect(),
        concurrency: 4,
        repair_every: Duration::from_secs(3_600),
        changed: ChangedHistory::default(),
        refusals: Refusals::default(),
    }
}

/// Longer than a whole history takes, and an end to one that is asked for for ever.
async fn within<T>(work: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(60), work).await.unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_candle_that_postgresql_refuses_takes_no_other_with_it() {
    let app = TestApp::new(NOW).await;
    mount_provider(&app, "BTC").await;
    let open_time = "2026-03-01T10:00:00Z";
    let refuses =
        format!("ALTER TABLE analytics.candles ADD CHECK (\"interval\" <> '1h' OR open_time <> '{open_time}')");
    execute(&app, &refuses).await;
    within(backfill(&app, &["BTC"]).fill_all()).await;
    let hours = app.candles("BTC", Interval::H1).await;
    assert!(hours.len() > 2_000, "{}", hours.len());
    assert!(hours.iter().all(|hour| hour.open_time != at(open_time)));
    assert!(hours.iter().any(|hour| hour.open_time > at(open_time)));
    assert!(!app.candles("BTC", Interval::M1).await.is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_history_that_is_refused_does_not_keep_others_waiting() {
    let app = TestApp::new(NOW).await;
    mount_provider(&app, "BTC").await;
    Mock::given(path("/internal/history/ETH"))
        .respond_with(ResponseTemplate::new(200).set_body_string("not a history"))
        .mount(&app.fetch)
        .await;
    within(backfill(&app, &["ETH", "BTC"]).fill_all()).await;
    assert!(!app.candles("BTC", Interval::H1).await.is_empty());
}
