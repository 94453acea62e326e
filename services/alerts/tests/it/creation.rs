//! Creating, listing and deleting alerts.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::SignedDuration;
use platform::clock::{Clock, FakeClock, SystemClock};
use rstest::rstest;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::harness::{TestStack, alert, quote};

const URL: &str = "http://127.0.0.1:9/hook";

#[tokio::test]
async fn armed_alert_without_a_price_shows_no_data_until_the_next_price() {
    let stack = TestStack::new().await;
    let clock = FakeClock::new(SystemClock.now());
    let service = stack.start_with(&[], clock.shared()).await;
    let user = Uuid::now_v7();
    let created = service
        .create(user, "BTC", "gt", "1000", &stack.sink.url("/hook"))
        .await;
    let path = format!("/alerts/{}", created["id"].as_str().unwrap());
    assert_eq!((&created["state"], created.get("no_data")), (&json!("armed"), None));
    let publish = async |age: i64| {
        let mut price = quote("BTC", "1", clock.now());
        price.as_of = price.published_at - SignedDuration::from_secs(age);
        let newest = redis::Cmd::set(
            contracts::keys::quote(&price.ticker),
            serde_json::to_string(&price).unwrap(),
        );
        let () = newest.query_async(&mut stack.redis.connection.clone()).await.unwrap();
        stack.publish_quote(&price).await;
        price.published_at
    };
    let last = publish(1).await;
    testkit::eventually("the price is evaluated", || async {
        let evaluated = redis::Cmd::hget(contracts::keys::EVALUATED_PRICES, "BTC");
        let at: Option<i64> = evaluated
            .query_async(&mut stack.redis.connection.clone())
            .await
            .unwrap();
        at == Some(last.as_millisecond())
    })
    .await;
    clock.advance(Duration::from_secs(59));
    assert_eq!(service.get(&path, user).await.1["state"], "armed");
    clock.advance(Duration::from_secs(2));
    let since = created["created_at"].clone();
    let expected = json!({"since": since, "reason": "no_price"});
    let blind = service.get(&path, user).await.1;
    assert_eq!(
        (&blind["state"], &blind["is_active"]),
        (&json!("no_data"), &json!(true))
    );
    assert_eq!(blind["no_data"], expected);
    assert_eq!(service.get("/alerts", user).await.1["items"][0]["no_data"], expected);
    publish(20).await;
    assert_eq!(service.get(&path, user).await.1["no_data"]["reason"], "prices_unfit");
    publish(1).await;
    testkit::eventually("it sees again", || async {
        service.get(&path, user).await.1["state"] == "armed"
    })
    .await;
    service.stop().await;
    let service = stack.start_with(&[("SUPPORTED_TICKERS", "ETH")], clock.shared()).await;
    assert_eq!(service.get(&path, user).await.1["no_data"]["reason"], "not_watched");
    service.stop().await;
}

#[tokio::test]
async fn one_of_fifty_equal_requests_succeeds() {
    let stack = TestStack::new().await;
    let (first, second) = (stack.start().await, stack.start().await);
    let user = Uuid::now_v7();
    let body = || alert("BTC", "gt", "70000", URL);
    let requests = (0..50).map(|n| {
        let service = if n % 2 == 0 { &first } else { &second };
        async move { service.post("/alerts", user, &body()).await }
    });
    let mut statuses: BTreeMap<u16, usize> = BTreeMap::new();
    for (status, answer) in futures_util::future::join_all(requests).await {
        *statuses.entry(status).or_default() += 1;
        if status == 409 {
            assert_eq!(answer["type"], "alert_duplicate");
            assert_eq!(
                answer["detail"],
                "You already have an active alert with exactly the same parameters."
            );
        }
    }
    assert_eq!(statuses, [(201, 1), (409, 49)].into());
    assert_eq!(stack.count("SELECT count(*) FROM alerting.alerts").await, 1);
    assert_eq!(stack.count("SELECT count(*) FROM alerting.endpoints").await, 1);

    // The same number written otherwise is the same alert; another user's is not.
    let (status, _) = first
        .post("/alerts", user, &alert("btc", "gt", "\"70000.000\"", URL))
        .await;
    assert_eq!(status, 409);
    let (status, _) = first.post("/alerts", Uuid::now_v7(), &body()).await;
    assert_eq!(status, 201);
    first.stop().await;
    second.stop().await;
}

#[tokio::test]
async fn repeated_request_gets_the_alert_that_it_made() {
    let stack = TestStack::new().await;
    let service = stack.start().await;
    let user = Uuid::now_v7();
    let body = alert("BTC", "gt", "1000000", URL);
    let first = service.post("/alerts", user, &body).await;
    assert_eq!(first.0, 201, "{}", first.1);
    assert_eq!(first.1["id"], body["id"]);
    assert_eq!(service.post("/alerts", user, &body).await, first);
    // Another user's id is nobody's business.
    let (status, _) = service.post("/alerts", Uuid::now_v7(), &body).await;
    assert_eq!(status, 409);
    // What fired meanwhile is not armed again.
    stack.publish("BTC", "2000000").await;
    stack
        .wait_for_count("SELECT count(*) FROM alerting.alerts WHERE state = 'triggered'", 1)
        .await;
    let (status, again) = service.post("/alerts", user, &body).await;
    assert_eq!((status, again["state"].as_str()), (201, Some("triggered")));
    assert_eq!(stack.count("SELECT count(*) FROM alerting.alerts").await, 1);
    service.stop().await;
}

#[tokio::test]
async fn refused_alert_leaves_endpoints_as_they_were() {
    let stack = TestStack::new().await;
    let service = stack.start().await;
    let user = Uuid::now_v7();
    service.create(user, "BTC", "gt", "1000000", URL).await;
    let gone = "UPDATE alerting.endpoints SET disabled_reason = 'gone'";
    stack
        .database
        .pool
        .get()
        .await
        .unwrap()
        .execute(gone, &[])
        .await
        .unwrap();
    for url in [URL, "http://127.0.0.1:9/other"] {
        let (status, _) = service.post("/alerts", user, &alert("BTC", "gt", "1000000", url)).await;
        assert_eq!(status, 409);
    }
    let untouched = "SELECT count(*) FROM alerting.endpoints WHERE disabled_reason = 'gone'";
    assert_eq!(stack.count(untouched).await, 1);
    assert_eq!(stack.count("SELECT count(*) FROM alerting.endpoints").await, 1);
    service.stop().await;
}

#[rstest]
#[case::zero(alert("BTC", "gt", "0", URL), 422, "validation_failed")]
#[case::negative(alert("BTC", "gt", "-5", URL), 422, "validation_failed")]
#[case::too_large(alert("BTC", "gt", "1e19", URL), 422, "validation_failed")]
#[case::too_fine(alert("BTC", "gt", "1e-19", URL), 422, "validation_failed")]
#[case::no_number(alert("BTC", "gt", "\"many\"", URL), 422, "validation_failed")]
#[case::condition(alert("BTC", "above", "1", URL), 422, "validation_failed")]
#[case::ticker(alert("B-T-C", "gt", "1", URL), 422, "validation_failed")]
#[case::unknown_field(
    json!({"ticker": "BTC", "condition": "gt", "target_price": 1, "webhook_url": URL, "x": 1}),
    422,
    "validation_failed"
)]
#[case::unsupported(alert("XYZ", "gt", "1", URL), 422, "unsupported_ticker")]
#[case::no_url(alert("BTC", "gt", "1", "not a url"), 422, "validation_failed")]
#[case::scheme(alert("BTC", "gt", "1", "ftp://example.com/"), 422, "validation_failed")]
#[case::private(alert("BTC", "gt", "1", "http://10.0.0.1/"), 422, "webhook_url_blocked")]
#[case::metadata(alert("BTC", "gt", "1", "http://169.254.169.254/latest"), 422, "webhook_url_blocked")]
#[case::hidden(alert("BTC", "gt", "1", "http://0xa000001/"), 422, "webhook_url_blocked")]
#[case::userinfo(alert("BTC", "gt", "1", "http://a:b@example.com/"), 422, "webhook_url_blocked")]
#[tokio::test]
async fn bad_request_names_what_is_wrong(#[case] body: Value, #[case] status: u16, #[case] kind: &str) {
    let stack = TestStack::new().await;
    let service = stack.start().await;
    let (got, answer) = service.post("/alerts", Uuid::now_v7(), &body).await;
    assert_eq!((got, answer["type"].as_str()), (status, Some(kind)), "{answer}");
    service.stop().await;
}

#[tokio::test]
async fn loopback_is_blocked_unless_it_is_allowed() {
    let stack = TestStack::new().await;
    let strict = stack
        .start_with(
            &[("WEBHOOK_ALLOWED_CIDRS", ""), ("WEBHOOK_ALLOWED_PORTS", "")],
            platform::clock::SystemClock::shared(),
        )
        .await;
    for url in [
        "http://127.0.0.1/hook",
        "http://localhost/hook",
        "http://[::1]/hook",
        "https://example.com:8443/",
    ] {
        let (status, answer) = strict
            .post("/alerts", Uuid::now_v7(), &alert("BTC", "gt", "1", url))
            .await;
        assert_eq!(
            (status, answer["type"].as_str()),
            (422, Some("webhook_url_blocked")),
            "{url}"
        );
        let (status, alone) = strict
            .post("/webhooks/check", Uuid::now_v7(), &json!({"webhook_url": url}))
            .await;
        assert_eq!((status, &alone["errors"]), (422, &answer["errors"]), "{url}");
    }
    let allowed = json!({"webhook_url": "https://example.com/"});
    assert_eq!(strict.post("/webhooks/check", Uuid::now_v7(), &allowed).await.0, 204);
    strict.stop().await;
}

#[tokio::test]
async fn list_is_newest_first_filtered_and_paged() {
    let stack = TestStack::new().await;
    let service = stack.start().await;
    let user = Uuid::now_v7();
    let mut ids = Vec::new();
    for (ticker, target) in [("BTC", "1000000"), ("ETH", "1000001"), ("BTC", "1000002")] {
        ids.insert(0, service.create(user, ticker, "gt", target, URL).await["id"].clone());
    }
    service.create(Uuid::now_v7(), "BTC", "gt", "1000003", URL).await;

    let (_, all) = service.get("/alerts", user).await;
    let listed = |page: &Value| {
        page["items"]
            .as_array()
            .unwrap()
            .iter()
            .map(|a| a["id"].clone())
            .collect::<Vec<_>>()
    };
    assert_eq!(listed(&all), ids);
    assert_eq!(all["next_cursor"], Value::Null);
    let (_, btc) = service.get("/alerts?ticker=BTC&active=true&kind=price", user).await;
    assert_eq!(listed(&btc), [ids[0].clone(), ids[2].clone()]);
    let (_, none) = service.get("/alerts?active=false", user).await;
    assert!(listed(&none).is_empty());
    let (_, first) = service.get("/alerts?limit=2", user).await;
    assert_eq!(listed(&first), ids[..2]);
    let cursor = first["next_cursor"].as_str().unwrap();
    let (_, rest) = service.get(&format!("/alerts?limit=2&cursor={cursor}"), user).await;
    assert_eq!((listed(&rest), &rest["next_cursor"]), (ids[2..].to_vec(), &Value::Null));
    for (query, kind) in [
        ("limit=0", "invalid_parameter"),
        ("limit=1001", "invalid_parameter"),
        ("cursor=x", "invalid_cursor"),
    ] {
        let (status, answer) = service.get(&format!("/alerts?{query}"), user).await;
        assert_eq!((status, answer["type"].as_str()), (400, Some(kind)), "{query}");
    }
    service.stop().await;
}

#[tokio::test]
async fn another_users_alert_does_not_exist() {
    let stack = TestStack::new().await;
    let service = stack.start().await;
    let (owner, stranger) = (Uuid::now_v7(), Uuid::now_v7());
    let created = service.create(owner, "BTC", "gt", "1000000", URL).await;
    let path = format!("/alerts/{}", created["id"].as_str().unwrap());
    for path in [
        path.clone(),
        format!("{path}/events"),
        format!("{path}/deliveries"),
        "/alerts/no-id".to_owned(),
    ] {
        let (status, answer) = service.get(&path, stranger).await;
        assert_eq!(
            (status, &answer["type"], &answer["detail"]),
            (404, &json!("alert_not_found"), &json!("Alert not found"))
        );
    }
    assert_eq!(service.delete(&path, stranger).await.0, 404);
    assert_eq!(service.get(&path, owner).await.0, 200);
    assert_eq!(service.delete(&path, owner).await.0, 204);
    assert_eq!(service.delete(&path, owner).await.0, 404);
    assert_eq!(service.get(&path, owner).await.0, 404);
    service.create(owner, "BTC", "gt", "1000000", URL).await;
    service.stop().await;
}

#[tokio::test]
async fn request_without_a_credential_is_refused() {
    let stack = TestStack::new().await;
    let service = stack.start().await;
    let url = format!("http://{}/internal/alerts", service.address);
    let answer = stack.http.get(&url).send().await.unwrap();
    assert_eq!(answer.status(), 401);
    service.stop().await;
}

#[tokio::test]
async fn creation_that_failed_leaves_no_entry() {
    let stack = TestStack::new().await;
    let service = stack
        .start_with(&[("INDEX_RECONCILE_SECONDS", "1")], SystemClock::shared())
        .await;
    let user = Uuid::now_v7();
    let client = stack.database.pool.get().await.unwrap();
    let refuse = "ALTER TABLE alerting.alerts ADD CONSTRAINT refuse CHECK (target_price <> 13)";
    client.execute(refuse, &[]).await.unwrap();
    let (status, _) = service.post("/alerts", user, &alert("BTC", "gt", "13", URL)).await;
    assert_eq!(status, 500);
    service.create(user, "BTC", "gt", "14", URL).await;
    let set = contracts::keys::alert_index(domain::rule::Condition::Gt, &"BTC".parse().unwrap());
    testkit::eventually("only the alert that exists is indexed", || async {
        let all = redis::Cmd::zrange(&set, 0, -1);
        let members: Vec<String> = all.query_async(&mut stack.redis.connection.clone()).await.unwrap();
        members.len() == 1 && members[0].ends_with(":14")
    })
    .await;
    // A constraint would refuse the clean-up of the test as well.
    client
        .execute("ALTER TABLE alerting.alerts DROP CONSTRAINT refuse", &[])
        .await
        .unwrap();
    service.stop().await;
}

#[tokio::test]
async fn active_alerts_are_listed_and_counted_by_an_index() {
    let stack = TestStack::new().await;
    let client = stack.database.pool.get().await.unwrap();
    let user = Uuid::now_v7();
    let insert = "WITH e AS (
            INSERT INTO alerting.endpoints (id, user_id, url, secret, implicit, created_at, updated_at)
            VALUES ($1, $1, 'http://127.0.0.1:9/', 'whsec_AAAA', true, now(), now()))
        INSERT INTO alerting.alerts (id, user_id, ticker, kind, condition, target_price, webhook_url, endpoint_id,
                                     is_active, state, request_id, created_at, updated_at)
        SELECT gen_random_uuid(), $1, 'BTC', 'price', 'gt', n, 'http://127.0.0.1:9/', $1, n % 1000 = 0,
               CASE WHEN n % 1000 = 0 THEN 'armed' ELSE 'triggered' END, 'r', now(), now()
        FROM generate_series(1, 20000) n";
    client.execute(insert, &[&user]).await.unwrap();
    client
        .batch_execute("ANALYZE alerting.alerts; SET plan_cache_mode = force_generic_plan")
        .await
        .unwrap();
    let list = alerts::store::alerts::list_statement(Some(true));
    let count = "SELECT count(*) FROM alerting.alerts WHERE user_id = $1 AND is_active".to_owned();
    for (statement, types, values) in [
        (list, "uuid, text, uuid, bigint", format!("'{user}', NULL, NULL, 500")),
        (count, "uuid", format!("'{user}'")),
    ] {
        let prepare = format!("PREPARE asked ({types}) AS {statement}");
        client.batch_execute(&prepare).await.unwrap();
        let rows = client
            .query(&format!("EXPLAIN EXECUTE asked ({values})"), &[])
            .await
            .unwrap();
        let plan: Vec<String> = rows.iter().map(|row| row.get(0)).collect();
        let plan = plan.join("\n");
        assert!(plan.contains("alerts_active_of_user"), "{statement}\n{plan}");
        client.batch_execute("DEALLOCATE asked").await.unwrap();
    }
}
