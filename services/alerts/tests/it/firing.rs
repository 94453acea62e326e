//! What fires, once, whoever looks and whatever happens in between.

use std::time::Duration;

use alerts::index::rebuild;
use contracts::keys;
use jiff::SignedDuration;
use platform::clock::{Clock, SystemClock};
use uuid::Uuid;

use crate::harness::{DEADLINE, TestStack, quote};
use crate::index::index_size;

#[tokio::test]
async fn two_instances_that_see_the_same_price_fire_each_alert_once() {
    let stack = TestStack::new().await;
    stack.insert_alerts(300, &stack.sink.url("/hook")).await;
    let payload = serde_json::to_string(&quote("BTC", "250.5", SystemClock.now())).unwrap();
    let evaluator = stack.evaluator();
    rebuild::build(&evaluator.index, &evaluator.pool).await.unwrap();
    let rivals: Vec<_> = (0..4)
        .map(|_| {
            let (evaluator, payload) = (evaluator.clone(), payload.clone());
            tokio::spawn(async move { evaluator.evaluate(&[&payload]).await.unwrap() })
        })
        .collect();
    let mut fired = 0;
    for rival in rivals {
        fired += rival.await.unwrap();
    }
    assert_eq!(fired, 250);
    assert_eq!(stack.count("SELECT count(*) FROM alerting.alert_events").await, 250);
    assert_eq!(
        stack
            .count("SELECT count(DISTINCT alert_id) FROM alerting.deliveries")
            .await,
        250
    );
    assert_eq!(
        stack
            .count("SELECT count(*) FROM alerting.alerts WHERE is_active")
            .await,
        50
    );
    let again = evaluator.evaluate(&[&payload]).await.unwrap();
    assert_eq!(again, 0);
    assert_eq!(index_size(&stack).await, 50, "what fired has left the index");
}

#[tokio::test]
async fn more_hits_than_fit_one_page_all_fire() {
    let stack = TestStack::new().await;
    let user = Uuid::now_v7();
    let client = stack.database.pool.get().await.unwrap();
    let insert = "WITH e AS (
            INSERT INTO alerting.endpoints (id, user_id, url, secret, implicit, created_at, updated_at)
            VALUES ($1, $1, 'http://127.0.0.1:9/', 'whsec_AAAA', true, now(), now()))
        INSERT INTO alerting.alerts (id, user_id, ticker, kind, condition, target_price, webhook_url, endpoint_id,
                                     is_active, state, request_id, created_at, updated_at)
        SELECT gen_random_uuid(), $1, 'BTC', 'price', 'gt', n, 'http://127.0.0.1:9/', $1, true, 'armed', 'r',
               now(), now()
        FROM generate_series(1, 5000) n";
    client.execute(insert, &[&user]).await.unwrap();
    let evaluator = stack.evaluator();
    let payload = serde_json::to_string(&quote("BTC", "4500", SystemClock.now())).unwrap();
    assert_eq!(
        evaluator.evaluate(&[&payload]).await.unwrap(),
        4499,
        "the target itself does not fire"
    );
    assert_eq!(index_size(&stack).await, 501);
}

#[tokio::test]
async fn prices_closer_than_floats_are_distinguished() {
    let stack = TestStack::new().await;
    let service = stack.start().await;
    let user = Uuid::now_v7();
    let url = stack.sink.url("/exact");
    service
        .create(user, "BTC", "gt", "\"70000.000000000000000001\"", &url)
        .await;
    service
        .create(user, "BTC", "gt", "\"70000.000000000000000003\"", &url)
        .await;
    service
        .create(user, "BTC", "lt", "\"70000.000000000000000002\"", &url)
        .await;
    stack.publish("BTC", "70000.000000000000000002").await;
    let received = stack.sink.wait_for(1, DEADLINE).await;
    assert_eq!(received[0].json()["condition"], "gt");
    assert!(String::from_utf8_lossy(&received[0].body).contains(r#""target_price":70000.000000000000000001,"#));
    stack
        .wait_for_count("SELECT count(*) FROM alerting.alerts WHERE is_active", 2)
        .await;
    service.stop().await;
    assert_eq!(stack.sink.count(), 1);
}

#[tokio::test]
async fn spike_that_came_and_went_fires_both_ways() {
    let stack = TestStack::new().await;
    let user = Uuid::now_v7();
    for price in ["100", "150", "60", "100"] {
        stack.publish("BTC", price).await;
    }
    let evaluator = stack.evaluator();
    stack.insert_alerts(120, &stack.sink.url("/hook")).await;
    let now = SystemClock.now();
    let payloads: Vec<String> = ["100", "110", "60", "100"]
        .map(|price| serde_json::to_string(&quote("BTC", price, now)).unwrap())
        .into();
    let payloads: Vec<&str> = payloads.iter().map(String::as_str).collect();
    assert_eq!(evaluator.evaluate(&payloads).await.unwrap(), 109, "{user}");
}

#[tokio::test]
async fn stale_price_fires_nothing() {
    let stack = TestStack::new().await;
    stack.insert_alerts(1, &stack.sink.url("/hook")).await;
    let evaluator = stack.evaluator();
    let mut stale = quote("BTC", "100", SystemClock.now());
    stale.as_of = stale.published_at - SignedDuration::from_secs(16);
    let payload = serde_json::to_string(&stale).unwrap();
    assert_eq!(evaluator.evaluate(&[&payload]).await.unwrap(), 0);
}

#[tokio::test]
async fn late_price_fires_what_was_armed_then_and_is_flagged() {
    let stack = TestStack::new().await;
    let published_at = SystemClock.now() - SignedDuration::from_secs(60);
    let ids = stack.insert_alerts(2, &stack.sink.url("/hook")).await;
    let client = stack.database.pool.get().await.unwrap();
    let before = published_at - SignedDuration::from_secs(1);
    client
        .execute(
            "UPDATE alerting.alerts SET created_at = $1 WHERE id = $2",
            &[&before, &ids[0]],
        )
        .await
        .unwrap();
    let payload = serde_json::to_string(&quote("BTC", "100", published_at)).unwrap();
    let evaluator = stack.evaluator();
    assert_eq!(evaluator.evaluate(&[&payload]).await.unwrap(), 1);
    assert_eq!(
        stack
            .count("SELECT count(*) FROM alerting.alert_events WHERE late")
            .await,
        1
    );
    assert_eq!(index_size(&stack).await, 1, "what was armed later stays in the index");
    let fresh = serde_json::to_string(&quote("BTC", "100", SystemClock.now())).unwrap();
    assert_eq!(evaluator.evaluate(&[&fresh]).await.unwrap(), 1);
}

#[tokio::test]
async fn flush_of_redis_loses_no_alert() {
    let stack = TestStack::new().await;
    let service = stack.start().await;
    let user = Uuid::now_v7();
    for target in 100..120 {
        service
            .create(user, "BTC", "gt", &target.to_string(), &stack.sink.url("/hook"))
            .await;
    }
    stack.publish("BTC", "50").await;
    stack.redis.flush().await;
    // Published again until it is seen: a flush may take the first one with it.
    for _ in 0..100 {
        stack.publish("BTC", "500").await;
        if stack
            .count("SELECT count(*) FROM alerting.alerts WHERE is_active")
            .await
            == 0
        {
            break;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    stack.sink.wait_for(20, DEADLINE).await;
    stack
        .wait_for_count(
            "SELECT count(*) FROM alerting.delivery_attempts WHERE status = 'success'",
            20,
        )
        .await;
    service.stop().await;
    assert_eq!(stack.sink.count(), 20);
}

#[tokio::test]
async fn each_late_price_fires_what_was_armed_when_it_was_published() {
    let stack = TestStack::new().await;
    let now = SystemClock.now();
    let ago = |seconds: i64| now - SignedDuration::from_secs(seconds);
    stack.insert_alerts(1, &stack.sink.url("/hook")).await;
    let created = "UPDATE alerting.alerts SET created_at = $1";
    let client = stack.database.pool.get().await.unwrap();
    client.execute(created, &[&ago(50)]).await.unwrap();
    drop(client);
    // The highest came before the alert; a later one that is lower still reaches it.
    let batch: Vec<String> = [("110", ago(60)), ("105", ago(40)), ("0.5", now)]
        .iter()
        .map(|(price, at)| serde_json::to_string(&quote("BTC", price, *at)).unwrap())
        .collect();
    let batch: Vec<&str> = batch.iter().map(String::as_str).collect();
    assert_eq!(stack.evaluator().evaluate(&batch).await.unwrap(), 1);
    let value = "SELECT count(*) FROM alerting.alert_events WHERE value = 105 AND late";
    assert_eq!(stack.count(value).await, 1);
}

#[tokio::test]
async fn announcements_reach_the_gateways_stream() {
    let stack = TestStack::new().await;
    stack.insert_alerts(1, &stack.sink.url("/hook")).await;
    let payload = serde_json::to_string(&quote("BTC", "100", SystemClock.now())).unwrap();
    stack.evaluator().evaluate(&[&payload]).await.unwrap();
    let entries: redis::Value = redis::cmd("XRANGE")
        .arg(keys::ALERT_EVENTS_STREAM)
        .arg("-")
        .arg("+")
        .query_async(&mut stack.redis.connection.clone())
        .await
        .unwrap();
    let text = format!("{entries:?}");
    assert!(text.contains("triggered") && text.contains("target_price"), "{text}");
}
