//! Quotes become candles, each exactly once.

use contracts::keys;
use contracts::messages::QuoteMessage;
use domain::candle::{Tick, from_ticks};
use domain::interval::Interval;
use jiff::SignedDuration;
use platform::stream::GroupReader;
use std::time::Duration;

use crate::harness::{TestApp, at, quote, tick, ticker};
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

async fn assert_candles_are_those_of(app: &TestApp, name: &str, quotes: &[QuoteMessage]) {
    let ticks: Vec<Tick> = quotes.iter().map(tick).collect();
    for interval in Interval::ALL {
        assert_eq!(
            app.candles(name, interval).await,
            from_ticks(&ticks, interval),
            "{name} {interval}"
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn any_order_of_quotes_makes_the_candles_of_every_length() {
    let app = TestApp::new(NOW).await;
    let running = app.start(&[]).await;
    let (btc, eth) = (shuffled("BTC", 700), shuffled("ETH", 300));
    for chunk in btc.chunks(170).rev() {
        app.publish(chunk).await;
    }
    app.publish(&eth).await;
    eventually("all quotes counted", async || {
        app.counted("BTC").await == 700 && app.counted("ETH").await == 300
    })
    .await;
    assert_candles_are_those_of(&app, "BTC", &btc).await;
    assert_candles_are_those_of(&app, "ETH", &eth).await;
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_quote_that_was_counted_before_a_crash_is_not_counted_again() {
    let app = TestApp::new(NOW).await;
    let quotes = shuffled("BTC", 40);
    app.publish(&quotes).await;
    // A process reads everything, counts half of it and dies before any ack.
    let mut dead = GroupReader::new(&app.redis.settings, keys::QUOTES_STREAM, keys::ANALYTICS_GROUP, "dead");
    assert_eq!(dead.read(100, Duration::from_secs(5)).await.len(), 40);
    let half: Vec<_> = quotes[..20]
        .iter()
        .map(|quote| (quote.ticker.clone(), tick(quote)))
        .collect();
    assert_eq!(app.store().record(&half).await.unwrap(), 20);
    drop(dead);

    let running = app.start(&[]).await;
    eventually("the entries of the dead process are taken over", async || {
        app.unfinished().await == 0
    })
    .await;
    assert_candles_are_those_of(&app, "BTC", &quotes).await;
    // And once more, as a publisher that was unsure would send them.
    app.publish(&quotes).await;
    app.publish(&[quote("SOL", at(NOW), "20")]).await;
    eventually("the entry after the repeated ones", async || {
        app.counted("SOL").await == 1
    })
    .await;
    assert_candles_are_those_of(&app, "BTC", &quotes).await;
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_processes_share_the_quotes_and_count_each_once() {
    let app = TestApp::new(NOW).await;
    let (first, second) = (app.start(&[]).await, app.start(&[]).await);
    let (btc, eth) = (shuffled("BTC", 400), shuffled("ETH", 400));
    for (btc, eth) in btc.chunks(20).zip(eth.chunks(20)) {
        app.publish(btc).await;
        app.publish(eth).await;
    }
    eventually("all quotes counted", async || {
        app.counted("BTC").await == 400 && app.counted("ETH").await == 400
    })
    .await;
    assert_candles_are_those_of(&app, "BTC", &btc).await;
    assert_candles_are_those_of(&app, "ETH", &eth).await;
    first.stop().await;
    second.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn uncountable_quotes_hold_nothing_up() {
    let app = TestApp::new(NOW).await;
    let running = app.start(&[]).await;
    let () = platform::stream::append(keys::QUOTES_STREAM, 100, "not a quote")
        .query_async(&mut app.redis.connection.clone())
        .await
        .unwrap();
    let mut impossible = quote("BTC", at(NOW), "1");
    impossible.price = "1000000000000000000000".parse().unwrap();
    let future = quote("BTC", at(NOW) + SignedDuration::from_hours(1), "1");
    let ancient = quote("BTC", at("2020-01-01T00:00:00Z"), "1");
    app.publish(&[impossible, future, ancient, quote("BTC", at(NOW), "2.5")])
        .await;
    eventually("the good quote is counted and all are acked", async || {
        app.counted("BTC").await == 1 && app.unfinished().await == 0
    })
    .await;
    running.stop().await;
}

#[tokio::test]
async fn a_late_quote_changes_a_candle_that_was_closed() {
    let app = TestApp::new(NOW).await;
    let store = app.store();
    let early = quote("BTC", at("2026-03-01T10:00:30Z"), "10");
    let late = quote("BTC", at("2026-03-01T10:00:10Z"), "12");
    for quote in [&early, &late] {
        store.record(&[(ticker("BTC"), tick(quote))]).await.unwrap();
    }
    let candles = app.candles("BTC", Interval::M1).await;
    assert_eq!(candles, from_ticks(&[tick(&late), tick(&early)], Interval::M1));
    assert_eq!(candles[0].open.price, late.price);
}
