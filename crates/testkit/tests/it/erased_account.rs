//! An erased account is forgotten by every service, and by nothing else than its own data.

use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};
use testkit::{TestStack, eventually, rows_containing};

use crate::campaign::{HOOK, settle};

#[tokio::test]
async fn erased_user_is_in_no_table_of_any_service() {
    let mut stack = TestStack::start().await;
    let (erased, other) = (stack.api().register().await, stack.api().register().await);
    let me: Value = erased.api.get("/api/v1/users/me").await;
    let email = me["email"].as_str().unwrap().to_owned();
    settle(&stack, &erased).await;
    // The address is in an endpoint, its alerts and the deliveries; one alert has fired, one is armed.
    let url = format!("{}?to={email}", stack.sink.url(HOOK));
    erased.api.create_alert("BTC", "gt", "50010", &url).await;
    erased.api.create_alert("BTC", "gt", "900000", &url).await;
    let kept = other
        .api
        .create_alert("BTC", "gt", "900000", &stack.sink.url(HOOK))
        .await;
    stack.simulator.pin("BTC", 50_300.0).unwrap();
    stack.sink.wait_for(1, Duration::from_secs(60)).await;
    assert!(!rows_containing(stack.pool(), &email).await.is_empty());

    let request = erased.api.request(Method::DELETE, "/api/v1/users/me");
    let answer = request.json(&json!({"confirm": email})).send().await.unwrap();
    assert_eq!(answer.status(), 202);
    let id = erased.id.to_string();
    eventually("no service knows the user", || async {
        let client = stack.pool().get().await.unwrap();
        let sql = "SELECT count(*) AS n FROM alerting.endpoints WHERE user_id = $1";
        let left: i64 = client.query_one(sql, &[&erased.id]).await.unwrap().get("n");
        left == 0
    })
    .await;
    assert_eq!(rows_containing(stack.pool(), &email).await, Vec::<String>::new());
    let with_id = rows_containing(stack.pool(), &id).await;
    assert!(
        with_id.iter().all(|row| row.starts_with("accounts.")),
        "only the account's empty row, its audit entries and the open erasure name the id: {with_id:?}"
    );
    let alerts: Vec<Value> = other.api.get("/api/v1/alerts/").await;
    assert_eq!(alerts[0]["id"], kept.to_string());
    stack.assert_alive();
}
