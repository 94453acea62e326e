//! The ordinary life of the service: three providers, one price.

use std::collections::BTreeMap;

use contracts::api::fetch::ExplanationBody;
use contracts::keys;
use contracts::messages::{FLAG_SIMULATED, ObservationMessage};
use contracts::problem::ProblemKind;
use domain::aggregate::weighted_median;
use domain::quote::Quality;
use domain::ticker::ProviderId;
use market_sim::Venue;
use platform::client::ClientError;
use redis::AsyncCommands;
use rust_decimal::Decimal;

use crate::harness::{Process, TestApp, context, published, variables};
use testkit::found;

#[tokio::test]
async fn three_providers_become_one_price() {
    let app = TestApp::start_with(|sim| sim.pin("BTC", 70_000.5).unwrap(), &[]).await;
    let near = |price: Decimal| (price - Decimal::new(700_005, 1)).abs() < Decimal::TEN;
    let quote = app
        .quote("the price of three", |quote| quote.n_sources == 3 && near(quote.price))
        .await;
    assert_eq!(quote.quality, Quality::Ok);
    assert_eq!(quote.currency, "USD");
    assert_eq!(quote.method, "wmedian/1");
    assert_eq!(quote.sources, ProviderId::ALL);
    assert!(quote.flags.iter().any(|flag| flag == FLAG_SIMULATED));
    assert!(quote.market_cap.is_some() && quote.circulating_supply.is_some() && quote.volume_24h.is_some());
    assert!(quote.bid.unwrap() <= quote.ask.unwrap());
    assert!(quote.as_of <= quote.published_at);

    let stream = published(&app.redis.connection).await;
    assert!(stream.contains(&quote), "the newest value is in the stream as well");
    assert!(
        stream.iter().any(|entry| entry.ticker.as_str() == "USDT"),
        "USDT is always watched"
    );

    let key = keys::observations(&"BTC".parse().unwrap());
    let observations: BTreeMap<String, String> = app.redis.connection.clone().hgetall(key).await.unwrap();
    assert_eq!(
        observations.keys().collect::<Vec<_>>(),
        ["binance", "coingecko", "coinmarketcap"]
    );
    let binance: ObservationMessage = serde_json::from_str(&observations["binance"]).unwrap();
    assert_eq!(
        (binance.symbol.as_str(), binance.quote_currency.as_str()),
        ("BTCUSDT", "USDT")
    );
    assert!(binance.simulated && binance.excluded.is_none());
    app.stop().await;
}

#[tokio::test]
async fn an_explanation_can_be_recomputed() {
    let app = TestApp::start(&[]).await;
    app.quote("a price of three", |quote| quote.n_sources == 3).await;
    let client = &app.process.client;
    let explained: ExplanationBody = client.get("/explain/BTC", &(), &context()).await.unwrap();
    let votes: Vec<(Decimal, Decimal)> = explained
        .inputs
        .iter()
        .filter(|input| input.included)
        .map(|input| {
            (
                input.usd_price.unwrap().0,
                input.volume_weight.unwrap().0 * input.reliability.0,
            )
        })
        .collect();
    assert_eq!(explained.method, "wmedian/1");
    assert_eq!(weighted_median(&votes), Some(explained.price.0));
    for input in &explained.inputs {
        let usd = (input.raw_price.0 * input.quote_rate.unwrap().0).round_dp(18);
        assert_eq!(Some(usd), input.usd_price.map(|price| price.0));
    }
    let unknown = client
        .get::<_, ExplanationBody>("/explain/DOGE", &(), &context())
        .await
        .unwrap_err();
    assert!(
        matches!(&unknown, ClientError::Problem(problem) if problem.kind == ProblemKind::TokenNotFound),
        "{unknown}"
    );
    app.stop().await;
}

#[tokio::test]
async fn sources_tell_how_they_are() {
    let app = TestApp::start(&[("CMC_RELIABILITY", "0.25")]).await;
    app.quote("a price of three", |quote| quote.n_sources == 3).await;
    let cmc = app.process.source(ProviderId::CoinMarketCap).await;
    assert_eq!((cmc.state.as_str(), cmc.breaker.as_str()), ("ok", "closed"));
    assert_eq!(cmc.weight.0, Decimal::new(25, 2));
    assert!(cmc.simulated && cmc.last_error.is_none() && cmc.age_ms.unwrap() < 30_000);
    app.stop().await;
}

#[tokio::test]
async fn a_rising_market_moves_the_price() {
    let app = TestApp::start_with(|sim| sim.pin("BTC", 100.0).unwrap(), &[]).await;
    app.quote("the first price", |quote| quote.n_sources == 3).await;
    app.sim.pin("BTC", 120.0).unwrap();
    let risen = |price| price > Decimal::from(119);
    app.quote("the new price of three", |quote| {
        quote.n_sources == 3 && risen(quote.price)
    })
    .await;
    app.stop().await;
}

#[tokio::test]
async fn readiness_needs_redis_and_a_turning_loop() {
    let app = TestApp::start(&[]).await;
    let url = format!("http://{}/health/ready", app.process.app.address);
    let client = reqwest::Client::builder().build().unwrap();
    found("readiness", || async {
        let answer = client.get(&url).send().await.ok()?;
        answer.status().is_success().then_some(())
    })
    .await;
    app.stop().await;
}

#[tokio::test]
async fn request_without_credential_is_refused() {
    let app = TestApp::start(&[]).await;
    let client = reqwest::Client::builder().build().unwrap();
    for path in ["history/BTC", "sources", "explain/BTC"] {
        let url = format!("http://{}/internal/{path}", app.process.app.address);
        assert_eq!(client.get(url).send().await.unwrap().status().as_u16(), 401, "{path}");
    }
    app.stop().await;
}

#[tokio::test]
async fn a_pair_that_binance_does_not_know_costs_only_itself() {
    let folder = std::env::temp_dir().join(format!("fetch-assets-{}", std::process::id()));
    let assets = "
        [[asset]]\nticker='BTC'\nname='Bitcoin'\nbinance='BTCUSDT'\ncoingecko='bitcoin'\ncoinmarketcap=1
        [[asset]]\nticker='GONE'\nname='Gone'\nbinance='GONEUSDT'
        [[asset]]\nticker='USDT'\nname='Tether'\ncoingecko='tether'\ncoinmarketcap=825\n";
    std::fs::write(&folder, assets).unwrap();
    let path = folder.to_str().unwrap().to_owned();
    let app = TestApp::start(&[("ASSETS_FILE", &path), ("SUPPORTED_TICKERS", "BTC,GONE")]).await;
    app.quote("a price with binance", |quote| quote.n_sources == 3).await;
    std::fs::remove_file(&folder).unwrap();
    app.stop().await;
}

#[tokio::test]
async fn a_busy_port_and_a_provider_without_key_are_told_at_the_start() {
    let app = TestApp::start(&[]).await;
    let port = app.process.app.address.port().to_string();
    let more = [("PORT", port.as_str())];
    let variables = variables(&app.sim, &app.redis.url, &app.database.url, &more);
    let settings = fetch::settings::Settings::from_variables(&variables).unwrap();
    let clock = platform::clock::SystemClock::shared();
    let error = fetch::app::start(settings, clock, Default::default()).unwrap_err();
    assert!(format!("{error:#}").contains(&port), "{error:#}");
    app.stop().await;
}

#[tokio::test]
async fn unused_providers_are_not_asked() {
    let app = TestApp::start(&[("PROVIDERS", "binance,coingecko")]).await;
    let quote = app.quote("a price of two", |quote| quote.n_sources == 2).await;
    assert_eq!((quote.quality, quote.method.as_str()), (Quality::Degraded, "median/1"));
    assert!(!app.sim.requests().contains_key(Venue::CoinMarketCap.slug()));
    let Process { app, stop, .. } = app.process;
    stop.cancel();
    app.join().await.unwrap();
}
