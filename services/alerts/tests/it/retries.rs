//! Failed attempts: when they are repeated, with what, and when it is enough.

use std::time::Duration;

use alerts::store::endpoints::{self, HealthChange};
use platform::clock::{Clock, FakeClock, SystemClock};
use serde_json::{Value, json};
use testkit::Answer;
use uuid::Uuid;

use crate::harness::{DEADLINE, TestApp, TestStack};

/// One alert that fired, and its attempts so far.
async fn fired(stack: &TestStack, service: &TestApp, user: Uuid) -> String {
    let created = service.create(user, "BTC", "gt", "100", &stack.sink.url("/hook")).await;
    stack.publish("BTC", "101").await;
    created["id"].as_str().unwrap().to_owned()
}

async fn attempts(service: &TestApp, user: Uuid, alert: &str) -> Vec<Value> {
    let (_, page) = service.get(&format!("/alerts/{alert}/deliveries"), user).await;
    page["items"].as_array().unwrap().clone()
}

const SCHEDULE: &[(&str, &str)] = &[
    ("WEBHOOK_BACKOFF_BASE_MS", "10000"),
    ("WEBHOOK_BACKOFF_MAX_MS", "600000"),
];

#[tokio::test]
async fn message_is_tried_four_times_with_the_same_bytes_and_then_given_up() {
    let stack = TestStack::new().await;
    stack.sink.otherwise(Answer::Status(500));
    let clock = FakeClock::new(SystemClock.now());
    let service = stack.start_with(SCHEDULE, clock.shared()).await;
    let user = Uuid::now_v7();
    let alert = fired(&stack, &service, user).await;
    let relay = stack.relay(clock.shared(), Duration::from_secs(60));
    for (attempt, least, most) in [(1, 9, 11), (2, 18, 22), (3, 36, 44)] {
        let count = "SELECT count(*) FROM alerting.delivery_attempts WHERE status <> 'open'";
        stack.wait_for_count(count, attempt).await;
        let client = stack.database.pool.get().await.unwrap();
        let due: jiff::Timestamp = client
            .query_one("SELECT due_at FROM alerting.outbox", &[])
            .await
            .unwrap()
            .get(0);
        let wait = due.duration_since(clock.now()).as_secs_f64();
        assert!(
            (f64::from(least)..f64::from(most) + 1.0).contains(&wait),
            "attempt {attempt}: {wait} s"
        );
        clock.advance(Duration::from_secs_f64(wait - 0.1));
        assert_eq!(relay.publish_due().await.unwrap().taken, 0, "not before its time");
        clock.advance(Duration::from_secs_f64(0.2));
    }
    stack
        .wait_for_count(
            "SELECT count(*) FROM alerting.dead_letters WHERE reason = 'attempts_exhausted'",
            1,
        )
        .await;
    let listed = attempts(&service, user, &alert).await;
    let seen: Vec<_> = listed
        .iter()
        .map(|a| (a["attempt"].clone(), a["status"].clone(), a["error_msg"].clone()))
        .collect();
    let failure = |n: u32| (json!(n), json!("failed"), json!("status 500"));
    assert_eq!(seen, [failure(4), failure(3), failure(2), failure(1)]);
    assert_eq!(listed[0]["next_attempt_at"], Value::Null);
    assert_ne!(listed[1]["next_attempt_at"], Value::Null);
    service.stop().await;

    let received = stack.sink.received();
    assert_eq!(received.len(), 4);
    for (n, request) in received.iter().enumerate() {
        assert_eq!(request.body, received[0].body);
        assert_eq!(request.header("webhook-id"), received[0].header("webhook-id"));
        assert_eq!(request.header("x-delivery-attempt"), (n + 1).to_string());
    }
    assert_ne!(
        received[3].header("webhook-timestamp"),
        received[0].header("webhook-timestamp")
    );
    assert_ne!(
        received[3].header("webhook-signature"),
        received[0].header("webhook-signature")
    );
    assert_eq!(
        stack
            .count("SELECT count(*) FROM alerting.endpoints WHERE consecutive_failures = 1")
            .await,
        1
    );
}

#[tokio::test]
async fn endpoint_that_recovers_gets_its_message() {
    let stack = TestStack::new().await;
    let redirect = Answer::With(302, vec![("location".to_owned(), stack.sink.url("/elsewhere"))]);
    stack
        .sink
        .script("/hook", [Answer::Status(503), redirect, Answer::Status(200)]);
    let service = stack.start().await;
    let user = Uuid::now_v7();
    let alert = fired(&stack, &service, user).await;
    stack
        .wait_for_count(
            "SELECT count(*) FROM alerting.delivery_states WHERE status = 'success'",
            1,
        )
        .await;
    let listed = attempts(&service, user, &alert).await;
    let codes: Vec<_> = listed.iter().map(|attempt| attempt["response_code"].clone()).collect();
    assert_eq!(codes, [200, 302, 503]);
    assert_eq!(listed[1]["error_msg"], "status 302, redirects are not followed");
    assert!(
        stack.sink.received().iter().all(|request| request.path == "/hook"),
        "no redirect is followed"
    );
    assert_eq!(
        stack
            .count("SELECT count(*) FROM alerting.endpoints WHERE consecutive_failures = 0")
            .await,
        1
    );
    service.stop().await;
}

#[tokio::test]
async fn retry_after_is_honoured() {
    let stack = TestStack::new().await;
    stack
        .sink
        .otherwise(Answer::With(429, vec![("retry-after".to_owned(), "120".to_owned())]));
    let clock = FakeClock::new(SystemClock.now());
    let service = stack.start_with(SCHEDULE, clock.shared()).await;
    fired(&stack, &service, Uuid::now_v7()).await;
    stack
        .wait_for_count(
            "SELECT count(*) FROM alerting.delivery_attempts WHERE status <> 'open'",
            1,
        )
        .await;
    let client = stack.database.pool.get().await.unwrap();
    let due: jiff::Timestamp = client
        .query_one("SELECT due_at FROM alerting.outbox", &[])
        .await
        .unwrap()
        .get(0);
    let wait = due.duration_since(clock.now()).as_secs_f64();
    assert!((120.0..125.0).contains(&wait), "{wait}");
    service.stop().await;
}

#[tokio::test]
async fn gone_disables_the_endpoint_until_a_new_alert_names_it() {
    let stack = TestStack::new().await;
    stack.sink.script("/hook", [Answer::Status(410)]);
    let service = stack.start().await;
    let user = Uuid::now_v7();
    let url = stack.sink.url("/hook");
    service.create(user, "ETH", "lt", "3", &url).await;
    fired(&stack, &service, user).await;
    stack
        .wait_for_count(
            "SELECT count(*) FROM alerting.endpoints WHERE disabled_reason = 'gone'",
            1,
        )
        .await;
    stack
        .wait_for_count(
            "SELECT count(*) FROM alerting.dead_letters WHERE reason = 'endpoint_gone'",
            1,
        )
        .await;
    let (_, listed) = service.get("/webhooks/endpoints", user).await;
    assert_eq!(
        (
            &listed["items"][0]["is_enabled"],
            &listed["items"][0]["disabled_reason"]
        ),
        (&json!(false), &json!("gone"))
    );

    stack.publish("ETH", "2").await;
    stack
        .wait_for_count(
            "SELECT count(*) FROM alerting.dead_letters WHERE reason = 'endpoint_disabled'",
            1,
        )
        .await;
    assert_eq!(stack.sink.count(), 1, "nothing is sent to a disabled endpoint");

    service.create(user, "ETH", "gt", "4", &url).await;
    stack.publish("ETH", "5").await;
    stack.sink.wait_for(2, DEADLINE).await;
    service.stop().await;
}

#[tokio::test]
async fn failures_count_over_time_and_not_by_the_burst() {
    let stack = TestStack::new().await;
    stack.insert_alerts(1, &stack.sink.url("/hook")).await;
    let client = stack.database.pool.get().await.unwrap();
    let id: Uuid = client
        .query_one("SELECT id FROM alerting.endpoints", &[])
        .await
        .unwrap()
        .get(0);
    let start = SystemClock.now();
    let apply = async |change: HealthChange, seconds: i64| {
        let now = start + jiff::SignedDuration::from_secs(seconds);
        let newly = endpoints::apply_health(&client, &[(id, change)], 20, now).await;
        newly.unwrap() == [id]
    };
    let failed = |given_up| HealthChange {
        given_up,
        ..HealthChange::default()
    };
    let succeeded = HealthChange {
        succeeded: true,
        ..HealthChange::default()
    };
    // A thousand alerts on one bad minute are one failure.
    for second in 0..60 {
        assert!(!apply(failed(1_000), second).await);
    }
    // Nineteen failures, a success, and nineteen again.
    for minute in 1..19 {
        assert!(!apply(failed(1), minute * 60).await, "minute {minute}");
    }
    assert!(!apply(succeeded, 1_150).await);
    for minute in 20..39 {
        assert!(!apply(failed(1), minute * 60).await, "minute {minute}");
    }
    assert!(apply(failed(1), 39 * 60).await, "the twentieth");
    assert!(!apply(failed(1), 40 * 60).await, "it is disabled already");
    let tested = HealthChange {
        tested: true,
        ..succeeded
    };
    assert!(!apply(tested, 41 * 60).await);
    let state = "SELECT count(*) FROM alerting.endpoints WHERE disabled_reason IS NULL AND consecutive_failures = 0
                 AND failing_since IS NULL AND probe_at IS NULL";
    assert_eq!(stack.count(state).await, 1);
    // Few messages, but none gets through for five days.
    assert!(!apply(failed(1), 86_400).await);
    assert!(!apply(failed(1), 5 * 86_400).await);
    assert!(apply(failed(1), 6 * 86_400).await);
}

/// Disables the only endpoint as twenty failures do.
async fn disable(stack: &TestStack, probe_at: jiff::Timestamp) {
    let client = stack.database.pool.get().await.unwrap();
    client
        .execute(
            "UPDATE alerting.endpoints
             SET disabled_reason = 'too_many_failures', consecutive_failures = 20, probe_at = $1",
            &[&probe_at],
        )
        .await
        .unwrap();
}

const HELD: &str = "SELECT count(*) FROM alerting.outbox WHERE taken_at IS NULL AND attempts = 0";

#[tokio::test]
async fn messages_to_a_disabled_endpoint_are_held_until_a_probe_arrives() {
    let stack = TestStack::new().await;
    let service = stack.start().await;
    let user = Uuid::now_v7();
    for target in ["100", "100.5"] {
        service
            .create(user, "BTC", "gt", target, &stack.sink.url("/hook"))
            .await;
    }
    let now = SystemClock.now();
    disable(&stack, now + jiff::SignedDuration::from_hours(1)).await;
    stack.publish("BTC", "101").await;
    stack.wait_for_count(HELD, 2).await;
    assert_eq!(stack.sink.count(), 0);
    service.stop().await;

    disable(&stack, now).await;
    let clock = FakeClock::new(now - jiff::SignedDuration::from_secs(1));
    let prober = alerts::delivery::probe::Prober {
        pool: stack.database.pool.clone(),
        clock: clock.shared(),
        relay: std::sync::Arc::default(),
    };
    assert_eq!(prober.probe_due().await.unwrap(), 0, "not before its time");
    clock.advance(Duration::from_secs(1));
    assert_eq!(prober.probe_due().await.unwrap(), 1);
    assert_eq!(prober.probe_due().await.unwrap(), 0, "one in ten minutes");
    let service = stack.start().await;
    stack
        .wait_for_count(
            "SELECT count(*) FROM alerting.endpoints WHERE disabled_reason IS NULL",
            1,
        )
        .await;
    stack.sink.wait_for(3, DEADLINE).await;
    stack
        .wait_for_count(
            "SELECT count(*) FROM alerting.delivery_states WHERE status = 'success'",
            3,
        )
        .await;
    assert_eq!(stack.count("SELECT count(*) FROM alerting.dead_letters").await, 0);
    service.stop().await;
}

#[tokio::test]
async fn endpoint_is_enabled_on_request_and_gets_what_was_held() {
    let stack = TestStack::new().await;
    let service = stack.start().await;
    let user = Uuid::now_v7();
    service.create(user, "BTC", "gt", "100", &stack.sink.url("/hook")).await;
    disable(&stack, SystemClock.now() + jiff::SignedDuration::from_hours(1)).await;
    stack.publish("BTC", "101").await;
    stack.wait_for_count(HELD, 1).await;
    let (_, listed) = service.get("/webhooks/endpoints", user).await;
    let path = format!(
        "/webhooks/endpoints/{}/enable",
        listed["items"][0]["id"].as_str().unwrap()
    );
    let (status, _) = service.post(&path, Uuid::now_v7(), &json!({})).await;
    assert_eq!(status, 404, "another's endpoint");
    assert_eq!(stack.sink.count(), 0);
    let (status, body) = service.post(&path, user, &json!({})).await;
    assert_eq!(
        (status, &body["is_enabled"], &body["consecutive_failures"]),
        (200, &json!(true), &json!(0))
    );
    stack.sink.wait_for(1, DEADLINE).await;
    service.stop().await;
}

#[tokio::test]
async fn messages_held_for_one_endpoint_are_bounded() {
    let stack = TestStack::new().await;
    let service = stack.start().await;
    let user = Uuid::now_v7();
    service.create(user, "BTC", "gt", "100", &stack.sink.url("/hook")).await;
    disable(&stack, SystemClock.now() + jiff::SignedDuration::from_hours(1)).await;
    let client = stack.database.pool.get().await.unwrap();
    client
        .execute(
            "WITH new AS (
                 INSERT INTO alerting.deliveries (id, user_id, endpoint_id, kind, body, request_id, created_at)
                 SELECT gen_random_uuid(), user_id, id, 'alert.triggered', '{}', 'r', now()
                 FROM alerting.endpoints, generate_series(1, 1000) RETURNING *
             )
             INSERT INTO alerting.outbox (delivery_id, user_id, endpoint_id, is_test, due_at)
             SELECT id, user_id, endpoint_id, false, now() FROM new",
            &[],
        )
        .await
        .unwrap();
    stack.publish("BTC", "101").await;
    stack
        .wait_for_count(
            "SELECT count(*) FROM alerting.dead_letters WHERE reason = 'endpoint_disabled'",
            1,
        )
        .await;
    assert_eq!(stack.count(HELD).await, 1_000);
    assert_eq!(stack.sink.count(), 0);
    service.stop().await;
}

#[tokio::test]
async fn address_that_is_blocked_by_now_is_not_reached() {
    let stack = TestStack::new().await;
    let allowing = stack.start().await;
    let user = Uuid::now_v7();
    let created = allowing
        .create(
            user,
            "BTC",
            "gt",
            "100",
            &stack.sink.url("/hook").replace("127.0.0.1", "localhost"),
        )
        .await;
    allowing.stop().await;
    let strict = [("WEBHOOK_ALLOWED_CIDRS", ""), ("WEBHOOK_MAX_ATTEMPTS", "1")];
    let service = stack.start_with(&strict, SystemClock::shared()).await;
    stack.publish("BTC", "101").await;
    stack
        .wait_for_count("SELECT count(*) FROM alerting.dead_letters", 1)
        .await;
    let listed = attempts(&service, user, created["id"].as_str().unwrap()).await;
    assert_eq!(listed[0]["error_msg"], "blocked address");
    assert_eq!(stack.sink.count(), 0);
    service.stop().await;
}
