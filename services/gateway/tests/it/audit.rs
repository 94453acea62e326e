//! The record of who did what.

use reqwest::Method;
use serde_json::{Value, json};

use crate::harness::{TestApp, send};

const AUDIT: &str = "/api/v1/admin/audit";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_write_of_an_administrator_is_recorded() {
    let app = TestApp::start().await;
    let (admin_id, admin) = app.admin("admin@example.com").await;
    let (user, _) = app.register("user@example.com").await;
    let write = |method: Method, path: String, body: Value| {
        let request = app
            .with_key(&admin, method, &path)
            .header("X-Request-Id", "the-request");
        send(request.json(&body))
    };
    let limits = "/api/v1/admin/limits";
    let set = write(
        Method::POST,
        limits.to_owned(),
        json!({"user_id": user, "policy": "quota", "limit": 5}),
    )
    .await;
    let id = set.json()["id"].as_str().unwrap().to_owned();
    assert_eq!(
        write(Method::DELETE, format!("{limits}/{id}"), json!({})).await.status,
        204
    );
    let blocks = "/api/v1/admin/ip-blocks";
    let block = json!({"address": "203.0.113.7", "seconds": 60, "comment": "scans"});
    assert_eq!(write(Method::POST, blocks.to_owned(), block).await.status, 201);
    assert_eq!(
        write(Method::DELETE, format!("{blocks}/203.0.113.7"), json!({}))
            .await
            .status,
        204
    );

    let get = |query: String| {
        let request = app.with_key(&admin, Method::GET, &format!("{AUDIT}?{query}"));
        async move { send(request).await }
    };
    let entries = get(String::new()).await.json();
    let actions: Vec<&str> = entries
        .as_array()
        .unwrap()
        .iter()
        .map(|entry| entry["action"].as_str().unwrap())
        .collect();
    assert_eq!(
        actions,
        ["ip_block.removed", "ip_block.added", "limit.removed", "limit.set"]
    );
    let of_limit = json!({"id": id, "policy": "quota", "limit": 5, "window_seconds": null, "expires_at": null});
    assert_eq!(
        entries[3],
        json!({"id": entries[3]["id"], "at": "2026-03-01T12:00:00.000Z", "actor_id": admin_id, "action": "limit.set",
            "target": user, "details": of_limit, "request_id": "the-request"})
    );
    let count = |body: Value| body.as_array().unwrap().len();
    assert_eq!(count(get(format!("target={user}")).await.json()), 2);
    assert_eq!(
        count(
            get("target=203.0.113.7%2F32&action=ip_block.added".to_owned())
                .await
                .json()
        ),
        1
    );
    assert_eq!(count(get(format!("actor_id={user}")).await.json()), 0);
    assert_eq!(
        count(
            get("from=2026-03-01T12:00:00Z&to=2026-03-01T12:00:01Z".to_owned())
                .await
                .json()
        ),
        4
    );
    assert_eq!(count(get("to=2026-03-01T12:00:00Z".to_owned()).await.json()), 0);
    let page = get("limit=3".to_owned()).await;
    assert_eq!(count(page.json()), 3);
    let rest = get(format!("limit=3&cursor={}", page.header("x-next-cursor"))).await;
    assert_eq!(rest.json()[0]["action"], "limit.set");
    get("from=2026-03-02T00:00:00Z&to=2026-03-01T00:00:00Z".to_owned())
        .await
        .problem(400, "invalid_range");
    assert!(!entries.to_string().contains("example.com"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn entries_cannot_be_changed_or_removed() {
    let app = TestApp::start().await;
    let client = app.database.pool.get().await.unwrap();
    let entry = gateway::store::audit::NewEntry {
        actor_id: None,
        action: "ip_block.imposed",
        target: "203.0.113.7/32",
        details: json!({}),
    };
    gateway::store::audit::record(&client, &entry, platform::clock::Clock::now(&app.clock))
        .await
        .unwrap();
    for sql in [
        "UPDATE accounts.audit SET action = 'x'",
        "DELETE FROM accounts.audit",
        "TRUNCATE accounts.audit",
    ] {
        let error = client.execute(sql, &[]).await.unwrap_err();
        let message = error.as_db_error().unwrap().message().to_owned();
        assert!(message.contains("append-only"), "{sql}: {message}");
    }
    let row = client
        .query_one("SELECT count(*) FROM accounts.audit", &[])
        .await
        .unwrap();
    assert_eq!(row.get::<_, i64>(0), 1);
}
