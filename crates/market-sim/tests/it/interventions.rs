use market_sim::Venue;
use serde_json::json;

use crate::harness::TestApp;

#[tokio::test]
async fn a_nailed_price_is_shown_exactly_everywhere_and_at_once() {
    let app = TestApp::with(|config| {
        config.refresh_ms = market_sim::PerVenue {
            binance: 60_000,
            coingecko: 60_000,
            coinmarketcap: 60_000,
        };
    });
    assert_eq!(
        app.post("/_sim/prices", json!({"ticker": "USDT", "price": 1}))
            .await
            .status,
        200
    );
    assert_eq!(
        app.post("/_sim/prices", json!({"ticker": "BTC", "price": 64123.12345678}))
            .await
            .status,
        200
    );
    app.clock.advance(1);
    assert_eq!(app.exchange_price("BTCUSDT").await, "64123.12345678");
    let answer = app
        .get(Venue::CoinGecko, "/simple/price?ids=bitcoin&vs_currencies=usd")
        .await;
    assert_eq!(answer.text, r#"{"bitcoin":{"usd":64123.12345678}}"#);
    let answer = app
        .get(Venue::CoinMarketCap, "/v3/cryptocurrency/quotes/latest?id=1")
        .await;
    assert!(answer.text.contains(r#""price":64123.12345678,"#), "{}", answer.text);
    let rows = app
        .get(Venue::Binance, "/api/v3/klines?symbol=BTCUSDT&interval=1m&limit=1")
        .await
        .json();
    assert_eq!(rows[0][4], "64123.12345678");
    assert_eq!(app.delete("/_sim/prices?ticker=BTC").await.json(), json!({"freed": 1}));
    app.clock.advance(60_000);
    assert_ne!(app.exchange_price("BTCUSDT").await, "64123.12345678");
}

#[tokio::test]
async fn a_crash_happens_in_its_time_and_stays() {
    let app = TestApp::new();
    let before: f64 = app.exchange_price("ETHUSDT").await.parse().unwrap();
    let answer = app
        .post("/_sim/moves", json!({"ticker": "ETH", "percent": -20, "seconds": 10}))
        .await;
    assert_eq!(answer.status, 200);
    app.clock.advance(5_000);
    let middle: f64 = app.exchange_price("ETHUSDT").await.parse().unwrap();
    assert!(middle < before * 0.95 && middle > before * 0.85, "{before} {middle}");
    app.clock.advance(5_000);
    let after: f64 = app.exchange_price("ETHUSDT").await.parse().unwrap();
    assert!((after / before - 0.8).abs() < 0.01, "{before} {after}");
    app.clock.advance(600_000);
    let later: f64 = app.exchange_price("ETHUSDT").await.parse().unwrap();
    assert!(later < before * 0.9, "{before} {later}");
    let day = app
        .get(Venue::Binance, "/api/v3/ticker/24hr?symbol=ETHUSDT")
        .await
        .json();
    assert!(day["highPrice"].as_str().unwrap().parse::<f64>().unwrap() >= before);
    let rows = app
        .get(Venue::Binance, "/api/v3/klines?symbol=ETHUSDT&interval=1m&limit=15")
        .await
        .json();
    for pair in rows.as_array().unwrap().windows(2) {
        assert_eq!(pair[0][4], pair[1][1], "candles join");
    }
}

#[tokio::test]
async fn a_crash_heals_itself_where_that_is_asked_for() {
    let app = TestApp::new();
    let before: f64 = app.exchange_price("ETHUSDT").await.parse().unwrap();
    let crash = json!({"ticker": "ETH", "percent": -20, "seconds": 10, "recover_after": 20});
    assert_eq!(app.post("/_sim/moves", crash).await.status, 200);
    app.clock.advance(25_000);
    let crashed: f64 = app.exchange_price("ETHUSDT").await.parse().unwrap();
    assert!((crashed / before - 0.8).abs() < 0.01, "{before} {crashed}");
    app.clock.advance(15_000);
    let healed: f64 = app.exchange_price("ETHUSDT").await.parse().unwrap();
    assert!((healed / before - 1.0).abs() < 0.01, "{before} {healed}");
    let absurd = json!({"ticker": "ETH", "percent": -20, "recover_after": -1});
    assert_eq!(app.post("/_sim/moves", absurd).await.status, 400);
}

#[tokio::test]
async fn interventions_survive_a_restart_where_there_is_a_state_file() {
    let path = std::env::temp_dir().join(format!("market-sim-state-{}.json", std::process::id()));
    let first = TestApp::with(|config| config.state_file = Some(path.clone()));
    first.simulator.pin("BTC", 12_345.0).unwrap();
    first
        .simulator
        .move_price("ETH", 50.0, std::time::Duration::ZERO)
        .unwrap();
    let ether = first.exchange_price("ETHUSDT").await;
    first.simulator.stop().await;
    let second = TestApp::with(|config| config.state_file = Some(path.clone()));
    assert_eq!(second.simulator.price(Venue::CoinGecko, "BTC"), Some(12_345.0));
    assert_eq!(second.exchange_price("ETHUSDT").await, ether);
    std::fs::remove_file(path).unwrap();
}

#[tokio::test]
async fn the_state_shows_what_was_done() {
    let app = TestApp::new();
    app.simulator.pin("SOL", 200.0).unwrap();
    let state = app.plain("/_sim/state").await.json();
    assert_eq!(state["market"], "synthetic");
    assert_eq!(state["prices"]["SOL"]["pinned"], true);
    assert_eq!(state["prices"]["SOL"]["coingecko_usd"], 200.0);
    assert_eq!(state["prices"]["BTC"]["pinned"], false);
    for (path, request) in [
        ("/_sim/prices", json!({"ticker": "NOPE", "price": 1})),
        ("/_sim/prices", json!({"ticker": "BTC", "price": 0})),
        ("/_sim/moves", json!({"ticker": "BTC", "percent": -100, "seconds": 1})),
        ("/_sim/moves", json!({"ticker": "BTC", "percent": 5, "seconds": -1})),
    ] {
        assert_eq!(app.post(path, request.clone()).await.status, 400, "{request}");
    }
}
