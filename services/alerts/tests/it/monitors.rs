//! Risk levels: from metrics to levels, their changes, and what is answered.

use contracts::keys;
use contracts::messages::MetricsMessage;
use platform::clock::SystemClock;
use platform::stream::append;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::harness::{DEADLINE, TestStack};

fn metrics(second: u32, drop: Option<f64>) -> MetricsMessage {
    MetricsMessage {
        v: 1,
        ticker: "BTC".parse().unwrap(),
        as_of: format!("2026-01-01T00:00:{second:02}Z").parse().unwrap(),
        price: 100.into(),
        change_24h_percent: None,
        high_24h: None,
        low_24h: None,
        drop_24h_percent: drop,
        volatility_1h: None,
        volatility_7d_median: None,
        volatility_ratio: None,
        drawdown_30d_percent: Some(24.99),
        undefined: [("volatility_ratio".to_owned(), "insufficient_data".to_owned())].into(),
        request_id: "r".to_owned(),
    }
}

async fn publish(stack: &TestStack, message: &MetricsMessage) {
    let text = serde_json::to_string(message).unwrap();
    let command = append(keys::METRICS_STREAM, keys::METRICS_STREAM_MAX_LEN, &text);
    let () = command.query_async(&mut stack.redis.connection.clone()).await.unwrap();
}

async fn wait_for_level(stack: &TestStack, service: &crate::harness::TestApp, level: Value) -> Value {
    let waiting = async {
        loop {
            let (status, body) = service.get("/risk/monitors?symbols=BTC", Uuid::nil()).await;
            assert_eq!(status, 200);
            if body[0]["level"] == level {
                return body[0].clone();
            }
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
    };
    match tokio::time::timeout(DEADLINE, waiting).await {
        Ok(body) => body,
        Err(_) => panic!(
            "no level {level}, {} stored",
            stack.count("SELECT count(*) FROM alerting.monitors").await
        ),
    }
}

#[tokio::test]
async fn levels_follow_the_metrics_and_remember_since_when() {
    let stack = TestStack::new().await;
    // The metrics are of a day long past.
    let service = stack
        .start_with(&[("ALERTING_RETENTION_DAYS", "36500")], SystemClock::shared())
        .await;
    let (_, before) = service.get("/risk/monitors?symbols=BTC", Uuid::nil()).await;
    assert_eq!(
        (&before[0]["level"], &before[0]["checks"][0]["reason"]),
        (&Value::Null, &json!("no_metrics_yet"))
    );

    publish(&stack, &metrics(1, Some(4.99))).await;
    wait_for_level(&stack, &service, json!("OK")).await;
    publish(&stack, &metrics(2, Some(5.0))).await;
    wait_for_level(&stack, &service, json!("Warning")).await;
    publish(&stack, &metrics(3, Some(7.0))).await;
    publish(&stack, &metrics(4, Some(10.0))).await;
    let body = wait_for_level(&stack, &service, json!("Alert")).await;
    assert_eq!(body["since"], "2026-01-01T00:00:04.000Z");
    assert_eq!(
        body["checks"],
        json!([
            {"name": "price_drop", "value": 10.0, "warning": 5.0, "alert": 10.0, "level": "Alert", "reason": null},
            {"name": "volatility_spike", "value": null, "warning": 1.5, "alert": 2.5, "level": null,
             "reason": "insufficient_data"},
            {"name": "drawdown", "value": 24.99, "warning": 25.0, "alert": 40.0, "level": "OK", "reason": null},
        ])
    );
    // What comes late changes nothing.
    publish(&stack, &metrics(2, Some(1.0))).await;
    publish(&stack, &metrics(5, Some(12.0))).await;
    let stored = "SELECT count(*) FROM alerting.monitors \
                  WHERE as_of = '2026-01-01T00:00:05Z' AND since = '2026-01-01T00:00:04Z'";
    stack.wait_for_count(stored, 1).await;
    let moves = "SELECT count(*) FROM alerting.monitor_transitions";
    assert_eq!(stack.count(moves).await, 3);
    let announced: usize = redis::cmd("XLEN")
        .arg(keys::ALERT_EVENTS_STREAM)
        .query_async(&mut stack.redis.connection.clone())
        .await
        .unwrap();
    assert_eq!(announced, 3);

    let (_, all) = service.get("/risk/monitors", Uuid::nil()).await;
    assert_eq!(all.as_array().unwrap().len(), 5);
    let (status, answer) = service.get("/risk/monitors?symbols=BTC,XYZ", Uuid::nil()).await;
    assert_eq!((status, &answer["type"]), (400, &json!("invalid_parameter")));
    service.stop().await;
}

#[tokio::test]
async fn level_is_left_after_ten_minutes_and_the_wait_survives_a_restart() {
    let stack = TestStack::new().await;
    let service = stack.start().await;
    let at = |minute: u32, drop: f64| MetricsMessage {
        as_of: format!("2026-01-01T00:{minute:02}:00Z").parse().unwrap(),
        ..metrics(0, Some(drop))
    };
    let stored = |minute: u32, level: &str| {
        format!(
            "SELECT count(*) FROM alerting.monitors WHERE as_of = '2026-01-01T00:{minute:02}:00Z' AND level = '{level}'"
        )
    };
    publish(&stack, &at(1, 6.0)).await;
    stack.wait_for_count(&stored(1, "Warning"), 1).await;
    publish(&stack, &at(2, 4.0)).await;
    stack.wait_for_count(&stored(2, "Warning"), 1).await;
    service.stop().await;

    let service = stack.start().await;
    publish(&stack, &at(11, 4.0)).await;
    stack.wait_for_count(&stored(11, "Warning"), 1).await;
    publish(&stack, &at(12, 4.0)).await;
    stack.wait_for_count(&stored(12, "OK"), 1).await;
    service.stop().await;
}

#[tokio::test]
async fn metrics_that_postgresql_refuses_are_set_aside() {
    let stack = TestStack::new().await;
    let service = stack.start().await;
    let mut refused = metrics(1, Some(1.0));
    refused
        .undefined
        .insert("volatility_ratio".to_owned(), "a\0b".to_owned());
    publish(&stack, &refused).await;
    let recorded = "SELECT count(*) FROM alerting.refused WHERE kind = 'metrics' AND item = 'BTC'";
    stack.wait_for_count(recorded, 1).await;
    publish(&stack, &metrics(2, Some(7.0))).await;
    wait_for_level(&stack, &service, json!("Warning")).await;
    service.stop().await;
}
