use std::time::{Duration, Instant};

use market_sim::{CorruptPrice, FaultKind, FaultRequest, Venue};
use serde_json::json;

use crate::harness::{TestApp, client};

const PRICE: &str = "/api/v3/ticker/price?symbol=BTCUSDT";
const SIMPLE: &str = "/simple/price?ids=bitcoin,ethereum&vs_currencies=usd";

#[tokio::test]
async fn a_rate_limit_says_when_to_come_back() {
    let app = TestApp::new();
    let request = json!({
        "venue": "binance", "endpoint": "ticker/price", "kind": "rate_limited", "retry_after": 7, "remaining": 1,
    });
    assert_eq!(app.post("/_sim/faults", request).await.status, 200);
    let answer = app.get(Venue::Binance, PRICE).await;
    assert_eq!((answer.status, answer.header("retry-after")), (429, Some("7")));
    assert_eq!(answer.json()["code"], -1003);
    assert_eq!(app.get(Venue::Binance, PRICE).await.status, 200);
}

#[tokio::test]
async fn servers_fail_in_their_own_words() {
    let app = TestApp::new();
    for venue in Venue::ALL {
        app.simulator
            .add_fault(FaultRequest::new(venue, FaultKind::ServerError { status: 503 }).times(1))
            .unwrap();
        let path = match venue {
            Venue::Binance => PRICE,
            Venue::CoinGecko => SIMPLE,
            Venue::CoinMarketCap => "/v1/cryptocurrency/quotes/latest?id=1",
        };
        let answer = app.get(venue, path).await;
        assert_eq!(answer.status, 503);
        assert!(answer.json().is_object());
        assert_eq!(app.get(venue, path).await.status, 200);
    }
}

#[tokio::test]
async fn a_page_for_people_comes_with_status_200() {
    let app = TestApp::new();
    app.simulator
        .add_fault(FaultRequest::new(Venue::CoinGecko, FaultKind::Html))
        .unwrap();
    let answer = app.get(Venue::CoinGecko, SIMPLE).await;
    assert_eq!(answer.status, 200);
    assert!(answer.header("content-type").unwrap().starts_with("text/html"));
    assert!(answer.text.starts_with("<!DOCTYPE html>"));
    assert_eq!(app.delete("/_sim/faults").await.json(), json!({"lifted": 1}));
    assert_eq!(
        app.get(Venue::CoinGecko, SIMPLE).await.header("content-type"),
        Some("application/json; charset=utf-8")
    );
}

#[tokio::test]
async fn a_truncated_body_is_not_json() {
    let app = TestApp::new();
    app.simulator
        .add_fault(FaultRequest::new(Venue::Binance, FaultKind::Truncated))
        .unwrap();
    let answer = app.get(Venue::Binance, PRICE).await;
    assert_eq!(answer.status, 200);
    assert!(
        serde_json::from_str::<serde_json::Value>(&answer.text).is_err(),
        "{}",
        answer.text
    );
}

#[tokio::test]
async fn absurd_prices_spoil_one_asset_only() {
    let app = TestApp::new();
    for (what, binance, gecko) in [
        (CorruptPrice::Nan, "\"NaN\"", "NaN"),
        (CorruptPrice::Negative, "\"-1.00000000\"", "-1.0"),
        (CorruptPrice::Zero, "\"0.00000000\"", "0.0"),
        (CorruptPrice::Huge, "\"1e300\"", "1e300"),
        (
            CorruptPrice::WrongType,
            "{\"unexpected\":[true]}",
            "{\"unexpected\":[true]}",
        ),
        (CorruptPrice::Empty, "\"\"", "null"),
    ] {
        app.simulator.clear_faults();
        for venue in [Venue::Binance, Venue::CoinGecko] {
            app.simulator
                .add_fault(FaultRequest::new(venue, FaultKind::Absurd { what }).for_symbol("BTC"))
                .unwrap();
        }
        let answer = app.get(Venue::Binance, PRICE).await;
        assert_eq!(answer.text, format!("{{\"symbol\":\"BTCUSDT\",\"price\":{binance}}}"));
        let answer = app.get(Venue::CoinGecko, SIMPLE).await;
        assert!(
            answer
                .text
                .starts_with(&format!("{{\"bitcoin\":{{\"usd\":{gecko}}},\"ethereum\":{{\"usd\":")),
            "{}",
            answer.text
        );
        assert!(app.exchange_price("ETHUSDT").await.parse::<f64>().unwrap() > 1.0);
    }
}

#[tokio::test]
async fn slow_answers_come_late_and_hanging_ones_never() {
    let app = TestApp::new();
    app.simulator
        .add_fault(FaultRequest::new(Venue::Binance, FaultKind::Slow { ms: 150 }).times(1))
        .unwrap();
    let begun = Instant::now();
    assert_eq!(app.get(Venue::Binance, PRICE).await.status, 200);
    assert!(begun.elapsed() >= Duration::from_millis(150));
    app.simulator
        .add_fault(FaultRequest::new(Venue::Binance, FaultKind::Hang))
        .unwrap();
    let impatient = client(Duration::from_millis(150));
    let url = format!("{}{PRICE}", app.simulator.base_url(Venue::Binance));
    let error = impatient.get(url).send().await.unwrap_err();
    assert!(error.is_timeout(), "{error}");
    // A hanging venue delays no other.
    assert_eq!(app.get(Venue::CoinGecko, SIMPLE).await.status, 200);
}

#[tokio::test]
async fn a_venue_can_lie_by_a_percentage() {
    let app = TestApp::new();
    let honest: f64 = app.exchange_price("BTCUSDT").await.parse().unwrap();
    let request =
        json!({"venue": "binance", "kind": "price_offset", "percent": 30, "symbol": "BTCUSDT", "duration_ms": 5_000});
    assert_eq!(app.post("/_sim/faults", request).await.status, 200);
    let lying: f64 = app.exchange_price("BTCUSDT").await.parse().unwrap();
    assert!((lying / honest - 1.3).abs() < 1e-6, "{lying} and {honest}");
    let day = app
        .get(Venue::Binance, "/api/v3/ticker/24hr?symbol=BTCUSDT")
        .await
        .json();
    assert_eq!(day["lastPrice"].as_str().unwrap().parse::<f64>().unwrap(), lying);
    app.clock.advance(5_000);
    let again: f64 = app.exchange_price("BTCUSDT").await.parse().unwrap();
    assert!((again / honest - 1.0).abs() < 0.01);
}

#[tokio::test]
async fn frozen_prices_keep_their_time() {
    let app = TestApp::new();
    let path = "/simple/price?ids=bitcoin&vs_currencies=usd&precision=full&include_last_updated_at=true";
    app.simulator
        .add_fault(FaultRequest::new(Venue::CoinGecko, FaultKind::Freeze))
        .unwrap();
    let before = app.get(Venue::CoinGecko, path).await.text;
    let exchange = app.exchange_price("BTCUSDT").await;
    app.clock.advance(120_000);
    assert_eq!(app.get(Venue::CoinGecko, path).await.text, before);
    assert_ne!(app.exchange_price("BTCUSDT").await, exchange);
    app.simulator.clear_faults();
    assert_ne!(app.get(Venue::CoinGecko, path).await.text, before);
}

#[tokio::test]
async fn wishes_that_make_no_sense_are_refused() {
    let app = TestApp::new();
    for request in [
        json!({"venue": "nowhere", "kind": "hang"}),
        json!({"venue": "binance", "endpoint": "nothing", "kind": "hang"}),
        json!({"venue": "binance", "kind": "server_error", "status": 200}),
        json!({"venue": "binance", "kind": "price_offset", "percent": -100}),
        json!({"venue": "binance", "kind": "unheard_of"}),
        json!({"venue": "binance", "kind": "hang", "symbol": "NOPE"}),
    ] {
        assert_eq!(app.post("/_sim/faults", request.clone()).await.status, 400, "{request}");
    }
    assert_eq!(app.plain("/_sim/faults").await.json(), json!([]));
}
