//! The whole line: a price in the stream, a signed webhook at the endpoint, an attempt in the list.

use serde_json::json;
use uuid::Uuid;

use crate::harness::{DEADLINE, TestStack};

#[tokio::test]
async fn price_beyond_the_target_becomes_one_signed_webhook() {
    let stack = TestStack::new().await;
    let service = stack.start().await;
    let user = Uuid::now_v7();
    let url = stack.sink.url("/hook");
    let alert = service.create(user, "BTC", "gt", "70000.00", &url).await;
    let id = alert["id"].as_str().unwrap();
    assert_eq!(
        (&alert["state"], &alert["is_active"], &alert["target_price"]),
        (&json!("armed"), &json!(true), &json!(70000))
    );
    assert_eq!(alert["webhook_url"], json!(url));

    stack.publish("BTC", "70000").await;
    let quote = stack.publish("BTC", "70100.5").await;
    stack.publish("BTC", "70200").await;
    let received = stack.sink.wait_for(1, DEADLINE).await;

    let endpoint = alert["webhook_endpoint_id"].as_str().unwrap();
    let (_, secret) = service
        .get(&format!("/webhooks/endpoints/{endpoint}/secret"), user)
        .await;
    let verifier = standardwebhooks::Webhook::new(secret["secret"].as_str().unwrap()).unwrap();
    let mut headers = http_headers(&received[0]);
    verifier
        .verify(&received[0].body, &headers)
        .expect("an independent verifier accepts it");
    headers.insert("webhook-id", "another".parse().unwrap());
    assert!(verifier.verify(&received[0].body, &headers).is_err());

    let body = received[0].json();
    assert_eq!(body["type"], "alert.triggered");
    assert_eq!(body["alert_id"], id);
    assert_eq!(body["target_price"], 70000);
    assert_eq!(body["condition"], "gt");
    let price = body["price"].as_f64().unwrap();
    assert!(price >= 70100.5, "{price}");
    assert_eq!(received[0].header("x-delivery-attempt"), "1");
    assert_eq!(received[0].header("content-type"), "application/json");
    assert!(received[0].header("traceparent").starts_with("00-"));
    assert_eq!(body["evidence"]["n_sources"], 3);
    if price == 70100.5 {
        assert_eq!(body["evidence"]["price_id"], quote.price_id.to_string());
    }

    stack
        .wait_for_count(
            "SELECT count(*) FROM alerting.delivery_attempts WHERE status <> 'open'",
            1,
        )
        .await;
    let (status, deliveries) = service.get(&format!("/alerts/{id}/deliveries"), user).await;
    assert_eq!(status, 200);
    let attempt = &deliveries["items"][0];
    assert_eq!(attempt["id"], received[0].header("webhook-id"));
    assert_eq!(
        (&attempt["status"], &attempt["attempt"], &attempt["response_code"]),
        (&json!("success"), &json!(1), &json!(200))
    );
    assert_eq!(attempt["event_id"], body["event_id"]);
    let (_, events) = service.get(&format!("/alerts/{id}/events"), user).await;
    assert_eq!(events["items"].as_array().unwrap().len(), 1);
    assert_eq!(events["items"][0]["id"], body["event_id"]);
    assert_eq!(events["items"][0]["reason"], "price_above_target");
    let (_, fired) = service.get(&format!("/alerts/{id}"), user).await;
    assert_eq!(
        (&fired["state"], &fired["is_active"], &fired["fires"]),
        (&json!("triggered"), &json!(false), &json!(1))
    );

    service.stop().await;
    assert_eq!(stack.sink.count(), 1, "no price fires it again");
}

pub fn http_headers(received: &testkit::Received) -> reqwest::header::HeaderMap {
    let pair = |(name, value): (&String, &String)| (name.parse().unwrap(), value.parse().unwrap());
    received
        .headers
        .iter()
        .map(pair)
        .collect::<Vec<(reqwest::header::HeaderName, reqwest::header::HeaderValue)>>()
        .into_iter()
        .collect()
}
