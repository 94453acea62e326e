//! Whatever is lost or dies in between, every message arrives.

use std::collections::BTreeSet;
use std::time::Duration;

use alerts::app;
use contracts::messages::{DeliveryMessage, EndpointPace};
use contracts::queues;
use jiff::{SignedDuration, Timestamp};
use platform::amqp::Message;
use platform::clock::{Clock, FakeClock, SystemClock};
use serde_json::json;
use testkit::Answer;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::harness::{DEADLINE, TestStack, alert, fire, quote};

#[tokio::test]
async fn committed_message_that_was_not_queued_is_queued_by_the_next_relay() {
    let stack = TestStack::new().await;
    fire(&stack, 25).await;
    let service = stack.start().await;
    stack.sink.wait_for(25, DEADLINE).await;
    stack
        .wait_for_count(
            "SELECT count(*) FROM alerting.delivery_attempts WHERE status = 'success'",
            25,
        )
        .await;
    service.stop().await;
    assert_eq!(stack.sink.count(), 25);
}

#[tokio::test]
async fn message_that_the_broker_lost_is_queued_again_at_once() {
    let stack = TestStack::new().await;
    fire(&stack, 4).await;
    let clock = FakeClock::new(SystemClock.now());
    let relay = stack.relay(clock.shared(), Duration::from_secs(3_600));
    assert_eq!(relay.publish_due().await.unwrap().taken, 4);
    stack.rabbit.delete_queue(queues::WEBHOOKS).await.unwrap();
    clock.advance(Duration::from_secs(2));
    let service = stack
        .start_with(&[("QUEUE_LOST_AFTER_SECONDS", "3600")], clock.shared())
        .await;
    stack.sink.wait_for(4, DEADLINE).await;
    stack
        .wait_for_count(
            "SELECT count(*) FROM alerting.delivery_states WHERE status = 'success'",
            4,
        )
        .await;
    service.stop().await;
    assert_eq!(stack.sink.count(), 4);
}

#[tokio::test]
async fn message_that_is_still_in_the_queue_is_not_queued_again() {
    let stack = TestStack::new().await;
    fire(&stack, 4).await;
    let clock = FakeClock::new(SystemClock.now());
    let relay = stack.relay(clock.shared(), Duration::from_secs(3_600));
    assert_eq!(relay.publish_due().await.unwrap().taken, 4);
    clock.advance(Duration::from_secs(2));
    let service = stack
        .start_with(&[("QUEUE_LOST_AFTER_SECONDS", "3600")], clock.shared())
        .await;
    stack
        .wait_for_count(
            "SELECT count(*) FROM alerting.delivery_states WHERE status = 'success'",
            4,
        )
        .await;
    service.stop().await;
    // What is marked again carries the time of its first claim.
    let requeued = "SELECT count(*) FROM alerting.delivery_attempts WHERE attempt > 1";
    assert_eq!((stack.sink.count(), stack.count(requeued).await), (4, 0));
}

#[tokio::test]
async fn message_that_another_consumer_lost_is_queued_again_in_time() {
    let stack = TestStack::new().await;
    fire(&stack, 4).await;
    let clock = FakeClock::new(SystemClock.now());
    let relay = stack.relay(clock.shared(), Duration::from_secs(60));
    let mut other = stack.rabbit.broker().consume(queues::WEBHOOKS, 10);
    assert_eq!(relay.publish_due().await.unwrap().taken, 4);
    assert_eq!(
        relay.publish_due().await.unwrap().taken,
        0,
        "what is queued is not queued again"
    );
    for _ in 0..4 {
        other.next().await.ack().await.unwrap();
    }
    clock.advance(Duration::from_secs(59));
    let service = stack.start_with(&[], clock.shared()).await;
    assert_eq!(relay.publish_due().await.unwrap().taken, 0);
    clock.advance(Duration::from_secs(2));
    let everything = async {
        tokio::select! {
            received = stack.sink.wait_for(4, DEADLINE) => received,
            // The other one goes on taking its share, and loses that too.
            () = async { loop { other.next().await.reject(true).await.unwrap() } } => unreachable!(),
        }
    };
    everything.await;
    service.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn relay_that_waits_for_the_broker_holds_no_row() {
    let stack = TestStack::new().await;
    let rabbit = testkit::OwnRabbit::start().await;
    let broker = platform::amqp::Broker::connect(&rabbit.settings).unwrap();
    broker.check(queues::WEBHOOKS).await.unwrap();
    rabbit.set_disk_alarm(true);
    fire(&stack, 4).await;
    let mut relay = stack.relay(SystemClock::shared(), Duration::from_secs(60));
    relay.queue.publisher = broker.publisher();
    let publishing = tokio::spawn(async move { relay.publish_due().await });
    let queued = "SELECT count(*) FROM alerting.delivery_states WHERE status = 'queued'";
    stack.wait_for_count(queued, 4).await;
    let client = stack.database.pool.get().await.unwrap();
    client
        .batch_execute(
            "BEGIN; SELECT FROM alerting.outbox FOR UPDATE NOWAIT;
             SELECT FROM alerting.user_queues FOR UPDATE NOWAIT; ROLLBACK",
        )
        .await
        .unwrap();
    assert!(!publishing.is_finished(), "the broker takes nothing");
    rabbit.set_disk_alarm(false);
    // Taken in the end, or due again.
    let _ = publishing.await.unwrap();
    stack.wait_for_count("SELECT count(*) FROM alerting.outbox", 4).await;
}

#[tokio::test]
async fn message_that_is_queued_twice_is_sent_once() {
    let stack = TestStack::new().await;
    fire(&stack, 1).await;
    let client = stack.database.pool.get().await.unwrap();
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
        pace: EndpointPace::Unknown,
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
    for result in stack
        .rabbit
        .broker()
        .publisher()
        .publish_all(queues::WEBHOOKS, &messages)
        .await
    {
        result.unwrap();
    }
    let (first, second) = (stack.start().await, stack.start().await);
    stack
        .wait_for_count(
            "SELECT count(*) FROM alerting.delivery_states WHERE status = 'success'",
            1,
        )
        .await;
    wait_until_empty(&stack).await;
    first.stop().await;
    second.stop().await;
    assert_eq!(stack.sink.count(), 1);
}

async fn wait_until_empty(stack: &TestStack) {
    let waiting = async {
        loop {
            let queue: serde_json::Value = stack
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
    tokio::time::timeout(DEADLINE, waiting)
        .await
        .expect("the queue is emptied");
}

#[tokio::test]
async fn closed_connections_to_the_broker_delay_but_lose_nothing() {
    let stack = TestStack::new().await;
    stack.sink.otherwise(Answer::Slow(Duration::from_millis(30), 200));
    let service = stack.start().await;
    let user = Uuid::now_v7();
    for target in 1..=60 {
        service
            .create(user, "BTC", "gt", &target.to_string(), &stack.sink.url("/hook"))
            .await;
    }
    stack.publish("BTC", "1000").await;
    stack.sink.wait_for(5, DEADLINE).await;
    stack.rabbit.close_connections().await.unwrap();
    stack
        .wait_for_count(
            "SELECT count(*) FROM alerting.delivery_states WHERE status = 'success'",
            60,
        )
        .await;
    let ids: BTreeSet<String> = stack
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
    let stack = TestStack::new().await;
    let (first, second) = (stack.start().await, stack.start().await);
    let user = Uuid::now_v7();
    for target in 1..=100 {
        first
            .create(user, "BTC", "gt", &target.to_string(), &stack.sink.url("/hook"))
            .await;
    }
    for price in ["30.5", "60.5", "100.5", "101"] {
        stack.publish("BTC", price).await;
    }
    stack.sink.wait_for(100, DEADLINE).await;
    stack
        .wait_for_count(
            "SELECT count(*) FROM alerting.delivery_states WHERE status = 'success'",
            100,
        )
        .await;
    first.stop().await;
    second.stop().await;
    assert_eq!(stack.sink.count(), 100);
}

#[tokio::test]
async fn alert_that_postgresql_refuses_stops_no_other() {
    let stack = TestStack::new().await;
    let ids = stack.insert_alerts(7, &stack.sink.url("/hook")).await;
    let client = stack.database.pool.get().await.unwrap();
    let refuse = format!("ALTER TABLE alerting.alert_events ADD CHECK (alert_id <> '{}')", ids[3]);
    client.execute(&refuse, &[]).await.unwrap();
    let evaluator = stack.evaluator();
    let batch: Vec<String> = ["100", "101"]
        .iter()
        .map(|price| serde_json::to_string(&quote("BTC", price, SystemClock.now())).unwrap())
        .collect();
    for payload in &batch {
        evaluator.evaluate_with_retry(&[payload]).await;
    }
    let fired = "SELECT count(*) FROM alerting.alerts WHERE state = 'triggered'";
    assert_eq!(stack.count(fired).await, 6);
    let recorded = format!(
        "SELECT times FROM alerting.refused WHERE kind = 'alert' AND item = '{}' AND reason LIKE '%check constraint%'",
        ids[3]
    );
    assert_eq!(stack.count(&recorded).await, 2);
}

#[tokio::test]
async fn unreadable_message_stops_nothing_and_is_counted() {
    let stack = TestStack::new().await;
    stack.insert_alerts(1, &stack.sink.url("/hook")).await;
    let service = stack.start().await;
    for (field, value) in [("message", &b"\xff\xfe"[..]), ("other", b"x"), ("message", b"{}")] {
        for stream in [contracts::keys::QUOTES_STREAM, contracts::keys::METRICS_STREAM] {
            let mut add = redis::cmd("XADD");
            add.arg(stream).arg("*").arg(field).arg(value);
            let _: String = add.query_async(&mut stack.redis.connection.clone()).await.unwrap();
        }
    }
    let mut price = quote("BTC", "100", SystemClock.now());
    price.request_id = "a\0b".to_owned();
    stack.publish_quote(&price).await;
    stack.sink.wait_for(1, DEADLINE).await;
    service.stop().await;
}

#[tokio::test]
async fn refusals_are_distinguished_from_outages() {
    let stack = TestStack::new().await;
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
        let client = stack.database.pool.get().await.unwrap();
        let error = client.batch_execute(statement).await.unwrap_err();
        assert_eq!(platform::postgres::is_outage(&error), is_outage, "{statement}: {error}");
        // What was set must not reach the next user of the connection.
        drop(deadpool_postgres::Object::take(client));
    }
    let client = stack.database.pool.get().await.unwrap();
    let error = client.query("SELECT $1::int", &[&"text"]).await.unwrap_err();
    assert!(!platform::postgres::is_outage(&error), "{error}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn read_only_database_is_reported_and_loses_no_price() {
    let stack = TestStack::new().await;
    let service = stack.start().await;
    let user = Uuid::now_v7();
    let url = stack.sink.url("/hook");
    service.create(user, "BTC", "gt", "100", &url).await;
    stack.database.set_read_only(true).await;
    let ready = async || {
        let answer = stack.http.get(format!("http://{}/health/ready", service.address));
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
    stack.publish("BTC", "150").await;
    stack.publish("BTC", "50").await;
    stack.database.set_read_only(false).await;
    testkit::eventually("readiness is back", || async { ready().await == 200 }).await;
    stack.sink.wait_for(1, DEADLINE).await;
    service.stop().await;
}

/// A machine whose clock is off.
#[derive(Debug)]
struct WrongClock(SignedDuration);

impl Clock for WrongClock {
    fn now(&self) -> Timestamp {
        SystemClock.now() + self.0
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn instance_whose_clock_is_off_doubles_and_delays_nothing() {
    let stack = TestStack::new().await;
    stack.sink.otherwise(Answer::Slow(Duration::from_secs(2), 200));
    let service = stack.start().await;
    let user = Uuid::now_v7();
    for target in 1..=10 {
        service
            .create(user, "BTC", "gt", &target.to_string(), &stack.sink.url("/hook"))
            .await;
    }
    let stop = CancellationToken::new();
    let wrong = [60, -60].map(|seconds| {
        let clock = std::sync::Arc::new(WrongClock(SignedDuration::from_secs(seconds)));
        tokio::spawn(app::run(stack.settings(&[]), clock, stop.clone()))
    });
    stack.publish("BTC", "100").await;
    stack
        .wait_for_count(
            "SELECT count(*) FROM alerting.delivery_states WHERE status = 'success'",
            10,
        )
        .await;
    assert_eq!(stack.count("SELECT count(*) FROM alerting.delivery_attempts").await, 10);
    assert_eq!(stack.sink.count(), 10);
    let off =
        "SELECT count(*) FROM alerting.delivery_attempts WHERE abs(extract(epoch FROM now() - dispatched_at)) > 30";
    assert_eq!(stack.count(off).await, 0);
    stop.cancel();
    for instance in wrong {
        instance.await.unwrap().unwrap();
    }
    service.stop().await;
}
