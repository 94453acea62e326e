//! Missing history comes from the providers through `fetch`.

use std::collections::HashMap;
use std::time::Duration;

use contracts::api::fetch::{HistoryBody, HistoryCandle};
use contracts::number::Number;
use contracts::problem::ProblemKind;
use core_analytics::asset_windows::ChangedHistory;
use core_analytics::backfill::Backfill;
use core_analytics::candles::{Rates, candles_of_response};
use core_analytics::refusals::Refusals;
use domain::candle::Candle;
use domain::interval::Interval;
use domain::ticker::{ProviderId, Ticker};
use jiff::{SignedDuration, Timestamp};
use platform::client::InternalClient;
use rust_decimal::Decimal;
use wiremock::matchers::{header, method, path};
use wiremock::{Mock, Request, Respond, ResponseTemplate};

use crate::harness::{TOKEN, TestApp, at, decimal, quote, tick, ticker};
use testkit::eventually;

const NOW: &str = "2026-03-01T12:30:20Z";

/// A provider that knows everything: its price is the number of minutes since the epoch.
struct Venue;

impl Respond for Venue {
    fn respond(&self, request: &Request) -> ResponseTemplate {
        let value = |name: &str| {
            let found = request.url.query_pairs().find(|pair| pair.0 == name);
            found
                .unwrap_or_else(|| panic!("no {name} in {}", request.url))
                .1
                .into_owned()
        };
        let interval: Interval = value("interval").parse().unwrap();
        let (from, to): (Timestamp, Timestamp) = (value("from").parse().unwrap(), value("to").parse().unwrap());
        let mut open_time = interval.open_time(from);
        let mut candles = Vec::new();
        while open_time < to {
            let end = open_time + SignedDuration::from_secs(interval.seconds());
            let price = |at: Timestamp| Number(Decimal::from(at.as_second() / 60));
            let (first, last) = (price(open_time), price(end.min(to) - SignedDuration::from_secs(1)));
            candles.push(HistoryCandle {
                t: open_time.into(),
                o: first,
                h: last,
                l: first,
                c: last,
                v: Some(Number(Decimal::ONE)),
                closed: end <= to,
            });
            open_time = end;
        }
        ResponseTemplate::new(200).set_body_json(HistoryBody {
            ticker: ticker("BTC"),
            interval,
            source: ProviderId::Binance,
            currency: "USD".to_owned(),
            candles,
        })
    }
}

fn problem(kind: ProblemKind) -> ResponseTemplate {
    ResponseTemplate::new(kind.status()).set_body_json(platform::problem::Problem::new(kind, "No."))
}

pub async fn mount_provider(app: &TestApp, name: &str) {
    Mock::given(method("GET"))
        .and(path(format!("/internal/history/{name}")))
        .and(header("x-internal-token", TOKEN))
        .respond_with(Venue)
        .mount(&app.fetch)
        .await;
}

async fn counts(app: &TestApp) -> Vec<usize> {
    let mut counts = Vec::new();
    for interval in Interval::ALL {
        counts.push(app.candles("BTC", interval).await.len());
    }
    counts
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_first_start_fills_every_length_after_failures_too() {
    let app = TestApp::new(NOW).await;
    Mock::given(path("/internal/history/BTC"))
        .respond_with(problem(ProblemKind::DependencyUnavailable))
        .up_to_n_times(3)
        .mount(&app.fetch)
        .await;
    mount_provider(&app, "BTC").await;
    Mock::given(path("/internal/history/DOGE"))
        .respond_with(problem(ProblemKind::TokenNotFound))
        .mount(&app.fetch)
        .await;
    let running = app.start(&["BTC", "DOGE"]).await;
    eventually("a year of days and a day of minutes", async || {
        app.candles("BTC", Interval::D1).await.len() == 366 && app.candles("BTC", Interval::M1).await.len() == 1_441
    })
    .await;
    eventually("all lengths", async || {
        let counts = counts(&app).await;
        counts[1] == 8 * 288 + 1 && counts[2] >= 8 * 96 && counts[3] == 90 * 24 + 1 && counts[4] >= 90 * 6
    })
    .await;
    let requests = app.fetch.received_requests().await.unwrap().len();
    assert_eq!(requests, 3 + 8, "three failures, then each history once");
    running.stop().await;

    // The second start finds nothing missing but the history that nobody tells.
    let before = counts(&app).await;
    let running = app.start(&["BTC", "DOGE"]).await;
    eventually("the second look", async || {
        app.fetch.received_requests().await.unwrap().len() == requests + 4
    })
    .await;
    running.stop().await;
    assert_eq!(counts(&app).await, before);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn history_and_own_prices_make_one_candle() {
    let app = TestApp::new(NOW).await;
    let own = quote("BTC", at(NOW) + SignedDuration::from_secs(5), "7777777");
    app.store().record(&[(ticker("BTC"), tick(&own))]).await.unwrap();
    mount_provider(&app, "BTC").await;
    let running = app.start(&["BTC"]).await;
    eventually("history", async || {
        app.candles("BTC", Interval::H1).await.len() == 90 * 24 + 1
    })
    .await;
    eventually("the running candle", async || {
        app.candles("BTC", Interval::H1).await.last().unwrap().backfilled
    })
    .await;
    let candle = *app.candles("BTC", Interval::H1).await.last().unwrap();
    let minutes = |text: &str| Decimal::from(at(text).as_second() / 60);
    assert_eq!(candle.open.price, minutes("2026-03-01T12:00:00Z"));
    assert_eq!(
        (candle.close.price, candle.low),
        (decimal("7777777"), decimal("7777777"))
    );
    assert_eq!(candle.high, minutes("2026-03-01T12:30:00Z"));
    assert_eq!((candle.n, candle.backfilled), (1, true));
    running.stop().await;
}

/// A history of one candle per price from `from` on, as `fetch` reports it at `reported_at`.
fn history(
    source: ProviderId,
    interval: Interval,
    from: &str,
    prices: &[i64],
    reported_at: &str,
) -> Vec<(Ticker, Candle)> {
    let step = SignedDuration::from_secs(interval.seconds());
    let candles = (0..).zip(prices).map(|(place, price)| {
        let price = Number(Decimal::from(*price));
        let open_time = at(from) + step * place;
        HistoryCandle {
            t: open_time.into(),
            o: price,
            h: price,
            l: price,
            c: price,
            v: Some(Number(Decimal::TEN)),
            closed: open_time + step <= at(reported_at),
        }
    });
    let body = HistoryBody {
        ticker: ticker("BTC"),
        interval,
        source,
        currency: "USD".to_owned(),
        candles: candles.collect(),
    };
    candles_of_response(&body, &Rates::new(), at(reported_at))
}

async fn hours(app: &TestApp) -> Vec<(Decimal, Option<ProviderId>, Option<Decimal>, bool)> {
    let candles = app.candles("BTC", Interval::H1).await;
    let row = |candle: Candle| (candle.close.price, candle.source, candle.volume, candle.backfilled);
    candles.into_iter().map(row).collect()
}

#[tokio::test]
async fn better_source_replaces_a_worse_one_and_never_the_other_way_round() {
    let app = TestApp::new(NOW).await;
    let store = app.store();
    let of = |source, price| history(source, Interval::H1, "2026-03-01T10:00:00Z", &[price], NOW);
    let ten = Some(Decimal::TEN);
    let steps = [
        (ProviderId::CoinGecko, 7, 7, ProviderId::CoinGecko),
        (ProviderId::CoinMarketCap, 8, 8, ProviderId::CoinMarketCap),
        (ProviderId::Binance, 5, 5, ProviderId::Binance),
        (ProviderId::CoinGecko, 9, 5, ProviderId::Binance),
        (ProviderId::Binance, 6, 6, ProviderId::Binance),
    ];
    for (source, price, expected, from) in steps {
        store.merge_history(&of(source, price)).await.unwrap();
        let expected = (Decimal::from(expected), Some(from), ten, true);
        assert_eq!(hours(&app).await, [expected], "{source} {price}");
    }
    let candle = app.candles("BTC", Interval::H1).await[0];
    assert_eq!(
        (candle.high, candle.low),
        (Decimal::from(6), Decimal::from(6)),
        "nothing is left of the worse source"
    );
}

#[tokio::test]
async fn volume_of_a_candle_fetched_while_it_ran_is_that_of_the_whole_candle() {
    let app = TestApp::new(NOW).await;
    let store = app.store();
    let of = |reported_at| {
        history(
            ProviderId::Binance,
            Interval::H1,
            "2026-03-01T12:00:00Z",
            &[5],
            reported_at,
        )
    };
    store.merge_history(&of(NOW)).await.unwrap();
    assert_eq!(hours(&app).await[0].2, None);
    let range = (at("2026-03-01T12:00:00Z"), at("2026-03-01T13:00:00Z"));
    let holes = async || {
        let client = store.client().await.unwrap();
        core_analytics::store::candles::find_holes(&client, &ticker("BTC"), Interval::H1, range.0, range.1)
            .await
            .unwrap()
    };
    assert_eq!(holes().await.missing, Some(range.0), "fetched again after its close");
    store.merge_history(&of("2026-03-01T13:00:10Z")).await.unwrap();
    assert_eq!(hours(&app).await[0].2, Some(Decimal::TEN));
    let holes = holes().await;
    assert_eq!((holes.missing, holes.from_aggregator), (None, None));
}

#[tokio::test]
async fn repair_leaves_our_own_candles_and_fills_only_what_is_missing() {
    let app = TestApp::new(NOW).await;
    let store = app.store();
    let mut own = Vec::new();
    for minute in (0..10).filter(|minute| *minute != 4) {
        let moment = at("2026-03-01T12:00:02Z") + SignedDuration::from_mins(minute);
        for (offset, price) in [(0, "100"), (55, "101")] {
            let quote = quote("BTC", moment + SignedDuration::from_secs(offset), price);
            own.push((ticker("BTC"), tick(&quote)));
        }
    }
    store.record(&own).await.unwrap();
    let repair = history(
        ProviderId::Binance,
        Interval::M1,
        "2026-03-01T12:00:00Z",
        &[98; 10],
        NOW,
    );
    store.merge_history(&repair).await.unwrap();
    let candles = app.candles("BTC", Interval::M1).await;
    assert_eq!(candles.len(), 10);
    for (minute, candle) in candles.iter().enumerate() {
        let expected = if minute == 4 {
            ["98"; 4]
        } else {
            ["100", "101", "100", "101"]
        };
        let prices = [candle.open.price, candle.high, candle.low, candle.close.price];
        assert_eq!(prices, expected.map(decimal), "{minute}");
    }
    let five = app.candles("BTC", Interval::M5).await;
    assert_eq!(
        (five[1].open.price, five[1].close.price),
        (decimal("100"), decimal("101"))
    );
}

#[tokio::test]
async fn minutes_without_prices_are_fetched_as_soon_as_fetch_answers_again() {
    let app = TestApp::new(NOW).await;
    let store = app.store();
    let mut own = Vec::new();
    for minute in (0..30).filter(|minute| !(10..20).contains(minute)) {
        let quote = quote(
            "BTC",
            at("2026-03-01T12:00:05Z") + SignedDuration::from_mins(minute),
            "100",
        );
        own.push((ticker("BTC"), tick(&quote)));
    }
    store.record(&own).await.unwrap();
    let client = InternalClient::new(
        format!("{}/", app.fetch.uri()).parse().unwrap(),
        TOKEN.into(),
        Duration::from_secs(20),
    );
    let backfill = Backfill {
        store: store.clone(),
        fetch: client.unwrap(),
        clock: app.clock.shared(),
        tickers: vec![ticker("BTC")],
        concurrency: 1,
        repair_every: Duration::from_secs(3_600),
        changed: ChangedHistory::default(),
        refusals: Refusals::default(),
    };
    let mut settled = HashMap::new();
    Mock::given(path("/internal/history/BTC"))
        .respond_with(problem(ProblemKind::DependencyUnavailable))
        .up_to_n_times(1)
        .mount(&app.fetch)
        .await;
    backfill.repair_recent(&mut settled).await;
    assert_eq!(app.candles("BTC", Interval::M1).await.len(), 20);
    mount_provider(&app, "BTC").await;
    backfill.repair_recent(&mut settled).await;
    let candles = app.candles("BTC", Interval::M1).await;
    let recent: Vec<&Candle> = candles
        .iter()
        .filter(|candle| candle.open_time >= at("2026-03-01T12:00:00Z"))
        .collect();
    assert_eq!(recent.len(), 31, "all closed minutes and the running one");
    assert_eq!(
        recent
            .iter()
            .filter(|candle| candle.n > 0 && candle.close.price == decimal("100"))
            .count(),
        20
    );
    // Nothing is asked again while nothing new is missing.
    let requests = app.fetch.received_requests().await.unwrap().len();
    backfill.repair_recent(&mut settled).await;
    assert_eq!(app.fetch.received_requests().await.unwrap().len(), requests);
}
