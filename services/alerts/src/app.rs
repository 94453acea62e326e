//! Builds the service from its settings; used by `main` and by tests.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use actix_web::web;
use anyhow::Context;
use contracts::keys;
use domain::rule::QualityGate;
use platform::amqp::Broker;
use platform::client::InternalClient;
use platform::clock::SharedClock;
use platform::database_clock::DatabaseClock;
use platform::health::Readiness;
use platform::postgres;
use platform::stream::GroupReader;
use platform::supervisor::Supervisor;
use platform::{metrics, redis, server};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::delivery::DeliveryContext;
use crate::delivery::dns::NameResolver;
use crate::delivery::probe::Prober;
use crate::delivery::recorder::Recorder;
use crate::delivery::webhook_client::{WebhookClient, WebhookClientSettings};
use crate::delivery::worker::Worker;
use crate::evaluator::Evaluator;
use crate::index::AlertIndex;
use crate::index::reconciler::Reconciler;
use crate::missed_quotes::MissedQuotes;
use crate::monitors::Monitors;
use crate::price_data::PriceData;
use crate::quote_consumer::QuoteConsumer;
use crate::relay::{self, Relay};
use crate::retention::Cleaner;
use crate::routes;
use crate::secrets::{self, Resealer};
use crate::settings::Settings;
use crate::state::AppState;

/// The schema that this version works on.
const SCHEMA_VERSION: u32 = 78;

/// Longest wait for a page of candles.
const ANALYTICS_TIMEOUT: Duration = Duration::from_secs(20);

/// Of the time that a stop may take, what is left for everything but deliveries under way.
const STOP_RESERVE: Duration = Duration::from_secs(1);

/// The service, built and listening, about to work.
pub struct App {
    address: SocketAddr,
    supervisor: Supervisor,
}

impl App {
    /// The address of the internal HTTP server, with the real port.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Works until the stop.
    ///
    /// # Errors
    /// When one of its parts dies.
    pub async fn run(self) -> anyhow::Result<()> {
        self.supervisor.run().await
    }
}

/// Builds the service and runs it until the stop. All instances go by the database's clock: one whose own is off would
/// take deliveries from the others, or retry late.
///
/// # Errors
/// When it cannot start, or one of its parts dies.
pub async fn run(settings: Settings, clock: SharedClock, stop: CancellationToken) -> anyhow::Result<()> {
    let clock = DatabaseClock::new(clock);
    let mut alone = settings.postgres.clone();
    alone.database_pool_size = 1;
    let pool = postgres::connect(&alone)?;
    postgres::require_schema(&pool, SCHEMA_VERSION).await?;
    clock.begin(&pool).await.context("the database's clock")?;
    let mut app = start(settings, clock.shared(), stop.clone()).await?;
    app.supervisor.spawn("clock", clock.run(pool, stop));
    app.run().await
}

/// Builds the service and starts its parts.
///
/// # Errors
/// When a setting is invalid, the port is taken, or the schema is too old.
pub async fn start(settings: Settings, clock: SharedClock, stop: CancellationToken) -> anyhow::Result<App> {
    metrics::install("alerts", env!("CARGO_PKG_VERSION"))?;
    let pool = postgres::connect(&settings.postgres)?;
    postgres::require_schema(&pool, SCHEMA_VERSION).await?;
    let keys = settings
        .sealing
        .ring()
        .map_err(|(variable, problem)| anyhow::anyhow!("{variable}: {problem}"))?;
    if settings.sealing.is_insecure() {
        tracing::warn!("SECRETS_KEY is not set: secrets are sealed under a key that everyone knows");
    }
    secrets::check_keys(&pool, &keys).await?;
    let keys = Arc::new(keys);
    let redis = redis::connect_pool(&settings.redis)?;
    if let Ok(Some(warning)) = redis::eviction_warning(&redis).await {
        tracing::error!(warning, "Redis is not set up for the index of alerts");
    }
    let broker = Broker::connect(&settings.rabbit)?;
    let supported = settings
        .tickers()
        .map_err(|text| anyhow::anyhow!("SUPPORTED_TICKERS: {text:?}"))?;
    let egress_policy = settings
        .egress_policy()
        .map_err(|(variable, problem)| anyhow::anyhow!("{variable}: {problem}"))?;
    let verification = settings
        .webhook_verification()
        .map_err(|(variable, problem)| anyhow::anyhow!("{variable}: {problem}"))?;
    let thresholds = settings
        .thresholds()
        .map_err(|(variable, problem)| anyhow::anyhow!("{variable}: {problem}"))?;
    if !settings.webhook_verify_tls {
        tracing::warn!("WEBHOOK_VERIFY_TLS is off: a server in the place of an endpoint gets its webhooks");
    }
    let names = NameResolver::new().context("looking up names")?;
    let index = AlertIndex::new(redis.clone());
    let relay_wake = Arc::new(Notify::new());
    let reconcile = Arc::new(Notify::new());
    let deadline = settings.process.shutdown_deadline();
    let mut supervisor = Supervisor::new(stop.clone(), deadline);

    let state = web::Data::new(AppState {
        pool: pool.clone(),
        index: index.clone(),
        clock: clock.clone(),
        keys: Arc::clone(&keys),
        egress_policy: Arc::clone(&egress_policy),
        names: names.clone(),
        supported: supported.clone(),
        price_data: PriceData {
            redis: redis.clone(),
            watched: supported.clone(),
            limit: Duration::from_secs(settings.no_data_after_seconds),
        },
        max_attempts: settings.webhook_max_attempts,
        thresholds,
        relay: Arc::clone(&relay_wake),
        reconcile: Arc::clone(&reconcile),
    });
    let queue = broker.consume(
        contracts::queues::WEBHOOKS,
        Worker::prefetch(settings.webhook_concurrency),
    );
    let consumer_state = queue.state();
    let readiness = Readiness::new()
        .postgres(&pool)
        .redis(&redis)
        .rabbitmq(&broker, contracts::queues::WEBHOOKS)
        .check("consumer", move || std::future::ready(consumer_state.check()))
        .until(stop.clone());
    let server = server::serve(&settings.process, readiness, move |config| {
        config.app_data(state.clone());
        routes::configure(config);
    })?;
    let address = server.address();
    supervisor.spawn("http", server.run(stop.clone()));

    // Unique among living processes, also when two of them share a machine.
    let consumer = Uuid::now_v7().to_string();
    let quotes = GroupReader::new(&settings.redis, keys::QUOTES_STREAM, keys::ALERTS_GROUP, &consumer);
    let evaluator = Evaluator {
        pool: pool.clone(),
        index: index.clone(),
        redis: redis.clone(),
        clock: clock.clone(),
        gate: QualityGate::DEFAULT,
        relay: Arc::clone(&relay_wake),
    };
    let missed = MissedQuotes {
        evaluator: evaluator.clone(),
        analytics: InternalClient::new(
            settings.analytics_url.clone(),
            settings.process.internal_token.clone(),
            ANALYTICS_TIMEOUT,
        )?,
        tickers: supported.clone(),
    };
    supervisor.spawn("missed quotes", missed.run(stop.clone()));
    let quote_consumer = QuoteConsumer {
        evaluator,
        reader: quotes,
    };
    supervisor.spawn("quote consumer", quote_consumer.run(stop.clone()));

    let reconciler = Reconciler {
        index,
        pool: pool.clone(),
        supported,
        interval: Duration::from_secs(settings.index_reconcile_seconds),
        clock: clock.clone(),
        wake: reconcile,
    };
    supervisor.spawn("index", reconciler.run(stop.clone()));

    let relay = Relay {
        pool: pool.clone(),
        queue: relay::Queue {
            broker: broker.clone(),
            publisher: broker.publisher(),
            opened: queue.opened(),
            prefetch: Worker::prefetch(settings.webhook_concurrency),
        },
        clock: clock.clone(),
        wake: Arc::clone(&relay_wake),
        lost_after: Duration::from_secs(settings.queue_lost_after_seconds),
        policy: settings.retry_policy(),
    };
    supervisor.spawn("relay", relay.run(stop.clone()));
    let listening = relay::listen::run(settings.postgres.clone(), Arc::clone(&relay_wake), stop.clone());
    supervisor.spawn("outbox listener", listening);

    let prober = Prober {
        pool: pool.clone(),
        clock: clock.clone(),
        relay: Arc::clone(&relay_wake),
    };
    supervisor.spawn("prober", prober.run(stop.clone()));

    let cleaner = Cleaner {
        pool: pool.clone(),
        clock: clock.clone(),
        retention: Duration::from_secs(settings.alerting_retention_days * 86_400),
    };
    supervisor.spawn("retention", cleaner.run(stop.clone()));

    let client = WebhookClient::new(
        egress_policy,
        &names,
        &WebhookClientSettings {
            timeout: settings.webhook_timeout(),
            first_timeout: Duration::from_millis(settings.webhook_first_timeout_ms),
            connect_timeout: Duration::from_millis(settings.webhook_connect_timeout_ms),
            verification,
            idle_per_host: settings.webhook_concurrency.div_ceil(4),
        },
    )?;
    let resealer = Resealer {
        pool: pool.clone(),
        keys: Arc::clone(&keys),
    };
    supervisor.spawn("resealer", resealer.run(stop.clone()));
    let context = DeliveryContext {
        keys,
        client,
        policy: settings.retry_policy(),
        clock: clock.clone(),
        unit_random: rand::random,
    };
    let worker = Worker {
        pool: pool.clone(),
        context: Arc::new(context),
        clock: clock.clone(),
        concurrency: settings.webhook_concurrency,
        claim_lease: settings.claim_lease(),
        drain_for: deadline.saturating_sub(STOP_RESERVE),
    };
    let monitors_clock = clock.clone();
    let recorder = Recorder {
        pool: pool.clone(),
        clock,
        disable_after: settings.webhook_disable_after_failures,
        relay: relay_wake,
    };
    supervisor.spawn("delivery", worker.run(queue, recorder, stop.clone()));

    let metrics_reader = GroupReader::new(&settings.redis, keys::METRICS_STREAM, keys::ALERTS_GROUP, &consumer);
    let monitors = Monitors {
        pool,
        redis,
        clock: monitors_clock,
        thresholds,
    };
    supervisor.spawn("monitors", monitors.run(metrics_reader, stop));
    Ok(App { address, supervisor })
}
