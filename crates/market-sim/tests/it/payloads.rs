use market_sim::Venue;
use serde_json::Value;

use crate::harness::{TestApp, shared};

/// The newest form of the simulator has these beyond what was recorded years ago.
const NEWER: &[&str] = &[
    "infinite_supply",
    "self_reported_circulating_supply",
    "self_reported_market_cap",
    "volume_change_24h",
    "market_cap_dominance",
    "fully_diluted_market_cap",
    "rank",
    "notice",
];

fn recorded(venue: Venue, file: &str) -> Option<Value> {
    let path = shared("providers/fixtures")?.join(venue.slug()).join(file);
    let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    Some(serde_json::from_str(&text).expect("recorded JSON"))
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "bool",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

/// Every key of the recording is there with the same type, and no other key. Either may be `null`.
fn compare(path: &str, theirs: &Value, ours: &Value, problems: &mut Vec<String>) {
    if theirs.is_null() || ours.is_null() {
        return;
    }
    match (theirs, ours) {
        (Value::Object(theirs), Value::Object(ours)) => {
            for (key, value) in theirs {
                match ours.get(key) {
                    Some(own) => compare(&format!("{path}.{key}"), value, own, problems),
                    None => problems.push(format!("{path}.{key} is missing")),
                }
            }
            for key in ours
                .keys()
                .filter(|key| !theirs.contains_key(*key) && !NEWER.contains(&key.as_str()))
            {
                problems.push(format!("{path}.{key} was never recorded"));
            }
        }
        (Value::Array(theirs), Value::Array(ours)) => {
            let rows_of_cells = theirs.first().is_some_and(|cell| !cell.is_object() && !cell.is_array());
            if rows_of_cells && theirs.len() != ours.len() && path.ends_with("[]") {
                problems.push(format!(
                    "{path} has {} cells, recorded were {}",
                    ours.len(),
                    theirs.len()
                ));
            }
            if rows_of_cells {
                for (index, (their, our)) in theirs.iter().zip(ours).enumerate() {
                    compare(&format!("{path}[{index}]"), their, our, problems);
                }
            } else if let (Some(their), Some(our)) = (theirs.first(), ours.first()) {
                compare(&format!("{path}[]"), their, our, problems);
            }
        }
        _ if kind(theirs) == kind(ours) => {}
        _ => problems.push(format!("{path} is a {}, recorded was a {}", kind(ours), kind(theirs))),
    }
}

async fn check(app: &TestApp, venue: Venue, file: &str, status: u16, path: &str) {
    let Some(theirs) = recorded(venue, file) else { return };
    let answer = app.get(venue, path).await;
    assert_eq!(answer.status, status, "{path}: {}", answer.text);
    assert_eq!(answer.header("x-simulated-market"), Some("synthetic"));
    let mut problems = Vec::new();
    compare(file, &theirs, &answer.json(), &mut problems);
    assert!(problems.is_empty(), "{path} differs from {file}: {problems:#?}");
}

#[tokio::test]
async fn binance_answers_have_the_recorded_shape() {
    let app = TestApp::new();
    let check = |file, path| check(&app, Venue::Binance, file, 200, path);
    check("rest_ticker_price.json", "/api/v3/ticker/price?symbol=BTCUSDT").await;
    check("rest_ticker_24hr_btcusdt.json", "/api/v3/ticker/24hr?symbol=BTCUSDT").await;
    check("rest_ticker_24hr_all.json", "/api/v3/ticker/24hr").await;
    check("rest_book_ticker.json", "/api/v3/ticker/bookTicker?symbol=BTCUSDT").await;
    check(
        "rest_klines_btcusdt_5m.json",
        "/api/v3/klines?interval=5m&limit=24&symbol=BTCUSDT",
    )
    .await;
    check(
        "rest_klines_btcusdt_1d_2019.json",
        "/api/v3/klines?symbol=BTCUSDT&interval=1d&limit=10",
    )
    .await;
    check("rest_exchange_info_2021.json", "/api/v3/exchangeInfo").await;
}

#[tokio::test]
async fn coingecko_answers_have_the_recorded_shape() {
    let app = TestApp::new();
    let check = |file, path| check(&app, Venue::CoinGecko, file, 200, path);
    check(
        "rest_simple_price_bitcoin_usd.json",
        "/simple/price?ids=bitcoin&vs_currencies=usd",
    )
    .await;
    check("rest_markets_2024.json", "/coins/markets?vs_currency=usd&ids=bitcoin").await;
    check("rest_markets_bitcoin_usd.json", "/coins/markets?vs_currency=usd").await;
    check(
        "rest_market_chart_30d_hourly.json",
        "/coins/bitcoin/market_chart?vs_currency=usd&days=30",
    )
    .await;
    check("rest_ohlc_7d.json", "/coins/bitcoin/ohlc?vs_currency=usd&days=7").await;
    check("rest_coins_list.json", "/coins/list").await;
}

#[tokio::test]
async fn coinmarketcap_answers_have_the_recorded_shape() {
    let app = TestApp::new();
    let check = |file, path| check(&app, Venue::CoinMarketCap, file, 200, path);
    check("rest_listings_latest_2021.json", "/v1/cryptocurrency/listings/latest").await;
    check("rest_map_2019.json", "/v1/cryptocurrency/map").await;
}

#[tokio::test]
async fn errors_are_the_recorded_ones_to_the_letter() {
    let app = TestApp::new();
    for (venue, file, status, path) in [
        (
            Venue::Binance,
            "error_400_invalid_symbol.json",
            400,
            "/api/v3/ticker/price?symbol=NOPE",
        ),
        (
            Venue::CoinGecko,
            "error_markets_missing_vs_currency_422.json",
            422,
            "/coins/markets",
        ),
        (
            Venue::CoinGecko,
            "error_simple_price_missing_ids_422.json",
            422,
            "/simple/price",
        ),
        (
            Venue::CoinGecko,
            "error_ohlc_missing_param_500.json",
            500,
            "/coins/bitcoin/ohlc",
        ),
    ] {
        let Some(theirs) = recorded(venue, file) else { return };
        let answer = app.get(venue, path).await;
        assert_eq!((answer.status, answer.json()), (status, theirs), "{path}");
    }
}

#[tokio::test]
async fn limits_are_announced_in_the_recorded_words() {
    let app = TestApp::with(|config| {
        config.limits = market_sim::PerVenue {
            binance: 1,
            coingecko: 0,
            coinmarketcap: 0,
        };
    });
    for (venue, file, path) in [
        (Venue::CoinGecko, "error_429.json", "/ping"),
        (Venue::CoinMarketCap, "error_429_1008.json", "/v1/cryptocurrency/map"),
    ] {
        let Some(mut theirs) = recorded(venue, file) else {
            return;
        };
        let answer = app.get(venue, path).await;
        let mut ours = answer.json();
        for body in [&mut theirs, &mut ours] {
            if let Some(status) = body["status"].as_object_mut() {
                status.remove("timestamp");
            }
        }
        assert_eq!((answer.status, ours), (429, theirs));
        assert!(answer.header("retry-after").is_some());
    }
    let answer = app.plain("/coinmarketcap/v1/cryptocurrency/map").await;
    assert_eq!(answer.status, 429, "the limit counts before the key is looked at");
}
