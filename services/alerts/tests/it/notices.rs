//! What owners learn of endpoints that are disabled and of messages that are given up.

use alerts::store::endpoints::{self, HealthChange};
use alerts::store::notices;
use platform::clock::{Clock, SystemClock};
use serde_json::json;
use testkit::Answer;
use uuid::Uuid;

use crate::harness::{DEADLINE, TestStack};

const NOTICES: &str = "SELECT count(*) FROM alerting.deliveries WHERE kind = 'endpoint.disabled'";

#[tokio::test]
async fn other_endpoints_of_the_owner_hear_of_one_that_is_disabled() {
    let stack = TestStack::new().await;
    let service = stack.start().await;
    let (user, stranger) = (Uuid::now_v7(), Uuid::now_v7());
    stack.sink.script("/gone/token", [Answer::Status(410)]);
    let gone = service
        .create(user, "BTC", "gt", "1", &stack.sink.url("/gone/token"))
        .await;
    let other = service.create(user, "ETH", "gt", "1", &stack.sink.url("/other")).await;
    service
        .create(stranger, "ETH", "gt", "1", &stack.sink.url("/stranger"))
        .await;
    stack.publish("BTC", "2").await;

    let received = stack.sink.wait_for(2, DEADLINE).await;
    let notice = received.iter().find(|r| r.path == "/other").unwrap();
    let body = notice.json();
    assert_eq!(
        (&body["type"], &body["endpoint_id"], &body["reason"]),
        (
            &json!("endpoint.disabled"),
            &gone["webhook_endpoint_id"],
            &json!("gone")
        )
    );
    assert!(!body.to_string().contains("token"), "{body}");
    let path = format!(
        "/webhooks/endpoints/{}/secret",
        other["webhook_endpoint_id"].as_str().unwrap()
    );
    let (_, secret) = service.get(&path, user).await;
    let verifier = standardwebhooks::Webhook::new(secret["secret"].as_str().unwrap()).unwrap();
    let signed = verifier
        .sign(
            notice.header("webhook-id"),
            notice.header("webhook-timestamp").parse().unwrap(),
            &notice.body,
        )
        .unwrap();
    assert_eq!(notice.header("webhook-signature"), signed);

    assert_eq!(stack.count(NOTICES).await, 1);
    let path = format!("/webhooks/endpoints/{}", gone["webhook_endpoint_id"].as_str().unwrap());
    let (_, endpoint) = service.get(&path, user).await;
    assert_eq!(endpoint["disabled_reason"], "gone");
    assert!(endpoint["disabled_at"].is_string(), "{endpoint}");
    let (_, enabled) = service.post(&format!("{path}/enable"), user, &json!({})).await;
    assert_eq!(enabled["disabled_at"], json!(null));
    service.stop().await;
}

#[tokio::test]
async fn instances_that_disable_an_endpoint_at_once_send_one_notice() {
    let stack = TestStack::new().await;
    let service = stack.start().await;
    let user = Uuid::now_v7();
    for (path, ticker) in [("/failing", "BTC"), ("/other", "ETH")] {
        service.create(user, ticker, "gt", "1000", &stack.sink.url(path)).await;
    }
    service.stop().await;
    let failing: Uuid = stack
        .value("SELECT id FROM alerting.endpoints WHERE url LIKE '%/failing'")
        .await;
    let disable = async |commits: bool| {
        let mut client = stack.database.pool.get().await.unwrap();
        let transaction = client.transaction().await.unwrap();
        let change = HealthChange {
            given_up: 1,
            ..HealthChange::default()
        };
        let now = SystemClock.now();
        let disabled = endpoints::apply_health(&transaction, &[(failing, change)], 1, now)
            .await
            .unwrap();
        notices::endpoints_disabled(&transaction, &disabled, now).await.unwrap();
        if commits {
            transaction.commit().await.unwrap();
        }
    };
    disable(false).await;
    assert_eq!(
        stack.count(NOTICES).await,
        0,
        "one that died before its commit sent none"
    );
    futures_util::future::join_all((0..4).map(|_| disable(true))).await;
    assert_eq!(stack.count(NOTICES).await, 1);
}

#[tokio::test]
async fn message_that_is_given_up_is_an_event_of_its_alert() {
    let stack = TestStack::new().await;
    stack.sink.otherwise(Answer::Status(500));
    let service = stack.start().await;
    let user = Uuid::now_v7();
    let alert = service.create(user, "BTC", "gt", "1", &stack.sink.url("/hook")).await;
    stack.publish("BTC", "2").await;
    stack
        .wait_for_count("SELECT count(*) FROM alerting.dead_letters", 1)
        .await;
    let path = format!("/alerts/{}/events", alert["id"].as_str().unwrap());
    let (_, page) = service.get(&path, user).await;
    let events = page["items"].as_array().unwrap();
    assert_eq!(events.len(), 2, "{page}");
    assert_eq!(
        (&events[0]["reason"], &events[0]["from_state"], &events[0]["to_state"]),
        (&json!("delivery_failed"), &json!("triggered"), &json!("triggered"))
    );
    assert_eq!(events[1]["reason"], "price_above_target");
    assert_eq!(events[0]["price_id"], events[1]["price_id"]);
    service.stop().await;
}
