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
use platform::supervisor::Supervisor;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::exchange::Exchange;
use crate::explain::{Explainer, Explanations};
use crate::flagged::{self, FlaggedQueue};
use crate::history::Histories;
use crate::intake::Intake;
use crate::market::{Market, Rules, Trust};
use crate::poll::PollLoop;
use crate::providers::binance::Binance;
use crate::providers::breaker::{Breaker, Guarded};
use crate::providers::coingecko::CoinGecko;
use crate::providers::coinmarketcap::CoinMarketCap;
use crate::providers::http::Http;
use crate::providers::instrumented::Instrumented;
use crate::providers::{History, Provider};
use crate::routes::{AppState, routes};
use crate::settings::{Settings, SourceSettings};
use crate::status::Sources;

/// Polls that wait for the intake.
const WAITING_POLLS: usize = 16;

/// A loop that has not turned for so long is not alive.
const LIFE_SIGN: Duration = Duration::from_secs(60);

/// The running service.
#[derive(Debug)]
pub struct App {
    /// Where it listens.
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
        .sources()
        .map_err(|wrong| anyhow!("settings that cannot be used: {wrong:?}"))?;
    tell_skipped(&settings, &configured);

    let redis = platform::redis::connect(&settings.redis)?;
    let pool = platform::postgres::connect(&settings.postgres)?;
    let exchange = Exchange::new(redis.clone());
    let sources = Sources::default();
    let explanations = Explanations::default();
    let (flagged_queue, flagged_points) = FlaggedQueue::new(settings.flagged_queue_size);
    let (sender, polls) = mpsc::channel(WAITING_POLLS);
    let mut supervisor = Supervisor::new(stop.clone(), settings.process.shutdown_deadline());

    let mut histories: Vec<Arc<dyn History>> = Vec::new();
    for source in &configured {
        let mut breaker_settings = settings.breaker();
        // A probe costs no more than a healthy poll, and prices return within one poll of the venue's return.
        breaker_settings.open_for = breaker_settings.open_for.min(source.poll_interval);
        let breaker = Breaker::new(breaker_settings);
        sources.add(source.provider, breaker.clone(), source.reliability);
        let Venue { provider, history } = build(source, &settings, breaker, &clock)?;
        histories.extend(history);
        let lease_key = keys::lease(&format!("fetch:{}", source.provider));
        let poll_loop = PollLoop {
            provider,
            assets: assets.clone(),
            interval: source.poll_interval,
            deadline: settings.limits().timeout * 3,
            lease: Lease::new(redis.clone(), lease_key, lease_time(source.poll_interval)),
            polls: sender.clone(),
            sources: sources.clone(),
            failing: None,
            clock: clock.clone(),
        };
        supervisor.spawn(source.provider.as_str(), poll_loop.run(stop.clone()));
    }
    drop(sender);

    let rules = rules(&settings, &configured);
    let intake = Intake::new(
        Market::new(rules.clone()),
        exchange.clone(),
        flagged_queue,
        explanations.clone(),
        sources.clone(),
        clock.clone(),
    );
    supervisor.spawn("intake", intake.run(polls, stop.clone()));
    let retention = SignedDuration::from_hours(24 * i64::from(settings.flagged_retention_days));
    supervisor.spawn(
        "flagged",
        flagged::write(pool, flagged_points, retention, clock.clone(), stop.clone()),
    );

    let state = Data::new(AppState {
        histories: Histories::new(
            histories,
            assets,
            settings.history_concurrency,
            settings.history_max_bars,
            clock.clone(),
        ),
        sources: sources.clone(),
        explainer: Explainer {
            newest: explanations,
            exchange: exchange.clone(),
            rules,
            clock: clock.clone(),
        },
        exchange: exchange.clone(),
        clock: clock.clone(),
    });
    let readiness = readiness(
        exchange,
        sources,
        clock,
        configured.iter().map(|s| s.poll_interval).max(),
        &stop,
    );
    let server = platform::server::serve(&settings.process, readiness, move |config| {
        config.app_data(state.clone());
        routes(config);
    })?;
    let address = server.address();
    supervisor.spawn("http", server.run(stop));
    Ok(App {
        address,
        running: tokio::spawn(supervisor.run()),
    })
}

/// A venue, ready to be asked about the present and, if it tells it, the past.
struct Venue {
    provider: Arc<dyn Provider>,
    history: Option<Arc<dyn History>>,
}

/// The one place where venues are built.
fn build(source: &SourceSettings, settings: &Settings, breaker: Breaker, clock: &SharedClock) -> anyhow::Result<Venue> {
    let http = Http::new(&source.base_url, settings.limits(), clock.clone()).context("HTTP client")?;
    let base = source.base_url.clone();
    // History has a breaker of its own: a question about the past must not cut off the present.
    let history_breaker = Breaker::new(settings.breaker());
    Ok(match source.provider {
        ProviderId::Binance => {
            let binance = Arc::new(Binance::new(http, base));
            Venue {
                provider: decorated(binance.clone(), breaker),
                history: Some(decorated_history(binance, history_breaker)),
            }
        }
        ProviderId::CoinGecko => {
            let coingecko = Arc::new(CoinGecko::new(http, base, settings.coingecko_api_key.clone()));
            Venue {
                provider: decorated(coingecko.clone(), breaker),
                history: Some(decorated_history(coingecko, history_breaker)),
            }
        }
        ProviderId::CoinMarketCap => {
            let path = settings.cmc_quotes_path.clone();
            let coinmarketcap = CoinMarketCap::new(http, base, path, settings.cmc_api_key.clone());
            Venue {
                provider: decorated(Arc::new(coinmarketcap), breaker),
                history: None,
            }
        }
    })
}

fn decorated<P: Provider + 'static>(venue: Arc<P>, breaker: Breaker) -> Arc<dyn Provider> {
    Arc::new(Instrumented::new(Guarded::new(venue, breaker)))
}

fn decorated_history<P: History + 'static>(venue: Arc<P>, breaker: Breaker) -> Arc<dyn History> {
    Arc::new(Instrumented::new(Guarded::new(venue, breaker)))
}

/// Long enough that a slow poll does not lose it, short enough that another process soon takes over.
fn lease_time(poll_interval: Duration) -> Duration {
    (poll_interval + poll_interval / 2).max(Duration::from_secs(1))
}

fn rules(settings: &Settings, sources: &[SourceSettings]) -> Rules {
    let trust = sources.iter().map(|source| {
        let max_age = SignedDuration::try_from(source.max_age).unwrap_or(SignedDuration::MAX);
        (
            source.provider,
            Trust {
                reliability: source.reliability,
                max_age,
            },
        )
    });
    let rate_max_age = i64::try_from(settings.quote_rate_max_age_seconds).unwrap_or(i64::MAX);
    Rules {
        parameters: settings.parameters(),
        trust: trust.collect(),
        rate_max_age: SignedDuration::from_secs(rate_max_age),
    }
}

/// Ready when Redis answers and at least one venue's loop turns.
fn readiness(
    exchange: Exchange,
    sources: Sources,
    clock: SharedClock,
    longest_interval: Option<Duration>,
    stop: &CancellationToken,
) -> Readiness {
    let limit = LIFE_SIGN.max(longest_interval.unwrap_or_default() * 3);
    Readiness::new()
        .redis(exchange.connection())
        .check("polling", move || {
            let age = sources
                .newest_sign_of_life()
                .map(|at| clock.now().duration_since(at).unsigned_abs());
            async move {
                let age = age.context("no venue was asked yet")?;
                anyhow::ensure!(age <= limit, "no loop has turned for {age:?}");
                Ok(())
            }
        })
        .until(stop.clone())
}

fn tell_skipped(settings: &Settings, sources: &[SourceSettings]) {
    let cmc = ProviderId::CoinMarketCap;
    let wanted = settings.providers.iter().any(|name| name == cmc.as_str());
    if wanted && sources.iter().all(|source| source.provider != cmc) {
        tracing::warn!(provider = %cmc, "venue is not asked because CMC_API_KEY is empty");
    }
}
