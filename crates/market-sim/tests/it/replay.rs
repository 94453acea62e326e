use market_sim::{Config, MarketSource, ReplayOptions, StartError, Venue, start};

use crate::harness::{TestApp, shared};

#[tokio::test]
async fn recorded_minutes_come_back_as_they_were() {
    let Some(data) = shared("data") else { return };
    let options = ReplayOptions {
        begin: 0.0,
        ..ReplayOptions::new(data.join("minute"))
    };
    let app = TestApp::with(|config| config.market = MarketSource::Replay(options));
    // The replay begins now, with the first minute; the exchange shows that exchange's file, the others the dollar's.
    assert_eq!(app.exchange_price("BTCUSDT").await, "23140.48000000");
    let gecko = app
        .get(
            Venue::CoinGecko,
            "/simple/price?ids=bitcoin,tether,solana&vs_currencies=usd&precision=full",
        )
        .await;
    assert_eq!(gecko.header("x-simulated-market"), Some("replay"));
    assert_eq!(gecko.text, r#"{"bitcoin":{"usd":23144.37},"tether":{"usd":1.00012}}"#);
    let unknown = app.get(Venue::Binance, "/api/v3/ticker/price?symbol=SOLUSDT").await;
    assert_eq!(unknown.json()["code"], -1121);
}

#[tokio::test]
async fn recorded_days_have_their_supplies_and_a_history() {
    let Some(data) = shared("data") else { return };
    let options = ReplayOptions {
        begin: 0.9,
        speed: 1_440.0,
        ..ReplayOptions::new(data.join("daily"))
    };
    let app = TestApp::with(|config| config.market = MarketSource::Replay(options));
    let rows = app.get(Venue::CoinGecko, "/coins/markets?vs_currency=usd").await.json();
    let rows = rows.as_array().unwrap();
    assert!(rows.len() >= 12, "{} assets", rows.len());
    let bitcoin = rows.iter().find(|row| row["id"] == "bitcoin").unwrap();
    let supply = bitcoin["circulating_supply"].as_f64().unwrap();
    assert!((15e6..20e6).contains(&supply), "{supply}");
    let chart = app
        .get(Venue::CoinGecko, "/coins/bitcoin/market_chart?vs_currency=usd&days=1")
        .await
        .json();
    assert!(chart["prices"].as_array().unwrap().len() > 280);
}

#[tokio::test]
async fn recorded_trades_and_hours_can_be_replayed_too() {
    let Some(data) = shared("data") else { return };
    for (folder, low, high) in [("ticks", 55_000.0, 65_000.0), ("hourly", 3_000.0, 70_000.0)] {
        let options = ReplayOptions {
            speed: 10.0,
            ..ReplayOptions::new(data.join(folder))
        };
        let app = TestApp::with(|config| config.market = MarketSource::Replay(options));
        for _ in 0..20 {
            let price: f64 = app.exchange_price("BTCUSDT").await.parse().unwrap();
            assert!(price > low && price < high, "{folder}: {price}");
            app.clock.advance(61_000);
        }
        assert!(app.simulator.price(Venue::Binance, "ETH").is_some());
    }
}

#[tokio::test]
async fn a_folder_without_recordings_says_what_to_do() {
    let folder = std::env::temp_dir().join(format!("market-sim-empty-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let market = MarketSource::Replay(ReplayOptions::new(&folder));
    let error = start(Config {
        market,
        ..Config::default()
    })
    .map(|_| ())
    .unwrap_err();
    std::fs::remove_dir_all(&folder).unwrap();
    assert!(matches!(error, StartError::Replay(_)));
    assert!(error.to_string().contains("holds no recorded prices"), "{error}");
}
