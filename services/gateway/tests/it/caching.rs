//! Entity tags and conditional requests.

use reqwest::Method;
use serde_json::json;
use wiremock::matchers::path;
use wiremock::{Mock, ResponseTemplate};

use crate::harness::{Answer, TestApp, send};

async fn again(app: &TestApp, path: &str, tag: &str) -> Answer {
    send(app.request(Method::GET, path).header("If-None-Match", tag)).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn known_representation_is_not_sent_again() {
    let app = TestApp::start().await;
    app.publish("BTC", "70000.5", 100).await;
    for path in ["/api/v1/rates/", "/api/v1/quotes", "/api/v1/quotes/BTC"] {
        let first = app.get(path).await;
        let tag = first.header("etag").to_owned();
        assert!(tag.starts_with("W/\""), "{path} {tag}");
        assert_eq!(first.header("cache-control"), "private, max-age=1", "{path}");
        // Ages differ by now, prices do not.
        app.clock.advance(std::time::Duration::from_millis(50));
        for sent in [
            tag.clone(),
            format!("\"x\", {tag}"),
            "*".to_owned(),
            tag.trim_start_matches("W/").to_owned(),
        ] {
            let answer = again(&app, path, &sent).await;
            assert_eq!(
                (answer.status.as_u16(), answer.text.as_str()),
                (304, ""),
                "{path} {sent}"
            );
            assert_eq!(answer.header("etag"), tag, "{path}");
            assert_eq!(answer.header("cache-control"), "private, max-age=1", "{path}");
            assert!(!answer.header("ratelimit").is_empty(), "{path}");
        }
        assert_eq!(again(&app, path, "\"other\"").await.status, 200, "{path}");
        assert_eq!(
            again(&app, &format!("{path}?numbers=string"), &tag).await.status,
            200,
            "{path}"
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn new_price_has_a_new_tag() {
    let app = TestApp::start().await;
    app.publish("BTC", "70000.5", 100).await;
    let before = app.get("/api/v1/quotes/BTC").await;
    app.publish("BTC", "70000.5", 0).await;
    testkit::eventually("the new quote is seen", || async {
        again(&app, "/api/v1/quotes/BTC", before.header("etag")).await.status == 200
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn stale_data_have_another_tag() {
    let app = TestApp::start().await;
    let answer = |state: &str| {
        let body = json!({"data": {"items": [], "next_cursor": null}, "state": state, "as_of": null,
        "sources": ["candles"],
            "estimated": false});
        Mock::given(path("/internal/candles/BTC")).respond_with(ResponseTemplate::new(200).set_body_json(body))
    };
    answer("ok").mount(&app.analytics).await;
    let first = app.get("/api/v1/candles/BTC").await;
    assert_eq!(first.status, 200, "{}", first.text);
    assert_eq!(
        again(&app, "/api/v1/candles/BTC", first.header("etag")).await.status,
        304
    );
    app.analytics.reset().await;
    answer("stale").mount(&app.analytics).await;
    let later = again(&app, "/api/v1/candles/BTC", first.header("etag")).await;
    assert_eq!(later.status, 200);
    assert_eq!(later.json()["status"]["state"], "stale");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn openapi_document_is_conditional_too() {
    let app = TestApp::start().await;
    let first = send(app.anonymous(Method::GET, "/openapi.json")).await;
    assert_eq!(first.json()["openapi"], "3.1.0");
    let same = send(app.anonymous(Method::GET, "/docs-json")).await;
    assert_eq!(first.text, same.text);
    let tag = first.header("etag");
    let strong = tag.trim_start_matches("W/");
    for sent in [tag, strong, "*", &format!("\"x\", {tag}"), &format!("\"x\",W/{strong}")] {
        assert_eq!(again(&app, "/openapi.json", sent).await.status, 304, "{sent}");
    }
    assert_eq!(again(&app, "/openapi.json", "\"other\"").await.status, 200);
}
