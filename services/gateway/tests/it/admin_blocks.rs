//! Blocked addresses, as administrators see, add and lift them.

use std::net::IpAddr;

use gateway::auth::api_key::KeyHasher;
use gateway::auth::identity_cache::IdentityCache;
use reqwest::Method;
use serde_json::{Value, json};
use testkit::eventually;

use crate::harness::{Answer, TestApp, send};

const BLOCKS: &str = "/api/v1/admin/ip-blocks";
const ME: &str = "/api/v1/users/me";
const SETTINGS: [(&str, &str); 3] = [
    ("TRUSTED_PROXIES", "127.0.0.0/8"),
    ("AUTH_FAILURE_LIMIT", "3/3600"),
    ("IP_ALLOWLIST", "192.0.2.0/24"),
];

/// A request to a gateway from some address.
async fn from(app: &TestApp, base: &str, address: &str, key: &str) -> Answer {
    let request = app.http.get(format!("{base}{ME}")).header("X-Forwarded-For", address);
    send(request.header("X-API-Key", key)).await
}

/// Guesses keys from an address until it is blocked.
async fn guess(app: &TestApp, base: &str, address: &str) {
    for key in ["x", "y", "z"] {
        from(app, base, address, key).await.problem(401, "invalid_api_key");
    }
    from(app, base, address, "x").await.problem(403, "ip_blocked");
}

async fn list(app: &TestApp, admin: &str) -> Vec<Value> {
    let answer = send(app.with_key(admin, Method::GET, BLOCKS)).await;
    answer.json().as_array().unwrap().clone()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn administrators_block_holds_everywhere_whatever_the_key() {
    let app = TestApp::start_with(&SETTINGS).await;
    let (other, stop, _running) = app.start_gateway(&SETTINGS).await;
    let (admin_id, admin) = app.admin("admin@example.com").await;
    let (_, key) = app.register("user@example.com").await;
    let block = |address: &str, seconds: u32| {
        let body = json!({"address": address, "seconds": seconds, "comment": "scans"});
        send(app.with_key(&admin, Method::POST, BLOCKS).json(&body))
    };
    let answer = block("2001:db8:1:2::7", 600).await;
    assert_eq!(answer.status, 201, "{}", answer.text);
    let expected = json!({
        "network": "2001:db8:1:2::/64", "blocked_at": "2026-03-01T12:00:00.000Z",
        "blocked_until": "2026-03-01T12:10:00.000Z", "reason": "administrator", "failures": null,
        "created_by": admin_id, "comment": "scans",
    });
    assert_eq!(answer.json(), expected);
    assert_eq!(list(&app, &admin).await, [expected]);
    for base in [&app.base, &other] {
        eventually("the network is blocked", || async {
            from(&app, base, "2001:db8:1:2:ffff::1", &key).await.status == 403
        })
        .await;
        assert_eq!(from(&app, base, "2001:db8:1:3::1", &key).await.status, 200);
    }
    let body = from(&app, &app.base, "2001:db8:1:2::1", &key)
        .await
        .problem(403, "ip_blocked");
    assert_eq!(body["detail"], "An administrator has blocked this address.");
    assert_eq!(body["retry_after"], 601);
    // It needs no Redis, and it outlives a restart.
    app.redis.flush().await;
    let (third, stop_third, _running_third) = app.start_gateway(&SETTINGS).await;
    eventually("a new gateway knows it", || async {
        from(&app, &third, "2001:db8:1:2::1", &key).await.status == 403
    })
    .await;
    app.clock.set("2026-03-01T12:10:00Z".parse().unwrap());
    assert_eq!(from(&app, &app.base, "2001:db8:1:2::1", &key).await.status, 200);
    assert!(list(&app, &admin).await.is_empty());
    stop.cancel();
    stop_third.cancel();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn imposed_block_is_recorded_listed_and_lifted_on_every_gateway() {
    let app = TestApp::start_with(&SETTINGS).await;
    let (other, stop, _running) = app.start_gateway(&SETTINGS).await;
    let (_, admin) = app.admin("admin@example.com").await;
    guess(&app, &other, "203.0.113.7").await;
    let blocks = list(&app, &admin).await;
    assert_eq!(blocks.len(), 1, "{blocks:?}");
    assert_eq!(blocks[0]["network"], "203.0.113.7/32");
    assert_eq!(blocks[0]["reason"], "failed_authentications");
    assert_eq!(
        (&blocks[0]["failures"], &blocks[0]["created_by"]),
        (&json!(3), &Value::Null)
    );
    let audit = "/api/v1/admin/audit?action=ip_block.imposed";
    let entries = || async { send(app.with_key(&admin, Method::GET, audit)).await.json() };
    eventually("the block is recorded", || async { entries().await != json!([]) }).await;
    let entries = entries().await;
    assert_eq!(entries.as_array().unwrap().len(), 1);
    assert_eq!(entries[0]["actor_id"], Value::Null);
    assert_eq!(entries[0]["target"], "203.0.113.7/32");
    assert_eq!(entries[0]["details"], json!({"failures": 3, "seconds": 900}));

    // The gateway that is asked has not imposed it; the other one remembers it without Redis.
    let lift = || send(app.with_key(&admin, Method::DELETE, &format!("{BLOCKS}/203.0.113.7")));
    assert_eq!(lift().await.status, 204);
    for base in [&app.base, &other] {
        eventually("the address is free", || async {
            from(&app, base, "203.0.113.7", "x").await.status == 401
        })
        .await;
    }
    lift().await.problem(404, "not_found");
    assert!(list(&app, &admin).await.is_empty());
    // Its failures are forgotten too, and it can be blocked once more.
    guess(&app, &other, "203.0.113.7").await;
    assert_eq!(lift().await.status, 204);
    eventually("it is free again", || async {
        from(&app, &other, "203.0.113.7", "x").await.status == 401
    })
    .await;
    stop.cancel();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn block_that_would_shut_out_its_maker_or_nobody_is_refused() {
    let app = TestApp::start_with(&SETTINGS).await;
    let (_, admin) = app.admin("admin@example.com").await;
    for (body, violation) in [
        (
            json!({"address": "127.0.0.1", "seconds": 1}),
            "body.address own_address",
        ),
        (json!({"address": "192.0.2.1", "seconds": 1}), "body.address exempt"),
        (
            json!({"address": "203.0.113.0/24", "seconds": 1}),
            "body.address ip_address",
        ),
        (
            json!({"address": "203.0.113.1", "seconds": 2_592_001}),
            "body.seconds out_of_range",
        ),
        (
            json!({"address": "203.0.113.1", "seconds": 1, "comment": ""}),
            "body.comment too_short",
        ),
    ] {
        let answer = send(app.with_key(&admin, Method::POST, BLOCKS).json(&body)).await;
        answer.problem(422, "validation_failed");
        assert_eq!(answer.violations(), [violation], "{body}");
    }
    let path = format!("{BLOCKS}/nonsense");
    send(app.with_key(&admin, Method::DELETE, &path))
        .await
        .problem(400, "invalid_parameter");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_wrong_key_costs_postgres_one_query() {
    let app = TestApp::start().await;
    let (used, _receiver) = tokio::sync::mpsc::channel(1);
    let identities = IdentityCache::new(
        app.database.pool.clone(),
        app.redis.connection.clone(),
        KeyHasher::new(&"".into()).unwrap(),
        app.clock.shared(),
        used,
    );
    let wrong = format!("sk_live_{}", "b".repeat(43));
    let address = IpAddr::from([203, 0, 113, 7]);
    assert!(identities.find(&wrong, address).await.unwrap().is_none());
    // Who asked PostgreSQL now would wait for the end of this.
    let mut client = app.database.pool.get().await.unwrap();
    let lock = client.transaction().await.unwrap();
    lock.batch_execute("LOCK TABLE accounts.api_keys IN ACCESS EXCLUSIVE MODE")
        .await
        .unwrap();
    for _ in 0..20 {
        assert!(identities.find(&wrong, address).await.unwrap().is_none());
    }
    lock.rollback().await.unwrap();
}
