//! What handlers and layers share.

use contracts::queues;
use platform::amqp::Broker;
use platform::clock::SharedClock;
use platform::health::Readiness;
use platform::postgres::{self, Pool};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::auth::access_token::AccessTokens;
use crate::auth::api_key::KeyHasher;
use crate::auth::identity_cache::IdentityCache;
use crate::auth::ip_block::IpBlocker;
use crate::auth::passwords::PasswordHashes;
use crate::auth::stream_ticket::StreamTickets;
use crate::quote_cache::QuoteCache;
use crate::rate_limit::RateLimiter;
use crate::settings::Settings;
use crate::upstream::Upstreams;
use crate::usage::UsageMeter;

pub struct AppState {
    /// What was set from outside.
    pub settings: Settings,
    pub clock: SharedClock,
    pub postgres: Pool,
    pub hasher: KeyHasher,
    pub passwords: PasswordHashes,
    pub rate_limiter: RateLimiter,
    pub usage: UsageMeter,
    pub ip_blocker: IpBlocker,
    pub identities: IdentityCache,
    pub access_tokens: AccessTokens,
    pub tickets: StreamTickets,
    pub quotes: QuoteCache,
    pub upstreams: Upstreams,
    pub rabbit: Broker,
    /// What has to be up.
    pub readiness: Readiness,
}

impl AppState {
    /// The state over the stores that `settings` name; none of them has to answer yet.
    pub fn new(
        settings: Settings,
        clock: SharedClock,
        used_keys: mpsc::Sender<Uuid>,
        stop: &CancellationToken,
    ) -> anyhow::Result<Self> {
        let postgres = postgres::connect(&settings.postgres)?;
        let redis = platform::redis::connect(&settings.redis)?;
        let rabbit = Broker::connect(&settings.rabbit)?;
        let hasher = KeyHasher::new(&settings.api_key_pepper)?;
        let rate_limiter = RateLimiter::new(redis.clone(), settings.limits.clone());
        let usage = UsageMeter::new(postgres.clone(), redis.clone(), settings.quotas.clone());
        let ip_blocker = IpBlocker::new(
            redis.clone(),
            settings.auth_failure_limit,
            settings.ip_block_seconds,
            settings.ip_allowlist.clone(),
            clock.clone(),
        );
        let identities = IdentityCache::new(
            postgres.clone(),
            redis.clone(),
            hasher.clone(),
            clock.clone(),
            used_keys,
        );
        let readiness = Readiness::new()
            .postgres(&postgres)
            .redis(&redis)
            .rabbitmq(&rabbit, queues::WEBHOOKS)
            .until(stop.clone());
        Ok(Self {
            access_tokens: AccessTokens::new(&settings.access_tokens, &hasher)?,
            tickets: StreamTickets::new(redis.clone(), hasher.clone()),
            upstreams: Upstreams::new(&settings)?,
            quotes: QuoteCache::new(redis, settings.supported_tickers.clone()),
            settings,
            clock,
            postgres,
            hasher,
            passwords: PasswordHashes::default(),
            rate_limiter,
            usage,
            ip_blocker,
            identities,
            rabbit,
            readiness,
        })
    }
}
