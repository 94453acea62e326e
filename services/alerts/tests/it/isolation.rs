//! Receivers do not delay one another.

use std::time::Duration;

use platform::clock::SystemClock;
use testkit::{Answer, WebhookSink};
use uuid::Uuid;

use crate::harness::{PATIENCE, Stand};

#[tokio::test]
async fn ten_dead_receivers_do_not_delay_a_healthy_one() {
    let stand = Stand::new().await;
    let dead = WebhookSink::start().await;
    dead.otherwise(Answer::Hang);
    // Few slots, and attempts that hang for longer than the test waits.
    let settings = [("WEBHOOK_CONCURRENCY", "96"), ("WEBHOOK_TIMEOUT_MS", "60000")];
    let service = stand.start_with(&settings, SystemClock::shared()).await;
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
    stand.publish("BTC", "100").await;
    stand
        .wait_for_count(
            // Each was in the queue; what found no slot may wait outside again.
            "SELECT count(*) FROM alerting.deliveries WHERE updated_at > created_at",
            150,
        )
        .await;
    for target in 1..=30 {
        service
            .create(user, "ETH", "gt", &target.to_string(), &stand.sink.url("/healthy"))
            .await;
    }
    stand.publish("ETH", "100").await;
    stand.sink.wait_for(30, PATIENCE).await;
    stand
        .wait_for_count("SELECT count(*) FROM alerting.deliveries WHERE status = 'success'", 30)
        .await;
    assert!(
        dead.count() <= 40,
        "each dead receiver holds at most four slots, not {}",
        dead.count()
    );
}

#[tokio::test]
async fn a_slow_receiver_gets_everything_in_the_end() {
    let stand = Stand::new().await;
    stand.sink.otherwise(Answer::Slow(Duration::from_millis(20), 200));
    let service = stand
        .start_with(&[("WEBHOOK_CONCURRENCY", "2")], SystemClock::shared())
        .await;
    let user = Uuid::now_v7();
    for target in 1..=60 {
        service
            .create(user, "BTC", "gt", &target.to_string(), &stand.sink.url("/slow"))
            .await;
    }
    stand.publish("BTC", "100").await;
    stand.sink.wait_for(60, PATIENCE).await;
    stand
        .wait_for_count("SELECT count(*) FROM alerting.delivery_attempts WHERE attempt = 1", 60)
        .await;
    service.stop().await;
    assert_eq!(stand.sink.count(), 60);
}
