//! Whatever the log level, no log holds a secret or an address of a person.

use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};
use testkit::{TestStack, TestStackOptions};

use crate::campaign::{HOOK, settle};

const PASSWORD: &str = "correct horse battery staple";

#[tokio::test]
async fn debug_log_of_a_whole_run_holds_no_secret() {
    let options = TestStackOptions::shared()
        .await
        .with("LOG_LEVEL", "debug,tokio_postgres=trace");
    let mut stack = TestStack::start_with(options).await;
    let body = json!({"email": "Somebody.Private@example.com", "password": PASSWORD});
    let request = stack.api().request(Method::POST, "/api/v1/users/register").json(&body);
    let registered: Value = request.send().await.unwrap().json().await.unwrap();
    let key = registered["api_key"].as_str().unwrap().to_owned();
    let account = stack.api().register().await;
    settle(&stack, &account).await;
    account
        .api
        .create_alert("BTC", "gt", "50100", &stack.sink.url(HOOK))
        .await;
    stack.simulator.pin("BTC", 50_200.0).unwrap();
    stack.sink.wait_for(1, Duration::from_secs(120)).await;
    let endpoints: Value = account.api.get("/api/v1/webhooks/endpoints").await;
    let endpoint = endpoints[0]["id"].as_str().unwrap();
    let secret: Value = account
        .api
        .get(&format!("/api/v1/webhooks/endpoints/{endpoint}/secret"))
        .await;
    let secret = secret["secret"].as_str().unwrap().to_owned();
    assert!(secret.starts_with("whsec_"));

    let logs = stack.read_logs();
    assert!(logs.contains("DEBUG"), "the level is debug");
    let stored = secret.trim_start_matches("whsec_");
    for private in [
        key.as_str(),
        stored,
        "whsec_",
        "$argon2",
        PASSWORD,
        "Somebody.Private",
        "INSERT INTO",
    ] {
        if let Some(line) = logs.lines().find(|line| line.contains(private)) {
            panic!("a log holds {private}: {}", line.chars().take(300).collect::<String>());
        }
    }
    stack.assert_alive();
}
