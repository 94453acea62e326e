//! Tokens of the listing reach clients, with the right source and flags when providers fail.

use market_sim::{FaultKind, FaultRequest, Venue};
use serde_json::Value;
use testkit::{Account, TestStack, TestStackOptions, eventually};

async fn tokens(account: &Account) -> Value {
    account.api.get("/api/v1/tokens?limit=5").await
}

/// Waits until the list of tokens has this source, state and estimate.
async fn shows(account: &Account, source: &str, state: &str, estimated: bool) {
    eventually(&format!("{source}, {state}, estimated: {estimated}"), async || {
        let answer = tokens(account).await;
        answer["metadata"]["source"] == source
            && answer["status"]["state"] == state
            && answer["metadata"]["estimated"] == estimated
            && answer["data"].as_array().is_some_and(|tokens| !tokens.is_empty())
    })
    .await;
}

#[tokio::test]
async fn failing_provider_is_replaced_and_said_so_within_a_poll() {
    let options = TestStackOptions::shared()
        .await
        .with("LISTING_POLL_INTERVAL_SECONDS", "1")
        .with("PROVIDER_TIMEOUT_MS", "2000");
    let stack = TestStack::start_with(options).await;
    let account = stack.api().register().await;
    shows(&account, "coinmarketcap", "ok", false).await;
    let list = tokens(&account).await;
    assert_eq!(
        (&list["data"][0]["symbol"], &list["data"][0]["id"]),
        (&Value::from("BTC"), &Value::from(1))
    );

    for fault in [FaultKind::Html, FaultKind::ServerError { status: 500 }] {
        let refused = FaultRequest::new(Venue::CoinMarketCap, fault);
        stack.simulator.add_fault(refused).unwrap();
        shows(&account, "coingecko", "degraded", false).await;
        // Tokens keep the ids that the first choice gave them.
        let list = tokens(&account).await;
        assert_eq!(
            (&list["data"][0]["symbol"], &list["data"][0]["id"]),
            (&Value::from("BTC"), &Value::from(1))
        );
        stack.simulator.clear_faults();
        shows(&account, "coinmarketcap", "ok", false).await;
    }

    for venue in [Venue::CoinMarketCap, Venue::CoinGecko] {
        let down = FaultRequest::new(venue, FaultKind::ServerError { status: 503 });
        stack.simulator.add_fault(down).unwrap();
    }
    eventually("the last known figures are marked as estimates", async || {
        let answer = tokens(&account).await;
        answer["metadata"]["estimated"] == true && answer["data"][0]["flags"].to_string().contains("estimated")
    })
    .await;
    stack.simulator.clear_faults();
    shows(&account, "coinmarketcap", "ok", false).await;

    // Last, because a plan that is used up is asked again on the next day.
    let used_up = FaultRequest::new(Venue::CoinMarketCap, FaultKind::QuotaExhausted);
    stack.simulator.add_fault(used_up).unwrap();
    shows(&account, "coingecko", "degraded", false).await;
}
