//! What is old goes, what is promised stays, and no statement reads a whole table.

use std::collections::BTreeSet;
use std::time::Duration;

use alerts::retention::Cleaner;
use platform::clock::{Clock, FakeClock, SystemClock};
use serde_json::{Value, json};
use testkit::{Answer, OwnPostgres};
use uuid::Uuid;

use crate::harness::{DEADLINE, TestStack, quote};

const DAY: Duration = Duration::from_secs(86_400);

#[tokio::test]
async fn finished_deliveries_are_removed_after_the_retention_and_open_ones_never() {
    let stack = TestStack::new().await;
    stack
        .sink
        .script("/bad", std::iter::repeat_n(Answer::Status(500), 1_000));
    let clock = FakeClock::new(SystemClock.now());
    let service = stack.start_with(&[("WEBHOOK_MAX_ATTEMPTS", "1")], clock.shared()).await;
    let user = Uuid::now_v7();
    service.create(user, "BTC", "gt", "1", &stack.sink.url("/good")).await;
    service.create(user, "BTC", "gt", "2", &stack.sink.url("/bad")).await;
    stack.publish("BTC", "10").await;
    let done = "SELECT count(*) FROM alerting.delivery_states WHERE due_at IS NULL";
    stack.wait_for_count(done, 2).await;
    service.stop().await;
    // One more that nobody delivers.
    stack.insert_alerts(1, &stack.sink.url("/later")).await;
    let evaluator = stack.evaluator();
    alerts::index::rebuild::build(&evaluator.index, &evaluator.pool)
        .await
        .unwrap();
    let payload = serde_json::to_string(&quote("BTC", "20", SystemClock.now())).unwrap();
    assert_eq!(evaluator.evaluate(&[&payload]).await.unwrap(), 1);
    let client = stack.database.pool.get().await.unwrap();
    client
        .batch_execute(
            "INSERT INTO alerting.monitor_transitions (ticker, to_level, at) VALUES ('BTC', 'Alert', now());
             INSERT INTO alerting.refused (kind, item, reason, payload, first_at, last_at)
             VALUES ('quote', 'x', 'r', 'p', now(), now())",
        )
        .await
        .unwrap();

    let cleaner = Cleaner {
        pool: stack.database.pool.clone(),
        clock: clock.shared(),
        retention: 90 * DAY,
    };
    clock.advance(89 * DAY);
    assert_eq!(cleaner.remove_expired().await.unwrap(), 0);
    clock.advance(2 * DAY);
    // Two deliveries, three events (one tells that a message was given up), a transition, a refusal.
    assert_eq!(cleaner.remove_expired().await.unwrap(), 2 + 3 + 1 + 1);
    assert_eq!(cleaner.remove_expired().await.unwrap(), 0);
    for (table, left) in [
        ("deliveries", 1),
        ("delivery_attempts", 0),
        ("dead_letters", 0),
        ("alert_events", 1),
        ("monitor_transitions", 0),
        ("refused", 0),
        ("alerts", 3),
    ] {
        let count = stack.count(&format!("SELECT count(*) FROM alerting.{table}")).await;
        assert_eq!(count, left, "{table}");
    }
}

/// Tables that grow with the number of users and alerts.
const LARGE: [&str; 10] = [
    "deliveries",
    "delivery_attempts",
    "dead_letters",
    "alerts",
    "alert_events",
    "endpoints",
    "monitor_transitions",
    "outbox",
    "endpoint_queues",
    "user_queues",
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_statement_finds_its_rows_by_an_index() {
    let own = OwnPostgres::start().await;
    let client = own.pool.get().await.unwrap();
    // A plan reads a whole table now only if no index helps, however few rows there are.
    client
        .batch_execute(
            "ALTER DATABASE postgres SET session_preload_libraries = 'auto_explain';
             ALTER DATABASE postgres SET auto_explain.log_min_duration = 0;
             ALTER DATABASE postgres SET auto_explain.log_nested_statements = on;
             ALTER DATABASE postgres SET auto_explain.log_format = 'json';
             ALTER DATABASE postgres SET enable_seqscan = off",
        )
        .await
        .unwrap();
    let stack = TestStack::new().await;
    let clock = FakeClock::new(SystemClock.now());
    let changes = [
        ("DATABASE_URL", own.url.as_str()),
        ("WEBHOOK_MAX_ATTEMPTS", "2"),
        ("WEBHOOK_DISABLE_AFTER_FAILURES", "1"),
        ("INDEX_RECONCILE_SECONDS", "1"),
    ];
    let service = stack.start_with(&changes, clock.shared()).await;
    let count = async |query: &str| -> i64 { client.query_one(query, &[]).await.unwrap().get(0) };
    stack.sink.script("/bad", std::iter::repeat_n(Answer::Status(500), 4));
    let user = Uuid::now_v7();
    let good = service.create(user, "BTC", "gt", "1", &stack.sink.url("/good")).await;
    service.create(user, "BTC", "gt", "2", &stack.sink.url("/bad")).await;
    let unfired = service.create(user, "BTC", "lt", "1", &stack.sink.url("/good")).await;
    stack.publish("BTC", "10").await;
    stack.sink.wait_for(1, DEADLINE).await;
    testkit::eventually("the first deliveries end", || async {
        clock.advance(Duration::from_secs(1));
        count("SELECT count(*) FROM alerting.delivery_states WHERE due_at IS NULL").await == 2
    })
    .await;
    let id = |alert: &Value| alert["id"].as_str().unwrap().to_owned();
    for path in [
        "/alerts".to_owned(),
        "/alerts?active=true".to_owned(),
        format!("/alerts/{}", id(&good)),
        format!("/alerts/{}/events", id(&good)),
        format!("/alerts/{}/deliveries", id(&good)),
        "/webhooks/endpoints".to_owned(),
        "/risk/monitors?symbols=BTC".to_owned(),
    ] {
        let (status, body) = service.get(&path, user).await;
        assert_eq!(status, 200, "{path}: {body}");
    }
    let (_, endpoints) = service.get("/webhooks/endpoints", user).await;
    for endpoint in endpoints["items"].as_array().unwrap() {
        let path = format!("/webhooks/endpoints/{}", id(endpoint));
        for part in ["", "/secret"] {
            assert_eq!(service.get(&format!("{path}{part}"), user).await.0, 200);
        }
        for (part, body) in [("/enable", Value::Null), ("/test", json!({"id": Uuid::now_v7()}))] {
            let (status, body) = service.post(&format!("{path}{part}"), user, &body).await;
            assert!(status < 300, "{path}{part}: {status} {body}");
        }
    }
    assert!(service.delete(&format!("/alerts/{}", id(&unfired)), user).await.0 < 300);
    // Probes, interrupted attempts, lost queues and the retention run by the clock.
    for _ in 0..20 {
        clock.advance(Duration::from_secs(300));
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let cleaner = Cleaner {
        pool: own.pool.clone(),
        clock: clock.shared(),
        retention: DAY,
    };
    clock.advance(2 * DAY);
    cleaner.remove_expired().await.unwrap();
    service.stop().await;

    let plans = plans(&own.log());
    let seen: BTreeSet<&str> = plans.iter().map(|(query, _)| query.as_str()).collect();
    assert!(seen.len() > 30, "{} statements were seen", seen.len());
    for (query, plan) in &plans {
        let mut read_whole = Vec::new();
        collect_scans(plan, &mut read_whole);
        assert!(read_whole.is_empty(), "{query} reads {read_whole:?} as a whole");
    }
}

/// The plans in a server's log, each with its statement. What ends with the log may be cut off.
fn plans(log: &str) -> Vec<(String, Value)> {
    let mut plans = Vec::new();
    for entry in log.split("  plan:\n").skip(1) {
        let json: String = entry
            .lines()
            .take_while(|line| line.starts_with('\t'))
            .collect::<Vec<_>>()
            .join("\n");
        if let Ok(Value::Object(mut entry)) = serde_json::from_str(&json) {
            let query = entry["Query Text"].as_str().unwrap().to_owned();
            plans.push((query, entry.remove("Plan").unwrap()));
        }
    }
    plans
}

fn collect_scans(plan: &Value, read_whole: &mut Vec<String>) {
    let relation = plan["Relation Name"].as_str().unwrap_or_default();
    if plan["Node Type"] == "Seq Scan" && LARGE.contains(&relation) {
        read_whole.push(relation.to_owned());
    }
    for child in plan["Plans"].as_array().into_iter().flatten() {
        collect_scans(child, read_whole);
    }
}
