//! Endpoints do not delay one another.

use std::time::Duration;

use alerts::delivery::signature::SigningSecret;
use alerts::delivery::window;
use alerts::store::queues;
use platform::clock::SystemClock;
use rstest::rstest;
use testkit::{Answer, WebhookSink};
use uuid::Uuid;

use crate::harness::{DEADLINE, TestStack};

/// Messages in the queue or with a consumer.
const OUTSTANDING: &str = "SELECT count(*) FROM alerting.outbox WHERE taken_at IS NOT NULL";

#[tokio::test]
async fn ten_dead_endpoints_do_not_delay_a_healthy_one() {
    let stack = TestStack::new().await;
    let dead = WebhookSink::start().await;
    dead.otherwise(Answer::Hang);
    // Few slots, and attempts that hang for longer than the test waits.
    let settings = [
        ("WEBHOOK_CONCURRENCY", "96"),
        ("WEBHOOK_TIMEOUT_MS", "60000"),
        ("WEBHOOK_FIRST_TIMEOUT_MS", "60000"),
    ];
    let service = stack.start_with(&settings, SystemClock::shared()).await;
    let user = Uuid::now_v7();
    for n in 0..10 {
        for target in 1..=15 {
            service
                .create(
                    user,
                    "BTC",
                    "gt",
                    &format!("{target}.{n}1"),
                    &dead.url(&format!("/dead/{n}")),
                )
                .await;
        }
    }
    stack.publish("BTC", "100").await;
    // Of each as much is outstanding as may be.
    stack.wait_for_count(OUTSTANDING, 40).await;
    for target in 1..=30 {
        service
            .create(user, "ETH", "gt", &target.to_string(), &stack.sink.url("/healthy"))
            .await;
    }
    stack.publish("ETH", "100").await;
    stack.sink.wait_for(30, DEADLINE).await;
    stack
        .wait_for_count(
            "SELECT count(*) FROM alerting.delivery_states WHERE status = 'success'",
            30,
        )
        .await;
    assert!(
        dead.count() <= 40,
        "each dead endpoint holds at most four slots, not {}",
        dead.count()
    );
}

/// Arms alerts of one user for BTC, each with an endpoint of its own.
async fn arm_many(stack: &TestStack, user: Uuid, count: i32, url: &str) {
    let secret = SigningSecret::generate().unwrap().expose().to_owned();
    let client = stack.database.pool.get().await.unwrap();
    client
        .execute(
            "WITH endpoint AS (
                 INSERT INTO alerting.endpoints (id, user_id, url, secret, implicit, created_at, updated_at)
                 SELECT gen_random_uuid(), $1, $2 || n, $3, true, now(), now() FROM generate_series(1, $4) AS n
                 RETURNING id, url
             )
             INSERT INTO alerting.alerts
                 (id, user_id, ticker, kind, condition, target_price, webhook_url, endpoint_id, is_active, state,
                  request_id, created_at, updated_at)
             SELECT gen_random_uuid(), $1, 'BTC', 'price', 'gt', row_number() OVER (), url, id, true, 'armed', 'test',
                    now(), now()
             FROM endpoint",
            &[&user, &url, &secret, &count],
        )
        .await
        .unwrap();
}

#[rstest]
#[case(1_200)]
#[case(10_000)]
#[tokio::test]
async fn hanging_urls_of_one_user_do_not_delay_the_first_webhook_of_another(#[case] count: i32) {
    let stack = TestStack::new().await;
    let dead = WebhookSink::start().await;
    dead.otherwise(Answer::Hang);
    arm_many(&stack, Uuid::now_v7(), count, &dead.url("/dead/")).await;
    // Attempts that hang for longer than the test waits.
    let settings = [("WEBHOOK_TIMEOUT_MS", "60000"), ("WEBHOOK_FIRST_TIMEOUT_MS", "60000")];
    let service = stack.start_with(&settings, SystemClock::shared()).await;
    stack.publish("BTC", "1000000").await;
    stack
        .wait_for_count("SELECT count(*) FROM alerting.outbox", count.into())
        .await;
    stack.wait_for_count(OUTSTANDING, queues::MAX_TAKEN_OF_USER).await;
    service
        .create(Uuid::now_v7(), "ETH", "gt", "1", &stack.sink.url("/healthy"))
        .await;
    stack.publish("ETH", "100").await;
    stack.sink.wait_for(1, DEADLINE).await;
    let held = dead.count();
    assert!(
        held <= 64,
        "one host holds at most half of the slots for the unknown, not {held}"
    );
    let hostile = "SELECT count(*) FROM alerting.outbox o JOIN alerting.endpoints e ON e.id = o.endpoint_id
                   WHERE o.taken_at IS NOT NULL AND e.url LIKE '%/dead/%'";
    assert_eq!(
        stack.count(hostile).await,
        queues::MAX_TAKEN_OF_USER,
        "no more was published"
    );
}

#[tokio::test]
async fn endpoint_that_hangs_has_a_few_messages_in_the_queue_however_many_wait() {
    let stack = TestStack::new().await;
    let dead = WebhookSink::start().await;
    dead.otherwise(Answer::Hang);
    stack.insert_alerts(2_000, &dead.url("/hook")).await;
    let settings = [
        "WEBHOOK_TIMEOUT_MS",
        "WEBHOOK_FIRST_TIMEOUT_MS",
        "WEBHOOK_CONNECT_TIMEOUT_MS",
    ]
    .map(|name| (name, "1500"));
    let service = stack.start_with(&settings, SystemClock::shared()).await;
    stack.publish("BTC", "1000000").await;
    let window = i64::from(window::FIRST_SIZE);
    stack.wait_for_count(OUTSTANDING, window).await;
    // Its breaker opens, and then nothing is published for it.
    let open = "SELECT count(*) FROM alerting.endpoint_queues WHERE closed_until > now() AND max_taken = 1";
    stack.wait_for_count(open, 1).await;
    stack.wait_for_count(OUTSTANDING, 0).await;
    let (posted, attempts) = (
        dead.count(),
        stack.count("SELECT count(*) FROM alerting.delivery_attempts").await,
    );
    assert!(posted <= 8, "{posted} requests");
    assert_eq!(
        i64::try_from(posted).unwrap(),
        attempts,
        "nothing was taken and put back"
    );
    assert_eq!(stack.count("SELECT count(*) FROM alerting.outbox").await, 2_000);
    service.stop().await;
}

#[tokio::test]
async fn window_of_an_endpoint_that_answers_grows_and_is_shared_by_all_instances() {
    let stack = TestStack::new().await;
    stack.insert_alerts(1_500, &stack.sink.url("/hook")).await;
    let (first, second) = (stack.start().await, stack.start().await);
    stack.publish("BTC", "1000000").await;
    stack.sink.wait_for(1_500, DEADLINE).await;
    stack.wait_for_count("SELECT count(*) FROM alerting.outbox", 0).await;
    let window = "SELECT max_taken::int8 FROM alerting.endpoint_queues WHERE is_fast AND ready_at IS NULL";
    assert_eq!(stack.count(window).await, i64::from(window::MAX_SIZE));
    assert_eq!(stack.sink.count(), 1_500);
    first.stop().await;
    second.stop().await;
}

#[tokio::test]
async fn slow_endpoint_gets_everything_in_the_end() {
    let stack = TestStack::new().await;
    stack.sink.otherwise(Answer::Slow(Duration::from_millis(20), 200));
    let service = stack
        .start_with(&[("WEBHOOK_CONCURRENCY", "2")], SystemClock::shared())
        .await;
    let user = Uuid::now_v7();
    for target in 1..=60 {
        service
            .create(user, "BTC", "gt", &target.to_string(), &stack.sink.url("/slow"))
            .await;
    }
    stack.publish("BTC", "100").await;
    stack.sink.wait_for(60, DEADLINE).await;
    stack
        .wait_for_count(
            "SELECT count(*) FROM alerting.delivery_attempts WHERE attempt = 1 AND status = 'success'",
            60,
        )
        .await;
    service.stop().await;
    assert_eq!(stack.sink.count(), 60);
}
