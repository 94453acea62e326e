//! Endpoints: list, secret, test, and the check of signatures.

use serde_json::{Value, json};
use uuid::Uuid;

use crate::harness::{DEADLINE, TestStack};

#[tokio::test]
async fn one_address_of_one_user_is_one_endpoint() {
    let stack = TestStack::new().await;
    let service = stack.start().await;
    let (user, other) = (Uuid::now_v7(), Uuid::now_v7());
    let url = stack.sink.url("/hook");
    let first = service.create(user, "BTC", "gt", "100000", &url).await;
    let second = service
        .create(user, "ETH", "lt", "1", &url.replace("http", "HTTP"))
        .await;
    let foreign = service.create(other, "BTC", "gt", "100000", &url).await;
    assert_eq!(first["webhook_endpoint_id"], second["webhook_endpoint_id"]);
    assert_ne!(first["webhook_endpoint_id"], foreign["webhook_endpoint_id"]);
    let (_, listed) = service.get("/webhooks/endpoints", user).await;
    assert_eq!(listed["items"].as_array().unwrap().len(), 1);
    let endpoint = &listed["items"][0];
    assert_eq!(
        (&endpoint["url"], &endpoint["implicit"], &endpoint["is_enabled"]),
        (&json!(url), &json!(true), &json!(true))
    );
    assert!(endpoint.get("secret").is_none());

    let path = format!("/webhooks/endpoints/{}/secret", endpoint["id"].as_str().unwrap());
    let (status, secret) = service.get(&path, user).await;
    assert_eq!(status, 200);
    assert_eq!(secret["secret"].as_str().unwrap().len(), "whsec_".len() + 44);
    let (status, answer) = service.get(&path, other).await;
    assert_eq!((status, &answer["type"]), (404, &json!("endpoint_not_found")));
    service.stop().await;
}

#[tokio::test]
async fn test_message_is_delivered_and_its_signature_verifies() {
    let stack = TestStack::new().await;
    let service = stack.start().await;
    let user = Uuid::now_v7();
    let created = service
        .create(user, "BTC", "gt", "100000", &stack.sink.url("/hook"))
        .await;
    let endpoint = created["webhook_endpoint_id"].as_str().unwrap();
    let path = format!("/webhooks/endpoints/{endpoint}/test");
    let (status, delivery) = service.post(&path, user, &json!({})).await;
    assert_eq!(
        (status, &delivery["status"], &delivery["attempt"]),
        (202, &json!("pending"), &json!(0))
    );
    let (status, _) = service.post(&path, Uuid::now_v7(), &json!({})).await;
    assert_eq!(status, 404);
    let received = stack.sink.wait_for(1, DEADLINE).await;
    assert_eq!(received[0].json()["type"], "test.ping");
    let once = json!({"id": Uuid::now_v7()});
    for _ in 0..3 {
        let (status, delivery) = service.post(&path, user, &once).await;
        assert_eq!((status, &delivery["id"]), (202, &once["id"]));
    }
    let (status, _) = service.post(&path, Uuid::now_v7(), &once).await;
    assert_eq!(status, 404, "another user's message");
    let (_, last) = service.post(&path, user, &json!({})).await;
    let all = stack
        .sink
        .wait_until(DEADLINE, "the last test", |received| {
            received.iter().any(|one| one.header("webhook-id") == last["id"])
        })
        .await;
    let pings = all.iter().filter(|one| one.header("webhook-id") == once["id"]).count();
    assert_eq!(pings, 1, "one message, however often it is asked for");
    assert_eq!(received[0].header("webhook-id"), delivery["id"]);

    let (_, secret) = service
        .get(&format!("/webhooks/endpoints/{endpoint}/secret"), user)
        .await;
    let body = String::from_utf8(received[0].body.clone()).unwrap();
    let mut question = json!({"secret": secret["secret"], "headers": received[0].headers, "body": body});
    let ask = async |question: &Value| service.post("/webhooks/verify", user, question).await;
    assert_eq!(ask(&question).await, (200, json!({"valid": true, "reason": null})));
    question["body"] = json!(format!("{body} "));
    assert_eq!(
        ask(&question).await,
        (200, json!({"valid": false, "reason": "signature_mismatch"}))
    );
    question["headers"] = json!({});
    assert_eq!(ask(&question).await.1["reason"], "missing_header");
    service.stop().await;
}
