//! What the internal routes answer.

use contracts::api::analytics::{
    CandleBody, CandlesQuery, CorrelationBody, CorrelationQuery, StatsBody, StatsQuery, TimeseriesBody, TimeseriesQuery,
};
use contracts::api::fetch::HistoryCandle;
use contracts::api::{DataState, Page, WithProvenance};
use contracts::number::{Number, Price};
use core_analytics::candles::candles_of_history;
use domain::candle::Tick;
use domain::interval::Interval;
use domain::ticker::Ticker;
use jiff::{SignedDuration, Timestamp};
use platform::client::{ClientError, RequestContext};
use platform::problem::Problem;
use rust_decimal::Decimal;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::harness::{RunningApp, TestApp, at, quote, tick, ticker};

const NOW: &str = "2026-03-01T12:30:00Z";

/// Hours up to the running one, without those in `missing` (counted back from the running one).
async fn fill(app: &TestApp, name: &str, hours: i64, missing: &[i64], price: impl Fn(i64) -> i64) {
    let newest = Interval::H1.open_time(at(NOW));
    let candles: Vec<HistoryCandle> = (0..hours)
        .rev()
        .filter(|back| !missing.contains(back))
        .map(|back| {
            let price = Number(Decimal::from(price(back)));
            HistoryCandle {
                t: (newest - SignedDuration::from_hours(back)).into(),
                o: price,
                h: price,
                l: price,
                c: price,
                v: None,
                closed: back > 0,
            }
        })
        .collect();
    let candles = candles_of_history(&ticker(name), Interval::H1, &candles, at(NOW));
    app.store().merge_history(&candles).await.unwrap();
}

fn priced(at: Timestamp, price: &str) -> (Ticker, Tick) {
    (ticker("BTC"), tick(&quote("BTC", at, price)))
}

async fn get<T: DeserializeOwned>(running: &RunningApp, path: &str, query: &impl Serialize) -> T {
    let answer = running.client.get(path, query, &RequestContext::current()).await;
    answer.unwrap_or_else(|error| panic!("{path}: {error}"))
}

async fn refused(running: &RunningApp, path: &str, query: &impl Serialize) -> Problem {
    let answer: Result<serde_json::Value, _> = running.client.get(path, query, &RequestContext::current()).await;
    match answer {
        Err(ClientError::Problem(problem)) => problem,
        other => panic!("{path}: {other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn statistics_are_of_the_closed_candles_of_the_window() {
    let app = TestApp::new(NOW).await;
    // The running candle (0 back) would be the highest price.
    fill(
        &app,
        "BTC",
        200,
        &[10],
        |back| {
            if back == 0 { 9_999 } else { 100 + back % 7 }
        },
    )
    .await;
    let running = app.start(&["ETH"]).await;
    let query = StatsQuery {
        window: Some("4d".to_owned()),
        ..StatsQuery::default()
    };
    let answer: WithProvenance<StatsBody> = get(&running, "analytics/BTC/stats", &query).await;
    let body = answer.data;
    assert_eq!(
        (body.symbol.as_str(), body.window.as_str(), body.interval.as_str()),
        ("BTC", "4d", "1h")
    );
    assert_eq!(body.n, 96);
    assert!((body.coverage.unwrap().0 - 96.0 / 97.0).abs() < 1e-12);
    assert_eq!(body.max_price, Some(Price(Decimal::from(106))));
    assert_eq!(body.first, Some(Price(Decimal::from(106))));
    assert_eq!(body.last, Some(Price(Decimal::from(101))));
    assert!(body.undefined.is_empty(), "{:?}", body.undefined);
    assert_eq!(answer.state, DataState::Ok);
    assert_eq!(answer.as_of.unwrap().0, at("2026-03-01T11:59:59.999Z"));

    let empty: WithProvenance<StatsBody> = get(&running, "analytics/eth/stats", &query).await;
    assert_eq!((empty.data.n, empty.data.undefined["first"].as_str()), (0, "no_points"));
    assert_eq!(empty.state, DataState::Stale);
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn invalid_parameters_are_named() {
    let app = TestApp::new(NOW).await;
    let running = app.start(&["BTC"]).await;
    let query = StatsQuery {
        window: Some("30m".to_owned()),
        interval: Some("2h".to_owned()),
        returns: Some("cubic".to_owned()),
        risk_free: Some(99.0),
        periods_per_year: Some(-1.0),
    };
    let problem = refused(&running, "analytics/BTC/stats", &query).await;
    assert_eq!(
        (problem.status, problem.kind.slug(), problem.errors.len()),
        (400, "invalid_parameter", 5)
    );
    let query = [("window", "1d"), ("colour", "blue")];
    assert_eq!(
        refused(&running, "analytics/BTC/stats", &query).await.kind.slug(),
        "invalid_parameter"
    );
    for path in ["analytics/NOPE/stats", "analytics/NO-PE/timeseries", "candles/NOPE"] {
        let problem = refused(&running, path, &()).await;
        assert_eq!(
            (problem.status, problem.kind.slug()),
            (404, "token_not_found"),
            "{path}"
        );
    }
    let symbols = |symbols: &str| [("symbols", symbols.to_owned())];
    // Each series alone would be within the bound.
    let query = [("symbols", "BTC,ETH,SOL"), ("window", "1y"), ("interval", "5m")];
    let problem = refused(&running, "analytics/correlation", &query).await;
    assert_eq!((problem.kind.slug(), problem.errors.len()), ("invalid_parameter", 1));
    assert_eq!(problem.errors[0].kind, "too_short");
    for (list, kind) in [
        ("BTC", "invalid_parameter"),
        ("BTC,btc", "invalid_parameter"),
        ("BTC,NOPE", "token_not_found"),
    ] {
        assert_eq!(
            refused(&running, "analytics/correlation", &symbols(list))
                .await
                .kind
                .slug(),
            kind,
            "{list}"
        );
    }
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_chart_has_equally_long_columns_up_to_the_present() {
    let app = TestApp::new(NOW).await;
    fill(&app, "BTC", 1_000, &[5], |back| 1_000 + (back * 31) % 97).await;
    let running = app.start(&[]).await;
    let query = TimeseriesQuery {
        max_points: Some(100),
        series: Some("price,returns,drawdown,rolling_volatility,rolling_sharpe".to_owned()),
        ..TimeseriesQuery::default()
    };
    let answer: WithProvenance<TimeseriesBody> = get(&running, "analytics/BTC/timeseries", &query).await;
    let body = answer.data;
    assert_eq!(
        (body.interval.as_str(), body.n_source, body.downsampled),
        ("1h", 720, true)
    );
    let length = body.t.len();
    assert!((50..=100).contains(&length), "{length}");
    assert_eq!(body.t.last().unwrap().0, at("2026-03-01T12:00:00Z"));
    assert_eq!(body.price.as_ref().unwrap().len(), length);
    for column in [
        &body.returns,
        &body.drawdown,
        &body.rolling_volatility,
        &body.rolling_sharpe,
    ] {
        assert_eq!(column.as_ref().unwrap().len(), length);
    }
    let highest = body.price.unwrap().into_iter().flatten().max();
    assert_eq!(highest, Some(Price(Decimal::from(1_096))));
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn correlations_rest_on_common_returns_only() {
    let app = TestApp::new(NOW).await;
    let wave = |back: i64| 1_000 + (back * 31) % 97;
    fill(&app, "BTC", 100, &[], wave).await;
    // The same prices, but an hour is missing here and another there.
    fill(&app, "ETH", 100, &[20], wave).await;
    fill(&app, "SOL", 100, &[40], wave).await;
    fill(&app, "DAI", 100, &[], |_| 1).await;
    let running = app.start(&[]).await;
    let query = CorrelationQuery {
        symbols: "btc, ETH,SOL,DAI".to_owned(),
        window: Some("4d".to_owned()),
        interval: Some("1h".to_owned()),
        method: Some("spearman".to_owned()),
    };
    let answer: WithProvenance<CorrelationBody> = get(&running, "analytics/correlation", &query).await;
    let body = answer.data;
    assert_eq!(body.symbols, ["BTC", "ETH", "SOL", "DAI"]);
    assert_eq!((body.n_overlap, body.method.as_str()), (96 - 2 - 2, "spearman"));
    assert_eq!(body.n_overlaps[0], [96, 94, 94, 96]);
    assert_eq!(body.n_overlaps[1], [94, 94, 92, 94]);
    for (row, cells) in body.matrix.iter().enumerate() {
        for (column, cell) in cells.iter().enumerate() {
            let expected = (row < 3 && column < 3).then_some(1.0);
            match (cell, expected) {
                (Some(cell), Some(expected)) => assert!((cell.0 - expected).abs() < 1e-12),
                (cell, expected) => assert_eq!(cell.is_some(), expected.is_some(), "{row} {column}"),
            }
        }
    }
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pages_of_candles_join_without_gap_or_overlap() {
    let app = TestApp::new(NOW).await;
    fill(&app, "BTC", 25, &[], |back| 100 + back).await;
    let running = app.start(&[]).await;
    let all: WithProvenance<Page<CandleBody>> = get(&running, "candles/BTC", &CandlesQuery::default()).await;
    let all = all.data.items;
    assert_eq!(all.len(), 25);
    assert!(all.windows(2).all(|pair| pair[0].t < pair[1].t));
    assert!(
        all[..24]
            .iter()
            .all(|candle| candle.closed && candle.backfilled && candle.n.is_none())
    );
    assert!(!all[24].closed);

    for from in [None, Some(all[3].t)] {
        let mut query = CandlesQuery {
            from,
            limit: Some(10),
            ..CandlesQuery::default()
        };
        let mut pages: Vec<Vec<CandleBody>> = Vec::new();
        loop {
            let page: WithProvenance<Page<CandleBody>> = get(&running, "candles/BTC", &query).await;
            pages.push(page.data.items);
            query.cursor = page.data.next_cursor;
            if query.cursor.is_none() {
                break;
            }
        }
        assert_eq!(pages.len(), 3);
        if from.is_none() {
            pages.reverse();
        }
        let joined: Vec<CandleBody> = pages.concat();
        assert_eq!(joined, all[if from.is_some() { 3 } else { 0 }..]);
    }

    let query = |name: &str, value: &str| [(name.to_owned(), value.to_owned())];
    for (name, value, kind) in [
        ("limit", "1001", "invalid_parameter"),
        ("interval", "7m", "invalid_parameter"),
        ("cursor", "nonsense", "invalid_cursor"),
        ("from", "2030-01-01T00:00:00Z", "invalid_range"),
    ] {
        assert_eq!(
            refused(&running, "candles/BTC", &query(name, value)).await.kind.slug(),
            kind,
            "{name}"
        );
    }
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn age_is_that_of_the_newest_price_whatever_the_length_of_the_candles() {
    let app = TestApp::new(NOW).await;
    fill(&app, "BTC", 100, &[0], |_| 100).await;
    // The last price came twelve minutes ago; before that one every minute.
    let ticks: Vec<_> = (12..60)
        .map(|minutes| priced(at(NOW) - SignedDuration::from_mins(minutes), "101"))
        .collect();
    app.store().record(&ticks).await.unwrap();
    let last = at("2026-03-01T12:18:00Z");
    let running = app.start(&[]).await;
    for interval in ["1m", "1h", "1d"] {
        let query = CandlesQuery {
            interval: Some(interval.to_owned()),
            ..CandlesQuery::default()
        };
        let answer: WithProvenance<Page<CandleBody>> = get(&running, "candles/BTC", &query).await;
        assert_eq!(
            (answer.as_of.unwrap().0, answer.state),
            (last, DataState::Stale),
            "{interval}"
        );
        let query = TimeseriesQuery {
            interval: Some(interval.to_owned()),
            ..TimeseriesQuery::default()
        };
        let answer: WithProvenance<TimeseriesBody> = get(&running, "analytics/BTC/timeseries", &query).await;
        assert_eq!(
            (answer.as_of.unwrap().0, answer.state),
            (last, DataState::Stale),
            "{interval}"
        );
    }
    // Statistics are of closed candles: of hours they lack nothing, of minutes the newest are missing.
    for (interval, newest, state) in [
        ("1h", "2026-03-01T11:59:59.999Z", DataState::Ok),
        ("1m", "2026-03-01T12:18:00Z", DataState::Stale),
    ] {
        let query = StatsQuery {
            window: Some("4h".to_owned()),
            interval: Some(interval.to_owned()),
            ..StatsQuery::default()
        };
        let answer: WithProvenance<StatsBody> = get(&running, "analytics/BTC/stats", &query).await;
        assert_eq!(
            (answer.as_of.unwrap().0, answer.state),
            (at(newest), state),
            "{interval}"
        );
    }
    app.store().record(&[priced(at(NOW), "102")]).await.unwrap();
    let answer: WithProvenance<Page<CandleBody>> = get(&running, "candles/BTC", &CandlesQuery::default()).await;
    assert_eq!((answer.as_of.unwrap().0, answer.state), (at(NOW), DataState::Ok));
    running.stop().await;
}
