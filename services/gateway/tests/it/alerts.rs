//! Alerts and webhooks: the form is checked here, everything else by the alerts service.

use contracts::problem::ProblemKind;
use reqwest::Method;
use serde_json::{Value, json};
use wiremock::matchers::{body_json, body_partial_json, header, method, path, query_param, query_param_is_missing};
use wiremock::{Mock, MockServer, ResponseTemplate};

use crate::harness::{INTERNAL_TOKEN, TestApp, send};

const ID: &str = "01933f4e-7a00-7000-8000-000000000001";

fn alert() -> Value {
    json!({
        "id": ID, "user_id": "01933f4e-7a00-7000-8000-000000000002", "ticker": "BTC", "kind": "price",
        "target_price": 70000,
        "condition": "gt", "webhook_url": "https://your-server.com/webhook",
        "webhook_endpoint_id": "01933f4e-7a00-7000-8000-000000000003", "is_active": true, "state": "armed",
        "last_value": null, "fires": 0, "created_at": "2026-03-01T12:00:00.000Z",
        "updated_at": "2026-03-01T12:00:00.000Z",
        "triggered_at": null
    })
}

async fn answer_with(server: &MockServer, verb: &str, at: &str, template: ResponseTemplate) {
    Mock::given(method(verb))
        .and(path(at))
        .respond_with(template)
        .mount(server)
        .await;
}

fn problem(kind: ProblemKind, detail: &str) -> ResponseTemplate {
    ResponseTemplate::new(kind.status()).set_body_json(platform::problem::Problem::new(kind, detail))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn alert_is_created_for_the_caller_with_exact_numbers() {
    let app = TestApp::start().await;
    let me = app.get("/api/v1/users/me").await.json();
    Mock::given(method("POST"))
        .and(path("/internal/alerts"))
        .and(header("x-internal-token", INTERNAL_TOKEN))
        .and(header("x-user-id", me["id"].as_str().unwrap()))
        .and(header("x-request-id", "my-request"))
        .and(body_partial_json(
            json!({"ticker": "BTC", "condition": "gt", "target_price": 70000,
            "webhook_url": "https://your-server.com/webhook"}),
        ))
        .respond_with(ResponseTemplate::new(201).set_body_json(alert()))
        .expect(1)
        .mount(&app.alerts)
        .await;
    let request = app
        .request(Method::POST, "/api/v1/alerts/")
        .header("X-Request-Id", "my-request")
        .header("Content-Type", "application/json; charset=utf-8")
        .body(concat!(
            r#"{"ticker":"btc","target_price":70000.00,"condition":"gt","#,
            r#""webhook_url":"https://your-server.com/webhook"}"#
        ));
    let answer = send(request).await;
    assert_eq!(answer.status, 201, "{}", answer.text);
    assert_eq!(answer.header("location"), format!("/api/v1/alerts/{ID}"));
    assert_eq!(answer.header("x-request-id"), "my-request");
    assert_eq!(answer.json(), alert());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn limits_of_the_callers_tier_go_with_a_new_alert() {
    let valid = json!({"ticker": "BTC", "target_price": 1, "condition": "lt", "webhook_url": "https://a.example/"});
    let cases = [
        ("enterprise", json!({"max_active_alerts": null, "max_endpoints": null})),
        ("hobbyist", json!({"max_active_alerts": 7, "max_endpoints": 50})),
    ];
    for (tier, limits) in cases {
        let app = TestApp::start_with(&[("DEFAULT_TIER", tier), ("ALERTS_LIMIT_HOBBYIST", "7")]).await;
        let answer = ResponseTemplate::new(201).set_body_json(alert());
        answer_with(&app.alerts, "POST", "/internal/alerts", answer).await;
        let (_, key) = app.register("carol@example.com").await;
        let request = app
            .anonymous(Method::POST, "/api/v1/alerts/")
            .header("X-API-Key", key)
            .json(&valid);
        assert_eq!(send(request).await.status, 201);
        let received = app.alerts.received_requests().await.unwrap();
        let body: Value = serde_json::from_slice(&received[0].body).unwrap();
        assert_eq!(body["limits"], limits, "{tier}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn malformed_alert_is_refused_with_every_violation() {
    let app = TestApp::start().await;
    let answer = app
        .post("/api/v1/alerts", &json!({"ticker": 1, "target_price": -1, "extra": {}}))
        .await;
    answer.problem(422, "validation_failed");
    assert_eq!(
        answer.violations(),
        [
            "body.ticker string_type",
            "body.condition missing",
            "body.target_price greater_than",
            "body.webhook_url missing",
            "body.extra extra_forbidden",
        ]
    );
    assert_eq!(answer.json()["error"], "ValidationError");
    let twice = json!({"ticker": "XYZ", "target_price": -1, "condition": "lt", "webhook_url": "https://a.example/"});
    let answer = app.post("/api/v1/alerts", &twice).await;
    answer.problem(422, "validation_failed");
    assert_eq!(
        answer.violations(),
        ["body.ticker enum", "body.target_price greater_than"]
    );
    let valid = json!({"ticker": "XYZ", "target_price": 1, "condition": "lt", "webhook_url": "https://a.example/"});
    let body = app
        .post("/api/v1/alerts", &valid)
        .await
        .problem(422, "unsupported_ticker");
    assert_eq!(body["errors"][0]["loc"], json!(["body", "ticker"]));
    let requests = app.alerts.received_requests().await.unwrap();
    assert!(
        requests
            .iter()
            .all(|request| request.url.path() == "/internal/webhooks/check"),
        "nothing reaches the service but the question about the address"
    );
    // The service judges the address, also when something else is wrong already.
    let violation = platform::problem::FieldError::new(&["body", "webhook_url"], "blocked", "must be a public address");
    let blocked =
        platform::problem::Problem::new(ProblemKind::WebhookUrlBlocked, "not allowed").with_errors(vec![violation]);
    Mock::given(path("/internal/webhooks/check"))
        .and(body_json(json!({"webhook_url": "https://a.example/"})))
        .respond_with(ResponseTemplate::new(422).set_body_json(blocked))
        .mount(&app.alerts)
        .await;
    let answer = app.post("/api/v1/alerts", &valid).await;
    answer.problem(422, "validation_failed");
    assert_eq!(answer.violations(), ["body.ticker enum", "body.webhook_url blocked"]);
    let answer = app.post("/api/v1/alerts", &twice).await;
    assert_eq!(
        answer.violations(),
        [
            "body.ticker enum",
            "body.target_price greater_than",
            "body.webhook_url blocked"
        ]
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn refusals_of_the_service_become_public_errors() {
    let app = TestApp::start().await;
    let valid = json!({"ticker": "BTC", "target_price": 1, "condition": "lt", "webhook_url": "https://a.example/"});
    let cases = [
        (
            ProblemKind::AlertDuplicate,
            "x",
            "You already have an active alert with exactly the same parameters.",
        ),
        (
            ProblemKind::WebhookUrlBlocked,
            "The webhook URL is not allowed.",
            "The webhook URL is not allowed.",
        ),
        (
            ProblemKind::PlanLimitReached,
            "You have 500 alerts.",
            "You have 500 alerts.",
        ),
    ];
    for (kind, said, told) in cases {
        app.alerts.reset().await;
        answer_with(&app.alerts, "POST", "/internal/alerts", problem(kind, said)).await;
        assert_eq!(
            app.post("/api/v1/alerts", &valid)
                .await
                .problem(kind.status(), kind.slug())["detail"],
            told
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lists_are_arrays_with_the_cursor_in_a_header() {
    let app = TestApp::start().await;
    let list = || {
        Mock::given(method("GET"))
            .and(path("/internal/alerts"))
            .and(query_param("active", "true"))
            .and(query_param("ticker", "BTC"))
            .and(query_param("limit", "1"))
    };
    let page = |next: Value| ResponseTemplate::new(200).set_body_json(json!({"items": [alert()], "next_cursor": next}));
    list()
        .and(query_param("cursor", "abc"))
        .respond_with(page(Value::Null))
        .mount(&app.alerts)
        .await;
    list()
        .and(query_param_is_missing("cursor"))
        .respond_with(page(json!("abc")))
        .mount(&app.alerts)
        .await;
    let first = "/api/v1/alerts/?active=true&ticker=btc&limit=1";
    let answer = app.get(first).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    assert_eq!(answer.json(), json!([alert()]));
    assert_eq!(answer.header("cache-control"), "no-store");
    let next = format!("{first}&cursor={}", answer.header("x-next-cursor"));
    let answer = app.get(&next).await;
    assert_eq!((answer.status.as_u16(), answer.header("x-next-cursor")), (200, ""));
    for elsewhere in [
        next.replace("active=true", "active=false"),
        format!("{first}&cursor=abc"),
    ] {
        app.get(&elsewhere).await.problem(400, "invalid_cursor");
    }
    app.clock.advance(std::time::Duration::from_secs(301));
    app.get(&next).await.problem(400, "invalid_cursor");

    // A kind of which there are no alerts yet is none that does not exist.
    Mock::given(method("GET"))
        .and(query_param("kind", "volatility_spike"))
        .respond_with(ResponseTemplate::new(200).set_body_json(json!({"items": [], "next_cursor": null})))
        .mount(&app.alerts)
        .await;
    assert_eq!(app.get("/api/v1/alerts/?kind=volatility_spike").await.text, "[]");

    let answer = app.get("/api/v1/alerts/?active=yes&limit=1001&kind=weather").await;
    answer.problem(422, "validation_failed");
    assert_eq!(
        answer.violations(),
        [
            "query.active bool_parsing",
            "query.kind enum",
            "query.limit out_of_range"
        ]
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn alert_is_read_deleted_and_has_events_and_deliveries() {
    let app = TestApp::start().await;
    let one = format!("/internal/alerts/{ID}");
    answer_with(
        &app.alerts,
        "GET",
        &one,
        ResponseTemplate::new(200).set_body_json(alert()),
    )
    .await;
    answer_with(&app.alerts, "DELETE", &one, ResponseTemplate::new(204)).await;
    let empty = ResponseTemplate::new(200).set_body_json(json!({"items": [], "next_cursor": null}));
    answer_with(&app.alerts, "GET", &format!("{one}/events"), empty.clone()).await;
    answer_with(&app.alerts, "GET", &format!("{one}/deliveries"), empty).await;

    assert_eq!(app.get(&format!("/api/v1/alerts/{ID}")).await.json(), alert());
    let strings = app.get(&format!("/api/v1/alerts/{ID}?numbers=string")).await.json();
    assert_eq!(
        (&strings["target_price"], &strings["fires"]),
        (&json!("70000"), &json!(0))
    );
    for list in ["events", "deliveries"] {
        let answer = app.get(&format!("/api/v1/alerts/{ID}/{list}?limit=5")).await;
        assert_eq!((answer.status.as_u16(), answer.text.as_str()), (200, "[]"));
    }
    let answer = send(app.request(Method::DELETE, &format!("/api/v1/alerts/{ID}/"))).await;
    assert_eq!((answer.status.as_u16(), answer.text.as_str()), (204, ""));

    let answer = app.get("/api/v1/alerts/not-an-id").await;
    answer.problem(422, "validation_failed");
    assert_eq!(answer.violations(), ["path.id uuid_parsing"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn webhook_routes_ask_the_alerts_service() {
    let app = TestApp::start().await;
    let endpoint = json!({"id": ID, "url": "https://a.example/", "implicit": true, "is_enabled": true,
        "disabled_reason": null, "disabled_at": null, "consecutive_failures": 0,
        "created_at": "2026-03-01T12:00:00.000Z", "last_success_at": null});
    let delivery = json!({"id": ID, "alert_id": null, "event_id": null, "endpoint_id": ID, "attempt": 0,
        "status": "pending",
        "response_code": null, "error_msg": null, "latency_ms": null, "dispatched_at": null,
        "next_attempt_at": "2026-03-01T12:00:00.000Z", "response_excerpt": null});
    let one = format!("/internal/webhooks/endpoints/{ID}");
    let ok = |body: &Value| ResponseTemplate::new(200).set_body_json(body);
    answer_with(
        &app.alerts,
        "GET",
        "/internal/webhooks/endpoints",
        ok(&json!({"items": [endpoint], "next_cursor": null})),
    )
    .await;
    answer_with(&app.alerts, "GET", &one, ok(&endpoint)).await;
    answer_with(
        &app.alerts,
        "GET",
        &format!("{one}/secret"),
        ok(&json!({"secret": "whsec_x"})),
    )
    .await;
    answer_with(
        &app.alerts,
        "POST",
        &format!("{one}/test"),
        ResponseTemplate::new(202).set_body_json(&delivery),
    )
    .await;
    answer_with(
        &app.alerts,
        "POST",
        "/internal/webhooks/verify",
        ok(&json!({"valid": false, "reason": "no"})),
    )
    .await;

    let base = "/api/v1/webhooks/endpoints";
    assert_eq!(app.get(base).await.json(), json!([endpoint]));
    assert_eq!(app.get(&format!("{base}/{ID}")).await.json(), endpoint);
    assert_eq!(
        app.get(&format!("{base}/{ID}/secret")).await.json(),
        json!({"secret": "whsec_x"})
    );
    let answer = send(app.request(Method::POST, &format!("{base}/{ID}/test"))).await;
    assert_eq!((answer.status.as_u16(), answer.json()), (202, delivery));
    let question = json!({"secret": "whsec_x", "headers": {"webhook-id": "1"}, "body": "{}"});
    assert_eq!(
        app.post("/api/v1/webhooks/verify", &question).await.json(),
        json!({"valid": false, "reason": "no"})
    );

    let answer = app
        .post(
            "/api/v1/webhooks/verify",
            &json!({"secret": "", "headers": {"a": 1}, "body": 1}),
        )
        .await;
    answer.problem(422, "validation_failed");
    assert_eq!(
        answer.violations(),
        [
            "body.secret too_short",
            "body.headers object_type",
            "body.body string_type"
        ]
    );
    app.get(&format!("{base}/x")).await.problem(400, "invalid_parameter");
    let answer = app.post(&format!("{base}/{ID}/test"), &json!({"surprise": 1})).await;
    answer.problem(422, "validation_failed");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn delivery_routes_ask_the_alerts_service() {
    let app = TestApp::start().await;
    let delivery = json!({"id": ID, "type": "alert.triggered", "alert_id": ID, "event_id": ID, "endpoint_id": ID,
        "created_at": "2026-03-01T12:00:00.000Z", "status": "failed", "attempt": 4, "max_attempts": null,
        "response_code": 500, "error_msg": "status 500", "latency_ms": 12, "dispatched_at": "2026-03-01T12:00:00.000Z",
        "next_attempt_at": null, "response_excerpt": null, "failure_reason": "attempts_exhausted"});
    let detail = json!({"delivery": delivery, "body": "{}", "attempts": []});
    let one = format!("/internal/deliveries/{ID}");
    Mock::given(method("GET"))
        .and(path("/internal/deliveries"))
        .and(query_param("status", "failed"))
        .and(query_param("from", "2026-03-01T00:00:00.000Z"))
        .respond_with(ResponseTemplate::new(200).set_body_json(json!({"items": [delivery], "next_cursor": "1.x"})))
        .mount(&app.alerts)
        .await;
    answer_with(
        &app.alerts,
        "GET",
        &one,
        ResponseTemplate::new(200).set_body_json(&detail),
    )
    .await;
    let accepted = ResponseTemplate::new(202).set_body_json(&delivery);
    answer_with(&app.alerts, "POST", &format!("{one}/replay"), accepted).await;
    let range = json!({"endpoint_id": ID, "from": "2026-03-01T00:00:00.000Z", "to": "2026-03-02T00:00:00.000Z"});
    Mock::given(method("POST"))
        .and(path("/internal/deliveries/replay"))
        .and(body_json(&range))
        .respond_with(ResponseTemplate::new(202).set_body_json(json!({"count": 3})))
        .mount(&app.alerts)
        .await;

    let answer = app.get("/api/v1/deliveries?status=failed&from=1772323200").await;
    assert_eq!(answer.json(), json!([delivery]));
    assert!(!answer.header("x-next-cursor").is_empty());
    assert_eq!(app.get(&format!("/api/v1/deliveries/{ID}")).await.json(), detail);
    let answer = send(app.request(Method::POST, &format!("/api/v1/deliveries/{ID}/replay"))).await;
    assert_eq!((answer.status.as_u16(), answer.json()), (202, delivery));
    let replay = |body: &Value| send(app.request(Method::POST, "/api/v1/deliveries/replay").json(body));
    let mut sent = range.clone();
    sent["status"] = json!("failed");
    let answer = replay(&sent).await;
    assert_eq!((answer.status.as_u16(), answer.json()), (202, json!({"count": 3})));

    let answer = replay(&json!({"endpoint_id": "x", "from": 1, "to": "yesterday", "status": "success"})).await;
    answer.problem(422, "validation_failed");
    assert_eq!(
        answer.violations(),
        [
            "body.endpoint_id uuid_parsing",
            "body.from string_type",
            "body.to datetime_parsing",
            "body.status enum",
        ]
    );
    let answer = app.get("/api/v1/deliveries?status=lost&alert_id=x").await;
    answer.problem(400, "invalid_parameter");
    assert_eq!(
        answer.violations(),
        ["query.status enum", "query.alert_id uuid_parsing"]
    );
}
