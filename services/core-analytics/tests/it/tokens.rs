//! Lists, searches and histories of tokens, through the internal routes of real processes.

use std::collections::BTreeSet;

use contracts::api::tokens::{
    HistoryPoint, MarketOverview, TokenAnswer, TokenDetail, TokenPage, TokenRow, VelocityBody,
};
use contracts::api::{DataState, Page, WithProvenance};
use contracts::listing::{ListedToken, ListingMessage, ListingPage};
use contracts::problem::ProblemKind;
use domain::ticker::ProviderId;
use futures_util::future::join_all;
use jiff::SignedDuration;
use platform::client::{ClientError, RequestContext};
use serde::de::DeserializeOwned;
use testkit::eventually;
use uuid::Uuid;

use crate::harness::{RunningApp, TestApp, at, decimal};
use crate::listings::{messages, page, token};

const NOW: &str = "2026-03-01T12:00:00Z";

type Answered<T> = WithProvenance<TokenAnswer<T>>;

async fn get<T: DeserializeOwned>(app: &RunningApp, path: &str) -> Answered<T> {
    let (path, query) = path.split_once('?').unwrap_or((path, ""));
    let query: Vec<(String, String)> = url::form_urlencoded::parse(query.as_bytes()).into_owned().collect();
    app.client.get(path, &query, &RequestContext::current()).await.unwrap()
}

async fn problem(app: &RunningApp, path: &str) -> (u16, ProblemKind) {
    let (path, query) = path.split_once('?').unwrap_or((path, ""));
    let query: Vec<(String, String)> = url::form_urlencoded::parse(query.as_bytes()).into_owned().collect();
    let context = RequestContext::current();
    match app
        .client
        .get::<_, serde_json::Value>(path, &query, &context)
        .await
        .unwrap_err()
    {
        ClientError::Problem(problem) => (problem.status, problem.kind),
        other @ (ClientError::Unreachable(_) | ClientError::Timeout | ClientError::Invalid(_)) => panic!("{other:?}"),
    }
}

fn ids(rows: &[TokenRow]) -> Vec<i64> {
    rows.iter().map(|row| row.id).collect()
}

/// So many tokens; the cap falls with the id, and every tenth has none.
fn listing(count: i64, price: i64) -> ListingPage {
    let tokens = (1..=count)
        .map(|id| ListedToken {
            market_cap: (id % 10 != 0).then(|| ((count - id + 1) * 1_000_000).into()),
            ..token(id, at(NOW) - SignedDuration::from_secs(30), price)
        })
        .collect();
    page(tokens)
}

impl TestApp {
    async fn publish_and_wait(&self, pages: &[ListingPage]) {
        self.publish_listings(&messages(pages)).await;
        self.listings_are_stored().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pages_of_one_list_stay_those_of_its_first_page() {
    let app = TestApp::new(NOW).await;
    let running = [app.start(&[]).await, app.start(&[]).await];
    app.publish_and_wait(&[listing(250, 10)]).await;
    let first: Answered<TokenPage> = get(&running[0], "tokens?limit=100").await;
    assert_eq!((first.data.value.total, first.data.value.start), (250, 1));
    let mut seen = ids(&first.data.value.items);
    let mut cursor = first.data.value.next_cursor;
    let mut instance = 1;
    while let Some(next) = cursor {
        // Between any two pages everything changes: prices, caps, and there are new tokens.
        let mut changed = listing(250 + instance as i64 * 7, 20);
        for token in &mut changed.tokens {
            token.market_cap = Some((token.token_id * 1_000).into());
            token.quoted_at = at(NOW) + SignedDuration::from_secs(instance as i64);
        }
        app.publish_and_wait(&[changed]).await;
        let page: Answered<TokenPage> = get(&running[instance % 2], &format!("tokens?limit=100&cursor={next}")).await;
        assert_eq!(
            page.data.value.items[0].quote["USD"].price.map(|price| price.0),
            Some(10.into())
        );
        seen.extend(ids(&page.data.value.items));
        cursor = page.data.value.next_cursor;
        instance += 1;
    }
    // Largest first, those without a cap last.
    let (unknown, known): (Vec<i64>, Vec<i64>) = (1..=250).partition(|id| id % 10 == 0);
    assert_eq!(seen, [known, unknown].concat());
    assert_eq!(
        problem(
            &running[0],
            &format!("tokens?cursor=999999-{}.100", Uuid::nil().simple())
        )
        .await,
        (400, ProblemKind::InvalidCursor)
    );
    // An emptied Redis takes only the older snapshots with it.
    let page: Answered<TokenPage> = get(&running[0], "tokens?limit=100").await;
    let () = redis::cmd("FLUSHDB")
        .query_async(&mut app.redis.connection.clone())
        .await
        .unwrap();
    let cursor = page.data.value.next_cursor.unwrap();
    let next: Answered<TokenPage> = get(&running[1], &format!("tokens?limit=100&cursor={cursor}")).await;
    assert_eq!(next.data.value.start, 101);
    for running in running {
        running.stop().await;
    }
}

#[tokio::test]
async fn list_is_filtered_and_sorted() {
    let app = TestApp::new(NOW).await;
    let running = app.start(&[]).await;
    let quoted_at = at(NOW) - SignedDuration::from_secs(30);
    let of = |id: i64, name: &str, volume: i64, cap: Option<i64>| ListedToken {
        name: name.to_owned(),
        volume_24h: Some(volume.into()),
        market_cap: cap.map(Into::into),
        percent_change_24h: Some(-id as f64),
        ..token(id, quoted_at, 10 * id)
    };
    let tokens = vec![
        of(1, "Beta", 500_000, Some(1_000_000)),
        of(2, "alpha", 100_000, Some(4_000_000)),
        of(3, "Gamma", 900_000, None),
        of(4, "delta", 200_000, Some(2_000_000)),
    ];
    app.publish_and_wait(&[page(tokens)]).await;
    for (query, expected) in [
        ("", vec![2, 4, 1, 3]),
        ("sort_dir=asc", vec![1, 4, 2, 3]),
        ("sort=name&sort_dir=asc", vec![2, 1, 4, 3]),
        ("sort=volume_24h", vec![3, 1, 4, 2]),
        ("sort=velocity", vec![1, 4, 2, 3]),
        ("sort=price", vec![4, 3, 2, 1]),
        ("sort=percent_change_24h", vec![1, 2, 3, 4]),
        ("min_market_cap=2000000", vec![2, 4]),
        ("max_market_cap=2000000.0", vec![4, 1]),
        ("min_volume=200000&max_volume=500000", vec![4, 1]),
        ("min_velocity=0.1", vec![4, 1]),
        ("ids=1,3,99", vec![1, 3]),
        ("symbols=t1,T2", vec![2, 1]),
        ("start=2&limit=2", vec![4, 1]),
        ("start=99", vec![]),
    ] {
        let answer: Answered<TokenPage> = get(&running, &format!("tokens?{query}")).await;
        assert_eq!(ids(&answer.data.value.items), expected, "{query}");
    }
    for query in [
        "limit=0",
        "limit=1001",
        "start=0",
        "sort=size",
        "sort_dir=up",
        "min_velocity=x",
        "min_market_cap=2&max_market_cap=1",
        "ids=one",
    ] {
        let (status, kind) = problem(&running, &format!("tokens?{query}")).await;
        assert_eq!((status, kind), (400, ProblemKind::InvalidParameter), "{query}");
    }
    running.stop().await;
}

#[tokio::test]
async fn token_is_found_by_what_people_type() {
    let app = TestApp::new(NOW).await;
    let running = app.start(&[]).await;
    let quoted_at = at(NOW) - SignedDuration::from_secs(30);
    let of = |id: i64, slug: &str, symbol: &str, name: &str, cap: i64| ListedToken {
        slug: slug.to_owned(),
        symbol: symbol.to_owned(),
        name: name.to_owned(),
        market_cap: Some(cap.into()),
        ..token(id, quoted_at, 10)
    };
    let tokens = vec![
        of(1, "bitcoin", "BTC", "Bitcoin", 1_000),
        of(2, "bitcoin-cash", "BCH", "Bitcoin Cash", 100),
        of(3, "ethereum", "ETH", "Ethereum", 500),
        of(4, "ethereum-classic", "ETC", "Ethereum Classic", 50),
        of(5, "bitcoin-2", "BTC", "Bitcoin 2", 5),
        of(6, "the-wrapped-bitcoin", "WBTC", "Wrapped Bitcoin", 80),
        of(7, "1", "ONE", "Named One", 1),
    ];
    app.publish_and_wait(&[page(tokens)]).await;
    for (query, expected) in [
        ("bitcoin", vec![1, 2, 5, 6]),
        ("BTC", vec![1, 5]),
        ("eth", vec![3, 4]),
        ("cash", vec![2]),
        ("bitcion", vec![1, 2, 6, 5]),
        ("etherium", vec![3, 4]),
        ("xq", vec![]),
    ] {
        let answer: Answered<Vec<TokenRow>> = get(&running, &format!("tokens/search?q={query}")).await;
        assert_eq!(ids(&answer.data.value), expected, "{query}");
    }
    assert_eq!(
        problem(&running, "tokens/search?q=%20").await,
        (400, ProblemKind::InvalidParameter)
    );

    for (name, expected, ambiguous) in [
        ("1", 1, vec![]),
        ("bitcoin", 1, vec![]),
        ("Bitcoin-Cash", 2, vec![]),
        ("btc", 1, vec![5]),
        ("eth", 3, vec![]),
    ] {
        let answer: Answered<TokenDetail> = get(&running, &format!("tokens/{name}")).await;
        assert_eq!(
            (answer.data.value.id, answer.data.ambiguous),
            (expected, ambiguous),
            "{name}"
        );
    }
    assert_eq!(
        problem(&running, "tokens/btc?strict=true").await,
        (409, ProblemKind::AmbiguousSymbol)
    );
    assert_eq!(
        problem(&running, "tokens/dogecoin").await,
        (404, ProblemKind::TokenNotFound)
    );
    running.stop().await;
}

/// A poll every half hour of the two days before [`NOW`], whose velocity grows from 0.01 to 0.0575.
fn growing() -> Vec<ListingPage> {
    (0..96)
        .map(|i: i64| {
            let quoted_at = at(NOW) - SignedDuration::from_mins(30 * (95 - i));
            let grown = ListedToken {
                volume_24h: Some((10_000 + i * 500).into()),
                market_cap: Some(1_000_000.into()),
                ..token(1, quoted_at, 100 + i)
            };
            page(vec![grown])
        })
        .collect()
}

#[tokio::test]
async fn velocity_has_its_means_and_trends() {
    let app = TestApp::new(NOW).await;
    let running = app.start(&[]).await;
    app.publish_and_wait(&growing()).await;
    let answer: Answered<VelocityBody> = get(&running, "tokens/1/velocity?timeframe=24h&include_history=true").await;
    let body = answer.data.value;
    assert_eq!(body.velocity_metrics.current_velocity.map(|v| v.0), Some(0.0575));
    // The points of 11:00, 11:30 and 12:00: each but the last holds for half an hour.
    let hour = body.velocity_metrics.velocity_1h.unwrap().0;
    assert!((hour - (0.0565 + 0.057) / 2.0).abs() < 1e-12, "{hour}");
    let trends = body.trend_analysis.unwrap();
    assert_eq!(
        (trends.trend_24h.as_str(), trends.trend_1h.as_str()),
        ("increasing", "stable")
    );
    assert_eq!(trends.trend_7d, "insufficient_data", "two days of seven are known");
    assert_eq!(trends.momentum_indicator, None);
    assert_eq!(body.calculation_details.method, "market_cap");
    let history = body.history.unwrap();
    assert_eq!((history.len(), history[0].velocity.map(|v| v.0)), (49, Some(0.0335)));

    let row: Answered<TokenPage> = get(&running, "tokens").await;
    let quote = &row.data.value.items[0].quote["USD"];
    assert_eq!(quote.velocity_trend, "increasing");
    let vwap = quote.vwap_24h.unwrap().0;
    assert!(vwap > decimal("170") && vwap < decimal("195"), "{vwap}");
    let detail: Answered<TokenDetail> = get(&running, "tokens/1").await;
    let quality = &detail.data.value.data_quality;
    assert_eq!(
        (quality.freshness.0, quality.agreement.0, quality.completeness.0),
        (1.0, 0.9, 0.8)
    );
    assert_eq!(quality.coverage.0, 1.0);
    assert!((quality.score.0 - 0.72).abs() < 1e-12);
    assert_eq!(
        problem(&running, "tokens/1/velocity?timeframe=2h").await,
        (400, ProblemKind::InvalidParameter)
    );
    running.stop().await;
}

#[tokio::test]
async fn history_is_given_in_every_length_and_page_by_page() {
    let app = TestApp::new(NOW).await;
    let running = app.start(&[]).await;
    app.publish_and_wait(&growing()).await;
    let range = "time_start=2026-02-27T12:30:00Z&time_end=2026-03-01T12:00:00.001Z";
    for (interval, cells) in [
        ("5m", 96),
        ("15m", 96),
        ("1h", 49),
        ("4h", 13),
        ("12h", 5),
        ("1d", 3),
        ("7d", 1),
    ] {
        let path = format!("tokens/1/history?interval={interval}&{range}");
        let whole: Answered<Page<HistoryPoint>> = get(&running, &path).await;
        let whole = whole.data.value;
        assert_eq!((whole.items.len(), &whole.next_cursor), (cells, &None), "{interval}");
        let last = whole.items.last().unwrap();
        assert_eq!(last.price.map(|price| price.0), Some(195.into()), "{interval}");
        // One source, and four of five figures.
        assert!((last.quality.unwrap().0 - 0.72).abs() < 1e-12, "{interval}");
        let mut paged = Vec::new();
        let mut cursor = String::new();
        loop {
            let page: Answered<Page<HistoryPoint>> = get(&running, &format!("{path}&limit=2{cursor}")).await;
            paged.extend(page.data.value.items);
            let Some(next) = page.data.value.next_cursor else { break };
            cursor = format!("&cursor={next}");
        }
        assert_eq!(paged, whole.items, "{interval}");
    }
    let newest: Answered<Page<HistoryPoint>> = get(&running, "tokens/1/history?interval=1h&limit=3").await;
    let times: Vec<String> = newest
        .data
        .value
        .items
        .iter()
        .map(|point| point.timestamp.0.to_string())
        .collect();
    assert_eq!(
        times,
        ["2026-03-01T10:00:00Z", "2026-03-01T11:00:00Z", "2026-03-01T12:00:00Z"]
    );
    assert_eq!(
        problem(
            &running,
            "tokens/1/history?time_start=2026-03-02T00:00:00Z&time_end=2026-03-01T00:00:00Z"
        )
        .await,
        (400, ProblemKind::InvalidRange)
    );
    assert_eq!(
        problem(&running, "tokens/1/history?cursor=17").await,
        (400, ProblemKind::InvalidCursor)
    );
    for far in ["9999-12-30T12:00:00Z", "9999-12-28T00:00:00Z"] {
        for interval in ["5m", "1d", "7d"] {
            let path = format!("tokens/1/history?interval={interval}&limit=1000&time_end={far}");
            let none: Answered<Page<HistoryPoint>> = get(&running, &path).await;
            assert_eq!(none.data.value.items, [], "{path}");
        }
    }
    assert_eq!(
        problem(&running, "tokens/9/history").await,
        (404, ProblemKind::TokenNotFound)
    );
    running.stop().await;
}

#[tokio::test]
async fn answer_says_how_good_its_figures_are() {
    let app = TestApp::new(NOW).await;
    let running = app.start(&[]).await;
    let state = async || {
        let answer: Answered<TokenPage> = get(&running, "tokens").await;
        let flags = answer.data.value.items[0].flags.join(",");
        (answer.state, answer.sources.join(","), answer.estimated, flags)
    };
    let none: Answered<TokenPage> = get(&running, "tokens").await;
    assert_eq!((none.state, none.data.value.total), (DataState::Stale, 0));
    app.publish_and_wait(&[listing(1, 10)]).await;
    assert_eq!(
        state().await,
        (DataState::Ok, "coinmarketcap".to_owned(), false, String::new())
    );
    let mut fallback = ListingPage {
        provider: ProviderId::CoinGecko,
        is_fallback: true,
        ..listing(1, 11)
    };
    fallback.tokens[0].quoted_at = at(NOW);
    fallback.received_at = at(NOW);
    app.publish_and_wait(&[fallback]).await;
    assert_eq!(
        state().await,
        (DataState::Degraded, "coingecko".to_owned(), false, String::new())
    );
    app.publish_listings(&[ListingMessage::Unavailable {
        v: 1,
        poll_id: Uuid::now_v7(),
        at: at(NOW) + SignedDuration::from_secs(1),
        reason: "coingecko: timeout".to_owned(),
    }])
    .await;
    app.listings_are_stored().await;
    assert_eq!(
        state().await,
        (
            DataState::Degraded,
            "coingecko".to_owned(),
            true,
            "estimated".to_owned()
        )
    );
    app.clock.advance(std::time::Duration::from_secs(901));
    let (state, ..) = state().await;
    assert_eq!(state, DataState::Stale);
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_misses_load_once_and_changes_reach_every_instance() {
    let app = TestApp::new(NOW).await;
    let running = [app.start(&[]).await, app.start(&[]).await];
    app.publish_and_wait(&[listing(20, 10)]).await;
    let answers = join_all((0..200).map(|_| get::<TokenPage>(&running[0], "tokens?limit=1"))).await;
    let layers: Vec<&str> = answers.iter().map(|answer| answer.data.cache.as_str()).collect();
    let loads = layers.iter().filter(|layer| **layer != "process").count();
    assert!(loads <= 1, "{layers:?}");
    // The other instance has it from Redis, unless its own announcement came first.
    let other: Answered<TokenPage> = get(&running[1], "tokens?limit=1").await;
    assert!(["redis", "process", "db"].contains(&other.data.cache.as_str()));
    let mut changed = listing(20, 30);
    for token in &mut changed.tokens {
        token.quoted_at = at(NOW);
    }
    app.publish_and_wait(&[changed]).await;
    for running in &running {
        eventually("the change is seen", async || {
            let answer: Answered<TokenPage> = get(running, "tokens?limit=1").await;
            answer.data.value.items[0].quote["USD"].price.map(|price| price.0) == Some(30.into())
        })
        .await;
    }
    let distinct: BTreeSet<String> = BTreeSet::from_iter(layers.into_iter().map(str::to_owned));
    assert!(distinct.contains("process"));
    for running in running {
        running.stop().await;
    }
}

#[tokio::test]
async fn market_is_summed_up_over_current_tokens() {
    let app = TestApp::new(NOW).await;
    let running = app.start(&[]).await;
    let quoted_at = at(NOW) - SignedDuration::from_secs(30);
    let of = |id: i64, volume: i64, cap: Option<i64>, change: f64| ListedToken {
        volume_24h: Some(volume.into()),
        market_cap: cap.map(Into::into),
        percent_change_24h: Some(change),
        ..token(id, quoted_at, 10)
    };
    let stale = ListedToken {
        quoted_at: at(NOW) - SignedDuration::from_hours(2),
        ..of(6, 900_000, Some(9_000_000), 90.0)
    };
    let tokens = vec![
        of(1, 60_000, Some(600_000), 1.0),
        of(2, 100_000, Some(200_000), -3.0),
        of(3, 70_000, None, 5.0),
        // Trades too little to be ranked, and the next one's velocity is no real one.
        of(4, 10_000, Some(100_000), 50.0),
        of(5, 20_000_000, Some(100_000), -50.0),
        stale,
    ];
    app.publish_and_wait(&[page(tokens)]).await;
    let answer: Answered<MarketOverview> = get(&running, "market/overview").await;
    let market = answer.data.value;
    assert_eq!(market.active_tokens, 5);
    assert_eq!(market.total_market_cap.map(|cap| cap.0), Some(1_000_000.into()));
    assert_eq!(market.total_volume_24h.map(|volume| volume.0), Some(20_240_000.into()));
    assert_eq!(market.btc_dominance.map(|share| share.0), Some(60.0));
    // 0.1, 0.5 and 0.1; that of token 5 is extreme.
    assert!((market.average_velocity.unwrap().0 - 0.7 / 3.0).abs() < 1e-12);
    assert_eq!(market.median_velocity.map(|velocity| velocity.0), Some(0.1));
    assert_eq!(ids(&market.top_gainers), [3, 1]);
    assert_eq!(ids(&market.top_losers), [5, 2]);
    assert_eq!(ids(&market.velocity_leaders), [2, 1]);
    running.stop().await;
}
