//! The whole line: a price at the venues crosses a target, and exactly one signed webhook arrives.

use std::time::Duration;

use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use serde_json::Value;
use standardwebhooks::Webhook;
use testkit::{Api, Received, TestStack};

use crate::campaign::{HOOK, alert_of, settle};

const DEADLINE: Duration = Duration::from_secs(120);

#[tokio::test]
async fn crossing_price_sends_exactly_one_valid_webhook() {
    let mut stack = TestStack::start().await;
    let account = stack.api().register().await;
    settle(&stack, &account).await;
    let url = stack.sink.url(HOOK);
    let alert = account.api.create_alert("BTC", "gt", "50100", &url).await;
    let sentinel = account.api.create_alert("BTC", "lt", "49900", &url).await;

    stack.simulator.pin("BTC", 50_200.5).unwrap();
    let received = stack.sink.wait_for(1, DEADLINE).await;
    let webhook = received[0].clone();
    assert_eq!(alert_of(&webhook), alert);
    assert_valid(&webhook, &secret(&account.api).await);
    let body = webhook.json();
    assert_eq!(body["type"], "alert.triggered");
    assert_eq!(body["ticker"], "BTC");
    assert_eq!(body["condition"], "gt");
    assert_eq!(body["message"], "Price target reached!");
    assert!(body["price"].as_f64().unwrap() > 50_100.0, "{body}");
    assert_eq!(body["price"], body["triggered_price"]);

    // The price stays above for many more quotes; a second alert shows that all of them were evaluated.
    stack.simulator.pin("BTC", 49_800.0).unwrap();
    let received = stack.sink.wait_for(2, DEADLINE).await;
    assert_eq!(received.iter().map(alert_of).collect::<Vec<_>>(), [alert, sentinel]);

    let events: Vec<Value> = account.api.get(&format!("/api/v1/alerts/{alert}/events")).await;
    assert_eq!(events.len(), 1, "{events:?}");
    let attempts = first_attempts(&account.api, &format!("/api/v1/alerts/{alert}/deliveries")).await;
    assert_eq!(attempts.len(), 1, "{attempts:?}");
    assert_eq!(attempts[0]["status"], "success");
    assert_eq!(attempts[0]["attempt"], 1);
    assert_eq!(attempts[0]["response_code"], 200);
    assert!(attempts[0]["latency_ms"].is_u64(), "{attempts:?}");

    let shown: Value = account.api.get(&format!("/api/v1/alerts/{alert}")).await;
    assert_eq!(shown["is_active"], false);
    assert_eq!(shown["fires"], 1);
    assert!(shown["triggered_at"].is_string(), "{shown}");
    stack.assert_alive();
}

/// The row is written right after the endpoint's answer, so it may be a moment behind the sink.
async fn first_attempts(api: &Api, path: &str) -> Vec<Value> {
    let waiting = async {
        loop {
            let attempts: Vec<Value> = api.get(path).await;
            if attempts.iter().all(|attempt| attempt["status"] == "success") && !attempts.is_empty() {
                return attempts;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(DEADLINE, waiting)
        .await
        .expect("a written attempt")
}

/// The secret of the one endpoint a user's alerts name.
pub async fn secret(api: &Api) -> String {
    let endpoints: Vec<Value> = api.get("/api/v1/webhooks/endpoints").await;
    assert_eq!(endpoints.len(), 1, "alerts to one address share an endpoint");
    let id = endpoints[0]["id"].as_str().unwrap();
    let body: Value = api.get(&format!("/api/v1/webhooks/endpoints/{id}/secret")).await;
    body["secret"].as_str().unwrap().to_owned()
}

/// The webhook is signed with the secret, and no other body would be.
pub fn assert_valid(webhook: &Received, secret: &str) {
    let mut headers = HeaderMap::new();
    for (name, value) in &webhook.headers {
        headers.append(
            HeaderName::try_from(name).unwrap(),
            HeaderValue::try_from(value).unwrap(),
        );
    }
    let verifier = Webhook::new(secret).unwrap();
    verifier.verify(&webhook.body, &headers).unwrap();
    let mut forged = webhook.body.clone();
    forged[1] ^= 1;
    verifier.verify(&forged, &headers).unwrap_err();
}
