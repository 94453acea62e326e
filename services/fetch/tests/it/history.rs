//! Past prices over internal HTTP.

use contracts::api::fetch::{HistoryBody, HistoryQuery};
use contracts::problem::ProblemKind;
use domain::interval::Interval;
use domain::ticker::ProviderId;
use jiff::{SignedDuration, Timestamp};
use market_sim::{FaultKind, FaultRequest, Venue};
use platform::client::ClientError;
use platform::clock::{Clock, SystemClock};

use crate::harness::{TestApp, context};

/// Long charts take a simulator that was not optimised a while.
const PATIENT: (&str, &str) = ("PROVIDER_TIMEOUT_MS", "30000");

fn query(interval: Interval, bars: i64) -> HistoryQuery {
    let to: Timestamp = SystemClock.now();
    let from = to - SignedDuration::from_secs(interval.seconds() * bars);
    HistoryQuery {
        interval,
        from: from.into(),
        to: to.into(),
        exchanges_only: false,
    }
}

async fn ask(app: &TestApp, ticker: &str, query: &HistoryQuery) -> Result<HistoryBody, ClientError> {
    let path = format!("/history/{ticker}");
    app.process.client.get(&path, query, &context()).await
}

fn assert_contiguous(body: &HistoryBody) {
    let step = SignedDuration::from_secs(body.interval.seconds());
    for pair in body.candles.windows(2) {
        assert_eq!(pair[1].t.0.duration_since(pair[0].t.0), step, "{pair:?}");
        assert!(pair[0].closed);
    }
}

#[tokio::test]
async fn several_pages_of_binance_join_without_gap() {
    let app = TestApp::start(&[PATIENT]).await;
    let query = query(Interval::M1, 2_500);
    let body = ask(&app, "BTC", &query).await.unwrap();
    assert_eq!((body.source, body.interval), (ProviderId::Binance, Interval::M1));
    assert_eq!(body.currency, "USDT");
    assert!((2_499..=2_501).contains(&body.candles.len()), "{}", body.candles.len());
    assert_contiguous(&body);
    assert!(!body.candles.last().unwrap().closed);
    assert!(body.candles.iter().all(|bar| bar.v.is_some()));

    let again = ask(&app, "BTC", &query).await.unwrap();
    let closed = |body: &HistoryBody| {
        body.candles
            .iter()
            .filter(|bar| bar.closed)
            .cloned()
            .collect::<Vec<_>>()
    };
    assert_eq!(closed(&body)[..2_400], closed(&again)[..2_400]);
    app.stop().await;
}

#[tokio::test]
async fn coingecko_tells_what_binance_cannot() {
    let app = TestApp::start(&[PATIENT]).await;
    let usdt = ask(&app, "USDT", &query(Interval::H1, 48)).await.unwrap();
    assert_eq!(usdt.source, ProviderId::CoinGecko);
    assert!(usdt.candles.len() >= 46, "{}", usdt.candles.len());
    assert_contiguous(&usdt);

    let fault = FaultKind::ServerError { status: 500 };
    app.sim.add_fault(FaultRequest::new(Venue::Binance, fault)).unwrap();
    let btc = ask(&app, "BTC", &query(Interval::D1, 30)).await.unwrap();
    assert_eq!((btc.source, btc.currency.as_str()), (ProviderId::CoinGecko, "USD"));
    assert!(btc.candles.len() >= 29, "{}", btc.candles.len());

    let exchanges = HistoryQuery {
        exchanges_only: true,
        ..query(Interval::D1, 30)
    };
    let Err(ClientError::Problem(problem)) = ask(&app, "BTC", &exchanges).await else {
        panic!("an aggregator answered for an exchange");
    };
    assert_eq!(problem.status, 503);
    app.stop().await;
}

#[tokio::test]
async fn senseless_questions_are_refused() {
    let app = TestApp::start(&[("HISTORY_MAX_BARS", "100")]).await;
    let refused = |error: Result<HistoryBody, ClientError>| match error {
        Err(ClientError::Problem(problem)) => (problem.status, problem.kind),
        other => panic!("{other:?}"),
    };
    let too_many = ask(&app, "BTC", &query(Interval::M1, 101)).await;
    assert_eq!(refused(too_many), (400, ProblemKind::InvalidRange));
    let backwards = ask(&app, "BTC", &query(Interval::M1, -5)).await;
    assert_eq!(refused(backwards), (400, ProblemKind::InvalidRange));
    let unknown = ask(&app, "NOPE", &query(Interval::M1, 5)).await;
    assert_eq!(refused(unknown), (404, ProblemKind::TokenNotFound));
    let no_ticker = ask(&app, "B-TC", &query(Interval::M1, 5)).await;
    assert_eq!(refused(no_ticker), (400, ProblemKind::InvalidParameter));
    app.stop().await;
}

#[tokio::test]
async fn providers_that_are_down_are_said_to_be() {
    let prepare = |sim: &market_sim::Simulator| {
        for provider in [Venue::Binance, Venue::CoinGecko] {
            let fault = FaultKind::RateLimited {
                retry_after: 40,
                status: None,
            };
            sim.add_fault(FaultRequest::new(provider, fault)).unwrap();
        }
    };
    let app = TestApp::start_with(prepare, &[]).await;
    let Err(ClientError::Problem(problem)) = ask(&app, "BTC", &query(Interval::H1, 5)).await else {
        panic!("an answer of providers that are down");
    };
    assert_eq!((problem.status, problem.retry_after), (503, Some(40)));
    app.stop().await;
}
