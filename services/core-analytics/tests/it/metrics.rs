//! Metrics are published on each quote.

use contracts::api::fetch::HistoryCandle;
use contracts::keys;
use contracts::messages::MetricsMessage;
use contracts::number::Number;
use core_analytics::candles::candles_of_history;
use domain::interval::Interval;
use jiff::SignedDuration;
use rust_decimal::Decimal;

use crate::harness::{TestApp, at, decimal, quote, ticker};
use testkit::eventually;

const NOW: &str = "2026-03-01T12:02:00Z";

fn flat(interval: Interval, candles: i64, price: i64) -> Vec<HistoryCandle> {
    let newest = interval.open_time(at(NOW));
    let price = Number(Decimal::from(price));
    (0..candles)
        .rev()
        .map(|back| HistoryCandle {
            t: (newest - SignedDuration::from_secs(back * interval.seconds())).into(),
            o: price,
            h: price,
            l: price,
            c: price,
            v: None,
            closed: back > 0,
        })
        .collect()
}

async fn fill(app: &TestApp, name: &str) {
    for (interval, candles) in [(Interval::H1, 31 * 24), (Interval::M5, 8 * 288)] {
        let candles = candles_of_history(&ticker(name), interval, &flat(interval, candles, 200), at(NOW));
        app.store().merge_history(&candles).await.unwrap();
    }
}

async fn metrics_at(app: &TestApp, price: &str) -> Option<MetricsMessage> {
    let metrics = app.metrics("BTC").await;
    metrics.filter(|metrics| metrics.price == decimal(price))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_quote_is_followed_by_its_metrics() {
    let app = TestApp::new(NOW).await;
    fill(&app, "BTC").await;
    let running = app.start(&[]).await;
    let quote = quote("BTC", at(NOW), "150");
    app.publish(std::slice::from_ref(&quote)).await;
    eventually("metrics of the quote", async || metrics_at(&app, "150").await.is_some()).await;
    let metrics = metrics_at(&app, "150").await.unwrap();
    assert_eq!(metrics.change_24h_percent, Some(-25.0));
    assert_eq!(metrics.drop_24h_percent, Some(25.0));
    assert_eq!(metrics.drawdown_30d_percent, Some(25.0));
    assert_eq!(
        (metrics.high_24h, metrics.low_24h),
        (Some(decimal("200")), Some(decimal("150")))
    );
    // The fall is in the running candle only.
    assert_eq!(metrics.volatility_1h, Some(0.0));
    assert_eq!(
        (metrics.volatility_7d_median, metrics.volatility_ratio),
        (Some(0.0), None)
    );
    assert_eq!(metrics.undefined["volatility_ratio"], "zero_volatility");
    assert_eq!(metrics.request_id, quote.request_id);

    let entries: redis::streams::StreamRangeReply =
        redis::AsyncCommands::xrange_all(&mut app.redis.connection.clone(), keys::METRICS_STREAM)
            .await
            .unwrap();
    let text: String = entries.ids[0].get(keys::MESSAGE_FIELD).unwrap();
    assert_eq!(serde_json::from_str::<MetricsMessage>(&text).unwrap(), metrics);
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_asset_without_history_has_unknown_metrics() {
    let app = TestApp::new(NOW).await;
    let running = app.start(&[]).await;
    app.publish(&[quote("BTC", at(NOW), "150")]).await;
    eventually("metrics of the quote", async || metrics_at(&app, "150").await.is_some()).await;
    let metrics = metrics_at(&app, "150").await.unwrap();
    assert_eq!(metrics.change_24h_percent, None);
    assert_eq!(metrics.undefined.len(), 8);
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn windows_include_candles_of_another_process() {
    let app = TestApp::new(NOW).await;
    fill(&app, "BTC").await;
    let running = app.start(&[]).await;
    app.publish(&[quote("BTC", at(NOW), "200")]).await;
    eventually("first metrics", async || metrics_at(&app, "200").await.is_some()).await;
    // The other process counts a spike that this one never reads.
    let spike = quote("BTC", at(NOW) + SignedDuration::from_secs(1), "300");
    app.store()
        .record(&[(ticker("BTC"), crate::harness::tick(&spike))])
        .await
        .unwrap();
    app.publish(&[quote("BTC", at(NOW) + SignedDuration::from_secs(2), "210")])
        .await;
    eventually("next metrics", async || metrics_at(&app, "210").await.is_some()).await;
    let metrics = metrics_at(&app, "210").await.unwrap();
    assert_eq!(metrics.high_24h, Some(decimal("300")));
    assert!((metrics.drawdown_30d_percent.unwrap() - 30.0).abs() < 1e-9);
    running.stop().await;
}
