//! Rates, quotes, and what core-analytics and alerts know about the market.

use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};
use wiremock::matchers::{header, method, path, query_param, query_param_is_missing};
use wiremock::{Mock, ResponseTemplate};

use crate::harness::{INTERNAL_TOKEN, TestApp, send};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rates_are_fresh_exact_and_in_order() {
    let app = TestApp::start().await;
    let answer = app.get("/api/v1/rates/").await;
    let body = answer.problem(503, "rates_warming_up");
    assert_eq!(
        body["detail"],
        "Rates are currently warming up. Please try again in a few seconds."
    );

    app.publish("DOGE", "0.142300000000000000", 15_000).await;
    app.publish("BTC", "65420.15", 0).await;
    app.publish("ETH", "3100.123456789012345678", 100).await;
    app.publish("SOL", "142.80", 15_001).await;
    let expected = r#"{"BTC":65420.15,"ETH":3100.1235,"DOGE":0.1423}"#;
    testkit::eventually("the quotes are seen", || async {
        app.get("/api/v1/rates/").await.text == expected
    })
    .await;
    let answer = app.get("/api/v1/rates/").await;
    assert_eq!(answer.header("x-rates-missing"), "SOL,BNB");
    let answer = app.get("/api/v1/rates/?numbers=string").await;
    assert_eq!(
        answer.text,
        r#"{"BTC":"65420.15","ETH":"3100.123456789012345678","DOGE":"0.1423"}"#
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rates_need_a_key_unless_they_are_public() {
    let app = TestApp::start().await;
    app.publish("BTC", "1", 0).await;
    send(app.anonymous(Method::GET, "/api/v1/rates"))
        .await
        .problem(401, "missing_credentials");
    let (public, stop, _running) = app.start_gateway(&[("RATES_PUBLIC", "true")]).await;
    assert_eq!(
        send(app.http.get(format!("{public}/api/v1/rates"))).await.text,
        r#"{"BTC":1}"#
    );
    assert_eq!(send(app.http.get(format!("{public}/api/v1/quotes"))).await.status, 401);
    stop.cancel();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn quote_comes_in_the_envelope_with_all_fields() {
    let app = TestApp::start().await;
    let quote = app.publish("BTC", "70000.50", 1_900).await;
    let answer = app.get("/api/v1/quotes/btc").await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    let mut body = answer.json();
    assert!(body["status"]["elapsed"].take().is_u64());
    assert!(body["metadata"]["processing_time_ms"].take().is_f64());
    assert_eq!(
        body,
        json!({
            "status": {"state": "ok", "timestamp": "2026-03-01T12:00:00.000Z", "error_code": 0, "error_message": null,
                "elapsed": null, "credit_count": 1},
            "timestamp": "2026-03-01T12:00:00.000Z",
            "metadata": {"source": "aggregate", "sources": ["aggregate", "binance", "coingecko"],
            "processing_time_ms": null,
                "data_as_of": "2026-03-01T11:59:58.100Z", "age_ms": 1_900, "cache": "redis", "estimated": false,
                "request_id": answer.header("x-request-id")},
            "data": {"ticker": "BTC", "price": 70000.5, "currency": "USD", "confidence": 0.5,
            "confidence_bps": 0.0714, "bid": 1.1,
                "volume_24h": 123456.789, "change_24h": -1.25, "n_sources": 3, "quality": "ok",
                "as_of": "2026-03-01T11:59:58.100Z", "age_ms": 1_900, "price_id": quote.price_id.to_string(),
                "method": "wmedian/1", "flags": []},
        })
    );
    // Quotes are kept in the process for a moment, so of many requests at once some are answered from there.
    let requests: Vec<_> = (0..20).map(|_| app.get("/api/v1/quotes/btc")).collect();
    let answers = futures_util::future::join_all(requests).await;
    let of_process = answers
        .iter()
        .filter(|answer| answer.json()["metadata"]["cache"] == "process")
        .count();
    assert!(of_process > 0, "{of_process}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn old_quote_is_served_as_stale() {
    let app = TestApp::start().await;
    app.publish("BTC", "1", 15_001).await;
    app.publish("ETH", "2", 0).await;
    let body = app.get("/api/v1/quotes/BTC").await.json();
    assert_eq!(
        (&body["status"]["state"], &body["data"]["quality"]),
        (&json!("stale"), &json!("stale"))
    );
    let body = app.get("/api/v1/quotes").await.json();
    let tickers: Vec<&str> = body["data"]
        .as_array()
        .unwrap()
        .iter()
        .map(|quote| quote["ticker"].as_str().unwrap())
        .collect();
    assert_eq!(tickers, ["BTC", "ETH"]);
    assert_eq!(body["status"]["state"], "stale");
    assert_eq!(body["pagination"]["total_count"], 2);
    let body = app.get("/api/v1/quotes?tickers=eth,eth,NOPE&convert=USD").await.json();
    assert_eq!(body["data"].as_array().unwrap().len(), 1);
    assert_eq!(body["status"]["state"], "ok");
    app.get("/api/v1/quotes/SOL").await.problem(404, "token_not_found");
    app.get("/api/v1/quotes/NOPE").await.problem(404, "token_not_found");
}

fn sourced(data: &Value) -> ResponseTemplate {
    ResponseTemplate::new(200).set_body_json(json!({
        "data": data, "state": "degraded", "as_of": "2026-03-01T11:59:00.000Z", "sources": ["candles"],
        "estimated": true
    }))
}

pub fn stats() -> Value {
    let mut stats = json!({"symbol": "BTC", "window": "30d", "interval": "1h", "n": 720,
        "standard_errors": {"volatility": 0.001},
        "periods_per_year": 8760.0, "definitions_version": "1", "undefined": {"sharpe_ratio": "zero_volatility"}});
    for name in [
        "coverage",
        "first",
        "last",
        "average_price",
        "max_price",
        "min_price",
        "change_percent",
        "volatility",
        "annualized_volatility",
        "max_drawdown",
        "current_drawdown",
        "sharpe_ratio",
        "sortino_ratio",
        "downside_risk",
        "annualized_downside_risk",
        "calmar_ratio",
        "var_95",
        "cvar_95",
        "skew",
        "kurtosis",
    ] {
        stats[name] = if name == "sharpe_ratio" {
            Value::Null
        } else {
            json!(0.25)
        };
    }
    stats
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn statistics_pass_through_with_their_origin() {
    let app = TestApp::start().await;
    Mock::given(method("GET"))
        .and(path("/internal/analytics/BTC/stats"))
        .and(header("x-internal-token", INTERNAL_TOKEN))
        .and(query_param("window", "90d"))
        .and(query_param("returns", "log"))
        .and(query_param("risk_free", "0.02"))
        .and(query_param_is_missing("interval"))
        .respond_with(sourced(&stats()))
        .mount(&app.analytics)
        .await;
    let answer = app
        .get("/api/v1/analytics/btc/stats?window=90d&returns=log&risk_free=0.02")
        .await;
    let body = answer.json();
    assert_eq!(body["data"], stats(), "{body}");
    assert_eq!(body["status"]["state"], "degraded");
    assert_eq!(body["metadata"]["age_ms"], 60_000);
    assert_eq!(body["metadata"]["estimated"], true);
    assert!(answer.header("etag").starts_with("W/"));
    let strings = app
        .get("/api/v1/analytics/btc/stats?window=90d&returns=log&risk_free=0.02&numbers=string")
        .await
        .json();
    assert_eq!(
        (&strings["data"]["volatility"], &strings["data"]["n"]),
        (&json!("0.25"), &json!(720))
    );
    app.get("/api/v1/analytics/NOPE/stats")
        .await
        .problem(404, "token_not_found");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn series_and_correlations_pass_through() {
    let app = TestApp::start().await;
    let series = json!({"symbol": "BTC", "interval": "1h", "t": ["2026-03-01T11:00:00.000Z"], "price": [1.5],
        "drawdown": [null],
        "n_source": 1, "downsampled": false});
    Mock::given(path("/internal/analytics/BTC/timeseries"))
        .and(query_param("from", "2026-02-01T00:00:00.000Z"))
        .and(query_param("max_points", "100"))
        .and(query_param("series", "price,drawdown"))
        .respond_with(sourced(&series))
        .mount(&app.analytics)
        .await;
    let query = "from=1769904000&max_points=100&series=price,drawdown";
    let body = app
        .get(&format!("/api/v1/analytics/BTC/timeseries?{query}"))
        .await
        .json();
    assert_eq!(body["data"], series, "{body}");

    let matrix = json!({"symbols": ["BTC", "ETH"], "matrix": [[1.0, null], [null, 1.0]], "n_overlap": 3,
        "n_overlaps": [[4, 3], [3, 5]],
            "method": "spearman"});
    Mock::given(path("/internal/analytics/correlation"))
        .and(query_param("symbols", "BTC,ETH"))
        .and(query_param("method", "spearman"))
        .respond_with(sourced(&matrix))
        .mount(&app.analytics)
        .await;
    let body = app
        .get("/api/v1/analytics/correlation?symbols=btc,eth&method=spearman")
        .await
        .json();
    assert_eq!(body["data"], matrix, "{body}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn candles_are_a_page() {
    let app = TestApp::start().await;
    let bar = json!({"t": "2026-03-01T11:00:00.000Z", "o": 1.5, "h": 2, "l": 1, "c": 1.75, "v": null, "n": 7,
        "closed": true,
        "backfilled": true, "source": "coingecko", "quote_rate_assumed": false});
    Mock::given(path("/internal/candles/BTC"))
        .and(query_param("interval", "1h"))
        .and(query_param("limit", "1"))
        .respond_with(sourced(&json!({"items": [bar], "next_cursor": "next"})))
        .mount(&app.analytics)
        .await;
    let answer = app.get("/api/v1/candles/BTC?interval=1h&limit=1").await;
    let body = answer.json();
    assert_eq!(body["data"], json!([bar]), "{body}");
    assert_eq!(body["pagination"]["limit"], 1);
    assert_ne!(answer.header("x-next-cursor"), "");
    assert_eq!(body["pagination"]["next_cursor"], answer.header("x-next-cursor"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn monitors_are_degraded_while_a_level_is_unknown() {
    let app = TestApp::start().await;
    let check =
        json!({"name": "price_drop", "value": 5, "warning": 5, "alert": 10, "level": "Warning", "reason": null});
    let known = json!({"symbol": "BTC", "level": "Warning", "since": "2026-03-01T11:00:00.000Z",
        "as_of": "2026-03-01T11:59:00.000Z", "checks": [check]});
    let unknown = json!({"symbol": "ETH", "level": null, "since": null, "as_of": null, "checks": []});
    Mock::given(path("/internal/risk/monitors"))
        .and(query_param("symbols", "BTC"))
        .respond_with(ResponseTemplate::new(200).set_body_json(json!([known])))
        .mount(&app.alerts)
        .await;
    Mock::given(path("/internal/risk/monitors"))
        .and(query_param_is_missing("symbols"))
        .respond_with(ResponseTemplate::new(200).set_body_json(json!([known, unknown])))
        .mount(&app.alerts)
        .await;
    let body = app.get("/api/v1/risk/monitors?symbols=btc").await.json();
    assert_eq!(
        (&body["status"]["state"], &body["data"][0]["symbol"]),
        (&json!("ok"), &json!("BTC"))
    );
    let body = app.get("/api/v1/risk/monitors").await.json();
    assert_eq!(
        (&body["status"]["state"], body["data"].as_array().unwrap().len()),
        (&json!("degraded"), 2)
    );
    assert_eq!(body["metadata"]["data_as_of"], "2026-03-01T11:59:00.000Z");
    assert_eq!(body["metadata"]["age_ms"], 60_000);
    // Nobody computes levels any more.
    app.clock.advance(Duration::from_secs(300));
    let body = app.get("/api/v1/risk/monitors?symbols=btc").await.json();
    assert_eq!(body["status"]["state"], "stale");
}
