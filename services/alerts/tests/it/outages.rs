//! Whatever is lost or dies in between, every message arrives.

use std::collections::BTreeSet;
use std::time::Duration;

use alerts::store::deliveries;
use contracts::messages::DeliveryMessage;
use contracts::queues;
use platform::amqp::Message;
use platform::clock::{Clock, FakeClock, SystemClock};
use serde_json::json;
use testkit::Answer;
use uuid::Uuid;

use crate::harness::{PATIENCE, Stand, alert, quote};

async fn fire(stand: &Stand, count: u32) {
    stand.insert_alerts(count, &stand.sink.url("/hook")).await;
    let payload = serde_json::to_string(&quote("BTC", "1000000", SystemClock.now())).unwrap();
    assert_eq!(stand.intake().evaluate(&[&payload]).await.unwrap(), count as usize);
}

#[tokio::test]
async fn what_was_committed_and_not_queued_is_queued_by_whoever_comes_next() {
    let stand = Stand::new().await;
    fire(&stand, 25).await;
    let service = stand.start().await;
    stand.sink.wait_for(25, PATIENCE).await;
    stand
        .wait_for_count(
            "SELECT count(*) FROM alerting.delivery_attempts WHERE status = 'success'",
            25,
        )
        .await;
    service.stop().await;
    assert_eq!(stand.sink.count(), 25);
}

#[tokio::test]
async fn an_emptied_queue_loses_nothing() {
    let stand = Stand::new().await;
    fire(&stand, 5).await;
    let clock = FakeClock::new(SystemClock.now());
    let relay = stand.relay(clock.shared(), Duration::from_secs(60));
    assert_eq!(relay.publish_due().await.unwrap(), 5);
    assert_eq!(
        relay.publish_due().await.unwrap(),
        0,
        "what is queued is not queued again"
    );
    stand.rabbit.delete_queue(queues::WEBHOOKS).await.unwrap();
    clock.advance(Duration::from_secs(59));
    let service = stand.start_with(&[], clock.shared()).await;
    assert_eq!(relay.publish_due().await.unwrap(), 0);
    clock.advance(Duration::from_secs(2));
    stand.sink.wait_for(5, PATIENCE).await;
    service.stop().await;
}

#[tokio::test]
async fn a_message_that_is_queued_twice_is_sent_once() {
    let stand = Stand::new().await;
    fire(&stand, 1).await;
    let client = stand.database.pool.get().await.unwrap();
    let row = client
        .query_one("SELECT id, endpoint_id FROM alerting.deliveries", &[])
        .await
        .unwrap();
    let body = DeliveryMessage {
        v: 1,
        delivery_id: row.get(0),
        endpoint_id: row.get(1),
        user_id: None,
        destination: None,
        attempt: 1,
        request_id: "r".to_owned(),
    };
    let copy = Message {
        body: serde_json::to_vec(&body).unwrap(),
        ..Message::default()
    };
    let nonsense = Message {
        body: b"{}".to_vec(),
        ..Message::default()
    };
    let messages = [nonsense, copy.clone(), copy.clone(), copy];
    for result in stand
        .rabbit
        .broker()
        .publisher()
        .publish_all(queues::WEBHOOKS, &messages)
        .await
    {
        result.unwrap();
    }
    let (first, second) = (stand.start().await, stand.start().await);
    stand
        .wait_for_count("SELECT count(*) FROM alerting.deliveries WHERE status = 'success'", 1)
        .await;
    wait_until_empty(&stand).await;
    first.stop().await;
    second.stop().await;
    assert_eq!(stand.sink.count(), 1);
}

async fn wait_until_empty(stand: &Stand) {
    let waiting = async {
        loop {
            let queue: serde_json::Value = stand
                .rabbit
                .management(&format!("queues/{{vhost}}/{}", queues::WEBHOOKS))
                .await
                .unwrap();
            if queue["messages"] == 0 {
                return;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    };
    tokio::time::timeout(PATIENCE, waiting)
        .await
        .expect("the queue is emptied");
}

#[tokio::test]
async fn a_claim_of_a_dead_consumer_runs_out() {
    let stand = Stand::new().await;
    fire(&stand, 1).await;
    let clock = FakeClock::new(SystemClock.now());
    let (pool, now) = (&stand.database.pool, clock.now());
    let id: Uuid = pool
        .get()
        .await
        .unwrap()
        .query_one("SELECT id FROM alerting.deliveries", &[])
        .await
        .unwrap()
        .get(0);
    let until = now + jiff::SignedDuration::from_secs(20);
    assert_eq!(deliveries::claim(pool, &[(id, 1)], now, until).await.unwrap().len(), 1);
    assert_eq!(
        deliveries::claim(pool, &[(id, 1)], now, until).await.unwrap(),
        [],
        "it is held"
    );
    let relay = stand.relay(clock.shared(), Duration::from_secs(60));
    assert_eq!(relay.publish_due().await.unwrap(), 0);
    clock.advance(Duration::from_secs(20));
    let service = stand.start_with(&[], clock.shared()).await;
    let received = stand.sink.wait_for(1, PATIENCE).await;
    assert_eq!(received[0].header("webhook-id"), id.to_string());
    stand
        .wait_for_count("SELECT count(*) FROM alerting.delivery_attempts WHERE attempt = 1", 1)
        .await;
    service.stop().await;
}

#[tokio::test]
async fn closed_connections_to_the_broker_delay_but_lose_nothing() {
    let stand = Stand::new().await;
    stand.sink.otherwise(Answer::Slow(Duration::from_millis(30), 200));
    let service = stand.start().await;
    let user = Uuid::now_v7();
    for target in 1..=60 {
        service
            .create(user, "BTC", "gt", &target.to_string(), &stand.sink.url("/hook"))
            .await;
    }
    stand.publish("BTC", "1000").await;
    stand.sink.wait_for(5, PATIENCE).await;
    stand.rabbit.close_connections().await.unwrap();
    stand
        .wait_for_count("SELECT count(*) FROM alerting.deliveries WHERE status = 'success'", 60)
        .await;
    let ids: BTreeSet<String> = stand
        .sink
        .received()
        .iter()
        .map(|request| request.header("webhook-id").to_owned())
        .collect();
    assert_eq!(ids.len(), 60);
    service.stop().await;
}

#[tokio::test]
async fn two_instances_share_the_work_and_double_nothing() {
    let stand = Stand::new().await;
    let (first, second) = (stand.start().await, stand.start().await);
    let user = Uuid::now_v7();
    for target in 1..=100 {
        first
            .create(user, "BTC", "gt", &target.to_string(), &stand.sink.url("/hook"))
            .await;
    }
    for price in ["30.5", "60.5", "100.5", "101"] {
        stand.publish("BTC", price).await;
    }
    stand.sink.wait_for(100, PATIENCE).await;
    stand
        .wait_for_count("SELECT count(*) FROM alerting.deliveries WHERE status = 'success'", 100)
        .await;
    first.stop().await;
    second.stop().await;
    assert_eq!(stand.sink.count(), 100);
}

#[tokio::test]
async fn an_alert_that_postgresql_refuses_stops_no_other() {
    let stand = Stand::new().await;
    let ids = stand.insert_alerts(7, &stand.sink.url("/hook")).await;
    let client = stand.database.pool.get().await.unwrap();
    let refuse = format!("ALTER TABLE alerting.alert_events ADD CHECK (alert_id <> '{}')", ids[3]);
    client.execute(&refuse, &[]).await.unwrap();
    let intake = stand.intake();
    let batch: Vec<String> = ["100", "101"]
        .iter()
        .map(|price| serde_json::to_string(&quote("BTC", price, SystemClock.now())).unwrap())
        .collect();
    for payload in &batch {
        intake.evaluate_or_set_aside(&[payload]).await.unwrap();
    }
    let fired = "SELECT count(*) FROM alerting.alerts WHERE state = 'triggered'";
    assert_eq!(stand.count(fired).await, 6);
    let recorded = format!(
        "SELECT times FROM alerting.refused WHERE kind = 'alert' AND item = '{}' AND reason LIKE '%check constraint%'",
        ids[3]
    );
    assert_eq!(stand.count(&recorded).await, 2);
}

#[tokio::test]
async fn what_is_no_message_stops_nothing_and_is_counted() {
    let stand = Stand::new().await;
    stand.insert_alerts(1, &stand.sink.url("/hook")).await;
    let service = stand.start().await;
    for (field, value) in [("message", &b"\xff\xfe"[..]), ("other", b"x"), ("message", b"{}")] {
        for stream in [contracts::keys::QUOTES_STREAM, contracts::keys::METRICS_STREAM] {
            let mut add = redis::cmd("XADD");
            add.arg(stream).arg("*").arg(field).arg(value);
            let _: String = add.query_async(&mut stand.redis.connection.clone()).await.unwrap();
        }
    }
    let mut price = quote("BTC", "100", SystemClock.now());
    price.request_id = "a\0b".to_owned();
    stand.publish_quote(&price).await;
    stand.sink.wait_for(1, PATIENCE).await;
    service.stop().await;
}

#[tokio::test]
async fn refusals_are_told_from_outages() {
    let stand = Stand::new().await;
    for (statement, is_outage) in [
        ("SELECT 1 / (random() * 0)::int", false),
        ("SELECT '\u{1}x'::uuid", false),
        (
            "INSERT INTO alerting.monitors (ticker, checks, as_of) VALUES (NULL, '{}', now())",
            false,
        ),
        ("BEGIN READ ONLY; CREATE TABLE public.x ()", true),
        ("SELECT pg_terminate_backend(pg_backend_pid())", true),
    ] {
        let client = stand.database.pool.get().await.unwrap();
        let error = client.batch_execute(statement).await.unwrap_err();
        assert_eq!(platform::postgres::is_outage(&error), is_outage, "{statement}: {error}");
        // What was set must not reach the next user of the connection.
        drop(deadpool_postgres::Object::take(client));
    }
    let client = stand.database.pool.get().await.unwrap();
    let error = client.query("SELECT $1::int", &[&"text"]).await.unwrap_err();
    assert!(!platform::postgres::is_outage(&error), "{error}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_read_only_database_is_told_and_loses_no_price() {
    let stand = Stand::new().await;
    let service = stand.start().await;
    let user = Uuid::now_v7();
    let url = stand.sink.url("/hook");
    service.create(user, "BTC", "gt", "100", &url).await;
    stand.database.set_read_only(true).await;
    let ready = async || {
        let answer = stand.http.get(format!("http://{}/health/ready", service.address));
        answer.send().await.unwrap().status().as_u16()
    };
    testkit::eventually("readiness says so", || async { ready().await == 503 }).await;
    for _ in 0..10 {
        let (status, body) = service.post("/alerts", user, &alert("BTC", "gt", "200", &url)).await;
        assert_eq!(
            (status, &body["type"]),
            (503, &json!("dependency_unavailable")),
            "{body}"
        );
    }
    stand.publish("BTC", "150").await;
    stand.publish("BTC", "50").await;
    stand.database.set_read_only(false).await;
    testkit::eventually("readiness is back", || async { ready().await == 200 }).await;
    stand.sink.wait_for(1, PATIENCE).await;
    service.stop().await;
}
