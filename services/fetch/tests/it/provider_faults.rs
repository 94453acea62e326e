//! Providers in trouble: each kind spoils that provider's part and nothing else.

use domain::quote::Quality;
use domain::ticker::ProviderId;
use market_sim::{CorruptPrice, FaultKind, FaultRequest, Venue};
use rstest::rstest;
use rust_decimal::Decimal;

use crate::harness::TestApp;
use testkit::found;

const SHORT: (&str, &str) = ("PROVIDER_TIMEOUT_MS", "300");

fn hundred() -> impl Fn(Decimal) -> bool {
    |price| (price - Decimal::ONE_HUNDRED).abs() < Decimal::ONE
}

#[rstest]
#[case::hanging(FaultKind::Hang, "no answer within")]
#[case::slow(FaultKind::Slow { ms: 5_000 }, "no answer within")]
#[case::failing(FaultKind::ServerError { status: 503 }, "unavailable")]
#[case::html(FaultKind::Html, "HTML instead of JSON")]
#[case::truncated(FaultKind::Truncated, "invalid answer")]
#[case::bare_nan(FaultKind::Absurd { what: CorruptPrice::Nan }, "invalid answer")]
#[tokio::test]
async fn a_bad_poll_delays_nobody(#[case] fault: FaultKind, #[case] words: &str) {
    let prepare = |sim: &market_sim::Simulator| {
        sim.pin("BTC", 100.0).unwrap();
        sim.add_fault(FaultRequest::new(Venue::CoinGecko, fault)).unwrap();
    };
    let app = TestApp::start_with(prepare, &[SHORT]).await;
    let quote = app.quotes_later(5).await;
    assert!(hundred()(quote.price), "{}", quote.price);
    assert_eq!(quote.quality, Quality::Degraded);
    assert!(!quote.sources.contains(&ProviderId::CoinGecko));
    let process = &app.process;
    let source = found("a failure of coingecko", || async {
        Some(process.source(ProviderId::CoinGecko).await).filter(|source| source.last_error.is_some())
    })
    .await;
    assert!(matches!(source.state.as_str(), "degraded" | "down"), "{source:?}");
    assert!(source.last_error.as_ref().unwrap().contains(words), "{source:?}");

    app.sim.clear_faults();
    let quote = app.quote("the provider again", |quote| quote.n_sources == 3).await;
    assert_eq!(quote.quality, Quality::Ok);
    app.stop().await;
}

#[rstest]
#[case(CorruptPrice::Nan, "not_a_number")]
#[case(CorruptPrice::Negative, "not_positive")]
#[case(CorruptPrice::Zero, "not_positive")]
#[case(CorruptPrice::Huge, "out_of_range")]
#[case(CorruptPrice::WrongType, "not_a_number")]
#[case(CorruptPrice::Empty, "not_a_number")]
#[tokio::test]
async fn an_absurd_price_spoils_only_itself(#[case] what: CorruptPrice, #[case] reason: &str) {
    let fault = FaultRequest::new(Venue::Binance, FaultKind::Absurd { what }).for_symbol("BTC");
    let prepare = |sim: &market_sim::Simulator| {
        sim.pin("BTC", 100.0).unwrap();
        sim.add_fault(fault).unwrap();
    };
    let app = TestApp::start_with(prepare, &[]).await;
    let quote = app.quotes_later(3).await;
    assert!(hundred()(quote.price), "{}", quote.price);
    assert!(!quote.sources.contains(&ProviderId::Binance));
    let eth = crate::harness::quote(&app.redis.connection, "ETH", "ETH of three", |q| q.n_sources == 3).await;
    assert!(eth.sources.contains(&ProviderId::Binance));
    let found = flagged(&app, reason).await;
    assert_eq!(found, ("binance".to_owned(), "BTC".to_owned()));
    app.stop().await;
}

/// Waits for a flagged point with this reason.
async fn flagged(app: &TestApp, reason: &str) -> (String, String) {
    found("a flagged point", || async {
        let client = app.database.pool.get().await.unwrap();
        let query = "SELECT provider, ticker FROM market.flagged_points WHERE reason = $1 LIMIT 1";
        let row = client.query_opt(query, &[&reason]).await.unwrap()?;
        Some((row.get(0), row.get(1)))
    })
    .await
}

#[tokio::test]
async fn a_liar_of_three_moves_nothing() {
    let app = TestApp::start_with(|sim| sim.pin("BTC", 100.0).unwrap(), &[]).await;
    app.quote("a price of three", |quote| quote.n_sources == 3).await;
    let lie = FaultKind::PriceOffset { percent: 30.0 };
    app.sim.add_fault(FaultRequest::new(Venue::Binance, lie)).unwrap();
    let quote = app
        .quote("the liar is out", |quote| {
            quote.flags.iter().any(|flag| flag == "outlier_excluded")
        })
        .await;
    assert!(hundred()(quote.price), "{}", quote.price);
    assert_eq!(flagged(&app, "outlier").await, ("binance".to_owned(), "BTC".to_owned()));
    for quote in crate::harness::published(&app.redis.connection).await {
        assert!(
            quote.ticker.as_str() != "BTC" || hundred()(quote.price),
            "{}",
            quote.price
        );
    }
    app.sim.clear_faults();
    app.quote("it returns", |quote| quote.n_sources == 3).await;
    app.stop().await;
}

#[rstest]
#[case::too_many(429)]
#[case::banned(418)]
#[tokio::test]
async fn a_provider_that_asks_us_to_wait_is_left_alone(#[case] status: u16) {
    let fault = FaultKind::RateLimited {
        retry_after: 3_600,
        status: Some(status),
    };
    let prepare = |sim: &market_sim::Simulator| sim.add_fault(FaultRequest::new(Venue::Binance, fault)).unwrap();
    let app = TestApp::start_with(prepare, &[]).await;
    app.quotes_later(8).await;
    assert_eq!(app.sim.requests()["binance"].values().sum::<u64>(), 1);
    let source = app.process.source(ProviderId::Binance).await;
    assert_eq!(
        (source.state.as_str(), source.breaker.as_str()),
        ("degraded", "closed"),
        "{source:?}"
    );
    app.stop().await;
}

#[tokio::test]
async fn a_dead_provider_opens_its_breaker_and_is_probed_again() {
    let fault = FaultRequest::new(Venue::CoinMarketCap, FaultKind::Html);
    let prepare = |sim: &market_sim::Simulator| sim.add_fault(fault).unwrap();
    let more = [("BREAKER_FAILURES", "1"), ("BREAKER_OPEN_SECONDS", "0.2")];
    let app = TestApp::start_with(prepare, &more).await;
    let process = &app.process;
    found("the open breaker", || async {
        let source = process.source(ProviderId::CoinMarketCap).await;
        (source.breaker == "open" && source.state == "down").then_some(())
    })
    .await;
    app.sim.clear_faults();
    found("the closed breaker", || async {
        let source = process.source(ProviderId::CoinMarketCap).await;
        (source.breaker == "closed" && source.state == "ok").then_some(())
    })
    .await;
    app.stop().await;
}

#[tokio::test]
async fn frozen_prices_grow_old_and_take_no_part() {
    let more = [("COINGECKO_MAX_AGE_SECONDS", "1")];
    let app = TestApp::start(&more).await;
    app.quote("a price of three", |quote| quote.n_sources == 3).await;
    let freeze = FaultRequest::new(Venue::CoinGecko, FaultKind::Freeze);
    app.sim.add_fault(freeze).unwrap();
    let quote = app.quote("two are left", |quote| quote.n_sources == 2).await;
    assert_eq!(quote.sources, [ProviderId::Binance, ProviderId::CoinMarketCap]);
    app.stop().await;
}
