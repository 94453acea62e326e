//! Secrets of endpoints are sealed at rest.

use alerts::app;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use platform::clock::SystemClock;
use serde_json::json;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::harness::{DEADLINE, TestApp, TestStack};

const FIRST_KEY: &str = "0000000000000000000000000000000000000000000000000000000000000001";
const SECOND_KEY: &str = "0000000000000000000000000000000000000000000000000000000000000002";

const PLAIN: &str = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD";

/// Every row of every table of the schema, as text.
async fn dump(stack: &TestStack) -> String {
    let client = stack.database.pool.get().await.unwrap();
    let tables = client
        .query(
            "SELECT table_name FROM information_schema.tables WHERE table_schema = 'alerting'",
            &[],
        )
        .await
        .unwrap();
    let mut dump = String::new();
    for table in tables {
        let table: String = table.get(0);
        let rows = client
            .query(&format!("SELECT row_to_json(t)::text FROM alerting.{table} t"), &[])
            .await
            .unwrap();
        for row in rows {
            dump.push_str(row.get(0));
            dump.push('\n');
        }
    }
    dump
}

#[tokio::test]
async fn dump_holds_no_secret() {
    let stack = TestStack::new().await;
    let service = stack.start().await;
    let user = Uuid::now_v7();
    let alert = service.create(user, "BTC", "gt", "1", &stack.sink.url("/hook")).await;
    let endpoint = alert["webhook_endpoint_id"].as_str().unwrap();
    let (_, answer) = service
        .get(&format!("/webhooks/endpoints/{endpoint}/secret"), user)
        .await;
    let secret = answer["secret"].as_str().unwrap();
    let encoded = secret.strip_prefix("whsec_").unwrap();
    let bytes = STANDARD.decode(encoded).unwrap();
    stack.publish("BTC", "2").await;
    stack.sink.wait_for(1, DEADLINE).await;
    service.stop().await;

    let dump = dump(&stack).await;
    assert!(dump.contains(endpoint));
    for form in ["whsec_", encoded, &hex::encode(&bytes)] {
        assert!(!dump.contains(form), "{form} is in\n{dump}");
    }
}

async fn secret_of(service: &TestApp, user: Uuid, endpoint: &str) -> (u16, serde_json::Value) {
    service
        .get(&format!("/webhooks/endpoints/{endpoint}/secret"), user)
        .await
}

/// An endpoint as versions before left it.
async fn insert_plain(stack: &TestStack, user: Uuid) -> String {
    let endpoint = Uuid::now_v7();
    let client = stack.database.pool.get().await.unwrap();
    client
        .execute(
            "INSERT INTO alerting.endpoints (id, user_id, url, secret, implicit, created_at, updated_at)
             VALUES ($1, $2, $3, $4, true, now(), now())",
            &[&endpoint, &user, &stack.sink.url(&format!("/{endpoint}")), &PLAIN],
        )
        .await
        .unwrap();
    endpoint.to_string()
}

const COUNT_PLAIN: &str = "SELECT count(*) FROM alerting.endpoints WHERE secret LIKE 'whsec%'";

#[tokio::test]
async fn plain_secrets_are_read_and_sealed_and_rotation_seals_them_anew() {
    let stack = TestStack::new().await;
    let user = Uuid::now_v7();
    let mut endpoints = Vec::new();
    for _ in 0..250 {
        endpoints.push(insert_plain(&stack, user).await);
    }
    let first = stack
        .start_with(&[("SECRETS_KEY", FIRST_KEY)], SystemClock::shared())
        .await;
    assert_eq!(
        secret_of(&first, user, &endpoints[7]).await,
        (200, json!({"secret": PLAIN}))
    );
    stack.wait_for_count(COUNT_PLAIN, 0).await;
    assert_eq!(
        secret_of(&first, user, &endpoints[7]).await,
        (200, json!({"secret": PLAIN}))
    );
    first.stop().await;
    let id = "SELECT split_part(min(secret), '.', 2) FROM alerting.endpoints";
    let first_id: String = stack.value(id).await;

    let both = [("SECRETS_KEY", SECOND_KEY), ("SECRETS_KEYS_OLD", FIRST_KEY)];
    let rotating = stack.start_with(&both, SystemClock::shared()).await;
    let left = format!("SELECT count(*) FROM alerting.endpoints WHERE secret LIKE 'v1.{first_id}.%'");
    stack.wait_for_count(&left, 0).await;
    rotating.stop().await;

    // The broker may still count a consumer of the service before, which was stopped in this very process.
    let alone = [("SECRETS_KEY", SECOND_KEY), ("QUEUE_LOST_AFTER_SECONDS", "2")];
    let second = stack.start_with(&alone, SystemClock::shared()).await;
    for endpoint in [&endpoints[0], &endpoints[249]] {
        assert_eq!(
            secret_of(&second, user, endpoint).await,
            (200, json!({"secret": PLAIN}))
        );
    }
    let (status, body) = second
        .post(&format!("/webhooks/endpoints/{}/test", endpoints[0]), user, &json!({}))
        .await;
    assert!(status < 300, "{status} {body}");
    let received = stack.sink.wait_for(1, DEADLINE).await;
    let verifier = standardwebhooks::Webhook::new(PLAIN).unwrap();
    let signed = verifier
        .sign(
            received[0].header("webhook-id"),
            received[0].header("webhook-timestamp").parse().unwrap(),
            &received[0].body,
        )
        .unwrap();
    assert_eq!(received[0].header("webhook-signature"), signed);
    second.stop().await;
}

#[tokio::test]
async fn keys_that_open_nothing_stop_the_start() {
    let stack = TestStack::new().await;
    insert_plain(&stack, Uuid::now_v7()).await;
    let first = stack
        .start_with(&[("SECRETS_KEY", FIRST_KEY)], SystemClock::shared())
        .await;
    stack.wait_for_count(COUNT_PLAIN, 0).await;
    first.stop().await;

    let settings = stack.settings(&[("SECRETS_KEY", SECOND_KEY)]);
    let error = app::start(settings, SystemClock::shared(), CancellationToken::new())
        .await
        .err()
        .expect("it starts with the wrong key");
    assert!(error.to_string().starts_with("SECRETS_KEY: "), "{error}");
    assert!(error.to_string().contains("opens none of the secrets"), "{error}");
}

#[tokio::test]
async fn secret_in_another_row_does_not_open_and_its_messages_fail_with_the_reason() {
    let stack = TestStack::new().await;
    let user = Uuid::now_v7();
    let (own, other) = (insert_plain(&stack, user).await, insert_plain(&stack, user).await);
    let service = stack
        .start_with(&[("SECRETS_KEY", FIRST_KEY)], SystemClock::shared())
        .await;
    stack.wait_for_count(COUNT_PLAIN, 0).await;
    let client = stack.database.pool.get().await.unwrap();
    client
        .batch_execute(&format!(
            "UPDATE alerting.endpoints SET secret = (SELECT secret FROM alerting.endpoints WHERE id = '{other}')
             WHERE id = '{own}'"
        ))
        .await
        .unwrap();

    let (status, answer) = secret_of(&service, user, &own).await;
    assert_eq!((status, &answer["type"]), (500, &json!("internal_error")));
    for endpoint in [&own, &other] {
        let (status, _) = service
            .post(&format!("/webhooks/endpoints/{endpoint}/test"), user, &json!({}))
            .await;
        assert_eq!(status, 202);
    }
    stack
        .wait_for_count(
            "SELECT count(*) FROM alerting.dead_letters WHERE reason = 'secret_unreadable'",
            1,
        )
        .await;
    let received = stack.sink.wait_for(1, DEADLINE).await;
    assert_eq!(received[0].json()["endpoint_id"], json!(other));
    let reason: String = stack
        .value(&format!(
            "SELECT DISTINCT a.error_msg FROM alerting.delivery_attempts a
             JOIN alerting.deliveries d ON d.id = a.delivery_id WHERE d.endpoint_id = '{own}'"
        ))
        .await;
    assert_eq!(reason, "the endpoint's secret is unreadable");
    let (_, endpoint) = service.get(&format!("/webhooks/endpoints/{own}"), user).await;
    assert_eq!(endpoint["consecutive_failures"], 0, "it is not the endpoint's fault");
    service.stop().await;
}
