//! Missing history comes from the venues through `fetch`.

use contracts::api::fetch::{HistoryBar, HistoryBody};
use contracts::number::Number;
use domain::interval::Interval;
use domain::ticker::ProviderId;
use jiff::{SignedDuration, Timestamp};
use rust_decimal::Decimal;
use wiremock::matchers::{header, method, path};
use wiremock::{Mock, Request, Respond, ResponseTemplate};

use crate::harness::{TOKEN, World, at, decimal, quote, tick, ticker};
use testkit::eventually;

const NOW: &str = "2026-03-01T12:30:20Z";

/// A venue that knows everything: its price is the number of minutes since the epoch.
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
        let mut bars = Vec::new();
        while open_time < to {
            let end = open_time + SignedDuration::from_secs(interval.seconds());
            let price = |at: Timestamp| Number(Decimal::from(at.as_second() / 60));
            let (first, last) = (price(open_time), price(end.min(to) - SignedDuration::from_secs(1)));
            bars.push(HistoryBar {
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
            bars,
        })
    }
}

fn problem(status: u16, kind: &str) -> ResponseTemplate {
    ResponseTemplate::new(status).set_body_json(platform::problem::Problem::new(status, kind, "No."))
}

async fn mount_venue(world: &World, name: &str) {
    Mock::given(method("GET"))
        .and(path(format!("/internal/history/{name}")))
        .and(header("x-internal-token", TOKEN))
        .respond_with(Venue)
        .mount(&world.fetch)
        .await;
}

async fn counts(world: &World) -> Vec<usize> {
    let mut counts = Vec::new();
    for interval in Interval::ALL {
        counts.push(world.bars("BTC", interval).await.len());
    }
    counts
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_first_start_fills_every_length_after_failures_too() {
    let world = World::new(NOW).await;
    Mock::given(path("/internal/history/BTC"))
        .respond_with(problem(503, "dependency_unavailable"))
        .up_to_n_times(3)
        .mount(&world.fetch)
        .await;
    mount_venue(&world, "BTC").await;
    Mock::given(path("/internal/history/DOGE"))
        .respond_with(problem(404, "token_not_found"))
        .mount(&world.fetch)
        .await;
    let running = world.start(&["BTC", "DOGE"]).await;
    eventually("a year of days and a day of minutes", async || {
        world.bars("BTC", Interval::D1).await.len() == 366 && world.bars("BTC", Interval::M1).await.len() == 1_441
    })
    .await;
    eventually("all lengths", async || {
        let counts = counts(&world).await;
        counts[1] == 8 * 288 + 1 && counts[2] >= 8 * 96 && counts[3] == 90 * 24 + 1 && counts[4] >= 90 * 6
    })
    .await;
    let requests = world.fetch.received_requests().await.unwrap().len();
    assert_eq!(requests, 3 + 8, "three failures, then each history once");
    running.stop().await;

    // The second start finds nothing missing but the history that nobody tells.
    let before = counts(&world).await;
    let running = world.start(&["BTC", "DOGE"]).await;
    eventually("the second look", async || {
        world.fetch.received_requests().await.unwrap().len() == requests + 4
    })
    .await;
    running.stop().await;
    assert_eq!(counts(&world).await, before);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn history_and_own_prices_make_one_bar() {
    let world = World::new(NOW).await;
    let own = quote("BTC", at(NOW) + SignedDuration::from_secs(5), "7777777");
    world.store().record(&[(ticker("BTC"), tick(&own))]).await.unwrap();
    mount_venue(&world, "BTC").await;
    let running = world.start(&["BTC"]).await;
    eventually("history", async || {
        world.bars("BTC", Interval::H1).await.len() == 90 * 24 + 1
    })
    .await;
    eventually("the running bar", async || {
        world.bars("BTC", Interval::H1).await.last().unwrap().backfilled
    })
    .await;
    let bar = *world.bars("BTC", Interval::H1).await.last().unwrap();
    let minutes = |text: &str| Decimal::from(at(text).as_second() / 60);
    assert_eq!(bar.open.price, minutes("2026-03-01T12:00:00Z"));
    assert_eq!((bar.close.price, bar.low), (decimal("7777777"), decimal("7777777")));
    assert_eq!(bar.high, minutes("2026-03-01T12:30:00Z"));
    assert_eq!((bar.n, bar.backfilled), (1, true));
    running.stop().await;
}
