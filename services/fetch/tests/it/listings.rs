//! Listings of tokens: whole, from the next provider when one fails, within the plan, under ids that stay.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use contracts::keys;
use contracts::listing::{FIRST_OWN_TOKEN_ID, ListedToken, ListingMessage, ListingPage, MAX_TOKENS_PER_PAGE};
use domain::ticker::ProviderId;
use fetch::listing::budget::{Budget, Plan};
use fetch::listing::collect::{Collected, ListingError, ListingSource};
use fetch::listing::ledger::Ledger;
use fetch::listing::matching::KnownPairs;
use fetch::listing::normalise::{SELF_REPORTED_SUPPLY, normalise};
use fetch::listing::registry::TokenRegistry;
use fetch::providers::http::RawResponse;
use fetch::providers::{ErrorKind, Listing, ProviderError, RawListedToken, RawListingPage, coingecko, coinmarketcap};
use fetch::raw_number::RawNumber;
use jiff::SignedDuration;
use market_sim::{Config, FaultKind, FaultRequest, Simulator, Venue};
use platform::clock::SystemClock;
use platform::lease::Lease;
use platform::redis::Connection;
use redis::AsyncCommands;
use rstest::rstest;
use testkit::{TestDatabase, TestRedis, found};

use crate::harness::{Process, fixture, quote, variables};
use crate::outages::nobody;

const LISTINGS: &str = "listings/latest";
const MARKETS: &str = "coins/markets";

/// Listings of a thousand tokens, often.
const OFTEN: [(&str, &str); 4] = [
    ("LISTING_ENABLED", "true"),
    ("LISTING_POLL_INTERVAL_SECONDS", "0.3"),
    ("LISTING_TOKENS", "1000"),
    // Pages of listings are then the only requests that matter.
    ("CMC_POLL_INTERVAL_SECONDS", "86400"),
];

/// The simulator and the stores, for processes that come and go.
struct TestServers {
    sim: Simulator,
    redis: TestRedis,
    database: TestDatabase,
}

impl TestServers {
    async fn new(tokens: usize) -> Self {
        let config = Config {
            tokens,
            ..Config::default()
        };
        Self {
            sim: market_sim::start(config).unwrap(),
            redis: testkit::redis().await,
            database: testkit::database().await,
        }
    }

    fn process(&self, more: &[(&str, &str)]) -> Process {
        let settings: Vec<(&str, &str)> = OFTEN.iter().chain(more).copied().collect();
        Process::start(&variables(&self.sim, &self.redis.url, &self.database.url, &settings))
    }

    fn breaks(&self, venue: Venue, route: &str, kind: FaultKind) {
        self.sim.add_fault(FaultRequest::new(venue, kind).at(route)).unwrap();
    }

    /// Credits in the ledger.
    async fn credits(&self, provider: &str) -> i64 {
        let client = self.database.pool.get().await.unwrap();
        let query = "SELECT coalesce(sum(credits), 0)::bigint FROM market.provider_credits WHERE provider = $1";
        client.query_one(query, &[&provider]).await.unwrap().get(0)
    }

    /// Waits for a first page of a listing of which `wanted` is true.
    async fn page(&self, what: &str, wanted: impl Fn(&ListingPage) -> bool) -> ListingPage {
        let wanted = &wanted;
        found(what, || async move {
            let messages = messages(&self.redis.connection).await;
            messages.into_iter().find_map(|message| match message {
                ListingMessage::Page(page) if wanted(&page) => Some(page),
                ListingMessage::Page(_) | ListingMessage::Unavailable { .. } => None,
            })
        })
        .await
    }
}

/// Everything in the stream of listings.
async fn messages(redis: &Connection) -> Vec<ListingMessage> {
    let reply: redis::streams::StreamRangeReply = redis.clone().xrange_all(keys::LISTINGS_STREAM).await.unwrap();
    let read = |entry: &redis::streams::StreamId| {
        let json: String = entry.get(keys::MESSAGE_FIELD).unwrap();
        serde_json::from_str(&json).unwrap()
    };
    reply.ids.iter().map(read).collect()
}

fn unavailable(messages: &[ListingMessage]) -> Option<String> {
    messages.iter().find_map(|message| match message {
        ListingMessage::Unavailable { reason, .. } => Some(reason.clone()),
        ListingMessage::Page(_) => None,
    })
}

fn recorded(name: &str) -> Option<RawResponse> {
    let at = "2026-01-01T00:00:00Z".parse().unwrap();
    Some(RawResponse::recorded(200, fixture(name)?, None, at))
}

fn tokens(provider: ProviderId, page: &RawListingPage) -> Vec<ListedToken> {
    let listed = |raw| normalise(provider, raw, page.received_at).unwrap().with_id(1);
    page.tokens.iter().map(listed).collect()
}

#[test]
fn recorded_listing_of_coinmarketcap_is_understood_whole() {
    let Some(response) = recorded("coinmarketcap/rest_listings_latest_2021.json") else {
        return;
    };
    let page = coinmarketcap::decode_listing(&response).unwrap();
    assert_eq!(
        (page.rows(), page.malformed, page.total, page.credits),
        (100, 0, Some(4789), 1)
    );
    let tokens = tokens(ProviderId::CoinMarketCap, &page);
    let ranks: Vec<_> = tokens.iter().filter_map(|token| token.rank).collect();
    assert!(ranks.iter().copied().eq(1..=100));
    assert!(
        tokens
            .iter()
            .all(|token| token.flags.is_empty() && token.price.is_some())
    );
    let btc = &tokens[0];
    assert_eq!(btc.market_cap.unwrap().to_string(), "1055965437224.7859");
    assert_eq!((btc.percent_change_1h, btc.tags.len()), (Some(-0.069_338_17), 29));
    assert_eq!(btc.max_supply.unwrap().to_string(), "21000000");
}

#[test]
fn recorded_markets_of_coingecko_keep_their_unknowns() {
    let Some(response) = recorded("coingecko/rest_markets_nulls_hive.json") else {
        return;
    };
    let page = coingecko::decode_listing(&response).unwrap();
    let tokens = tokens(ProviderId::CoinGecko, &page);
    let [hive, dollar] = tokens.as_slice() else {
        panic!("{tokens:?}")
    };
    assert_eq!((hive.symbol.as_str(), hive.rank), ("HIVE", Some(161)));
    assert_eq!((hive.total_supply, hive.fully_diluted_market_cap), (None, None));
    assert_eq!(
        (dollar.market_cap, dollar.circulating_supply, dollar.rank),
        (None, None, None)
    );
    assert_eq!(dollar.price.unwrap().to_string(), "0.98186");
}

#[tokio::test]
async fn five_thousand_tokens_arrive_in_ten_entries() {
    let servers = TestServers::new(5_200).await;
    let process = servers.process(&[("LISTING_TOKENS", "5000"), ("LISTING_POLL_INTERVAL_SECONDS", "3600")]);
    servers.page("the last page", |page| page.page == 10).await;
    let messages = messages(&servers.redis.connection).await;
    let pages: Vec<ListingPage> = messages
        .into_iter()
        .map(|message| match message {
            ListingMessage::Page(page) => page,
            ListingMessage::Unavailable { reason, .. } => panic!("{reason}"),
        })
        .collect();
    assert_eq!(pages.len(), 10);
    assert_eq!(pages.iter().map(|page| page.poll_id).collect::<BTreeSet<_>>().len(), 1);
    assert!(
        pages
            .iter()
            .all(|page| page.tokens.len() == MAX_TOKENS_PER_PAGE && page.pages == 10)
    );
    assert!(pages.iter().all(|page| page.simulated && !page.is_fallback));
    let tokens: Vec<ListedToken> = pages.into_iter().flat_map(|page| page.tokens).collect();
    assert_eq!(
        tokens.iter().map(|token| token.token_id).collect::<BTreeSet<_>>().len(),
        5_000
    );
    assert_eq!((tokens[0].token_id, tokens[0].slug.as_str()), (1, "bitcoin"));
    // Unknown in four spellings, and two tokens of one symbol.
    let find = |id| tokens.iter().find(|token| token.token_id == id).unwrap();
    for id in [100_003, 100_006, 100_017, 100_031] {
        let token = find(id);
        assert_eq!((token.circulating_supply, token.market_cap), (None, None), "{token:?}");
        assert!(token.price.is_some() && token.total_supply.is_some());
    }
    assert_eq!(find(100_003).flags[0], SELF_REPORTED_SUPPLY);
    assert_eq!(tokens.iter().filter(|token| token.symbol == "BTC").count(), 2);
    assert_eq!(servers.sim.requests_to(Venue::CoinMarketCap, LISTINGS), 5);
    process.stop().await;
    assert_eq!(servers.credits("coinmarketcap").await, 25 + 1);
}

#[rstest]
#[case::hanging(FaultKind::Hang)]
#[case::failing(FaultKind::ServerError { status: 503 })]
#[case::html(FaultKind::Html)]
#[case::truncated(FaultKind::Truncated)]
#[case::throttled(FaultKind::RateLimited { retry_after: 1, status: None })]
#[tokio::test]
async fn fallback_lists_when_the_first_choice_fails(#[case] fault: FaultKind) {
    let servers = TestServers::new(1_000).await;
    servers.breaks(Venue::CoinMarketCap, LISTINGS, fault);
    let process = servers.process(&[("PROVIDER_TIMEOUT_MS", "500"), ("LISTING_FALLBACK_TOKENS", "300")]);
    let page = servers.page("a listing", |_| true).await;
    assert_eq!((page.provider, page.is_fallback), (ProviderId::CoinGecko, true));
    assert_eq!((page.tokens.len(), page.pages), (300, 1));
    assert_eq!(unavailable(&messages(&servers.redis.connection).await), None);

    servers.sim.clear_faults();
    let page = servers.page("the first choice again", |page| !page.is_fallback).await;
    assert_eq!((page.provider, page.pages), (ProviderId::CoinMarketCap, 2));
    process.stop().await;
}

#[tokio::test]
async fn used_up_quota_is_not_asked_again() {
    let servers = TestServers::new(1_000).await;
    servers.breaks(Venue::CoinMarketCap, LISTINGS, FaultKind::QuotaExhausted);
    let process = servers.process(&[("LISTING_FALLBACK_TOKENS", "250")]);
    let redis = &servers.redis.connection;
    found("some listings of the fallback", || async {
        (messages(redis).await.len() >= 4).then_some(())
    })
    .await;
    assert_eq!(servers.sim.requests_to(Venue::CoinMarketCap, LISTINGS), 1);
    process.stop().await;
    // The one request for prices is all that was charged.
    assert_eq!(servers.credits("coinmarketcap").await, 1);
}

#[tokio::test]
async fn lost_answers_are_spread_as_listings_are() {
    let servers = TestServers::new(1_000).await;
    servers.breaks(Venue::CoinMarketCap, LISTINGS, FaultKind::Html);
    let process = servers.process(&[("CMC_CREDITS_PER_DAY", "30"), ("LISTING_FALLBACK_TOKENS", "250")]);
    let redis = &servers.redis.connection;
    found("some listings of the fallback", || async {
        (messages(redis).await.len() >= 4).then_some(())
    })
    .await;
    assert_eq!(servers.sim.requests_to(Venue::CoinMarketCap, LISTINGS), 1);
    process.stop().await;
}

#[tokio::test]
async fn listing_stays_within_the_plan() {
    let servers = TestServers::new(1_000).await;
    // Of nine credits a listing takes five, and two are left for prices.
    let process = servers.process(&[("CMC_CREDITS_PER_DAY", "9"), ("LISTING_FALLBACK_TOKENS", "250")]);
    servers
        .page("a listing of the first choice", |page| !page.is_fallback)
        .await;
    servers.page("a listing of the fallback", |page| page.is_fallback).await;
    assert_eq!(servers.sim.requests_to(Venue::CoinMarketCap, LISTINGS), 1);
    process.stop().await;
}

#[tokio::test]
async fn failure_of_all_providers_is_announced() {
    let servers = TestServers::new(1_000).await;
    servers.breaks(Venue::CoinMarketCap, LISTINGS, FaultKind::ServerError { status: 500 });
    servers.breaks(Venue::CoinGecko, MARKETS, FaultKind::Html);
    let process = servers.process(&[]);
    let redis = &servers.redis.connection;
    let reason = found("word of it", || async { unavailable(&messages(redis).await) }).await;
    assert!(
        reason.contains("coinmarketcap: ") && reason.contains("coingecko: "),
        "{reason}"
    );
    servers.sim.clear_faults();
    servers.page("a listing", |_| true).await;
    process.stop().await;
}

#[tokio::test]
async fn ledger_is_needed_to_ask() {
    let servers = TestServers::new(1_000).await;
    let mut settings = variables(&servers.sim, &servers.redis.url, &nobody(), &OFTEN);
    settings.insert("DATABASE_CONNECT_TIMEOUT_MS".to_owned(), "500".to_owned());
    let process = Process::start(&settings);
    let redis = &servers.redis.connection;
    let reason = found("word of it", || async { unavailable(&messages(redis).await) }).await;
    assert!(reason.contains("ledger"), "{reason}");
    assert_eq!(servers.sim.requests_to(Venue::CoinMarketCap, LISTINGS), 0);
    process.stop().await;
}

/// A listing of pages of three tokens that fails at one of them, a number of times.
struct FailingPages {
    fails_at: usize,
    failures: AtomicU32,
    with: fn() -> ProviderError,
}

#[async_trait]
impl Listing for FailingPages {
    fn id(&self) -> ProviderId {
        ProviderId::CoinMarketCap
    }

    fn page_size(&self) -> usize {
        3
    }

    fn page_credits(&self, tokens: usize) -> u64 {
        tokens as u64
    }

    async fn listing_page(&self, page: usize, size: usize) -> Result<RawListingPage, ProviderError> {
        if page == self.fails_at && self.failures.load(Ordering::SeqCst) > 0 {
            self.failures.fetch_sub(1, Ordering::SeqCst);
            return Err((self.with)());
        }
        let token = |place: usize| {
            // The last token of a page comes again as the first one of the next page.
            let id = (page - 1) * (size - 1) + place;
            RawListedToken {
                id: Some(id.to_string()),
                symbol: Some(format!("T{id}")),
                name: Some(format!("Token {id}")),
                price: RawNumber::parse("1"),
                ..RawListedToken::default()
            }
        };
        Ok(RawListingPage {
            tokens: (1..=size).map(token).collect(),
            malformed: 0,
            total: None,
            credits: 2,
            simulated: false,
            received_at: "2026-01-01T00:00:00Z".parse().unwrap(),
        })
    }
}

fn refusal() -> ProviderError {
    ProviderError::refused(ErrorKind::Unavailable, "", None)
}

fn throttled() -> ProviderError {
    ProviderError::refused(ErrorKind::RateLimited, "", None)
}

fn lost() -> ProviderError {
    ProviderError::payload("cut off")
}

#[rstest]
#[case::whole(2, 0, refusal, Plan::default(), Some(9), 8)]
#[case::tried_again(2, 2, refusal, Plan::default(), Some(9), 8)]
#[case::cut_short(3, 9, refusal, Plan::default(), Some(5), 4)]
#[case::nothing(1, 9, refusal, Plan::default(), None, 0)]
#[case::asked_too_often(1, 1, throttled, Plan::default(), None, 0)]
// Three credits for each answer that was lost: three attempts without a limit, one with it.
#[case::lost(3, 9, lost, Plan::default(), Some(5), 4 + 9)]
#[case::lost_in_a_limited_plan(3, 9, lost, Plan { per_month: Some(1_000), per_day: None }, Some(5), 4 + 3)]
#[tokio::test]
async fn failing_page_ends_the_listing(
    #[case] fails_at: usize,
    #[case] failures: u32,
    #[case] with: fn() -> ProviderError,
    #[case] plan: Plan,
    #[case] tokens: Option<usize>,
    #[case] credits: u64,
) {
    let pages = FailingPages {
        fails_at,
        failures: AtomicU32::new(failures),
        with,
    };
    let (collected, spent) = collect(pages, plan).await;
    assert_eq!(collected.as_ref().ok().map(|listing| listing.tokens.len()), tokens);
    assert_eq!(
        collected.is_ok_and(|listing| listing.cut_short.is_none()),
        tokens == Some(9)
    );
    assert_eq!(spent, credits);
}

/// Asks for twelve tokens; also says what that cost.
async fn collect(listing: impl Listing + 'static, plan: Plan) -> (Result<Collected, ListingError>, u64) {
    let (redis, database) = (testkit::redis().await, testkit::database().await);
    let clock = SystemClock::shared();
    let source = ListingSource {
        listing: Arc::new(listing),
        ledger: Ledger::new(database.pool.clone(), ProviderId::CoinMarketCap, clock.clone()),
        budget: Budget {
            plan,
            cost: 12,
            interval: SignedDuration::from_secs(1),
            other_requests: None,
        },
        tokens: 12,
        page_deadline: Duration::from_secs(60),
        page_pause: Duration::ZERO,
    };
    let registry = TokenRegistry::new(database.pool.clone(), KnownPairs::default());
    let mut lease = Lease::new(redis.connection.clone(), keys::lease("test"), Duration::from_secs(60));
    let collected = source.collect(&registry, &mut lease, &clock).await;
    (collected, source.ledger.usage().await.unwrap().month)
}

/// A listing of pages of three tokens, of which those from one page on are worth nothing.
struct WorthlessPages {
    from: usize,
    empty: bool,
    total: Option<usize>,
}

#[async_trait]
impl Listing for WorthlessPages {
    fn id(&self) -> ProviderId {
        ProviderId::CoinMarketCap
    }

    fn page_size(&self) -> usize {
        3
    }

    fn page_credits(&self, _tokens: usize) -> u64 {
        1
    }

    async fn listing_page(&self, page: usize, size: usize) -> Result<RawListingPage, ProviderError> {
        let is_worthless = page >= self.from;
        let token = |place: usize| {
            let id = (page - 1) * size + place;
            RawListedToken {
                id: Some(id.to_string()),
                symbol: Some(format!("T{id}")),
                name: Some(format!("Token {id}")),
                price: RawNumber::parse("1").filter(|_| !is_worthless),
                ..RawListedToken::default()
            }
        };
        let rows = if is_worthless && self.empty { 0 } else { size };
        Ok(RawListingPage {
            tokens: (1..=rows).map(token).collect(),
            malformed: 0,
            total: self.total,
            // No page of one credit costs so much.
            credits: u64::MAX,
            simulated: false,
            received_at: "2026-01-01T00:00:00Z".parse().unwrap(),
        })
    }
}

#[rstest]
#[case::empty(1, true, None, None, false)]
#[case::without_prices(1, false, None, None, false)]
#[case::without_prices_later(3, false, None, Some(6), true)]
#[case::empty_before_its_end(3, true, Some(12), Some(6), true)]
#[case::ended(3, true, None, Some(6), false)]
#[tokio::test]
async fn worthless_page_is_a_failure(
    #[case] from: usize,
    #[case] empty: bool,
    #[case] total: Option<usize>,
    #[case] tokens: Option<usize>,
    #[case] is_cut_short: bool,
) {
    let (collected, spent) = collect(WorthlessPages { from, empty, total }, Plan::default()).await;
    assert_eq!(collected.as_ref().ok().map(|listing| listing.tokens.len()), tokens);
    let cut_short = collected.as_ref().is_ok_and(|listing| listing.cut_short.is_some());
    assert_eq!(cut_short, is_cut_short);
    // Ten times the price at most, whatever the provider says.
    assert_eq!(spent, 10 * from as u64);
    if let Err(error) = collected {
        assert!(
            matches!(error, ListingError::Provider(ProviderError::Payload(_))),
            "{error:?}"
        );
    }
}

#[tokio::test]
async fn fallback_lists_after_a_listing_that_never_came() {
    let servers = TestServers::new(1_000).await;
    let client = servers.database.pool.get().await.unwrap();
    // Whoever asked was killed before the answer, and the credits of the day are spent but for one listing.
    let asked = "INSERT INTO market.provider_credits (provider, day, credits, listed_at)
         VALUES ('coinmarketcap', (now() AT TIME ZONE 'UTC')::date, 5, now())";
    client.execute(asked, &[]).await.unwrap();
    let process = servers.process(&[("CMC_CREDITS_PER_DAY", "12"), ("LISTING_FALLBACK_TOKENS", "250")]);
    let page = servers.page("a listing", |_| true).await;
    assert_eq!((page.provider, page.is_fallback), (ProviderId::CoinGecko, true));
    assert_eq!(servers.sim.requests_to(Venue::CoinMarketCap, LISTINGS), 0);
    process.stop().await;
}

#[tokio::test]
async fn second_process_does_not_ask_while_the_first_does() {
    let servers = TestServers::new(1_000).await;
    let first = servers.process(&[]);
    servers.page("a listing", |page| page.pages == 2).await;
    // Told apart by what they ask for.
    let second = servers.process(&[("LISTING_TOKENS", "400")]);
    let asked = servers.sim.requests_to(Venue::CoinMarketCap, LISTINGS);
    found("more listings", || async {
        (servers.sim.requests_to(Venue::CoinMarketCap, LISTINGS) >= asked + 5).then_some(())
    })
    .await;
    let short = |message: &ListingMessage| matches!(message, ListingMessage::Page(page) if page.pages == 1);
    assert!(!messages(&servers.redis.connection).await.iter().any(short));
    first.stop().await;
    servers
        .page("a listing of the second process", |page| page.pages == 1)
        .await;
    second.stop().await;
}

#[tokio::test]
async fn credits_of_two_processes_are_counted_exactly() {
    let servers = TestServers::new(1_000).await;
    // Long enough that each is stopped between two listings.
    let rarely = ("LISTING_POLL_INTERVAL_SECONDS", "8");
    let first = servers.process(&[rarely]);
    quote(&servers.redis.connection, "BTC", "a price of coinmarketcap", |quote| {
        quote.sources.contains(&ProviderId::CoinMarketCap)
    })
    .await;
    servers.page("a listing", |page| page.pages == 2).await;
    let second = servers.process(&[rarely, ("LISTING_TOKENS", "400")]);
    first.stop().await;
    servers
        .page("a listing of the second process", |page| page.pages == 1)
        .await;
    second.stop().await;

    assert_eq!(servers.sim.requests_to(Venue::CoinMarketCap, LISTINGS), 2);
    let prices = servers.sim.requests_to(Venue::CoinMarketCap, "quotes/latest");
    assert_eq!(
        servers.credits("coinmarketcap").await,
        5 + 2 + i64::try_from(prices).unwrap()
    );
}

#[tokio::test]
async fn ids_and_credits_outlive_a_restart() {
    let servers = TestServers::new(600).await;
    let only = [("PROVIDERS", "coingecko"), ("LISTING_TOKENS", "500")];
    let ids = |page: ListingPage| -> BTreeMap<String, i64> {
        let pairs = page.tokens.into_iter().map(|token| (token.slug, token.token_id));
        pairs.collect()
    };
    let process = servers.process(&only);
    let page = servers.page("a listing", |_| true).await;
    // Without CoinMarketCap the other one is the first choice.
    assert!(!page.is_fallback);
    let before = ids(page);
    process.stop().await;
    let credits = servers.credits("coingecko").await;
    assert!(credits >= 2);
    assert_eq!((before["bitcoin"], before.len()), (1, 500));
    assert!(before["token-20"] >= FIRST_OWN_TOKEN_ID);

    servers.redis.flush().await;
    let process = servers.process(&[("LISTING_TOKENS", "500"), ("PROVIDERS", "coingecko,coinmarketcap")]);
    let page = servers
        .page("a listing of coinmarketcap", |page| {
            page.provider == ProviderId::CoinMarketCap
        })
        .await;
    let after = ids(page);
    // Same slug and symbol, or same symbol and name: the token is known, and keeps the id it had.
    assert_eq!(after["token-20"], before["token-20"]);
    assert_eq!(after["token-16"], before["token-16-coin"]);
    process.stop().await;
    assert!(servers.credits("coingecko").await >= credits);
}

#[tokio::test]
async fn listing_waits_for_redis() {
    let sim = market_sim::start(Config::default()).unwrap();
    let mut redis = testkit::OwnRedis::start().await;
    let database = testkit::database().await;
    let process = Process::start(&variables(&sim, &redis.url, &database.url, &OFTEN));
    let connection = platform::redis::connect(&redis.settings).unwrap();
    let count = || async {
        let reply: redis::RedisResult<usize> = connection.clone().xlen(keys::LISTINGS_STREAM).await;
        reply.ok().filter(|length| *length > 0)
    };
    found("a listing", count).await;
    redis.stop();
    found("the outage", || async { count().await.is_none().then_some(()) }).await;
    redis.resume().await;
    found("a listing after the outage", count).await;
    process.stop().await;
    sim.stop().await;
}
