//! When which endpoint's messages may be published.

use std::time::Duration;

use alerts::relay::Pass;
use alerts::store::{attempts, queues};
use jiff::SignedDuration;
use platform::clock::{Clock, FakeClock, SystemClock};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::harness::{DEADLINE, TestStack, fire, quote};

const READY: &str = "SELECT (SELECT count(*) FROM alerting.endpoint_queues WHERE ready_at IS NOT NULL)
                          + (SELECT count(*) FROM alerting.user_queues WHERE ready_at IS NOT NULL)";

const DISABLED: &str =
    "UPDATE alerting.endpoints SET disabled_reason = 'too_many_failures', probe_at = now() + interval '1 hour'";

const ENABLED: &str = "UPDATE alerting.endpoints SET disabled_reason = NULL, probe_at = NULL, updated_at = now()";

async fn execute(stack: &TestStack, statement: &str) {
    stack
        .database
        .pool
        .get()
        .await
        .unwrap()
        .execute(statement, &[])
        .await
        .unwrap();
}

#[tokio::test]
async fn queue_without_messages_is_not_ready_when_its_breaker_has_run_out() {
    let stack = TestStack::new().await;
    stack.insert_alerts(1, &stack.sink.url("/hook")).await;
    execute(
        &stack,
        "UPDATE alerting.endpoint_queues SET closed_until = now() - interval '1 second', ready_at = now()",
    )
    .await;
    execute(&stack, "UPDATE alerting.user_queues SET ready_at = now()").await;
    let relay = stack.relay(SystemClock::shared(), Duration::from_secs(60));
    let idle = Pass {
        taken: 0,
        has_more: false,
    };
    assert_eq!(relay.publish_due().await.unwrap(), idle);
    assert_eq!(stack.count(READY).await, 0);
}

#[tokio::test]
async fn messages_of_a_disabled_endpoint_are_not_ready() {
    let stack = TestStack::new().await;
    fire(&stack, 3).await;
    execute(&stack, DISABLED).await;
    execute(
        &stack,
        "UPDATE alerting.endpoint_queues SET closed_until = now() - interval '1 second'",
    )
    .await;
    let relay = stack.relay(SystemClock::shared(), Duration::from_secs(60));
    assert!(!relay.publish_due().await.unwrap().has_more);
    assert_eq!(stack.count(READY).await, 0);
    execute(&stack, ENABLED).await;
    assert_eq!(relay.publish_due().await.unwrap().taken, 3);
    stack.assert_queues_are_sound().await;
}

/// Messages that were queued when their endpoint was disabled fill its window, and then wait again.
#[tokio::test]
async fn messages_that_a_consumer_holds_back_make_room_for_a_test() {
    let stack = TestStack::new().await;
    fire(&stack, 6).await;
    let clock = FakeClock::new(SystemClock.now());
    let relay = stack.relay(clock.shared(), Duration::from_secs(600));
    assert_eq!(relay.publish_due().await.unwrap().taken, 4);
    execute(&stack, DISABLED).await;
    let client = stack.database.pool.get().await.unwrap();
    let row = client
        .query_one("SELECT id, user_id FROM alerting.endpoints", &[])
        .await
        .unwrap();
    let test = alerts::store::deliveries::TestMessage {
        id: Uuid::now_v7(),
        user_id: row.get("user_id"),
        endpoint_id: row.get("id"),
        body: "{}".to_owned(),
        request_id: "r".to_owned(),
    };
    assert!(
        alerts::store::deliveries::create_test(&stack.database.pool, &test, clock.now())
            .await
            .unwrap()
    );
    assert_eq!(relay.publish_due().await.unwrap().taken, 0, "the window is full");
    let queued = "SELECT delivery_id FROM alerting.outbox WHERE taken_at IS NOT NULL";
    let queued = client.query(queued, &[]).await.unwrap();
    let wanted: Vec<(Uuid, u32)> = queued.iter().map(|row| (row.get(0), 1)).collect();
    let until = clock.now() + SignedDuration::from_secs(20);
    assert_eq!(attempts::claim(&client, &wanted, clock.now(), until).await.unwrap(), []);
    assert_eq!(relay.publish_due().await.unwrap().taken, 1, "the test alone");
    execute(&stack, ENABLED).await;
    clock.advance(Duration::from_secs(60));
    assert_eq!(relay.publish_due().await.unwrap().taken, 3);
    stack.assert_queues_are_sound().await;
}

#[tokio::test]
async fn old_backlogs_of_many_users_do_not_come_before_a_new_message() {
    let stack = TestStack::new().await;
    for _ in 0..64 {
        stack.insert_alerts(30, &stack.sink.url("/hook")).await;
    }
    execute(&stack, "UPDATE alerting.endpoint_queues SET max_taken = 100").await;
    let evaluator = stack.evaluator();
    let evaluate = async |price: &str| {
        alerts::index::rebuild::build(&evaluator.index, &evaluator.pool)
            .await
            .unwrap();
        let payload = serde_json::to_string(&quote("BTC", price, SystemClock.now())).unwrap();
        evaluator.evaluate(&[&payload]).await.unwrap()
    };
    assert_eq!(evaluate("1000").await, 64 * 30);
    let clock = FakeClock::new(SystemClock.now() + SignedDuration::from_secs(60));
    let relay = stack.relay(clock.shared(), Duration::from_secs(600));
    let pass = relay.publish_due().await.unwrap();
    assert!(pass.has_more && pass.taken < 64 * 30, "{pass:?}");
    stack.insert_alerts(1, &stack.sink.url("/newcomer")).await;
    assert_eq!(evaluate("2000").await, 1);
    relay.publish_due().await.unwrap();
    let newcomer = "SELECT count(*) FROM alerting.outbox o JOIN alerting.endpoints e ON e.id = o.endpoint_id
                    WHERE e.url LIKE '%/newcomer' AND o.taken_at IS NOT NULL";
    assert_eq!(stack.count(newcomer).await, 1);
    while relay.publish_due().await.unwrap().has_more {}
    assert_eq!(
        stack
            .count("SELECT count(*) FROM alerting.outbox WHERE taken_at IS NULL")
            .await,
        0
    );
    stack.assert_queues_are_sound().await;
}

#[tokio::test]
async fn forgotten_queue_is_found() {
    let stack = TestStack::new().await;
    fire(&stack, 1).await;
    let client = stack.database.pool.get().await.unwrap();
    assert_eq!(queues::find_stalled(&client).await.unwrap().len(), 0);
    for table in ["endpoint_queues", "user_queues"] {
        execute(&stack, &format!("UPDATE alerting.{table} SET ready_at = NULL")).await;
        let stalled = queues::find_stalled(&client).await.unwrap();
        assert_eq!(stalled.len(), 1, "{table}");
        queues::refresh(&client, &stalled, SystemClock.now()).await.unwrap();
        assert_eq!(queues::find_stalled(&client).await.unwrap().len(), 0);
    }
}

/// The relay passes over a queue that is locked, so the settlement that held the lock has to wake it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn settlement_wakes_the_relay_for_what_became_ready_while_it_waited() {
    let stack = TestStack::new().await;
    fire(&stack, 1).await;
    let clock = FakeClock::new(SystemClock.now());
    let relay = stack.relay(clock.shared(), Duration::from_secs(600));
    let mut client = stack.database.pool.get().await.unwrap();
    let lock = client.transaction().await.unwrap();
    let (worker, queue, recorder) = stack.worker(clock.shared());
    let woken = std::sync::Arc::clone(&recorder.relay);
    assert_eq!(relay.publish_due().await.unwrap().taken, 1);
    lock.execute("SELECT FROM alerting.user_queues FOR NO KEY UPDATE", &[])
        .await
        .unwrap();
    let stop = CancellationToken::new();
    let running = tokio::spawn(worker.run(queue, recorder, stop.clone()));
    let waiting = "SELECT count(*) FROM pg_locks JOIN pg_stat_activity USING (pid)
                   WHERE NOT granted AND datname = current_database()";
    testkit::eventually("the settlement waits for the lock", || async {
        stack.count(waiting).await > 0
    })
    .await;
    clock.advance(Duration::from_secs(10));
    lock.execute(
        "WITH delivery AS (
             INSERT INTO alerting.deliveries (id, user_id, endpoint_id, kind, body, request_id, created_at)
             SELECT gen_random_uuid(), user_id, id, 'alert.triggered', '{}', 'r', $1 FROM alerting.endpoints RETURNING *
         )
         INSERT INTO alerting.outbox (delivery_id, user_id, endpoint_id, is_test, due_at)
         SELECT id, user_id, endpoint_id, false, $1 FROM delivery",
        &[&clock.now()],
    )
    .await
    .unwrap();
    let endpoint_id: Uuid = lock
        .query_one("SELECT id FROM alerting.endpoints", &[])
        .await
        .unwrap()
        .get(0);
    queues::mark_ready(&lock, &[endpoint_id], clock.now()).await.unwrap();
    lock.commit().await.unwrap();
    tokio::time::timeout(DEADLINE, woken.notified())
        .await
        .expect("the relay is woken");
    stop.cancel();
    running.await.unwrap().unwrap();
}
