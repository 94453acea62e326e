//! Tokens, as core-analytics knows them.

use serde_json::{Value, json};
use wiremock::matchers::{method, path, query_param, query_param_is_missing};
use wiremock::{Mock, ResponseTemplate};

use crate::harness::TestApp;

fn row(id: i64) -> Value {
    json!({
        "id": id, "name": "Bitcoin", "symbol": "BTC", "slug": "bitcoin", "cmc_rank": 1,
        "last_updated": "2026-03-01T11:59:30.000Z", "freshness": {"age_ms": 30_000, "state": "fresh"},
        "quote": {"USD": {
            "price": 65420.151234567, "volume_24h": 1e9, "market_cap": 1200000000000.5,
            "percent_change_1h": 0.5, "percent_change_24h": null, "percent_change_7d": -1.25,
            "velocity": 0.0325, "velocity_trend": "stable", "vwap_24h": null,
        }},
        "flags": [],
    })
}

fn answer(value: &Value, ambiguous: &[i64]) -> ResponseTemplate {
    let data = json!({"value": value, "version": 7, "cache": "redis", "ambiguous": ambiguous});
    ResponseTemplate::new(200).set_body_json(json!({
        "data": data, "state": "degraded", "as_of": "2026-03-01T11:59:30.000Z", "sources": ["coingecko"],
        "estimated": true,
    }))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn list_of_tokens_is_passed_on_page_by_page() {
    let app = TestApp::start().await;
    let page = |next: Option<&str>, start: u64| {
        answer(
            &json!({"items": [row(1)], "total": 201, "start": start, "next_cursor": next}),
            &[],
        )
    };
    Mock::given(path("/internal/tokens"))
        .and(query_param("sort", "velocity"))
        .and(query_param("min_market_cap", "1000.5"))
        .and(query_param("ids", "1,2"))
        .and(query_param_is_missing("cursor"))
        .respond_with(page(Some("7.100"), 1))
        .mount(&app.analytics)
        .await;
    Mock::given(path("/internal/tokens"))
        .and(query_param("cursor", "7.100"))
        .respond_with(page(None, 101))
        .mount(&app.analytics)
        .await;
    let url = "/api/v1/tokens?sort=velocity&min_market_cap=1000.50&ids=1,%202&convert=USD";
    let first = app.get(url).await;
    assert_eq!(first.status, 200, "{}", first.text);
    let body = first.json();
    assert_eq!(body["status"]["state"], "degraded");
    assert_eq!(body["metadata"]["cache"], "redis");
    assert_eq!(
        (&body["metadata"]["source"], &body["metadata"]["estimated"]),
        (&json!("coingecko"), &json!(true))
    );
    assert!(body["metadata"].get("ambiguous").is_none());
    assert_eq!(body["data"][0]["quote"]["USD"]["velocity"], 0.0325);
    let pagination = &body["pagination"];
    assert_eq!(
        (
            &pagination["total_count"],
            &pagination["total_pages"],
            &pagination["page"],
            &pagination["start"]
        ),
        (&json!(201), &json!(3), &json!(1), &json!(1))
    );
    let cursor = first.header("x-next-cursor");
    assert_eq!(pagination["next_cursor"], cursor);
    let second = app.get(&format!("{url}&cursor={cursor}")).await.json();
    assert_eq!(
        (&second["pagination"]["page"], &second["pagination"]["next_cursor"]),
        (&json!(2), &Value::Null)
    );
    // A cursor of another list.
    app.get(&format!("/api/v1/tokens?sort=name&cursor={cursor}"))
        .await
        .problem(400, "invalid_cursor");
    let exact = app.get(&format!("{url}&numbers=string")).await.json();
    assert_eq!(exact["data"][0]["quote"]["USD"]["price"], "65420.151234567");
    let same = app
        .http
        .get(format!("{}{url}", app.base))
        .header("X-API-Key", crate::harness::KEY)
        .header("If-None-Match", first.header("etag"));
    assert_eq!(crate::harness::send(same).await.status, 304);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn other_tokens_of_a_symbol_are_named() {
    let app = TestApp::start().await;
    let velocity = json!({
        "token_id": 1, "symbol": "BTC",
        "velocity_metrics": {
            "current_velocity": 0.03, "velocity_1h": null, "velocity_4h": null, "velocity_12h": null,
            "velocity_24h": 0.04, "velocity_7d": null, "velocity_30d": null,
        },
        "trend_analysis": {
            "trend_1h": "stable", "trend_4h": "stable", "trend_12h": "stable", "trend_24h": "increasing",
            "trend_7d": "insufficient_data", "volatility_score": 0.1, "momentum_indicator": null,
        },
        "calculation_details": {
            "volume_24h": 100, "market_cap": 1000, "method": "market_cap",
            "calculation_time": "2026-03-01T12:00:00.000Z", "data_quality_score": 0.72, "flags": [],
        },
    });
    Mock::given(path("/internal/tokens/btc/velocity"))
        .respond_with(answer(&velocity, &[5, 9]))
        .mount(&app.analytics)
        .await;
    let body = app.get("/api/v1/tokens/btc/velocity").await.json();
    assert_eq!(body["metadata"]["ambiguous"], json!([5, 9]));
    assert_eq!(body["data"]["trend_analysis"]["trend_24h"], "increasing");
    let short = app.get("/api/v1/tokens/btc/velocity?include_trend=false").await.json();
    assert!(short["data"].get("trend_analysis").is_none(), "{short}");

    let problem = |kind: &str, status: u16| {
        ResponseTemplate::new(status).set_body_json(json!({"type": kind, "status": status, "detail": "Ids: 1, 5."}))
    };
    Mock::given(path("/internal/tokens/btc"))
        .and(query_param("strict", "true"))
        .respond_with(problem("ambiguous_symbol", 409))
        .mount(&app.analytics)
        .await;
    let body = app
        .get("/api/v1/tokens/btc?strict=true")
        .await
        .problem(409, "ambiguous_symbol");
    assert_eq!(body["detail"], "Ids: 1, 5.");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn wrong_parameters_of_tokens_are_refused_here() {
    let app = TestApp::start().await;
    Mock::given(method("GET"))
        .respond_with(ResponseTemplate::new(500))
        .expect(0)
        .mount(&app.analytics)
        .await;
    for query in [
        "tokens?limit=0",
        "tokens?sort=size",
        "tokens?sort_dir=up",
        "tokens?min_velocity=-1",
        "tokens?max_market_cap=1e400",
        "tokens?ids=1,x",
        "tokens?symbols=a,,b",
        "tokens?convert=XYZ",
        "tokens/search",
        "tokens/search?q=%20%20",
        "tokens/search?q=a&limit=101",
        "tokens/..%2Fcandles",
        "tokens/a%20b",
        "tokens/1?strict=maybe",
        "tokens/1/velocity?timeframe=2h",
        "tokens/1/history?interval=1m",
        "tokens/1/history?limit=1001",
    ] {
        let answer = app.get(&format!("/api/v1/{query}")).await;
        assert_eq!(answer.status, 400, "{query}: {}", answer.text);
        answer.problem(400, "invalid_parameter");
    }
    app.get("/api/v1/tokens/1/history?time_start=2026-03-02T00:00:00Z&time_end=2026-03-01T00:00:00Z")
        .await
        .problem(400, "invalid_range");
}
