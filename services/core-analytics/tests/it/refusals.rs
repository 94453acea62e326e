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
use crate::harness::{TOKEN, World, at, quote, ticker};

const NOW: &str = "2026-03-01T12:30:20Z";

async fn execute(world: &World, statement: &str) {
    let client = world.database.pool.get().await.unwrap();
    client.batch_execute(statement).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_price_that_postgresql_refuses_takes_no_other_with_it() {
    let world = World::new(NOW).await;
    execute(&world, "ALTER TABLE analytics.ticks ADD CHECK (price <> 666)").await;
    let running = world.start(&[]).await;
    let mut quotes: Vec<_> = (1..=9).map(|i| quote("BTC", at(NOW), &i.to_string())).collect();
    quotes.insert(4, quote("BTC", at(NOW), "666"));
    quotes.push(quote("ETH", at(NOW), "666"));
    world.publish(&quotes).await;
    eventually("all but the refused ones are counted, and none waits", async || {
        world.counted("BTC").await == 9 && world.unfinished().await == 0
    })
    .await;
    assert_eq!(world.counted("ETH").await, 0);
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn metrics_that_redis_refuses_hold_no_price_up() {
    let world = World::new(NOW).await;
    let () = world
        .redis
        .connection
        .clone()
        .set(keys::METRICS_STREAM, "not a stream")
        .await
        .unwrap();
    let running = world.start(&[]).await;
    world.publish(&[quote("BTC", at(NOW), "10")]).await;
    eventually("the price is counted and does not wait", async || {
        world.counted("BTC").await == 1 && world.unfinished().await == 0
    })
    .await;
    running.stop().await;
}

fn backfill(world: &World, names: &[&str]) -> Backfill {
    let fetch = InternalClient::new(
        world.fetch.uri().parse().unwrap(),
        TOKEN.into(),
        Duration::from_secs(20),
    );
    Backfill {
        store: world.store(),
        fetch: fetch.unwrap(),
        clock: world.clock.shared(),
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
    let world = World::new(NOW).await;
    mount_provider(&world, "BTC").await;
    let open_time = "2026-03-01T10:00:00Z";
    let refuses =
        format!("ALTER TABLE analytics.candles ADD CHECK (\"interval\" <> '1h' OR open_time <> '{open_time}')");
    execute(&world, &refuses).await;
    within(backfill(&world, &["BTC"]).fill_all()).await;
    let hours = world.candles("BTC", Interval::H1).await;
    assert!(hours.len() > 2_000, "{}", hours.len());
    assert!(hours.iter().all(|hour| hour.open_time != at(open_time)));
    assert!(hours.iter().any(|hour| hour.open_time > at(open_time)));
    assert!(!world.candles("BTC", Interval::M1).await.is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_history_that_is_refused_does_not_keep_others_waiting() {
    let world = World::new(NOW).await;
    mount_provider(&world, "BTC").await;
    Mock::given(path("/internal/history/ETH"))
        .respond_with(ResponseTemplate::new(200).set_body_string("not a history"))
        .mount(&world.fetch)
        .await;
    within(backfill(&world, &["ETH", "BTC"]).fill_all()).await;
    assert!(!world.candles("BTC", Interval::H1).await.is_empty());
}
