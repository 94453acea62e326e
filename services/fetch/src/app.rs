//! Builds the service out of its parts; tests and `main` share it.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use actix_web::web::Data;
use anyhow::{Context, anyhow};
use contracts::keys;
use domain::ticker::ProviderId;
use jiff::SignedDuration;
use platform::clock::{SharedClock, SystemClock};
use platform::health::Readiness;
use platform::lease::Lease;
use platform::postgres::Pool;
use platform::redis::Connection;
use platform::server::OnDisconnect;
use platform::supervisor::Supervisor;
use tokio::runtime::Handle;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::assets;
use crate::batch::coalesce::Coalescer;
use crate::batch::coordinator::Coordinator;
use crate::batch::records::PriceRecords;
use crate::batch::scripts::Scripts;
use crate::batch::sources::PriceSources;
use crate::batch::waiters::Waiters;
use crate::batch::{Batcher, subscription};
use crate::explanation::{Explainer, ExplanationCache};
use crate::history::HistoryService;
use crate::listing::budget::{Budget, Plan};
use crate::listing::collect::ListingSource;
use crate::listing::ledger::Ledger;
use crate::listing::matching::KnownPairs;
use crate::listing::poll::{self as listing_poll, ListingLoop, LoopState};
use crate::listing::publisher::ListingPublisher;
use crate::listing::registry::TokenRegistry;
use crate::poll::PollLoop;
use crate::price_book::{PriceBook, PricingRules, SourceTrust};
use crate::price_history::PriceHistory;
use crate::pricing::PricingTask;
use crate::provider_adapters::{ProviderAdapters, build};
use crate::provider_registry::ProviderRegistry;
use crate::providers::circuit_breaker::Breaker;
use crate::providers::{CreditMeter, History, Provider, coingecko};
use crate::quote_store::QuoteStore;
use crate::rejection_log::{self, RejectionLog};
use crate::routes::{AppState, routes};
use crate::settings::Settings;
use crate::settings::providers::ProviderSettings;

/// Polls that wait for the pricing task.
const WAITING_POLLS: usize = 16;

/// A loop that has not turned for so long is not alive.
const LIVENESS_TIMEOUT: Duration = Duration::from_secs(60);

#[derive(Debug)]
pub struct App {
    pub address: SocketAddr,
    running: JoinHandle<anyhow::Result<()>>,
}

impl App {
    /// Waits until it has stopped.
    ///
    /// # Errors
    ///
    /// A part of it died.
    pub async fn join(self) -> anyhow::Result<()> {
        self.running.await.context("supervisor")?
    }
}

/// Runs the service until the stop.
///
/// # Errors
///
/// It could not start, or a part of it died.
pub async fn run(settings: Settings, stop: CancellationToken) -> anyhow::Result<()> {
    start(settings, SystemClock::shared(), stop)?.join().await
}

/// Starts the service.
///
/// # Errors
///
/// A setting that cannot be used, or a port that is taken.
pub fn start(settings: Settings, clock: SharedClock, stop: CancellationToken) -> anyhow::Result<App> {
    platform::metrics::install("fetch", env!("CARGO_PKG_VERSION"))?;
    let assets = settings.watched().map_err(|(name, error)| anyhow!("{name}: {error}"))?;
    let configured = settings
        .provider_settings()
        .map_err(|wrong| anyhow!("settings that cannot be used: {wrong:?}"))?;
    log_skipped_providers(&settings, &configured);

    let redis = platform::redis::connect_pool(&settings.redis)?;
    // Requests wait for the steps of their batch, so these go over the shared connection.
    let batch_redis = platform::redis::connect(&settings.redis)?;
    let pool = platform::postgres::connect(&settings.postgres)?;
    let quote_store = QuoteStore::new(redis.clone());
    let registry = ProviderRegistry::default();
    let explanations = ExplanationCache::default();
    let (rejections, flagged_points) = RejectionLog::new(settings.flagged_queue_size);
    let (sender, polls) = mpsc::channel(WAITING_POLLS);
    let mut supervisor = Supervisor::new(stop.clone(), settings.process.shutdown_deadline());

    let meter = CreditMeter::default();
    let mut histories: Vec<Arc<dyn History>> = Vec::new();
    let mut batch_adapters: Vec<ProviderAdapters> = Vec::new();
    for source in &configured {
        let mut breaker_settings = settings.breaker();
        // A probe costs no more than a healthy poll, and prices return within one poll of the provider's return.
        breaker_settings.open_for = breaker_settings.open_for.min(source.poll_interval);
        let breaker = Breaker::new(breaker_settings);
        registry.add(source.provider, breaker.clone(), source.reliability);
        // The same breaker for both: what one learns of the provider holds for the other.
        batch_adapters.push(build(
            source,
            &settings,
            settings.batch_limits(),
            breaker.clone(),
            &meter,
            &clock,
        )?);
        let ProviderAdapters { prices, history, .. } =
            build(source, &settings, settings.limits(), breaker, &meter, &clock)?;
        histories.extend(history);
        let lease_key = keys::lease(&format!("fetch:{}", source.provider));
        let poll_loop = PollLoop {
            provider: prices,
            assets: assets.clone(),
            interval: source.poll_interval,
            deadline: settings.limits().timeout * 3,
            lease: Lease::new(redis.clone(), lease_key, lease_ttl(source.poll_interval)),
            polls: sender.clone(),
            registry: registry.clone(),
            failing: None,
            clock: clock.clone(),
        };
        supervisor.spawn(source.provider.as_str(), poll_loop.run(stop.clone()));
    }
    drop(sender);
    if let Some(listing) = listing_loop(&settings, &configured, &pool, &redis, &meter, &clock)? {
        supervisor.spawn("listing", listing.run(stop.clone()));
    }
    let ledger = Ledger::new(pool.clone(), ProviderId::CoinMarketCap, clock.clone());
    supervisor.spawn("credits", ledger.run_meter(meter, stop.clone()));

    let rules = rules(&settings, &configured);
    let pricing = PricingTask::new(
        PriceBook::new(rules.clone()),
        quote_store.clone(),
        rejections,
        explanations.clone(),
        registry.clone(),
        clock.clone(),
    );
    supervisor.spawn("pricing", pricing.run(polls, stop.clone()));
    let retention = SignedDuration::from_hours(24 * i64::from(settings.flagged_retention_days));
    supervisor.spawn(
        "rejection log",
        rejection_log::run(pool.clone(), flagged_points, retention, clock.clone(), stop.clone()),
    );
    let sources = price_sources(&settings, batch_adapters, &quote_store, &clock)?;
    // Requests that wait for a batch are answered while the server drains, so what answers them ends after it.
    let drained = CancellationToken::new();
    let batcher = start_batches(
        &settings,
        sources,
        &pool,
        batch_redis,
        &clock,
        &mut supervisor,
        &drained,
    );

    let state = Data::new(AppState {
        batcher,
        price_history: PriceHistory { postgres: pool },
        history: HistoryService::new(
            histories,
            assets,
            settings.history_concurrency,
            settings.history_max_bars,
            clock.clone(),
        ),
        registry: registry.clone(),
        explainer: Explainer {
            newest: explanations,
            quote_store: quote_store.clone(),
            rules,
            clock: clock.clone(),
        },
        quote_store: quote_store.clone(),
        clock: clock.clone(),
    });
    let readiness = readiness(
        quote_store,
        registry,
        clock,
        configured.iter().map(|s| s.poll_interval).max(),
        &stop,
    );
    // Nothing that is asked of this service changes anything that is not safe to cut off.
    let server = platform::server::serve_with(&settings.process, readiness, OnDisconnect::Cancel, move |config| {
        config.app_data(state.clone());
        routes(config);
    })?;
    let address = server.address();
    supervisor.spawn("http", async move {
        let _drained = drained.drop_guard();
        server.run(stop).await
    });
    Ok(App {
        address,
        running: tokio::spawn(supervisor.run()),
    })
}

/// The loop of the listing; none if it is switched off, or no provider that is asked has one.
fn listing_loop(
    settings: &Settings,
    configured: &[ProviderSettings],
    pool: &Pool,
    redis: &Connection,
    meter: &CreditMeter,
    clock: &SharedClock,
) -> anyhow::Result<Option<ListingLoop>> {
    if !settings.listing.listing_enabled {
        return Ok(None);
    }
    let mut sources = Vec::new();
    // In the order of preference: the first one's ids are ours.
    for provider in [ProviderId::CoinMarketCap, ProviderId::CoinGecko] {
        let Some(source) = configured.iter().find(|source| source.provider == provider) else {
            continue;
        };
        // A breaker of its own: pages that are too long for the provider must not cut off its prices.
        let breaker = Breaker::new(settings.breaker());
        let limits = settings.listing_limits();
        let Some(listing) = build(source, settings, limits, breaker, meter, clock)?.listing else {
            continue;
        };
        let (tokens, interval) = match sources.is_empty() {
            true => settings.listing.of_first_choice(provider, &source.base_url),
            false => (settings.listing.listing_fallback_tokens, settings.listing.interval()),
        };
        let plan = match provider {
            ProviderId::CoinMarketCap => settings.listing.cmc_plan(),
            ProviderId::CoinGecko | ProviderId::Binance => Plan::default(),
        };
        sources.push(ListingSource {
            ledger: Ledger::new(pool.clone(), provider, clock.clone()),
            budget: Budget {
                plan,
                cost: ListingSource::credits(listing.as_ref(), tokens),
                interval: SignedDuration::try_from(interval).unwrap_or(SignedDuration::MAX),
                other_requests: SignedDuration::try_from(source.poll_interval).ok(),
            },
            listing,
            tokens,
            page_deadline: limits.timeout,
            page_pause: coingecko::page_pause(&source.base_url),
        });
    }
    let mut sources = sources.into_iter();
    let Some(primary) = sources.next() else {
        tracing::warn!("no provider that is asked has a listing of tokens");
        return Ok(None);
    };
    let assets = assets::load(&settings.assets_file).map_err(|error| anyhow!("ASSETS_FILE: {error}"))?;
    let interval = settings.listing.interval();
    Ok(Some(ListingLoop {
        primary,
        fallback: sources.next(),
        registry: TokenRegistry::new(pool.clone(), KnownPairs::of(&assets)),
        publisher: ListingPublisher::new(redis.clone()),
        lease: Lease::new(
            redis.clone(),
            keys::lease("fetch:listing"),
            listing_poll::lease_ttl(interval, settings.listing_limits().timeout),
        ),
        interval,
        clock: clock.clone(),
        state: LoopState::default(),
    }))
}

/// The providers as batches ask them.
fn price_sources(
    settings: &Settings,
    adapters: Vec<ProviderAdapters>,
    quote_store: &QuoteStore,
    clock: &SharedClock,
) -> anyhow::Result<PriceSources> {
    let listing = adapters.iter().find_map(|adapters| adapters.coins.clone());
    let mut fallbacks: Vec<Arc<dyn Provider>> = Vec::new();
    if settings.batch.batch_fallback {
        let others = adapters.into_iter().filter(|adapters| adapters.coins.is_none());
        fallbacks.extend(others.map(|adapters| adapters.prices));
    }
    // Aggregators first: their prices are in dollars already.
    fallbacks.sort_by_key(|provider| provider.id().is_exchange());
    Ok(PriceSources {
        listing,
        fallbacks,
        assets: assets::load(&settings.assets_file).map_err(|error| anyhow!("ASSETS_FILE: {error}"))?,
        quote_store: quote_store.clone(),
        rate_max_age: rate_max_age(settings),
        upstream_timeout: settings.batch.rules().upstream_timeout,
        clock: clock.clone(),
    })
}

/// Starts what batches need besides requests. It goes on until `drained`.
fn start_batches(
    settings: &Settings,
    sources: PriceSources,
    pool: &Pool,
    redis: Connection,
    clock: &SharedClock,
    supervisor: &mut Supervisor,
    drained: &CancellationToken,
) -> Batcher {
    let stop = supervisor.token();
    let rules = settings.batch.rules();
    let waiters = Waiters::new(settings.batch.batch_max_waiters);
    let (subscribed, is_subscribed) = watch::channel(false);
    supervisor.spawn(
        "batch results",
        subscription::run(settings.redis.clone(), waiters.clone(), subscribed, drained.clone()),
    );
    let (coalescer, collector) = Coalescer::new(sources, rules.coalesce);
    supervisor.spawn("coalescer", collector.run(drained.clone()));
    let records = PriceRecords {
        postgres: pool.clone(),
        redis: redis.clone(),
    };
    let retention = SignedDuration::from_hours(24 * i64::from(settings.batch.price_retention_days));
    supervisor.spawn(
        "price records",
        records.clone().maintain(retention, clock.clone(), stop),
    );
    Batcher {
        coordinator: Coordinator::new(redis, Scripts::default(), rules),
        waiters,
        coalescer,
        records,
        is_subscribed,
        clock: clock.clone(),
        runtime: Handle::current(),
    }
}

fn rate_max_age(settings: &Settings) -> SignedDuration {
    SignedDuration::from_secs(i64::try_from(settings.quote_rate_max_age_seconds).unwrap_or(i64::MAX))
}

/// Long enough that a slow poll does not lose it, short enough that another process soon takes over.
fn lease_ttl(poll_interval: Duration) -> Duration {
    (poll_interval + poll_interval / 2).max(Duration::from_secs(1))
}

fn rules(settings: &Settings, sources: &[ProviderSettings]) -> PricingRules {
    let trust = sources.iter().map(|source| {
        let max_age = SignedDuration::try_from(source.max_age).unwrap_or(SignedDuration::MAX);
        (
            source.provider,
            SourceTrust {
                reliability: source.reliability,
                max_age,
            },
        )
    });
    PricingRules {
        parameters: settings.parameters(),
        trust: trust.collect(),
        rate_max_age: rate_max_age(settings),
    }
}

/// Ready when Redis answers and at least one provider's loop turns.
fn readiness(
    quote_store: QuoteStore,
    registry: ProviderRegistry,
    clock: SharedClock,
    longest_interval: Option<Duration>,
    stop: &CancellationToken,
) -> Readiness {
    let limit = LIVENESS_TIMEOUT.max(longest_interval.unwrap_or_default() * 3);
    Readiness::new()
        .redis(quote_store.connection())
        .check("polling", move || {
            let age = registry
                .last_alive_at()
                .map(|at| clock.now().duration_since(at).unsigned_abs());
            async move {
                let age = age.context("no provider was asked yet")?;
                anyhow::ensure!(age <= limit, "no loop has turned for {age:?}");
                Ok(())
            }
        })
        .until(stop.clone())
}

fn log_skipped_providers(settings: &Settings, sources: &[ProviderSettings]) {
    let cmc = ProviderId::CoinMarketCap;
    let wanted = settings.providers.iter().any(|name| name == cmc.as_str());
    if wanted && sources.iter().all(|source| source.provider != cmc) {
        tracing::warn!(provider = %cmc, "provider is not asked because CMC_API_KEY is empty");
    }
}
