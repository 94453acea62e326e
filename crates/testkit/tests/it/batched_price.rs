//! Batched prices over two gateways and two fetch processes.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use market_sim::{FaultKind, FaultRequest, Venue};
use reqwest::{Method, Response};
use serde_json::Value;
use testkit::{Account, Service, TestStack, TestStackOptions, found};

const ROUTE: &str = "simple/price";

async fn start(more: &[(&str, &str)]) -> (TestStack, Vec<Account>) {
    let mut options = TestStackOptions::shared()
        .await
        .doubled(&[Service::Fetch, Service::Gateway]);
    for (name, value) in more {
        options = options.with(name, value);
    }
    let stack = TestStack::start_with(options).await;
    let account = stack.api().register().await;
    let callers = stack.urls(Service::Gateway).into_iter().map(|url| Account {
        id: account.id,
        api: account.api.at(url),
    });
    let callers = callers.collect();
    (stack, callers)
}

async fn price_of(caller: &Account, coin: &str) -> Response {
    let path = format!("/api/v1/price/{coin}");
    caller.api.request(Method::GET, &path).send().await.unwrap()
}

/// Batch, and what its waiters have to have in common.
async fn read(response: Response) -> (String, (String, String)) {
    let batch = response.headers()["x-batch-id"].to_str().unwrap().to_owned();
    let body: Value = response.json().await.unwrap();
    (batch, (body["price"].to_string(), body["fetchedAt"].to_string()))
}

#[tokio::test]
async fn three_hundred_requests_cost_the_provider_a_hundred_at_most() {
    // Patience: what counts here is how often the provider is asked.
    let patient = [
        ("BATCH_RESULT_TIMEOUT_MS", "60000"),
        ("UPSTREAM_TIMEOUT_MS", "10000"),
        ("BATCH_LEASE_MS", "30000"),
    ];
    let (stack, callers) = start(&patient).await;
    let before = stack.simulator.requests_to(Venue::CoinGecko, ROUTE);
    let requests = (0..300).map(|n| price_of(&callers[n % 2], "bitcoin"));
    let responses = join_all(requests).await;
    let mut batches: BTreeMap<String, BTreeSet<(String, String)>> = BTreeMap::new();
    for response in responses {
        assert_eq!(response.status().as_u16(), 200);
        let (batch, price) = read(response).await;
        batches.entry(batch).or_default().insert(price);
    }
    let calls = stack.simulator.requests_to(Venue::CoinGecko, ROUTE) - before;
    assert!(calls <= 100, "{calls} requests to the provider");
    assert!(batches.len() <= 100, "{} batches", batches.len());
    assert!(
        batches.values().all(|prices| prices.len() == 1),
        "one price for all of a batch"
    );

    let client = stack.pool().get().await.unwrap();
    let query = "SELECT batch_id::text FROM market.price_records WHERE coin_id = 'bitcoin'";
    let stored = found("a row for each batch", || async {
        let rows = client.query(query, &[]).await.unwrap();
        (rows.len() >= batches.len()).then_some(rows)
    })
    .await;
    let stored: Vec<String> = stored.iter().map(|row| row.get(0)).collect();
    assert_eq!(stored.len(), batches.len(), "one row for each");
    assert_eq!(stored.iter().collect::<BTreeSet<_>>(), batches.keys().collect());
}

#[tokio::test]
async fn killed_flusher_is_replaced_and_all_are_answered() {
    let (mut stack, callers) = start(&[("BATCH_WINDOW_MS", "7000")]).await;
    // The first flush hangs at the provider; whoever takes over does not.
    let hang = FaultRequest::new(Venue::CoinGecko, FaultKind::Hang).at(ROUTE).times(1);
    stack.simulator.add_fault(hang).unwrap();
    let before = stack.simulator.requests_to(Venue::CoinGecko, ROUTE);
    let started = Instant::now();
    let waiting = [&callers[1], &callers[1], &callers[0]].map(|caller| {
        let caller = caller.clone();
        tokio::spawn(async move {
            let response = price_of(&caller, "bitcoin").await;
            (response.status().as_u16(), started.elapsed())
        })
    });
    found("the flush", || async {
        (stack.simulator.requests_to(Venue::CoinGecko, ROUTE) > before).then_some(())
    })
    .await;
    // Whichever process flushes, one of the two holds waiters of the batch and is not it.
    let owner = flusher(&stack).await;
    stack.kill_copy(Service::Fetch, owner);
    let answers: Vec<(u16, Duration)> = join_all(waiting).await.into_iter().map(Result::unwrap).collect();
    for (status, took) in &answers {
        // Those at the dead process are told at once; 9 seconds are the promised 8 and a busy machine.
        assert!([200, 503].contains(status), "{answers:?}");
        assert!(*took < Duration::from_secs(9), "{answers:?}");
    }
    assert!(answers.iter().any(|(status, _)| *status == 200), "{answers:?}");
    let client = stack.pool().get().await.unwrap();
    let query = "SELECT count(*) FROM market.price_records WHERE coin_id = 'bitcoin'";
    let rows: i64 = client.query_one(query, &[]).await.unwrap().get(0);
    assert_eq!(rows, 1);
}

/// The process whose request the provider holds.
async fn flusher(stack: &TestStack) -> usize {
    found("who flushes", || async {
        let texts = join_all(stack.urls(Service::Fetch).into_iter().map(metrics)).await;
        texts.iter().position(|text| text.contains("fetch_batch_claims_total"))
    })
    .await
}

async fn metrics(url: String) -> String {
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let response = client.get(format!("{url}/metrics")).send().await.unwrap();
    response.text().await.unwrap()
}
