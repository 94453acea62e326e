use std::time::{Duration, Instant};

use market_sim::{CorruptPrice, FaultKind, FaultRequest, Venue};
use serde_json::json;

use crate::harness::{Harness, client};

const PRICE: &str = "/api/v3/ticker/price?symbol=BTCUSDT";
const SIMPLE: &str = "/simple/price?ids=bitcoin,ethereum&vs_currencies=usd";

#[tokio::test]
async fn a_rate_limit_says_when_to_come_back() {
    let harness = Harness::new();
    let request = json!({"venue": "binance", "endpoint": "ticker/price", "kind": "rate_limited", "retry_after": 7, "remaining": 1});
    assert_eq!(harness.post("/_sim/faults", request).await.status, 200);
    let answer = harness.get(Venue::Binance, PRICE).await;
    assert_eq!((answer.status, answer.header("retry-after")), (429, Some("7")));
    assert_eq!(answer.json()["code"], -1003);
    assert_eq!(harness.get(Venue::Binance, PRICE).await.status, 200);
}

#[tokio::test]
async fn servers_fail_in_their_own_words() {
    let harness = Harness::new();
    for venue in Venue::ALL {
        harness
            .simulator
            .add_fault(FaultRequest::new(venue, FaultKind::ServerError { status: 503 }).times(1))
            .unwrap();
        let path = match venue {
            Venue::Binance => PRICE,
            Venue::CoinGecko => SIMPLE,
            Venue::CoinMarketCap => "/v1/cryptocurrency/quotes/latest?id=1",
        };
        let answer = harness.get(venue, path).await;
        assert_eq!(answer.status, 503);
        assert!(answer.json().is_object());
        assert_eq!(harness.get(venue, path).await.status, 200);
    }
}

#[tokio::test]
async fn a_page_for_people_comes_with_status_200() {
    let harness = Harness::new();
    harness
        .simulator
        .add_fault(FaultRequest::new(Venue::CoinGecko, FaultKind::Html))
        .unwrap();
    let answer = harness.get(Venue::CoinGecko, SIMPLE).await;
    assert_eq!(answer.status, 200);
    assert!(answer.header("content-type").unwrap().starts_with("text/html"));
    assert!(answer.text.starts_with("<!DOCTYPE html>"));
    assert_eq!(harness.delete("/_sim/faults").await.json(), json!({"lifted": 1}));
    assert_eq!(
        harness.get(Venue::CoinGecko, SIMPLE).await.header("content-type"),
        Some("application/json; charset=utf-8")
    );
}

#[tokio::test]
async fn a_truncated_body_is_not_json() {
    let harness = Harness::new();
    harness
        .simulator
        .add_fault(FaultRequest::new(Venue::Binance, FaultKind::Truncated))
        .unwrap();
    let answer = harness.get(Venue::Binance, PRICE).await;
    assert_eq!(answer.status, 200);
    assert!(
        serde_json::from_str::<serde_json::Value>(&answer.text).is_err(),
        "{}",
        answer.text
    );
}

#[tokio::test]
async fn absurd_prices_spoil_one_asset_only() {
    let harness = Harness::new();
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
        harness.simulator.clear_faults();
        for venue in [Venue::Binance, Venue::CoinGecko] {
            harness
                .simulator
                .add_fault(FaultRequest::new(venue, FaultKind::Absurd { what }).for_symbol("BTC"))
                .unwrap();
        }
        let answer = harness.get(Venue::Binance, PRICE).await;
        assert_eq!(answer.text, format!("{{\"symbol\":\"BTCUSDT\",\"price\":{binance}}}"));
        let answer = harness.get(Venue::CoinGecko, SIMPLE).await;
        assert!(
            answer
                .text
                .starts_with(&format!("{{\"bitcoin\":{{\"usd\":{gecko}}},\"ethereum\":{{\"usd\":")),
            "{}",
            answer.text
        );
        assert!(harness.exchange_price("ETHUSDT").await.parse::<f64>().unwrap() > 1.0);
    }
}

#[tokio::test]
async fn slow_answers_come_late_and_hanging_ones_never() {
    let harness = Harness::new();
    harness
        .simulator
        .add_fault(FaultRequest::new(Venue::Binance, FaultKind::Slow { ms: 150 }).times(1))
        .unwrap();
    let begun = Instant::now();
    assert_eq!(harness.get(Venue::Binance, PRICE).await.status, 200);
    assert!(begun.elapsed() >= Duration::from_millis(150));
    harness
        .simulator
        .add_fault(FaultRequest::new(Venue::Binance, FaultKind::Hang))
        .unwrap();
    let impatient = client(Duration::from_millis(150));
    let url = format!("{}{PRICE}", harness.simulator.base_url(Venue::Binance));
    let error = impatient.get(url).send().await.unwrap_err();
    assert!(error.is_timeout(), "{error}");
    // A hanging venue delays no other.
    assert_eq!(harness.get(Venue::CoinGecko, SIMPLE).await.status, 200);
}

#[tokio::test]
async fn a_venue_can_lie_by_a_percentage() {
    let harness = Harness::new();
    let honest: f64 = harness.exchange_price("BTCUSDT").await.parse().unwrap();
    let request =
        json!({"venue": "binance", "kind": "price_offset", "percent": 30, "symbol": "BTCUSDT", "duration_ms": 5_000});
    assert_eq!(harness.post("/_sim/faults", request).await.status, 200);
    let lying: f64 = harness.exchange_price("BTCUSDT").await.parse().unwrap();
    assert!((lying / honest - 1.3).abs() < 1e-6, "{lying} and {honest}");
    let day = harness
        .get(Venue::Binance, "/api/v3/ticker/24hr?symbol=BTCUSDT")
        .await
        .json();
    assert_eq!(day["lastPrice"].as_str().unwrap().parse::<f64>().unwrap(), lying);
    harness.clock.advance(5_000);
    let again: f64 = harness.exchange_price("BTCUSDT").await.parse().unwrap();
    assert!((again / honest - 1.0).abs() < 0.01);
}

#[tokio::test]
async fn frozen_prices_keep_their_time() {
    let harness = Harness::new();
    let path = "/simple/price?ids=bitcoin&vs_currencies=usd&precision=full&include_last_updated_at=true";
    harness
        .simulator
        .add_fault(FaultRequest::new(Venue::CoinGecko, FaultKind::Freeze))
        .unwrap();
    let before = harness.get(Venue::CoinGecko, path).await.text;
    let exchange = harness.exchange_price("BTCUSDT").await;
    harness.clock.advance(120_000);
    assert_eq!(harness.get(Venue::CoinGecko, path).await.text, before);
    assert_ne!(harness.exchange_price("BTCUSDT").await, exchange);
    harness.simulator.clear_faults();
    assert_ne!(harness.get(Venue::CoinGecko, path).await.text, before);
}

#[tokio::test]
async fn wishes_that_make_no_sense_are_refused() {
    let harness = Harness::new();
    for request in [
        json!({"venue": "nowhere", "kind": "hang"}),
        json!({"venue": "binance", "endpoint": "nothing", "kind": "hang"}),
        json!({"venue": "binance", "kind": "server_error", "status": 200}),
        json!({"venue": "binance", "kind": "price_offset", "percent": -100}),
        json!({"venue": "binance", "kind": "unheard_of"}),
        json!({"venue": "binance", "kind": "hang", "symbol": "NOPE"}),
    ] {
        assert_eq!(
            harness.post("/_sim/faults", request.clone()).await.status,
            400,
            "{request}"
        );
    }
    assert_eq!(harness.plain("/_sim/faults").await.json(), json!([]));
}
