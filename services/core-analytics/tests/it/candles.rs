//! Quotes become candles, each exactly once.

use contracts::keys;
use contracts::messages::QuoteMessage;
use domain::candle::{Tick, from_ticks};
use domain::interval::Interval;
use jiff::SignedDuration;
use platform::stream::GroupReader;
use std::time::Duration;

use crate::harness::{World, at, quote, tick, ticker};
use testkit::eventually;

const NOW: &str = "2026-03-01T12:00:00Z";

/// Quotes of some hours before [`NOW`], in an order that has nothing to do with time.
fn shuffled(name: &str, count: i64) -> Vec<QuoteMessage> {
    (0..count)
        .map(|i| {
            let seconds = (i * 7_919) % 14_000;
            let price = format!("{}.{:02}", 100 + (i * 37) % 50, i % 100);
            quote(name, at(NOW) - SignedDuration::from_secs(seconds), &price)
        })
        .collect()
}

async fn assert_candles_are_those_of(world: &World, name: &str, quotes: &[QuoteMessage]) {
    let ticks: Vec<Tick> = quotes.iter().map(tick).collect();
    for interval in Interval::ALL {
        assert_eq!(
            world.candles(name, interval).await,
            from_ticks(&ticks, interval),
            "{name} {interval}"
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn any_order_of_quotes_makes_the_candles_of_every_length() {
    let world = World::new(NOW).await;
    let running = world.start(&[]).await;
    let (btc, eth) = (shuffled("BTC", 700), shuffled("ETH", 300));
    for chunk in btc.chunks(170).rev() {
        world.publish(chunk).await;
    }
    world.publish(&eth).await;
    eventually("all quotes counted", async || {
        world.counted("BTC").await == 700 && world.counted("ETH").await == 300
    })
    .await;
    assert_candles_are_those_of(&world, "BTC", &btc).await;
    assert_candles_are_those_of(&world, "ETH", &eth).await;
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_quote_that_was_counted_before_a_crash_is_not_counted_again() {
    let world = World::new(NOW).await;
    let quotes = shuffled("BTC", 40);
    world.publish(&quotes).await;
    // A process reads everything, counts half of it and dies before any ack.
    let mut dead = GroupReader::new(
        &world.redis.settings,
        keys::QUOTES_STREAM,
        keys::ANALYTICS_GROUP,
        "dead",
    );
    assert_eq!(dead.read(100, Duration::from_secs(5)).await.len(), 40);
    let half: Vec<_> = quotes[..20]
        .iter()
        .map(|quote| (quote.ticker.clone(), tick(quote)))
        .collect();
    assert_eq!(world.store().record(&half).await.unwrap(), 20);
    drop(dead);

    let running = world.start(&[]).await;
    eventually("the entries of the dead process are taken over", async || {
        world.unfinished().await == 0
    })
    .await;
    assert_candles_are_those_of(&world, "BTC", &quotes).await;
    // And once more, as a publisher that was unsure would send them.
    world.publish(&quotes).await;
    world.publish(&[quote("SOL", at(NOW), "20")]).await;
    eventually("the entry after the repeated ones", async || {
        world.counted("SOL").await == 1
    })
    .await;
    assert_candles_are_those_of(&world, "BTC", &quotes).await;
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_processes_share_the_quotes_and_count_each_once() {
    let world = World::new(NOW).await;
    let (first, second) = (world.start(&[]).await, world.start(&[]).await);
    let (btc, eth) = (shuffled("BTC", 400), shuffled("ETH", 400));
    for (btc, eth) in btc.chunks(20).zip(eth.chunks(20)) {
        world.publish(btc).await;
        world.publish(eth).await;
    }
    eventually("all quotes counted", async || {
        world.counted("BTC").await == 400 && world.counted("ETH").await == 400
    })
    .await;
    assert_candles_are_those_of(&world, "BTC", &btc).await;
    assert_candles_are_those_of(&world, "ETH", &eth).await;
    first.stop().await;
    second.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn uncountable_quotes_hold_nothing_up() {
    let world = World::new(NOW).await;
    let running = world.start(&[]).await;
    let () = platform::stream::append(keys::QUOTES_STREAM, 100, "not a quote")
        .query_async(&mut world.redis.connection.clone())
        .await
        .unwrap();
    let mut impossible = quote("BTC", at(NOW), "1");
    impossible.price = "1000000000000000000000".parse().unwrap();
    let future = quote("BTC", at(NOW) + SignedDuration::from_hours(1), "1");
    let ancient = quote("BTC", at("2020-01-01T00:00:00Z"), "1");
    world
        .publish(&[impossible, future, ancient, quote("BTC", at(NOW), "2.5")])
        .await;
    eventually("the good quote is counted and all are acked", async || {
        world.counted("BTC").await == 1 && world.unfinished().await == 0
    })
    .await;
    running.stop().await;
}

#[tokio::test]
async fn a_late_quote_changes_a_candle_that_was_closed() {
    let world = World::new(NOW).await;
    let store = world.store();
    let early = quote("BTC", at("2026-03-01T10:00:30Z"), "10");
    let late = quote("BTC", at("2026-03-01T10:00:10Z"), "12");
    for quote in [&early, &late] {
        store.record(&[(ticker("BTC"), tick(quote))]).await.unwrap();
    }
    let candles = world.candles("BTC", Interval::M1).await;
    assert_eq!(candles, from_ticks(&[tick(&late), tick(&early)], Interval::M1));
    assert_eq!(candles[0].open.price, late.price);
}
