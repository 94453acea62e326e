//! Partitions appear when they are needed and go when their time is over.

use std::time::Duration;

use core_analytics::store::Retention;
use domain::interval::Interval;
use jiff::SignedDuration;

use crate::harness::{TestApp, at, quote, tick, ticker};

const NOW: &str = "2026-03-31T12:00:00Z";
const DAY: u64 = 86_400;

#[tokio::test]
async fn expired_partitions_are_dropped_and_longer_candles_stay() {
    let app = TestApp::new(NOW).await;
    let store = app.store();
    for days in [0, 8, 50] {
        let quote = quote("BTC", at(NOW) - SignedDuration::from_hours(24 * days), "10");
        store.record(&[(ticker("BTC"), tick(&quote))]).await.unwrap();
    }
    let retention = Retention {
        ticks: Duration::from_secs(7 * DAY),
        minute_candles: Duration::from_secs(30 * DAY),
        token_cells: Duration::from_secs(35 * DAY),
        token_hours: Duration::from_secs(730 * DAY),
    };
    let dropped = store.maintain(at(NOW), retention).await.unwrap();
    let of = |table: &str| dropped.iter().filter(|name| name.starts_with(table)).count();
    assert_eq!(
        (of("ticks_"), of("candles_1m_"), dropped.len()),
        (2, 1, 3),
        "{dropped:?}"
    );
    assert_eq!(app.candles("BTC", Interval::M1).await.len(), 2);
    assert_eq!(app.candles("BTC", Interval::M5).await.len(), 3);
    assert!(store.maintain(at(NOW), retention).await.unwrap().is_empty());
    // What was dropped is made again when it is needed.
    let late = quote("BTC", at(NOW) - SignedDuration::from_hours(24 * 50), "10");
    store.record(&[(ticker("BTC"), tick(&late))]).await.unwrap();
    assert_eq!(app.candles("BTC", Interval::M1).await.len(), 3);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn processes_that_need_the_same_partitions_take_turns() {
    let app = TestApp::new(NOW).await;
    let writers = (0..6).map(|number| {
        let store = app.store();
        tokio::spawn(async move {
            let quote = quote("BTC", at(NOW) + SignedDuration::from_secs(number), "10");
            store.record(&[(ticker("BTC"), tick(&quote))]).await.unwrap()
        })
    });
    for writer in writers.collect::<Vec<_>>() {
        assert_eq!(writer.await.unwrap(), 1);
    }
    assert_eq!(app.counted("BTC").await, 6);
}

#[tokio::test]
async fn partitions_are_made_beside_an_open_reader_and_writer() {
    let app = TestApp::new(NOW).await;
    let store = app.store();
    let quote = quote("BTC", at(NOW), "10");
    store.record(&[(ticker("BTC"), tick(&quote))]).await.unwrap();
    let mut client = app.database.pool.get().await.unwrap();
    let reader = client.transaction().await.unwrap();
    reader
        .batch_execute(
            "SELECT count(*) FROM analytics.candles; UPDATE analytics.candles SET n = n; \
             UPDATE analytics.ticks SET price = price",
        )
        .await
        .unwrap();
    let later = at(NOW) + SignedDuration::from_hours(24 * 100);
    let later = crate::harness::quote("ETH", later, "10");
    // Would wait for the reader until the lock's timeout, and fail.
    store.record(&[(ticker("ETH"), tick(&later))]).await.unwrap();
    reader.rollback().await.unwrap();
    assert_eq!(app.candles("ETH", Interval::M1).await.len(), 1);
}
