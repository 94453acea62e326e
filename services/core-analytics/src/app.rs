//! Builds the service out of its parts; tests and the binary share it.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::Context;
use jiff::SignedDuration;
use platform::client::InternalClient;
use platform::clock::{SharedClock, SystemClock};
use platform::health::Readiness;
use platform::server::Server;
use platform::stream::GroupReader;
use platform::supervisor::Supervisor;
use platform::{metrics, postgres, redis, server};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::asset_windows::{AssetWindows, ChangedHistory};
use crate::backfill::Backfill;
use crate::listing_consumer::ListingConsumer;
use crate::maintenance;
use crate::quote_consumer::QuoteConsumer;
use crate::refusals::Refusals;
use crate::routes::{self, AppState};
use crate::settings::Settings;
use crate::store::{SCHEMA_VERSION, Store};
use crate::token_list::TokenCache;

/// Longest time `fetch` may take to bring a history, which it asks a provider for page by page.
const HISTORY_TIMEOUT: Duration = Duration::from_secs(60);

/// The service, listening, its tasks not yet running.
#[derive(Debug)]
pub struct App {
    server: Server,
    supervisor: Supervisor,
    stop: CancellationToken,
}

/// Runs the service until `stop`.
///
/// # Errors
/// The start failed, or a task ended before it was asked to.
pub async fn run(settings: Settings, stop: CancellationToken) -> anyhow::Result<()> {
    App::start(settings, SystemClock::shared(), stop).await?.run().await
}

impl App {
    /// Connects, checks the schema and listens.
    ///
    /// # Errors
    /// The schema is too old, PostgreSQL stayed silent, or the address is taken.
    pub async fn start(settings: Settings, clock: SharedClock, stop: CancellationToken) -> anyhow::Result<Self> {
        metrics::install("core-analytics", env!("CARGO_PKG_VERSION"))?;
        let pool = postgres::connect(&settings.postgres)?;
        postgres::require_schema(&pool, SCHEMA_VERSION).await?;
        let redis = redis::connect_pool(&settings.redis)?;
        let store = Store::new(pool.clone());
        let changed = ChangedHistory::default();
        let refusals = Refusals::default();

        let consumer = QuoteConsumer {
            store: store.clone(),
            windows: AssetWindows::new(store.clone(), changed.clone()),
            redis: redis.clone(),
            reader: group_reader(&settings, contracts::keys::QUOTES_STREAM),
            clock: clock.clone(),
            refusals: refusals.clone(),
            oldest: SignedDuration::from_hours(24 * (i64::from(settings.ticks_retention_days) - 1)),
        };
        let velocity_max_hold = SignedDuration::from_secs(i64::from(settings.velocity_max_hold_seconds));
        let token_max_age = SignedDuration::from_secs(i64::from(settings.token_max_age_seconds));
        let tokens = TokenCache::new(store.clone(), redis.clone(), clock.clone());
        let listing_consumer = ListingConsumer {
            store: store.clone(),
            redis: redis.clone(),
            reader: group_reader(&settings, contracts::keys::LISTINGS_STREAM),
            clock: clock.clone(),
            refusals: refusals.clone(),
            min_market_cap: settings.velocity_min_market_cap_usd,
            max_hold: velocity_max_hold,
            max_age: token_max_age,
            oldest: SignedDuration::from_hours(24 * (i64::from(settings.token_cells_retention_days) - 1)),
        };
        let retention = settings.retention();
        let backfill = Backfill {
            store: store.clone(),
            fetch: InternalClient::new(
                settings.fetch_url.clone(),
                settings.process.internal_token.clone(),
                HISTORY_TIMEOUT,
            )
            .context("client of fetch")?,
            clock: clock.clone(),
            tickers: settings.supported_tickers.clone(),
            concurrency: settings.backfill_concurrency,
            repair_every: settings.backfill_repair(),
            changed,
            refusals,
        };
        let state = AppState {
            store: store.clone(),
            clock: clock.clone(),
            supported: settings.supported_tickers.iter().cloned().collect(),
            computations: routes::Computations::default(),
            tokens: tokens.clone(),
            token_max_age,
            velocity_max_hold,
        };
        let readiness = Readiness::new().postgres(&pool).redis(&redis).until(stop.clone());
        let server = server::serve(&settings.process, readiness, move |config| {
            config.app_data(actix_web::web::Data::new(state.clone()));
            routes::configure(config);
        })?;

        let mut supervisor = Supervisor::new(stop.clone(), settings.process.shutdown_deadline());
        supervisor.spawn("quote consumer", consumer.run(stop.clone()));
        supervisor.spawn("listing consumer", listing_consumer.run(stop.clone()));
        supervisor.spawn("tokens", tokens.run(settings.redis.clone(), stop.clone()));
        supervisor.spawn("maintenance", maintenance::run(store, clock, retention, stop.clone()));
        supervisor.spawn("backfill", backfill.run(stop.clone()));
        Ok(Self {
            server,
            supervisor,
            stop,
        })
    }

    /// The address it listens on, with the real port.
    pub fn address(&self) -> SocketAddr {
        self.server.address()
    }

    /// Works until the token given at the start is cancelled.
    ///
    /// # Errors
    /// A task ended before it was asked to.
    pub async fn run(self) -> anyhow::Result<()> {
        let Self {
            server,
            mut supervisor,
            stop,
        } = self;
        supervisor.spawn("server", server.run(stop));
        supervisor.run().await
    }
}

fn group_reader(settings: &Settings, stream: &str) -> GroupReader {
    let consumer = format!("core-analytics-{}", Uuid::now_v7());
    GroupReader::new(&settings.redis, stream, contracts::keys::ANALYTICS_GROUP, consumer)
}
