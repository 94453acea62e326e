//! Receivers do not delay one another.

use std::time::Duration;

use alerts::delivery::sign::SigningSecret;
use alerts::store::alerts::NewAlert;
use contracts::api::alerts::PlanLimits;
use domain::rule::Condition;
use platform::clock::{Clock, SystemClock};
use testkit::{Answer, WebhookSink};
use uuid::Uuid;

use crate::harness::{PATIENCE, Stand};

#[tokio::test]
async fn ten_dead_receivers_do_not_delay_a_healthy_one() {
    let stand = Stand::new().await;
    let dead = WebhookSink::start().await;
    dead.otherwise(Answer::Hang);
    // Few slots, and attempts that hang for longer than the test waits.
    let settings = [
        ("WEBHOOK_CONCURRENCY", "96"),
        ("WEBHOOK_TIMEOUT_MS", "60000"),
        ("WEBHOOK_FIRST_TIMEOUT_MS", "60000"),
    ];
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
async fn hanging_addresses_of_one_user_do_not_delay_the_first_webhook_of_another() {
    let stand = Stand::new().await;
    let dead = WebhookSink::start().await;
    dead.otherwise(Answer::Hang);
    let hostile = Uuid::now_v7();
    for n in 0..1_200 {
        let url = dead.url(&format!("/dead/{n}"));
        let new = NewAlert {
            id: Uuid::now_v7(),
            user_id: hostile,
            ticker: "BTC".parse().unwrap(),
            condition: Condition::Gt,
            target_price: (n + 1).into(),
            webhook_url: url.clone(),
            endpoint_url: url,
            endpoint_id: Uuid::now_v7(),
            endpoint_secret: SigningSecret::generate().unwrap().expose().into(),
            limits: PlanLimits::default(),
            request_id: "test".to_owned(),
        };
        alerts::store::alerts::create(&stand.database.pool, &new, SystemClock.now())
            .await
            .unwrap();
    }
    // Attempts that hang for longer than the test waits.
    let settings = [("WEBHOOK_TIMEOUT_MS", "60000"), ("WEBHOOK_FIRST_TIMEOUT_MS", "60000")];
    let service = stand.start_with(&settings, SystemClock::shared()).await;
    stand.publish("BTC", "10000").await;
    stand
        .wait_for_count(
            "SELECT count(*) FROM alerting.deliveries WHERE updated_at > created_at",
            1_200,
        )
        .await;
    service
        .create(Uuid::now_v7(), "ETH", "gt", "1", &stand.sink.url("/healthy"))
        .await;
    stand.publish("ETH", "100").await;
    stand.sink.wait_for(1, PATIENCE).await;
    let held = dead.count();
    assert!(
        held <= 64,
        "one host holds at most half of the slots for the unknown, not {held}"
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
        .wait_for_count(
            "SELECT count(*) FROM alerting.delivery_attempts WHERE attempt = 1 AND status = 'success'",
            60,
        )
        .await;
    service.stop().await;
    assert_eq!(stand.sink.count(), 60);
}
