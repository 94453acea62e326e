use market_sim::{PerVenue, Venue};
use serde_json::{Value, json};

use crate::harness::{NOW, TestApp};

#[tokio::test]
async fn one_unknown_symbol_fails_the_whole_request_at_binance() {
    let app = TestApp::new();
    let answer = app
        .get(
            Venue::Binance,
            "/api/v3/ticker/24hr?symbols=%5B%22BTCUSDT%22,%22NOPEUSDT%22%5D",
        )
        .await;
    assert_eq!(
        (answer.status, answer.json()),
        (400, json!({"code": -1121, "msg": "Invalid symbol."}))
    );
    let answer = app.get(Venue::Binance, "/api/v3/ticker/price?symbol=btcusdt").await;
    assert_eq!((answer.status, answer.json()["code"].as_i64()), (400, Some(-1100)));
    let answer = app
        .get(
            Venue::Binance,
            "/api/v3/ticker/price?symbol=BTCUSDT&symbols=%5B%22ETHUSDT%22%5D",
        )
        .await;
    assert_eq!((answer.status, answer.json()["code"].as_i64()), (400, Some(-1128)));
}

#[tokio::test]
async fn klines_say_which_parameter_is_wrong() {
    let app = TestApp::new();
    for (query, code) in [
        ("interval=1m", -1102),
        ("symbol=BTCUSDT", -1102),
        ("symbol=BTCUSDT&interval=7m", -1120),
        ("symbol=BTCUSDT&interval=1D", -1120),
        ("symbol=BTCUSDT&interval=1m&limit=ten", -1100),
        ("symbol=BTCUSDT&interval=1m&colour=red", -1104),
        ("symbol=NOPE&interval=1m", -1121),
    ] {
        let answer = app.get(Venue::Binance, &format!("/api/v3/klines?{query}")).await;
        assert_eq!(
            (answer.status, answer.json()["code"].as_i64()),
            (400, Some(code)),
            "{query}"
        );
    }
}

#[tokio::test]
async fn weights_add_up_until_the_minute_is_over() {
    let app = TestApp::with(|config| {
        config.limits = PerVenue {
            binance: 100,
            ..config.limits
        }
    });
    let mut expected = 0;
    for (path, weight) in [
        ("/api/v3/ticker/price?symbol=BTCUSDT", 2),
        ("/api/v3/ticker/price", 4),
        ("/api/v3/ticker/24hr?symbols=%5B%22BTCUSDT%22,%22ETHUSDT%22%5D", 2),
        ("/api/v3/klines?symbol=BTCUSDT&interval=1m&limit=1", 2),
        ("/api/v3/exchangeInfo?symbol=BTCUSDT", 20),
    ] {
        let answer = app.get(Venue::Binance, path).await;
        expected += weight;
        assert_eq!(
            answer.header("x-mbx-used-weight-1m"),
            Some(expected.to_string().as_str()),
            "{path}"
        );
    }
    let answer = app.get(Venue::Binance, "/api/v3/ticker/24hr").await;
    assert_eq!((answer.status, answer.json()["code"].as_i64()), (429, Some(-1003)));
    // The minute has 40 seconds left.
    assert_eq!(answer.header("retry-after"), Some("41"));
    app.clock.advance(41_000);
    assert_eq!(
        app.get(Venue::Binance, "/api/v3/ticker/price?symbol=BTCUSDT")
            .await
            .status,
        200
    );
}

#[tokio::test]
async fn coingecko_drops_what_it_does_not_know() {
    let app = TestApp::new();
    let ask = |query: &'static str| app.get(Venue::CoinGecko, query);
    let keys = |value: &Value| {
        value
            .as_object()
            .map(|map| map.keys().cloned().collect::<Vec<_>>())
            .unwrap_or_default()
    };
    let answer = ask("/simple/price?ids=bitcoin,%20ethereum,nothing&vs_currencies=usd")
        .await
        .json();
    assert_eq!(keys(&answer), ["bitcoin"]);
    let answer = ask("/simple/price?ids=bitcoin&vs_currencies=ethereum").await;
    assert_eq!((answer.status, answer.text.as_str()), (200, r#"{"bitcoin":{}}"#));
    let parts = "include_market_cap=true&include_24hr_vol=true&include_24hr_change=true&include_last_updated_at=true";
    let path = format!("/simple/price?ids=bitcoin&vs_currencies=usd&{parts}");
    let answer = app.get(Venue::CoinGecko, &path).await;
    let coin = &answer.json()["bitcoin"];
    assert_eq!(coin["last_updated_at"].as_i64(), Some(NOW / 1_000));
    for field in ["usd", "usd_market_cap", "usd_24h_vol", "usd_24h_change"] {
        assert!(coin[field].is_number(), "{field} in {}", answer.text);
    }
    let order = [
        "\"usd\"",
        "usd_market_cap",
        "usd_24h_vol",
        "usd_24h_change",
        "last_updated_at",
    ];
    let places: Vec<_> = order.iter().map(|key| answer.text.find(key)).collect();
    assert!(places.is_sorted(), "{}", answer.text);
    assert_eq!(
        ask("/coins/nothing/market_chart?vs_currency=usd&days=1").await.status,
        404
    );
    assert_eq!(
        ask("/coins/bitcoin/market_chart?vs_currency=usd&days=400").await.status,
        401
    );
    assert_eq!(ask("/coins/bitcoin/market_chart?vs_currency=usd").await.status, 422);
}

#[tokio::test]
async fn coingecko_pages_its_markets() {
    let app = TestApp::new();
    let answer = app
        .get(Venue::CoinGecko, "/coins/markets?vs_currency=usd&per_page=5&page=2")
        .await;
    let rows = answer.json();
    let ranks: Vec<_> = rows
        .as_array()
        .unwrap()
        .iter()
        .map(|row| row["market_cap_rank"].as_i64().unwrap())
        .collect();
    assert_eq!(ranks, [6, 7, 8, 9, 10]);
    assert_eq!(
        (answer.header("total"), answer.header("per-page")),
        (Some("56"), Some("5"))
    );
}

#[tokio::test]
async fn coinmarketcap_wants_a_key() {
    let app = TestApp::new();
    let path = "/coinmarketcap/v1/cryptocurrency/quotes/latest?id=1";
    let answer = app.plain(path).await;
    assert_eq!(
        (answer.status, answer.json()["status"]["error_code"].as_i64()),
        (401, Some(1002))
    );
    assert_eq!(answer.json()["status"]["error_message"], "API key missing.");
    assert_eq!(app.plain(&format!("{path}&CMC_PRO_API_KEY=any")).await.status, 200);
    let answer = app.plain(&format!("{path}&CMC_PRO_API_KEY=invalid")).await;
    assert_eq!(
        (answer.status, answer.json()["status"]["error_code"].as_i64()),
        (401, Some(1001))
    );
}

#[tokio::test]
async fn coinmarketcap_speaks_three_shapes() {
    let app = TestApp::new();
    let ask = |path: &'static str| app.get(Venue::CoinMarketCap, path);
    let one = ask("/v1/cryptocurrency/quotes/latest?symbol=BTC,ETH").await.json();
    assert!(one["data"]["BTC"]["quote"]["USD"]["price"].is_number(), "{one}");
    assert!(one["data"]["BTC"]["tags"][0].is_string(), "{one}");
    let two = ask("/v2/cryptocurrency/quotes/latest?id=1,1027").await.json();
    assert!(two["data"]["1027"]["quote"]["USD"]["market_cap"].is_number(), "{two}");
    assert!(two["data"]["1"]["tags"][0]["slug"].is_string(), "{two}");
    let two = ask("/v2/cryptocurrency/quotes/latest?symbol=BTC").await.json();
    assert!(two["data"]["BTC"][0]["quote"]["USD"]["price"].is_number(), "{two}");
    let three = ask("/v3/cryptocurrency/quotes/latest?id=1,1027").await.json();
    assert_eq!(three["data"][1]["id"], 1027);
    assert_eq!(three["data"][1]["quote"][0]["symbol"], "USD");
    assert!(three["data"][1]["quote"][0]["price"].is_number(), "{three}");
    let listing = ask("/v3/cryptocurrency/listings/latest?limit=3").await.json();
    assert_eq!(listing["data"].as_array().map(Vec::len), Some(3));
    assert_eq!(
        (
            listing["status"]["credit_count"].as_i64(),
            listing["status"]["total_count"].as_i64()
        ),
        (Some(1), Some(22))
    );
}

#[tokio::test]
async fn one_unknown_id_fails_the_call_at_coinmarketcap_unless_told_to_skip() {
    let app = TestApp::new();
    let path = "/v2/cryptocurrency/quotes/latest?id=1,999999";
    let answer = app.get(Venue::CoinMarketCap, path).await;
    assert_eq!(
        (answer.status, answer.json()["status"]["error_code"].as_i64()),
        (400, Some(400))
    );
    let answer = app
        .get(Venue::CoinMarketCap, &format!("{path}&skip_invalid=true"))
        .await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.json()["data"].as_object().map(serde_json::Map::len), Some(1));
    assert_eq!(
        app.get(Venue::CoinMarketCap, "/v2/cryptocurrency/quotes/latest")
            .await
            .status,
        400
    );
}

#[tokio::test]
async fn requests_are_counted_and_unknown_venues_named() {
    let app = TestApp::new();
    app.get(Venue::Binance, "/api/v3/ticker/price?symbol=BTCUSDT").await;
    app.get(Venue::CoinGecko, "/coins/bitcoin/market_chart?vs_currency=usd&days=1")
        .await;
    app.get(Venue::CoinGecko, "/coins/bitcoin/unheard_of").await;
    assert_eq!(
        app.plain("/_sim/requests").await.json(),
        json!({"binance": {"ticker/price": 1}, "coingecko": {"coins/market_chart": 1, "other": 1}})
    );
    assert_eq!(app.simulator.requests_to(Venue::Binance, "ticker/price"), 1);
    assert_eq!(app.plain("/health/live").await.json(), json!({"status": "ok"}));
    let answer = app.plain("/kraken/0/public/Ticker").await;
    assert_eq!(answer.status, 404);
    assert_eq!(answer.header("x-simulated-market"), Some("synthetic"));
}

#[tokio::test]
async fn venues_differ_by_a_few_basis_points_and_count_in_their_own_currency() {
    let app = TestApp::new();
    for ticker in ["BTC", "ETH", "DOGE", "AAVE"] {
        let price = |venue| app.simulator.price(venue, ticker).unwrap();
        let (gecko, cap) = (price(Venue::CoinGecko), price(Venue::CoinMarketCap));
        let tether = app.simulator.price(Venue::CoinGecko, "USDT").unwrap();
        let exchange = price(Venue::Binance) * tether;
        for other in [cap, exchange] {
            let apart = (other / gecko - 1.0).abs();
            assert!(apart > 0.0 && apart < 15e-4, "{ticker}: {other} and {gecko}");
        }
    }
}
