//! Equal alerts at the same moment, and other people's alerts.

use futures_util::future::join_all;
use reqwest::Method;
use serde_json::Value;
use testkit::{Service, TestStack, TestStackOptions};

use crate::campaign::HOOK;

#[tokio::test]
async fn one_of_fifty_equal_creations_at_once_succeeds() {
    let options = TestStackOptions::shared()
        .await
        .doubled(&[Service::Gateway, Service::Alerts]);
    let stack = TestStack::start_with(options).await;
    let account = stack.api().register().await;
    let url = stack.sink.url(HOOK);
    let gateways = stack.urls(Service::Gateway);
    let apis: Vec<_> = gateways.iter().map(|gateway| account.api.at(gateway.clone())).collect();
    let creations = (0..50).map(|number| apis[number % 2].try_create_alert("ETH", "gt", "123456.5", &url));
    let answers = join_all(creations).await;
    let mut statuses: Vec<_> = answers.iter().map(|answer| answer.status().as_u16()).collect();
    statuses.sort_unstable();
    assert_eq!(statuses[0], 201);
    assert_eq!(statuses[1..], [409; 49]);
    for answer in answers {
        if answer.status() == 409 {
            let body: Value = answer.json().await.unwrap();
            assert_eq!(body["type"], "alert_duplicate");
            assert_eq!(
                body["detail"],
                "You already have an active alert with exactly the same parameters."
            );
        }
    }
    let alerts: Vec<Value> = account.api.get("/api/v1/alerts/").await;
    assert_eq!(alerts.len(), 1);

    let stranger = stack.api().register().await;
    let id = alerts[0]["id"].as_str().unwrap();
    for (method, path) in [
        (Method::GET, format!("/api/v1/alerts/{id}")),
        (Method::GET, format!("/api/v1/alerts/{id}/events")),
        (Method::GET, format!("/api/v1/alerts/{id}/deliveries")),
        (Method::DELETE, format!("/api/v1/alerts/{id}")),
    ] {
        let answer = stranger.api.request(method.clone(), &path).send().await.unwrap();
        assert_eq!(answer.status(), 404, "{method} {path}");
        let body: Value = answer.json().await.unwrap();
        assert_eq!(body["type"], "alert_not_found", "{method} {path}");
    }
    let theirs: Vec<Value> = stranger.api.get("/api/v1/alerts/").await;
    assert!(theirs.is_empty());
    // The stranger may want the same thing.
    stranger.api.create_alert("ETH", "gt", "123456.5", &url).await;
    let still: Vec<Value> = account.api.get("/api/v1/alerts/").await;
    assert_eq!(still[0]["is_active"], true);
}
