//! Ten endpoints that never answer do not delay one that does.

use std::time::Duration;

use testkit::{Answer, TestStack, TestStackOptions, WebhookSink};

use crate::campaign::{HOOK, settle};

const DEAD: usize = 10;
/// Alerts per endpoint.
const EACH: usize = 20;
/// How long a dead endpoint is waited for; the healthy one must be done well before.
const TIMEOUT_MS: u64 = 15_000;

#[tokio::test]
async fn ten_dead_endpoints_do_not_delay_a_healthy_one() {
    let options = TestStackOptions::shared()
        .await
        .with("WEBHOOK_TIMEOUT_MS", &TIMEOUT_MS.to_string());
    let mut stack = TestStack::start_with(options).await;
    let account = stack.api().register().await;
    settle(&stack, &account).await;
    let mut dead = Vec::new();
    for _ in 0..DEAD {
        let sink = WebhookSink::start().await;
        sink.otherwise(Answer::Hang);
        dead.push(sink);
    }
    // The dead ones' alerts lie lower and fire first.
    for number in 0..EACH {
        for (index, sink) in dead.iter().enumerate() {
            let target = 50_010 + number * DEAD + index;
            account
                .api
                .create_alert("BTC", "gt", &target.to_string(), &sink.url(HOOK))
                .await;
        }
        let target = 50_400 + number;
        account
            .api
            .create_alert("BTC", "gt", &target.to_string(), &stack.sink.url(HOOK))
            .await;
    }
    stack.simulator.pin("BTC", 50_300.0).unwrap();
    for sink in &dead {
        sink.wait_for(1, Duration::from_secs(120)).await;
    }
    stack.simulator.pin("BTC", 50_500.0).unwrap();
    stack
        .sink
        .wait_for(EACH, Duration::from_millis(TIMEOUT_MS * 2 / 3))
        .await;
    stack.assert_alive();
}
