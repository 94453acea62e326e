use market_sim::{PerVenue, Venue};
use serde_json::Value;

use crate::harness::{NOW, TestApp};

const MINUTE: i64 = 60_000;

async fn klines(app: &TestApp, query: &str) -> Vec<Value> {
    let answer = app
        .get(Venue::Binance, &format!("/api/v3/klines?symbol=ETHUSDT&{query}"))
        .await;
    assert_eq!(answer.status, 200, "{query}: {}", answer.text);
    answer.json().as_array().expect("rows").clone()
}

fn number(cell: &Value) -> f64 {
    cell.as_str()
        .and_then(|text| text.parse().ok())
        .expect("a number in quotes")
}

fn time(row: &Value) -> i64 {
    row[0].as_i64().expect("a time")
}

#[tokio::test]
async fn the_last_candle_is_open_and_closes_at_the_price_shown() {
    let app = TestApp::new();
    for interval in ["1s", "1m", "3m", "15m", "1h", "4h", "1d", "3d", "1w", "1M"] {
        let rows = klines(&app, &format!("interval={interval}&limit=3")).await;
        let last = rows.last().unwrap();
        let shown = app.exchange_price("ETHUSDT").await;
        assert_eq!(last[4], Value::from(shown.as_str()), "{interval}");
        assert!(
            time(last) <= NOW && last[6].as_i64().unwrap() >= NOW,
            "{interval}: {last}"
        );
        for row in &rows {
            let (open, high, low, close) = (number(&row[1]), number(&row[2]), number(&row[3]), number(&row[4]));
            assert!(high >= open.max(close) && low <= open.min(close), "{interval}: {row}");
        }
    }
}

#[tokio::test]
async fn a_closed_candle_contains_every_price_that_was_shown() {
    let app = TestApp::new();
    let minute = NOW - NOW % MINUTE;
    app.clock.set(minute);
    let mut shown = Vec::new();
    for _ in 0..30 {
        shown.push(app.exchange_price("ETHUSDT").await.parse::<f64>().unwrap());
        app.clock.advance(2_000);
    }
    let rows = klines(&app, &format!("interval=1m&startTime={minute}&limit=1")).await;
    let (open, high, low) = (number(&rows[0][1]), number(&rows[0][2]), number(&rows[0][3]));
    assert_eq!(shown[0], open);
    assert!(
        shown.iter().all(|price| *price <= high && *price >= low),
        "{shown:?} outside {rows:?}"
    );
    let movements = shown.windows(2).filter(|pair| pair[0] != pair[1]).count();
    assert!(movements > 20, "only {movements} of 29 polls saw a movement");
}

#[tokio::test]
async fn long_candles_are_made_of_short_ones() {
    let app = TestApp::new();
    let hour = NOW - NOW % (60 * MINUTE) - 60 * MINUTE;
    let long = klines(&app, &format!("interval=1h&startTime={hour}&limit=1"))
        .await
        .remove(0);
    let short = klines(&app, &format!("interval=1m&startTime={hour}&limit=60")).await;
    assert_eq!((&long[1], &long[4]), (&short[0][1], &short[59][4]));
    let high = short.iter().map(|row| number(&row[2])).fold(f64::MIN, f64::max);
    let low = short.iter().map(|row| number(&row[3])).fold(f64::MAX, f64::min);
    assert!(
        number(&long[2]) >= high && number(&long[2]) < high * 1.0005,
        "{long} and {high}"
    );
    assert!(
        number(&long[3]) <= low && number(&long[3]) > low * 0.9995,
        "{long} and {low}"
    );
    let volume: f64 = short.iter().map(|row| number(&row[5])).sum();
    assert!((number(&long[5]) / volume - 1.0).abs() < 1e-6);
}

#[tokio::test]
async fn a_beginning_gives_the_oldest_rows_and_an_end_the_newest() {
    let app = TestApp::new();
    let from = NOW - 100 * MINUTE;
    let next = from - from % MINUTE + MINUTE;
    let rows = klines(&app, &format!("interval=1m&startTime={from}&limit=5")).await;
    assert_eq!(
        rows.iter().map(time).collect::<Vec<_>>(),
        (0..5).map(|step| next + step * MINUTE).collect::<Vec<_>>()
    );
    let rows = klines(&app, &format!("interval=1m&endTime={next}&limit=3")).await;
    assert_eq!(
        rows.iter().map(time).collect::<Vec<_>>(),
        [next - 2 * MINUTE, next - MINUTE, next]
    );
    let rows = klines(
        &app,
        &format!("interval=1m&startTime={next}&endTime={}", next + 2 * MINUTE),
    )
    .await;
    assert_eq!(rows.len(), 3);
    assert!(
        klines(&app, &format!("interval=1m&startTime={}", NOW + MINUTE))
            .await
            .is_empty()
    );
    assert_eq!(klines(&app, "interval=1m").await.len(), 500);
    assert_eq!(klines(&app, "interval=1m&limit=5000").await.len(), 1_000);
    let first = klines(&app, "interval=1d&startTime=0&limit=1").await;
    assert_eq!(
        time(&first[0]),
        1_502_928_000_000,
        "ETHUSDT was first traded on 2017-08-17"
    );
}

#[tokio::test]
async fn the_day_ticker_agrees_with_the_candles() {
    let app = TestApp::new();
    app.clock.set(NOW - NOW % (60 * MINUTE));
    let day = app
        .get(Venue::Binance, "/api/v3/ticker/24hr?symbol=ETHUSDT")
        .await
        .json();
    let from = day["openTime"].as_i64().unwrap();
    let rows = klines(&app, &format!("interval=1h&startTime={from}&limit=24")).await;
    let high = rows.iter().map(|row| number(&row[2])).fold(f64::MIN, f64::max);
    assert_eq!(number(&day["highPrice"]), high);
    assert_eq!(day["openPrice"], rows[0][1]);
    let mini = app
        .get(Venue::Binance, "/api/v3/ticker/24hr?symbol=ETHUSDT&type=MINI")
        .await
        .json();
    assert_eq!(mini["lastPrice"], day["lastPrice"]);
    assert!(mini.get("bidPrice").is_none());
}

#[tokio::test]
async fn charts_step_by_their_length_and_end_now() {
    let app = TestApp::new();
    for (days, least, most) in [(1, 286, 290), (7, 167, 170), (90, 2_158, 2_162), (180, 179, 183)] {
        let path = format!("/coins/ethereum/market_chart?vs_currency=usd&days={days}");
        let chart = app.get(Venue::CoinGecko, &path).await.json();
        for field in ["prices", "market_caps", "total_volumes"] {
            let points = chart[field].as_array().unwrap();
            assert!(
                (least..=most).contains(&points.len()),
                "{field} of {days} days has {} points",
                points.len()
            );
            assert!(points.iter().map(time).is_sorted());
            assert_eq!(points.last().map(time), Some(NOW));
        }
    }
    let rows = app
        .get(Venue::CoinGecko, "/coins/ethereum/ohlc?vs_currency=usd&days=1")
        .await
        .json();
    let rows = rows.as_array().unwrap();
    assert_eq!(rows.len(), 49);
    assert!(rows.iter().all(|row| time(row) % (30 * MINUTE) == 0));
}

#[tokio::test]
async fn a_restart_goes_on_with_the_same_market() {
    let path = "/api/v3/klines?symbol=ETHUSDT&interval=1m&limit=100";
    let first = TestApp::new().get(Venue::Binance, path).await.text;
    let second = TestApp::new().get(Venue::Binance, path).await.text;
    assert_eq!(first, second);
}

#[tokio::test]
async fn a_venue_shows_nothing_new_between_its_refreshes() {
    let app = TestApp::with(|config| {
        config.refresh_ms = PerVenue {
            binance: 0,
            coingecko: 10_000,
            coinmarketcap: 0,
        };
    });
    let path = "/simple/price?ids=ethereum&vs_currencies=usd&precision=full&include_last_updated_at=true";
    let before = app.get(Venue::CoinGecko, path).await.text;
    app.clock.advance(9_000);
    assert_eq!(app.get(Venue::CoinGecko, path).await.text, before);
    app.clock.advance(1_000);
    assert_ne!(app.get(Venue::CoinGecko, path).await.text, before);
}
