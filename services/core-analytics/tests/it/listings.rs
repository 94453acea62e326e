//! Listings become tokens and one history, however they arrive.

use std::collections::BTreeMap;

use contracts::keys;
use contracts::listing::{ListedToken, ListingMessage, ListingPage};
use core_analytics::store::{StoredToken, token_history, tokens};
use domain::interval::Interval;
use domain::ticker::ProviderId;
use domain::token_point::TokenPoint;
use domain::velocity::VelocityMethod;
use jiff::{SignedDuration, Timestamp};
use rust_decimal::Decimal;
use testkit::eventually;
use uuid::Uuid;

use crate::harness::{TestApp, at, decimal};

const NOW: &str = "2026-03-01T12:00:00Z";
const MAX_AGE: SignedDuration = SignedDuration::from_secs(900);
const ALL_TIMES: (&str, &str) = ("1970-01-01T00:00:00Z", "2100-01-01T00:00:00Z");

pub fn token(token_id: i64, quoted_at: Timestamp, price: i64) -> ListedToken {
    ListedToken {
        token_id,
        slug: format!("token-{token_id}"),
        symbol: format!("T{token_id}"),
        name: format!("Token {token_id}"),
        rank: Some(1),
        price: Some(price.into()),
        volume_24h: Some((price * 1_000).into()),
        market_cap: Some((price * 20_000).into()),
        fully_diluted_market_cap: None,
        circulating_supply: Some(20_000.into()),
        total_supply: None,
        max_supply: None,
        percent_change_1h: Some(0.5),
        percent_change_24h: None,
        percent_change_7d: None,
        quoted_at,
        date_added: None,
        tags: vec!["mineable".to_owned(), "a tag, with a comma".to_owned()],
        flags: Vec::new(),
    }
}

pub fn page(tokens: Vec<ListedToken>) -> ListingPage {
    let received_at = tokens.iter().map(|token| token.quoted_at).max().unwrap() + SignedDuration::from_secs(20);
    ListingPage {
        v: 1,
        poll_id: Uuid::now_v7(),
        provider: ProviderId::CoinMarketCap,
        is_fallback: false,
        page: 1,
        pages: 1,
        received_at,
        simulated: false,
        tokens,
    }
}

/// Polls of two tokens over the hours before [`NOW`], in an order that has nothing to do with time.
fn shuffled_pages(count: i64) -> Vec<ListingPage> {
    (0..count)
        .map(|i| {
            let quoted_at = at(NOW) - SignedDuration::from_secs((i * 7_919) % 100_000);
            let price = 100 + (i * 37) % 50;
            page(vec![token(1, quoted_at, price), token(2, quoted_at, 2 * price)])
        })
        .collect()
}

/// What the history of a token should be: the newest poll of each cell, and longer cells made of shorter ones.
fn expected(pages: &[ListingPage], token_id: i64) -> BTreeMap<Interval, Vec<TokenPoint>> {
    let mut cells = BTreeMap::<Timestamp, TokenPoint>::new();
    for page in pages {
        for token in page.tokens.iter().filter(|token| token.token_id == token_id) {
            let velocity = core_analytics::listing::velocity(token, 10_000.into());
            let cell = core_analytics::listing::cell(page, token, &velocity, MAX_AGE, Timestamp::UNIX_EPOCH).unwrap();
            let kept = cells.entry(cell.open_time).or_insert_with(|| cell.clone());
            if cell.as_of > kept.as_of {
                *kept = cell;
            }
        }
    }
    let cells: Vec<TokenPoint> = cells.into_values().collect();
    let rolled = |parts: &[TokenPoint], whole: Interval| -> Vec<TokenPoint> {
        parts
            .chunk_by(|a, b| whole.open_time(a.open_time) == whole.open_time(b.open_time))
            .filter_map(|group| TokenPoint::roll_up(whole.open_time(group[0].open_time), group))
            .collect()
    };
    let hours = rolled(&cells, Interval::H1);
    let days = rolled(&hours, Interval::D1);
    BTreeMap::from([(Interval::M5, cells), (Interval::H1, hours), (Interval::D1, days)])
}

impl TestApp {
    async fn history(&self, token_id: i64, interval: Interval) -> Vec<TokenPoint> {
        let client = self.store().client().await.unwrap();
        let range = (at(ALL_TIMES.0), at(ALL_TIMES.1));
        token_history::list(&client, token_id, interval, range, 100_000)
            .await
            .unwrap()
    }

    async fn token(&self, token_id: i64) -> Option<StoredToken> {
        let client = self.store().client().await.unwrap();
        tokens::find(&client, token_id).await.unwrap()
    }

    async fn assert_history_is_that_of(&self, pages: &[ListingPage]) {
        for token_id in [1, 2] {
            for (interval, points) in expected(pages, token_id) {
                assert_eq!(self.history(token_id, interval).await, points, "{token_id} {interval}");
            }
        }
    }

    pub async fn listings_are_stored(&self) {
        eventually("all listings stored", async || {
            self.unfinished_in(keys::LISTINGS_STREAM).await == 0
        })
        .await;
    }
}

pub fn messages(pages: &[ListingPage]) -> Vec<ListingMessage> {
    pages.iter().cloned().map(ListingMessage::Page).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn any_order_of_listings_makes_one_history() {
    let app = TestApp::new(NOW).await;
    let pages = shuffled_pages(60);
    app.publish_listings(&messages(&pages)).await;
    // Two processes at the same time, and everything twice.
    let running = [app.start(&[]).await, app.start(&[]).await];
    app.publish_listings(&messages(&pages[20..])).await;
    app.publish_listings(&messages(&pages[..20])).await;
    app.listings_are_stored().await;
    app.assert_history_is_that_of(&pages).await;
    let newest = app.token(1).await.unwrap();
    assert_eq!(
        newest.token, pages[0].tokens[0],
        "the newest figures are those of the newest poll"
    );
    for running in running {
        running.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn late_listing_repairs_the_hours_and_days_it_touches() {
    let app = TestApp::new(NOW).await;
    let pages = shuffled_pages(40);
    let running = app.start(&[]).await;
    app.publish_listings(&messages(&pages[1..])).await;
    app.listings_are_stored().await;
    app.assert_history_is_that_of(&pages[1..]).await;
    app.publish_listings(&messages(&pages)).await;
    app.listings_are_stored().await;
    app.assert_history_is_that_of(&pages).await;
    running.stop().await;
}

#[tokio::test]
async fn first_choice_counts_more_than_the_fallback() {
    let app = TestApp::new(NOW).await;
    let quoted_at = at(NOW) - SignedDuration::from_mins(1);
    let first = page(vec![token(1, quoted_at, 10)]);
    let fallback = ListingPage {
        provider: ProviderId::CoinGecko,
        is_fallback: true,
        received_at: first.received_at + SignedDuration::from_secs(5),
        ..page(vec![token(1, quoted_at, 11)])
    };
    let running = app.start(&[]).await;
    app.publish_listings(&messages(&[first.clone(), fallback.clone()]))
        .await;
    app.listings_are_stored().await;
    assert_eq!(app.token(1).await.unwrap().token.price, Some(10.into()));
    assert_eq!(app.history(1, Interval::M5).await[0].price, Some(10.into()));
    // Newer figures of the fallback count.
    let newer = ListingPage {
        tokens: vec![token(1, at(NOW), 12)],
        ..fallback
    };
    app.publish_listings(&messages(&[newer, first])).await;
    app.listings_are_stored().await;
    let stored = app.token(1).await.unwrap();
    assert_eq!(
        (stored.token.price, stored.provider, stored.is_fallback),
        (Some(12.into()), ProviderId::CoinGecko, true)
    );
    running.stop().await;
}

#[tokio::test]
async fn unavailable_listing_is_known_until_the_next_one() {
    let app = TestApp::new(NOW).await;
    let running = app.start(&[]).await;
    let unavailable = |minutes| ListingMessage::Unavailable {
        v: 1,
        poll_id: Uuid::now_v7(),
        at: at(NOW) + SignedDuration::from_mins(minutes),
        reason: "coinmarketcap: timeout".to_owned(),
    };
    let state = async || {
        let client = app.store().client().await.unwrap();
        tokens::listing_state(&client).await.unwrap().unwrap()
    };
    let listed = page(vec![token(1, at(NOW), 10)]);
    app.publish_listings(&messages(std::slice::from_ref(&listed))).await;
    app.listings_are_stored().await;
    app.clock.advance(std::time::Duration::from_secs(600));
    app.publish_listings(&[unavailable(5), unavailable(10)]).await;
    app.listings_are_stored().await;
    let failed = state().await;
    assert_eq!(failed.unavailable_since, Some(at(NOW) + SignedDuration::from_mins(5)));
    assert_eq!(
        failed.provider,
        Some(ProviderId::CoinMarketCap),
        "of the newest listing there was"
    );
    // An old one that comes again says nothing about now.
    app.publish_listings(&messages(&[listed])).await;
    app.listings_are_stored().await;
    let later = state().await;
    assert!(later.version > failed.version);
    assert_eq!(
        (later.at, later.unavailable_since),
        (failed.at, failed.unavailable_since)
    );
    app.clock.advance(std::time::Duration::from_secs(900));
    app.publish_listings(&messages(&[page(vec![token(
        1,
        at(NOW) + SignedDuration::from_mins(15),
        10,
    )])]))
    .await;
    app.listings_are_stored().await;
    assert_eq!((state().await.unavailable_since, state().await.reason), (None, None));
    running.stop().await;
}

#[tokio::test]
async fn token_that_cannot_be_stored_takes_no_other_with_it() {
    let app = TestApp::new(NOW).await;
    let running = app.start(&[]).await;
    let quoted_at = at(NOW) - SignedDuration::from_mins(1);
    let unknown = ListedToken {
        price: None,
        volume_24h: None,
        market_cap: None,
        circulating_supply: None,
        ..token(4, quoted_at, 10)
    };
    let tokens = vec![
        ListedToken {
            name: "nul \0".to_owned(),
            ..token(1, quoted_at, 10)
        },
        token(2, at(NOW) + SignedDuration::from_hours(1), 10),
        token(3, quoted_at, 10),
        // Twice in one page: the newer figures count.
        token(3, quoted_at + SignedDuration::from_secs(1), 11),
        unknown,
        token(5, at("2020-01-01T00:00:00Z"), 10),
    ];
    app.publish_listings(&messages(&[page(tokens)])).await;
    app.listings_are_stored().await;
    assert_eq!((app.token(1).await, app.token(2).await), (None, None));
    assert_eq!(app.token(3).await.unwrap().token.price, Some(11.into()));
    let unknown = app.token(4).await.unwrap();
    assert_eq!((unknown.token.price, unknown.velocity), (None, None));
    assert_eq!(unknown.velocity_method, VelocityMethod::Unavailable);
    assert_eq!(app.history(4, Interval::M5).await, []);
    // Its figures are known, but its history from before the retention is gone.
    assert_eq!(app.token(5).await.unwrap().token.price, Some(10.into()));
    assert_eq!(app.history(5, Interval::D1).await, []);
    running.stop().await;
}

#[tokio::test]
async fn unreadable_entry_is_set_aside() {
    let app = TestApp::new(NOW).await;
    let running = app.start(&[]).await;
    let mut pipeline = redis::pipe();
    platform::stream::append_to(&mut pipeline, keys::LISTINGS_STREAM, 100, "{\"type\":\"page\"}");
    let () = pipeline.query_async(&mut app.redis.connection.clone()).await.unwrap();
    app.publish_listings(&messages(&[page(vec![token(1, at(NOW), 10)])]))
        .await;
    app.listings_are_stored().await;
    assert_eq!(app.token(1).await.unwrap().velocity, Some(0.05));
    running.stop().await;
}

#[tokio::test]
async fn amounts_of_any_size_are_kept_exactly() {
    let app = TestApp::new(NOW).await;
    let running = app.start(&[]).await;
    let listed = ListedToken {
        price: Some(decimal("0.0000000000000000000000000001")),
        market_cap: Some(Decimal::MAX),
        circulating_supply: Some(decimal("420690000000000000000000000.5")),
        ..token(1, at(NOW), 10)
    };
    app.publish_listings(&messages(&[page(vec![listed.clone()])])).await;
    app.listings_are_stored().await;
    assert_eq!(app.token(1).await.unwrap().token, listed);
    let day = &app.history(1, Interval::D1).await[0];
    assert_eq!((day.price, day.market_cap), (listed.price, listed.market_cap));
    running.stop().await;
}
