//! Attempts to deliver are on record and counted, whatever becomes of who makes them.

use std::time::Duration;

use alerts::relay::Relay;
use alerts::store::attempts::{self, AttemptRecord, ListedAttempt};
use contracts::queues;
use jiff::{SignedDuration, Timestamp};
use platform::clock::{Clock, FakeClock, SystemClock};
use testkit::Answer;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::harness::{DEADLINE, TestStack, fire};

/// The only delivery, its alert, and its rows: number, status, and whether the time is known.
async fn attempts_of_the_delivery(stack: &TestStack) -> Vec<(u32, String, bool)> {
    let alert_id: Uuid = stack.value("SELECT alert_id FROM alerting.deliveries").await;
    let listed = attempts::list_of_alert(&stack.database.pool, alert_id, None, 10)
        .await
        .unwrap();
    let row = |a: &ListedAttempt| (a.attempt, a.status.clone(), a.latency_ms.is_some());
    listed.iter().rev().map(row).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn attempt_that_was_under_way_when_its_process_died_is_on_record() {
    let stack = TestStack::new().await;
    fire(&stack, 1).await;
    stack.sink.script("/hook", [Answer::Hang]);
    let clock = FakeClock::new(SystemClock.now());
    let mut runtime = tokio::runtime::Builder::new_multi_thread();
    let doomed = runtime.worker_threads(1).enable_all().build().unwrap();
    let (worker, queue, recorder) = stack.worker(clock.shared());
    doomed.spawn(worker.run(queue, recorder, CancellationToken::new()));
    let relay = stack.relay(clock.shared(), Duration::from_secs(600));
    assert_eq!(publish(&relay).await, 1);
    stack.sink.wait_for(1, DEADLINE).await;
    assert_eq!(
        attempts_of_the_delivery(&stack).await,
        [(1, "pending".to_owned(), false)]
    );
    // Every task ends where it is, as with kill -9.
    doomed.shutdown_background();
    testkit::eventually("the broker notices the death", || async {
        stack.rabbit.close_connections().await.unwrap();
        stack.rabbit.broker().check(queues::WEBHOOKS).await.unwrap() == 0
    })
    .await;

    let service = stack.start_with(&[], clock.shared()).await;
    assert_eq!(publish(&relay).await, 0, "the claim holds");
    clock.advance(Duration::from_secs(120));
    let received = stack.sink.wait_for(2, DEADLINE).await;
    let headers = |name: &str| -> Vec<String> { received.iter().map(|one| one.header(name).to_owned()).collect() };
    assert_eq!(headers("x-delivery-attempt"), ["1", "2"]);
    assert_eq!(headers("webhook-id")[0], headers("webhook-id")[1]);
    stack
        .wait_for_count(
            "SELECT count(*) FROM alerting.delivery_states WHERE status = 'success'",
            1,
        )
        .await;
    service.stop().await;
    let expected = [(1, "failed".to_owned(), false), (2, "success".to_owned(), true)];
    assert_eq!(attempts_of_the_delivery(&stack).await, expected);
    let error: String = stack
        .value("SELECT error_msg FROM alerting.delivery_attempts WHERE attempt = 1")
        .await;
    assert!(error.starts_with("interrupted"), "{error}");
}

/// Looks once for what is due. Returns how many messages were published.
async fn publish(relay: &Relay) -> usize {
    relay.take_back_expired().await.unwrap();
    relay.publish_due().await.unwrap().taken
}

/// Claims an attempt of the only delivery, as a consumer does that dies after it.
async fn claim(stack: &TestStack, attempt: u32, clock: &FakeClock) -> usize {
    let id: Uuid = stack.value("SELECT id FROM alerting.deliveries").await;
    let client = stack.database.pool.get().await.unwrap();
    let until = clock.now() + SignedDuration::from_secs(20);
    attempts::claim(&client, &[(id, attempt)], clock.now(), until)
        .await
        .unwrap()
        .len()
}

#[tokio::test]
async fn interrupted_attempts_count_towards_the_limit() {
    let stack = TestStack::new().await;
    fire(&stack, 1).await;
    let clock = FakeClock::new(SystemClock.now());
    let mut relay = stack.relay(clock.shared(), Duration::from_secs(600));
    relay.policy.max_attempts = 2;
    for attempt in 1..=2 {
        assert_eq!(publish(&relay).await, 1);
        assert_eq!(claim(&stack, attempt, &clock).await, 1);
        assert_eq!(claim(&stack, attempt, &clock).await, 0, "it is held");
        assert_eq!(publish(&relay).await, 0);
        clock.advance(Duration::from_secs(20));
    }
    assert_eq!(publish(&relay).await, 0);
    assert_eq!(claim(&stack, 3, &clock).await, 0);
    let expected = [(1, "failed".to_owned(), false), (2, "failed".to_owned(), false)];
    assert_eq!(attempts_of_the_delivery(&stack).await, expected);
    let (status, reason): (String, String) = (
        stack.value("SELECT status FROM alerting.delivery_states").await,
        stack.value("SELECT reason FROM alerting.dead_letters").await,
    );
    assert_eq!((status.as_str(), reason.as_str()), ("failed", "attempts_exhausted"));
    let told = "SELECT count(*) FROM alerting.alert_events WHERE reason = 'delivery_failed'";
    assert_eq!(stack.count(told).await, 1, "its owner learns of it");
    // The last one was slow and not dead: the endpoint has the message.
    settle_late(&stack, 2, clock.now()).await;
    assert_eq!(
        stack
            .value::<String>("SELECT status FROM alerting.delivery_states")
            .await,
        "success"
    );
    assert_eq!(stack.count("SELECT count(*) FROM alerting.dead_letters").await, 0);
}

async fn settle_late(stack: &TestStack, attempt: u32, now: Timestamp) {
    let record = AttemptRecord {
        delivery_id: stack.value("SELECT id FROM alerting.deliveries").await,
        attempt,
        succeeded: true,
        response_code: Some(200),
        error: None,
        latency_ms: 30_000,
        dispatched_at: now,
        next_attempt_at: None,
        excerpt: None,
        dead_letter: None,
    };
    let client = stack.database.pool.get().await.unwrap();
    let new = attempts::settle(&client, &[&record], now).await.unwrap();
    assert_eq!(new, [(record.delivery_id, attempt)].into());
    assert!(attempts::settle(&client, &[&record], now).await.unwrap().is_empty());
}

#[tokio::test]
async fn message_of_a_delivery_that_waits_is_not_claimed() {
    let stack = TestStack::new().await;
    fire(&stack, 1).await;
    let clock = FakeClock::new(SystemClock.now());
    assert_eq!(claim(&stack, 1, &clock).await, 0, "no relay took it");
    let relay = stack.relay(clock.shared(), Duration::from_secs(10));
    assert_eq!(publish(&relay).await, 1);
    clock.advance(Duration::from_secs(10));
    relay.take_back_expired().await.unwrap();
    assert_eq!(claim(&stack, 1, &clock).await, 0, "the queue counts as having lost it");
    assert_eq!(publish(&relay).await, 1);
    assert_eq!(claim(&stack, 1, &clock).await, 1);
}

#[tokio::test]
async fn success_after_the_claim_ran_out_ends_the_delivery() {
    let stack = TestStack::new().await;
    fire(&stack, 1).await;
    let clock = FakeClock::new(SystemClock.now());
    let relay = stack.relay(clock.shared(), Duration::from_secs(600));
    assert_eq!(publish(&relay).await, 1);
    assert_eq!(claim(&stack, 1, &clock).await, 1);
    clock.advance(Duration::from_secs(20));
    assert_eq!(publish(&relay).await, 1, "attempt 2 is in the queue");
    settle_late(&stack, 1, clock.now()).await;
    assert_eq!(claim(&stack, 2, &clock).await, 0);
    assert_eq!(
        attempts_of_the_delivery(&stack).await,
        [(1, "success".to_owned(), true)]
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn panic_of_a_delivery_ends_the_worker() {
    let stack = TestStack::new().await;
    fire(&stack, 1).await;
    let (mut worker, queue, recorder) = stack.worker(SystemClock::shared());
    let context = std::sync::Arc::get_mut(&mut worker.context).unwrap();
    context.unit_random = || panic!("a fault injected on purpose");
    let relay = stack.relay(SystemClock::shared(), Duration::from_secs(60));
    assert_eq!(publish(&relay).await, 1);
    let running = worker.run(queue, recorder, CancellationToken::new());
    let ended = tokio::time::timeout(DEADLINE, running).await.expect("an end");
    assert!(format!("{:#}", ended.unwrap_err()).contains("panicked"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn attempt_that_postgresql_refuses_stops_no_other() {
    let stack = TestStack::new().await;
    let client = stack.database.pool.get().await.unwrap();
    client
        .batch_execute("ALTER TABLE alerting.delivery_attempts ADD CHECK (response_code <> 418)")
        .await
        .unwrap();
    let service = stack.start().await;
    stack
        .sink
        .script("/poison", std::iter::repeat_n(Answer::Status(418), 100));
    let user = Uuid::now_v7();
    service.create(user, "BTC", "gt", "1", &stack.sink.url("/poison")).await;
    for target in 2..=20 {
        service
            .create(user, "BTC", "gt", &target.to_string(), &stack.sink.url("/hook"))
            .await;
    }
    stack.publish("BTC", "100").await;
    stack
        .wait_for_count(
            "SELECT count(*) FROM alerting.delivery_states WHERE status = 'success'",
            19,
        )
        .await;
    stack
        .wait_for_count("SELECT count(*) FROM alerting.refused WHERE kind = 'attempt'", 1)
        .await;
    service.stop().await;
}
