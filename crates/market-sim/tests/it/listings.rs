//! Listings of thousands of tokens, in the venues' pages.

use std::collections::BTreeSet;

use market_sim::{CorruptPrice, FaultKind, FaultRequest, Venue};
use serde_json::Value;

use crate::harness::TestApp;

fn with_tokens(tokens: usize) -> TestApp {
    TestApp::with(|config| config.tokens = tokens)
}

fn ids(rows: &Value) -> Vec<String> {
    let rows = rows.as_array().expect("rows");
    rows.iter().map(|row| row["id"].to_string()).collect()
}

#[tokio::test]
async fn coinmarketcap_lists_in_pages_and_counts_credits() {
    let app = with_tokens(5_000);
    let mut seen = BTreeSet::new();
    for start in [1, 2_001, 4_001] {
        let path = format!("/v3/cryptocurrency/listings/latest?start={start}&limit=2000");
        let page = app.get(Venue::CoinMarketCap, &path).await.json();
        assert_eq!(page["status"]["total_count"], 5_000);
        let rows = ids(&page["data"]);
        assert_eq!(rows.len(), if start == 4_001 { 1_000 } else { 2_000 });
        assert_eq!(page["status"]["credit_count"], rows.len() / 200);
        seen.extend(rows);
    }
    assert_eq!(seen.len(), 5_000);
    let first = app
        .get(Venue::CoinMarketCap, "/v1/cryptocurrency/listings/latest")
        .await
        .json();
    assert_eq!(
        (first["data"][0]["id"].clone(), first["data"].as_array().map(Vec::len)),
        (1.into(), Some(100))
    );
    assert!(first["data"][99]["quote"]["USD"]["price"].is_number());
}

#[tokio::test]
async fn coingecko_lists_in_pages_of_250() {
    let app = with_tokens(1_000);
    let page = |page: usize| format!("/coins/markets?vs_currency=usd&per_page=500&page={page}");
    let first = app.get(Venue::CoinGecko, &page(1)).await;
    let total: usize = first.header("total").expect("a total").parse().expect("a number");
    assert_eq!((first.header("per-page"), total > 1_000), (Some("250"), true));
    let mut seen = BTreeSet::new();
    for number in 1..=total.div_ceil(250) {
        seen.extend(ids(&app.get(Venue::CoinGecko, &page(number)).await.json()));
    }
    assert_eq!(seen.len(), total);
    // Rows by id are those of the catalogue.
    let one = app
        .get(Venue::CoinGecko, "/coins/markets?vs_currency=usd&ids=bitcoin")
        .await;
    assert_eq!((ids(&one.json()).len(), one.header("total")), (1, Some("1")));
}

#[tokio::test]
async fn faults_reach_the_small_tokens_too() {
    let app = with_tokens(200);
    let zero = FaultKind::Absurd {
        what: CorruptPrice::Zero,
    };
    app.simulator
        .add_fault(FaultRequest::new(Venue::CoinMarketCap, zero))
        .expect("a fault");
    let path = "/v3/cryptocurrency/listings/latest?start=200&limit=1";
    let page = app.get(Venue::CoinMarketCap, path).await.json();
    assert_eq!(page["data"][0]["quote"][0]["price"], 0.0);
    let quota = FaultRequest::new(Venue::CoinMarketCap, FaultKind::QuotaExhausted).at("listings/latest");
    app.simulator.add_fault(quota).expect("a fault");
    let refused = app.get(Venue::CoinMarketCap, path).await;
    assert_eq!(
        (refused.status, refused.json()["status"]["error_code"].clone()),
        (429, 1010.into())
    );
}
