//! Deliveries are listed, shown with all their attempts, and sent again.

use alerts::store::attempts::{self, AttemptRecord, DeadLetterReason};
use platform::clock::{Clock, SystemClock};
use serde_json::{Value, json};
use testkit::Answer;
use uuid::Uuid;

use crate::harness::{DEADLINE, TestApp, TestStack};

const FAILED: &str = "SELECT count(*) FROM alerting.delivery_states WHERE status = 'failed'";
const DELIVERED: &str = "SELECT count(*) FROM alerting.delivery_states WHERE status = 'success'";

/// A user with an alert that fired, whose message the endpoint refused until it was given up.
async fn given_up(stack: &TestStack, service: &TestApp) -> (Uuid, Value) {
    let user = Uuid::now_v7();
    stack
        .sink
        .script("/hook", std::array::from_fn::<_, 4, _>(|_| Answer::Status(500)));
    service.create(user, "BTC", "gt", "1", &stack.sink.url("/hook")).await;
    stack.publish("BTC", "2").await;
    stack.wait_for_count(FAILED, 1).await;
    let (status, page) = service.get("/deliveries?status=failed", user).await;
    assert_eq!((status, page["items"].as_array().unwrap().len()), (200, 1), "{page}");
    (user, page["items"][0].clone())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn failed_delivery_is_sent_again_with_the_same_bytes_and_id() {
    let stack = TestStack::new().await;
    let service = stack.start().await;
    let (user, delivery) = given_up(&stack, &service).await;
    assert_eq!(
        (&delivery["type"], &delivery["attempt"], &delivery["response_code"]),
        (&json!("alert.triggered"), &json!(4), &json!(500))
    );
    assert_eq!(delivery["failure_reason"], "attempts_exhausted");
    let path = format!("/deliveries/{}", delivery["id"].as_str().unwrap());
    let (status, _) = service
        .post(&format!("{path}/replay"), Uuid::now_v7(), &json!({}))
        .await;
    assert_eq!(status, 404, "it is another user's");

    let (status, replayed) = service.post(&format!("{path}/replay"), user, &json!({})).await;
    assert_eq!(
        (status, &replayed["status"], &replayed["max_attempts"]),
        (202, &json!("pending"), &json!(8))
    );
    let received = stack.sink.wait_for(5, DEADLINE).await;
    stack.wait_for_count(DELIVERED, 1).await;
    assert_eq!(received[4].header("webhook-id"), received[0].header("webhook-id"));
    assert_eq!(received[4].header("x-delivery-attempt"), "5");
    assert_eq!(received[4].body, received[0].body);

    let (status, detail) = service.get(&path, user).await;
    assert_eq!((status, &detail["delivery"]["status"]), (200, &json!("success")));
    assert_eq!(detail["body"].as_str().unwrap().as_bytes(), received[0].body);
    let numbers: Vec<u64> = detail["attempts"]
        .as_array()
        .unwrap()
        .iter()
        .map(|a| a["attempt"].as_u64().unwrap())
        .collect();
    assert_eq!(numbers, [5, 4, 3, 2, 1]);
    assert_eq!(stack.count("SELECT count(*) FROM alerting.dead_letters").await, 0);
    let (status, _) = service.get(&path, Uuid::now_v7()).await;
    assert_eq!(status, 404);
    stack.assert_queues_are_sound().await;
    service.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn replayed_delivery_has_as_many_attempts_as_a_new_one() {
    let stack = TestStack::new().await;
    let service = stack.start().await;
    let (user, delivery) = given_up(&stack, &service).await;
    stack
        .sink
        .script("/hook", std::array::from_fn::<_, 4, _>(|_| Answer::Status(503)));
    let range = json!({
        "endpoint_id": delivery["endpoint_id"], "from": "2020-01-01T00:00:00Z", "to": "2100-01-01T00:00:00Z",
    });
    let (status, replayed) = service.post("/deliveries/replay", user, &range).await;
    assert_eq!((status, &replayed), (202, &json!({"count": 1})));
    let received = stack.sink.wait_for(8, DEADLINE).await;
    assert_eq!(received[7].header("x-delivery-attempt"), "8");
    stack.wait_for_count(FAILED, 1).await;
    let told = "SELECT count(*) FROM alerting.alert_events WHERE reason = 'delivery_failed'";
    assert_eq!(stack.count(told).await, 1, "the owner knows it already");

    let other =
        json!({"endpoint_id": delivery["endpoint_id"], "from": "2020-01-01T00:00:00Z", "to": "2020-01-02T00:00:00Z"});
    let (_, none) = service.post("/deliveries/replay", user, &other).await;
    assert_eq!(none, json!({"count": 0}), "nothing failed then");
    let (status, _) = service.post("/deliveries/replay", Uuid::now_v7(), &range).await;
    assert_eq!(status, 404);
    service.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn delivery_under_way_is_not_sent_twice() {
    let stack = TestStack::new().await;
    let service = stack.start().await;
    stack.sink.script("/hook", [Answer::Hang]);
    let user = Uuid::now_v7();
    service.create(user, "BTC", "gt", "1", &stack.sink.url("/hook")).await;
    stack.publish("BTC", "2").await;
    stack.sink.wait_for(1, DEADLINE).await;
    let (_, page) = service.get("/deliveries", user).await;
    let item = &page["items"][0];
    assert_eq!(
        (&item["status"], &item["attempt"], &item["next_attempt_at"]),
        (&json!("pending"), &json!(1), &Value::Null)
    );
    let path = format!("/deliveries/{}/replay", item["id"].as_str().unwrap());
    let (status, replayed) = service.post(&path, user, &json!({})).await;
    assert_eq!((status, &replayed["attempt"]), (202, &json!(1)));
    assert_eq!(stack.count("SELECT count(*) FROM alerting.outbox").await, 1);
    assert_eq!(stack.sink.wait_for(1, DEADLINE).await.len(), 1);
    service.stop().await;
}

/// An attempt that was given up as interrupted may end after its delivery was sent again.
#[tokio::test]
async fn late_failure_does_not_end_a_delivery_that_was_sent_again() {
    let stack = TestStack::new().await;
    let service = stack.start().await;
    let (user, delivery) = given_up(&stack, &service).await;
    service.stop().await;
    let id: Uuid = delivery["id"].as_str().unwrap().parse().unwrap();
    let now = SystemClock.now();
    let client = stack.database.pool.get().await.unwrap();
    client
        .batch_execute("UPDATE alerting.delivery_attempts SET status = 'interrupted' WHERE attempt = 4")
        .await
        .unwrap();
    let replayed = alerts::store::replay::replay_one(&stack.database.pool, user, id, now)
        .await
        .unwrap();
    assert!(replayed.is_some());
    let mut record = AttemptRecord {
        delivery_id: id,
        attempt: 4,
        succeeded: false,
        response_code: Some(410),
        error: Some("status 410".to_owned()),
        latency_ms: 30_000,
        dispatched_at: now,
        next_attempt_at: None,
        excerpt: None,
        dead_letter: Some(DeadLetterReason::EndpointGone),
    };
    attempts::settle(&client, &[&record], now).await.unwrap();
    assert_eq!(stack.count("SELECT count(*) FROM alerting.outbox").await, 1);
    assert_eq!(stack.count("SELECT count(*) FROM alerting.dead_letters").await, 0);

    client
        .batch_execute("UPDATE alerting.delivery_attempts SET status = 'interrupted' WHERE attempt = 4")
        .await
        .unwrap();
    (record.succeeded, record.dead_letter) = (true, None);
    attempts::settle(&client, &[&record], now).await.unwrap();
    assert_eq!(
        stack.count("SELECT count(*) FROM alerting.outbox").await,
        0,
        "the endpoint has it"
    );
}

#[tokio::test]
async fn deliveries_are_listed_by_page_and_filter() {
    let stack = TestStack::new().await;
    let service = stack.start().await;
    let user = Uuid::now_v7();
    let created = service
        .create(user, "BTC", "gt", "1000000", &stack.sink.url("/hook"))
        .await;
    let endpoint = created["webhook_endpoint_id"].as_str().unwrap().to_owned();
    let mut sent = Vec::new();
    for _ in 0..5 {
        let id = Uuid::now_v7();
        let path = format!("/webhooks/endpoints/{endpoint}/test");
        assert_eq!(service.post(&path, user, &json!({"id": id})).await.0, 202);
        sent.push(id.to_string());
    }
    stack.wait_for_count(DELIVERED, 5).await;
    let ids = |page: &Value| -> Vec<String> {
        let items = page["items"].as_array().unwrap();
        items
            .iter()
            .map(|item| item["id"].as_str().unwrap().to_owned())
            .collect()
    };
    sent.reverse();
    let mut listed = Vec::new();
    let mut query = "/deliveries?limit=2&status=success".to_owned();
    loop {
        let (status, page) = service.get(&query, user).await;
        assert_eq!(status, 200, "{page}");
        listed.extend(ids(&page));
        let Some(cursor) = page["next_cursor"].as_str() else {
            break;
        };
        query = format!("/deliveries?limit=2&status=success&cursor={cursor}");
    }
    assert_eq!(listed, sent);
    for (filter, expected) in [
        (format!("endpoint_id={endpoint}"), 5),
        (format!("endpoint_id={}", Uuid::now_v7()), 0),
        (format!("alert_id={}", created["id"].as_str().unwrap()), 0),
        ("status=failed".to_owned(), 0),
        ("to=2020-01-01T00:00:00Z".to_owned(), 0),
        ("from=2020-01-01T00:00:00Z".to_owned(), 5),
    ] {
        let (status, page) = service.get(&format!("/deliveries?{filter}"), user).await;
        assert_eq!((status, ids(&page).len()), (200, expected), "{filter}: {page}");
    }
    let (_, foreign) = service.get("/deliveries", Uuid::now_v7()).await;
    assert_eq!(foreign["items"], json!([]));
    for query in ["status=lost", "cursor=x", "limit=0"] {
        assert_eq!(
            service.get(&format!("/deliveries?{query}"), user).await.0,
            400,
            "{query}"
        );
    }
    service.stop().await;
}

/// A filter that few pass must not make one request read everything: the page is empty, and the next one goes on.
#[tokio::test]
async fn page_looks_at_a_bounded_number_of_deliveries() {
    let stack = TestStack::new().await;
    let service = stack.start().await;
    let (user, delivery) = given_up(&stack, &service).await;
    let client = stack.database.pool.get().await.unwrap();
    client
        .execute(
            "INSERT INTO alerting.deliveries (id, user_id, endpoint_id, kind, body, request_id, created_at)
             SELECT gen_random_uuid(), user_id, endpoint_id, kind, body, request_id, now() + interval '1 second'
             FROM alerting.deliveries, generate_series(1, 1000)",
            &[],
        )
        .await
        .unwrap();
    // The alert's own delivery is behind those that are about no alert.
    let of_alert = format!("/deliveries?alert_id={}", delivery["alert_id"].as_str().unwrap());
    let (_, page) = service.get(&of_alert, user).await;
    assert_eq!(page["items"], json!([]));
    assert!(page["next_cursor"].is_string());
    let (_, first) = service.get("/deliveries?status=failed", user).await;
    assert_eq!(first["items"], json!([]));
    let cursor = first["next_cursor"].as_str().unwrap();
    let (_, second) = service
        .get(&format!("/deliveries?status=failed&cursor={cursor}"), user)
        .await;
    assert_eq!(second["items"][0]["id"], delivery["id"]);
    assert_eq!(second["next_cursor"], Value::Null);
    service.stop().await;
}
