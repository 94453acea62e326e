//! Batched prices of one process: what fills a batch, what it costs the provider, and each way it can fail.

use contracts::api::price::{BatchTrigger, BatchedPriceBody, PriceHistoryPage, PriceHistoryQuery, PriceQuery};
use contracts::problem::ProblemKind;
use domain::ticker::ProviderId;
use futures_util::future::join_all;
use market_sim::{CorruptPrice, FaultKind, FaultRequest, Venue};
use platform::client::{ClientError, InternalClient};
use platform::problem::Problem;
use redis::AsyncCommands;
use rstest::rstest;
use testkit::{OwnPostgres, OwnRedis, found};

use crate::harness::{Process, TestApp, context, variables};

const ROUTE: &str = "simple/price";

/// A window that no test waits for.
const ENDLESS: (&str, &str) = ("BATCH_WINDOW_MS", "50000");

/// A window that ends at once.
const SHORT: (&str, &str) = ("BATCH_WINDOW_MS", "20");

async fn price_of(client: &InternalClient, coin: &str, max_age_ms: u32) -> Result<BatchedPriceBody, Problem> {
    let query = PriceQuery { max_age_ms };
    match client.get(&format!("/price/{coin}"), &query, &context()).await {
        Ok(body) => Ok(body),
        Err(ClientError::Problem(problem)) => Err(problem),
        Err(error) => panic!("{coin}: {error}"),
    }
}

async fn prices_of(client: &InternalClient, coin: &str, count: usize) -> Vec<Result<BatchedPriceBody, Problem>> {
    join_all((0..count).map(|_| price_of(client, coin, 0))).await
}

async fn history_of(client: &InternalClient, coin: &str, query: &PriceHistoryQuery) -> PriceHistoryPage {
    let path = format!("/price/{coin}/history");
    client.get(&path, query, &context()).await.unwrap()
}

fn page(page: u32, limit: u32) -> PriceHistoryQuery {
    PriceHistoryQuery {
        page,
        limit,
        ..PriceHistoryQuery::default()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn full_batch_is_flushed_at_once_and_all_see_the_same() {
    let app = TestApp::start(&[ENDLESS]).await;
    let client = &app.process.client;
    let bodies: Vec<_> = prices_of(client, "monero", 3)
        .await
        .into_iter()
        .map(Result::unwrap)
        .collect();
    for body in &bodies {
        assert_eq!((&body.price, body.batch_id), (&bodies[0].price, bodies[0].batch_id));
        assert_eq!((body.batch_size, body.trigger), (3, BatchTrigger::Threshold));
        assert_eq!((body.provider, body.is_persisted), (ProviderId::CoinGecko, true));
    }
    assert_eq!(app.sim.requests_to(Venue::CoinGecko, ROUTE), 1);
    let page = history_of(client, "monero", &page(1, 20)).await;
    assert_eq!(page.body.items.len(), 1);
    assert_eq!(page.body.items[0].price, bodies[0].price.price);
    assert_eq!(page.body.items[0].fetched_at, bodies[0].price.fetched_at);
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn single_request_waits_for_the_window() {
    let app = TestApp::start(&[("BATCH_WINDOW_MS", "300")]).await;
    let body = price_of(&app.process.client, "bitcoin", 0).await.unwrap();
    assert_eq!((body.batch_size, body.trigger), (1, BatchTrigger::Window));
    assert!(body.wait_ms >= 300, "{}", body.wait_ms);
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn stored_price_answers_who_accepts_its_age() {
    let app = TestApp::start(&[SHORT]).await;
    let client = &app.process.client;
    let first = price_of(client, "bitcoin", 60_000).await.unwrap();
    assert_eq!(first.trigger, BatchTrigger::Window);
    let second = price_of(client, "bitcoin", 60_000).await.unwrap();
    assert_eq!((second.trigger, second.wait_ms), (BatchTrigger::Cache, 0));
    assert_eq!((&second.price, second.batch_id), (&first.price, first.batch_id));
    let third = price_of(client, "bitcoin", 0).await.unwrap();
    assert_ne!(third.batch_id, first.batch_id);
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fifty_coins_of_one_slot_are_one_request() {
    let more = [ENDLESS, ("BATCH_THRESHOLD", "1"), ("BATCH_COALESCE_MS", "1000")];
    let app = TestApp::start(&more).await;
    let catalogue = market_sim::assets::Catalogue::built_in();
    let coins: Vec<&str> = catalogue
        .iter()
        .filter_map(|(_, asset)| asset.coingecko.as_deref())
        .take(50)
        .collect();
    assert_eq!(coins.len(), 50);
    let client = &app.process.client;
    for answer in join_all(coins.iter().map(|coin| price_of(client, coin, 0))).await {
        answer.unwrap();
    }
    assert_eq!(app.sim.requests_to(Venue::CoinGecko, ROUTE), 1);
    app.stop().await;
}

#[rstest]
#[case::failing(FaultKind::ServerError { status: 500 }, ProblemKind::UpstreamFailed, None)]
#[case::throttled(
    FaultKind::RateLimited { retry_after: 17, status: None },
    ProblemKind::UpstreamRateLimited,
    Some(17)
)]
#[case::html(FaultKind::Html, ProblemKind::UpstreamInvalidResponse, None)]
#[case::truncated(FaultKind::Truncated, ProblemKind::UpstreamInvalidResponse, None)]
#[case::negative(FaultKind::Absurd { what: CorruptPrice::Negative }, ProblemKind::UpstreamInvalidResponse, None)]
#[case::hanging(FaultKind::Hang, ProblemKind::UpstreamFailed, None)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn failure_of_the_provider_reaches_the_waiters_of_its_batch_only(
    #[case] fault: FaultKind,
    #[case] kind: ProblemKind,
    #[case] retry_after: Option<u64>,
) {
    // Short where that is what the test waits for.
    let timeout = if matches!(fault, FaultKind::Hang) {
        "2000"
    } else {
        "20000"
    };
    let more = [SHORT, ("UPSTREAM_TIMEOUT_MS", timeout)];
    let app = TestApp::start(&more).await;
    let client = &app.process.client;
    app.sim
        .add_fault(FaultRequest::new(Venue::CoinGecko, fault).at(ROUTE))
        .unwrap();
    for answer in prices_of(client, "bitcoin", 2).await {
        let problem = answer.unwrap_err();
        assert_eq!((problem.kind, problem.retry_after), (kind, retry_after), "{problem}");
    }
    app.sim.clear_faults();
    price_of(client, "bitcoin", 0).await.unwrap();
    assert_eq!(history_of(client, "bitcoin", &page(1, 20)).await.body.total_items, 1);
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn flush_is_retried_once() {
    let app = TestApp::start(&[SHORT]).await;
    let fault = FaultRequest::new(Venue::CoinGecko, FaultKind::ServerError { status: 502 }).at(ROUTE);
    app.sim.add_fault(fault.times(1)).unwrap();
    price_of(&app.process.client, "bitcoin", 0).await.unwrap();
    assert_eq!(app.sim.requests_to(Venue::CoinGecko, ROUTE), 2);
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn unknown_coin_is_not_asked_for_again() {
    let app = TestApp::start(&[SHORT]).await;
    let client = &app.process.client;
    for _ in 0..3 {
        let problem = price_of(client, "no-such-coin", 0).await.unwrap_err();
        assert_eq!(problem.kind, ProblemKind::CoinNotFound);
    }
    assert_eq!(app.sim.requests_to(Venue::CoinGecko, ROUTE), 1);
    let problem = price_of(client, "Bitcoin", 0).await.unwrap_err();
    assert_eq!(problem.kind, ProblemKind::InvalidCoinId);
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_key_of_a_batch_expires() {
    let app = TestApp::start(&[SHORT]).await;
    for coin in ["bitcoin", "no-such-coin"] {
        let _ = price_of(&app.process.client, coin, 0).await;
    }
    let mut redis = app.redis.connection.clone();
    let keys: Vec<String> = redis.keys("{batch:*").await.unwrap();
    assert!(keys.len() >= 5, "{keys:?}");
    for key in keys {
        let ttl: i64 = redis.ttl(&key).await.unwrap();
        assert!((0..=120).contains(&ttl), "{key} ends in {ttl} s");
    }
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn second_provider_stands_in_while_the_breaker_of_the_first_is_open() {
    let more = [
        SHORT,
        ("BREAKER_FAILURES", "1"),
        ("BREAKER_OPEN_SECONDS", "3600"),
        ("COINGECKO_POLL_INTERVAL_SECONDS", "3600"),
    ];
    let prepare = |sim: &market_sim::Simulator| {
        sim.add_fault(FaultRequest::new(Venue::CoinGecko, FaultKind::Html))
            .unwrap();
    };
    let app = TestApp::start_with(prepare, &more).await;
    let process = &app.process;
    found("the open breaker", || async {
        (process.source(ProviderId::CoinGecko).await.breaker == "open").then_some(())
    })
    .await;
    let body = price_of(&process.client, "bitcoin", 0).await.unwrap();
    assert_eq!(body.provider, ProviderId::CoinMarketCap);
    // The other providers' names of this coin are not known.
    let problem = price_of(&process.client, "monero", 0).await.unwrap_err();
    assert_eq!(problem.kind, ProblemKind::UpstreamFailed);
    assert!(problem.retry_after.is_some());
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn full_process_refuses_further_waiters() {
    let more = [ENDLESS, ("BATCH_MAX_WAITERS", "1")];
    let app = TestApp::start(&more).await;
    let client = app.process.client.clone();
    let waiting = tokio::spawn(async move { price_of(&client, "bitcoin", 0).await });
    let redis = app.redis.connection.clone();
    found("the batch", || async {
        let found: bool = redis.clone().exists("{batch:bitcoin}").await.unwrap();
        found.then_some(())
    })
    .await;
    let problem = price_of(&app.process.client, "ethereum", 0).await.unwrap_err();
    assert_eq!(problem.kind, ProblemKind::BatchCoordinationUnavailable);
    waiting.abort();
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn client_that_disconnects_leaves_its_batch() {
    let app = TestApp::start(&[ENDLESS]).await;
    let mut redis = app.redis.connection.clone();
    let client = app.process.client.clone();
    let waiting = tokio::spawn(async move { price_of(&client, "bitcoin", 0).await });
    found("the batch", || async {
        let found: bool = redis.clone().exists("{batch:bitcoin}").await.unwrap();
        found.then_some(())
    })
    .await;
    waiting.abort();
    found("its end", || async {
        let keys: Vec<String> = redis.clone().keys("{batch:*").await.unwrap();
        keys.is_empty().then_some(())
    })
    .await;
    let () = redis.del("x").await.unwrap();
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_redis_requests_are_refused_and_then_work_again() {
    let sim = market_sim::start(market_sim::Config::default()).unwrap();
    let mut redis = OwnRedis::start().await;
    let database = testkit::database().await;
    let process = Process::start(&variables(&sim, &redis.url, &database.url, &[SHORT]));
    price_of(&process.client, "bitcoin", 0).await.unwrap();
    redis.stop();
    let problem = price_of(&process.client, "bitcoin", 0).await.unwrap_err();
    assert_eq!(problem.kind, ProblemKind::BatchCoordinationUnavailable, "{problem}");
    redis.resume().await;
    found("a price again", || async {
        price_of(&process.client, "bitcoin", 0).await.ok()
    })
    .await;
    process.stop().await;
    sim.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn price_is_answered_without_postgresql_and_stored_later() {
    let sim = market_sim::start(market_sim::Config::default()).unwrap();
    let redis = testkit::redis().await;
    let mut postgres = OwnPostgres::start().await;
    let variables = variables(&sim, &redis.url, &postgres.url, &[SHORT]);
    let process = Process::start(&variables);
    let stored = price_of(&process.client, "bitcoin", 0).await.unwrap();
    assert!(stored.is_persisted);
    postgres.stop().await;
    let unstored = price_of(&process.client, "bitcoin", 0).await.unwrap();
    assert!(!unstored.is_persisted);
    // Another process does what this one left.
    process.stop().await;
    postgres.resume().await;
    let process = Process::start(&variables);
    let page = found("both prices", || async {
        let page = history_of(&process.client, "bitcoin", &page(1, 20)).await;
        (page.body.total_items == 2).then_some(page)
    })
    .await;
    assert_eq!(page.body.items[0].fetched_at, unstored.price.fetched_at);
    process.stop().await;
    sim.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn history_has_pages_and_cursors() {
    let app = TestApp::start(&[("PRICE_RETENTION_DAYS", "3650")]).await;
    let client = app.database.pool.get().await.unwrap();
    let insert = "INSERT INTO market.price_records
        SELECT gen_random_uuid(), 'bitcoin', 'usd', n, '2026-01-01'::timestamptz + n * interval '1 minute', 'coingecko'
        FROM generate_series(1, 45) AS n";
    client.batch_execute(insert).await.unwrap();
    let http = &app.process.client;
    let first = history_of(http, "bitcoin", &page(1, 20)).await;
    let body = &first.body;
    assert_eq!((body.total_items, body.total_pages, body.has_next_page), (45, 3, true));
    assert_eq!(body.items[0].price.0, 45.into());
    let last = history_of(http, "bitcoin", &page(3, 20)).await;
    assert_eq!(
        (last.body.items.len(), last.body.has_next_page, &last.next_cursor),
        (5, false, &None)
    );

    // What comes later moves nothing for who follows a cursor.
    let later = insert.replace("(1, 45)", "(46, 50)");
    client.batch_execute(&later).await.unwrap();
    let mut seen = first.body.items.clone();
    let mut next = first.next_cursor.clone();
    while let Some(cursor) = next {
        let query = PriceHistoryQuery {
            cursor: Some(cursor),
            ..page(1, 20)
        };
        let page = history_of(http, "bitcoin", &query).await;
        assert_eq!(page.body.total_items, 45);
        seen.extend(page.body.items);
        next = page.next_cursor;
    }
    let prices: Vec<i64> = seen.iter().map(|item| item.price.0.try_into().unwrap()).collect();
    assert_eq!(prices, (1..=45).rev().collect::<Vec<_>>());

    let range = PriceHistoryQuery {
        from: Some("2026-01-01T00:10:00Z".parse::<jiff::Timestamp>().unwrap().into()),
        to: Some("2026-01-01T00:12:00Z".parse::<jiff::Timestamp>().unwrap().into()),
        ..page(1, 20)
    };
    assert_eq!(history_of(http, "bitcoin", &range).await.body.total_items, 2);
    let never = history_of(http, "monero", &page(1, 20)).await;
    assert_eq!(
        (never.body.total_items, never.body.total_pages, never.body.items.len()),
        (0, 0, 0)
    );
    app.stop().await;
}
