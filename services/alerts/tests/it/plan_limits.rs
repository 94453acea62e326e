//! What a plan has room for.

use futures_util::future::join_all;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::harness::{TestStack, alert};

fn limited(target: u32, url: &str, alerts: Option<u32>, endpoints: Option<u32>) -> Value {
    let mut body = alert("BTC", "gt", &target.to_string(), url);
    body["limits"] = json!({"max_active_alerts": alerts, "max_endpoints": endpoints});
    body
}

#[tokio::test]
async fn alerts_created_at_once_never_exceed_the_limit() {
    let stack = TestStack::new().await;
    let (first, second) = (stack.start().await, stack.start().await);
    let user = Uuid::now_v7();
    // Each to an endpoint of its own: one endpoint's row would make them wait for each other.
    let url = |target: u32| stack.sink.url(&format!("/{target}"));
    let requests = (1..=30).map(|target| {
        let service = if target % 2 == 0 { &first } else { &second };
        let body = limited(target, &url(target), Some(5), None);
        async move { service.post("/alerts", user, &body).await }
    });
    let answers = join_all(requests).await;
    let made: Vec<&Value> = answers.iter().filter(|(s, _)| *s == 201).map(|(_, b)| b).collect();
    assert_eq!(made.len(), 5, "{answers:?}");
    for (status, body) in answers.iter().filter(|(status, _)| *status != 201) {
        assert_eq!((*status, &body["type"]), (403, &json!("plan_limit_reached")));
        assert_eq!(
            body["detail"],
            "Your plan has room for 5 active alerts, and you have 5."
        );
    }
    let armed = stack.count("SELECT count(*) FROM alerting.alerts").await;
    assert_eq!(armed, 5);

    // What is there already is told as ever, and what ends makes room.
    let target: u32 = made[0]["target_price"].as_u64().unwrap().try_into().unwrap();
    let (status, body) = first
        .post("/alerts", user, &limited(target, &url(target), Some(5), None))
        .await;
    assert_eq!((status, &body["type"]), (409, &json!("alert_duplicate")));
    let mut again = limited(target, &url(target), Some(5), None);
    again["id"] = made[0]["id"].clone();
    assert_eq!(first.post("/alerts", user, &again).await.0, 201);
    let other = limited(1, &url(1), Some(5), None);
    assert_eq!(
        first.post("/alerts", Uuid::now_v7(), &other).await.0,
        201,
        "another user"
    );
    let path = format!("/alerts/{}", made[1]["id"].as_str().unwrap());
    assert_eq!(first.delete(&path, user).await.0, 204);
    assert_eq!(
        first
            .post("/alerts", user, &limited(31, &url(31), Some(5), None))
            .await
            .0,
        201
    );
    first.stop().await;
    second.stop().await;
}

#[tokio::test]
async fn endpoints_count_while_active_alerts_name_them() {
    let stack = TestStack::new().await;
    let service = stack.start().await;
    let user = Uuid::now_v7();
    let url = |n: u32| stack.sink.url(&format!("/{n}"));
    let mut made = Vec::new();
    for n in 1..=2 {
        let (status, body) = service.post("/alerts", user, &limited(n, &url(n), None, Some(2))).await;
        assert_eq!(status, 201, "{body}");
        made.push(body["id"].as_str().unwrap().to_owned());
    }
    let third = limited(3, &url(3), None, Some(2));
    let (status, body) = service.post("/alerts", user, &third).await;
    assert_eq!((status, &body["type"]), (403, &json!("plan_limit_reached")));
    assert_eq!(
        body["detail"],
        "Your plan has room for 2 webhook endpoints of active alerts, and you have 2."
    );
    let endpoints = stack.count("SELECT count(*) FROM alerting.endpoints").await;
    assert_eq!(endpoints, 2, "a refusal leaves nothing behind");
    // One that is named already takes no room, also under a plan that has become smaller.
    let (status, _) = service.post("/alerts", user, &limited(4, &url(2), None, Some(1))).await;
    assert_eq!(status, 201);
    assert_eq!(service.delete(&format!("/alerts/{}", made[0]), user).await.0, 204);
    assert_eq!(service.post("/alerts", user, &third).await.0, 201);
    service.stop().await;
}
