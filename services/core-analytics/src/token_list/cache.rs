//! Where lists of tokens come from: this process, Redis, or PostgreSQL.
//!
//! All of them hold whole snapshots. Whoever reads one from PostgreSQL puts it into Redis, so that other instances have
//! the same, also when a page of it is asked for later. A change is announced; an announcement that is lost costs a
//! look at the version, some seconds later.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use contracts::keys;
use jiff::{SignedDuration, Timestamp};
use platform::clock::SharedClock;
use platform::postgres::StoreError;
use platform::redis::{Announcement, Connection, Subscription};
use platform::settings::RedisSettings;
use redis::AsyncCommands;
use tokio_util::sync::CancellationToken;

use super::snapshot::TokenSnapshot;
use crate::store::{Store, tokens};

/// Cursors are valid for five minutes, and a snapshot is current for some time before its first page is asked for.
const SNAPSHOT_TTL: Duration = Duration::from_secs(10 * 60);
/// How long a snapshot is current without a look at the version, in case an announcement was lost.
const CHECK_INTERVAL: SignedDuration = SignedDuration::from_secs(5);
/// The newest snapshots that this process keeps.
const KEPT_SNAPSHOTS: usize = 3;

/// Lookups by the layer that answered.
const LOOKUPS: &str = "analytics_token_cache_lookups_total";

/// The layer that a snapshot came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CacheLayer {
    Process,
    Redis,
    Database,
}

impl CacheLayer {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Process => "process",
            Self::Redis => "redis",
            Self::Database => "db",
        }
    }
}

#[derive(Debug, Default)]
struct Kept {
    /// Newest first.
    snapshots: VecDeque<Arc<TokenSnapshot>>,
    /// The newest version there is, as far as is known.
    newest_version: i64,
    /// When that was last known for certain; `None` if it has to be looked up.
    checked_at: Option<Timestamp>,
}

/// The snapshots of this process; clones share them.
#[derive(Debug, Clone)]
pub struct TokenCache {
    store: Store,
    redis: Connection,
    clock: SharedClock,
    kept: Arc<Mutex<Kept>>,
    /// One load at a time: all others wait for its result.
    loading: Arc<tokio::sync::Mutex<()>>,
}

impl TokenCache {
    pub fn new(store: Store, redis: Connection, clock: SharedClock) -> Self {
        Self {
            store,
            redis,
            clock,
            kept: Arc::default(),
            loading: Arc::default(),
        }
    }

    /// The newest snapshot.
    ///
    /// # Errors
    /// PostgreSQL does not answer.
    pub async fn newest(&self) -> Result<(Arc<TokenSnapshot>, CacheLayer), StoreError> {
        if let Some(snapshot) = self.current() {
            return Ok(found(snapshot, CacheLayer::Process));
        }
        let _turn = self.loading.lock().await;
        // Somebody else may have loaded it meanwhile.
        if let Some(snapshot) = self.current() {
            return Ok(found(snapshot, CacheLayer::Process));
        }
        let now = self.clock.now();
        let state = tokens::listing_state(&self.store.client().await?).await?;
        let version = state.map_or(0, |state| state.version);
        if let Some(snapshot) = self.confirm(version, now) {
            return Ok(found(snapshot, CacheLayer::Process));
        }
        if let Some(snapshot) = self.read_from_redis(version).await {
            let snapshot = self.put(snapshot, now);
            return Ok(found(snapshot, CacheLayer::Redis));
        }
        let (state, tokens) = self.store.list_tokens().await?;
        let snapshot = TokenSnapshot {
            version: state.as_ref().map_or(0, |state| state.version),
            state,
            tokens,
        };
        self.write_to_redis(&snapshot).await;
        let snapshot = self.put(snapshot, now);
        Ok(found(snapshot, CacheLayer::Database))
    }

    /// The snapshot of a version, if there still is one.
    pub async fn find(&self, version: i64) -> Option<(Arc<TokenSnapshot>, CacheLayer)> {
        if let Some(snapshot) = self.keeps(version) {
            return Some(found(snapshot, CacheLayer::Process));
        }
        let snapshot = Arc::new(self.read_from_redis(version).await?);
        Some(found(snapshot, CacheLayer::Redis))
    }

    /// Loads a snapshot before the first request, and learns of changes, until `stop`.
    ///
    /// # Errors
    /// None; the result is that of a supervised task.
    pub async fn run(self, redis: RedisSettings, stop: CancellationToken) -> anyhow::Result<()> {
        let mut subscription = Subscription::new(&redis, &[keys::TOKENS_CHANGED_CHANNEL]);
        while let Some(announcement) = stop.run_until_cancelled(subscription.next()).await {
            match announcement {
                Announcement::Message { payload, .. } => {
                    if let Ok(version) = payload.parse() {
                        self.kept().announce(version);
                    }
                }
                Announcement::Subscribed => {
                    self.kept().checked_at = None;
                    if let Err(error) = self.newest().await {
                        let error = anyhow::Error::from(error);
                        tracing::warn!(error = format!("{error:#}"), "tokens are loaded with the first request");
                    }
                }
                Announcement::Lost => self.kept().checked_at = None,
            }
        }
        Ok(())
    }

    /// What is kept, if it is the newest there is.
    fn current(&self) -> Option<Arc<TokenSnapshot>> {
        let now = self.clock.now();
        let kept = self.kept();
        let is_checked = kept
            .checked_at
            .is_some_and(|at| now.duration_since(at).abs() < CHECK_INTERVAL);
        let newest = kept.snapshots.front()?;
        (is_checked && newest.version >= kept.newest_version).then(|| Arc::clone(newest))
    }

    fn keeps(&self, version: i64) -> Option<Arc<TokenSnapshot>> {
        self.kept().find(version)
    }

    /// The snapshot of the version that is the newest one at `now`, if it is kept.
    fn confirm(&self, version: i64, now: Timestamp) -> Option<Arc<TokenSnapshot>> {
        let mut kept = self.kept();
        let snapshot = kept.find(version)?;
        kept.confirm(version, now);
        Some(snapshot)
    }

    fn put(&self, snapshot: TokenSnapshot, now: Timestamp) -> Arc<TokenSnapshot> {
        self.kept().put(snapshot, now)
    }

    /// The lock of a statement: never held over another one.
    fn kept(&self) -> std::sync::MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn read_from_redis(&self, version: i64) -> Option<TokenSnapshot> {
        let text: redis::RedisResult<Option<Vec<u8>>> = self.redis.clone().get(keys::token_snapshot(version)).await;
        match text {
            // What another version of this service wrote is no error: it is read from PostgreSQL instead.
            Ok(text) => serde_json::from_slice(&text?).ok(),
            Err(error) => {
                tracing::debug!(%error, "no snapshot of tokens from Redis");
                None
            }
        }
    }

    async fn write_to_redis(&self, snapshot: &TokenSnapshot) {
        let Ok(text) = serde_json::to_vec(snapshot) else { return };
        let key = keys::token_snapshot(snapshot.version);
        let written: redis::RedisResult<()> = self.redis.clone().set_ex(key, text, SNAPSHOT_TTL.as_secs()).await;
        if let Err(error) = written {
            tracing::debug!(%error, "a snapshot of tokens is not in Redis");
        }
    }
}

impl Kept {
    fn find(&self, version: i64) -> Option<Arc<TokenSnapshot>> {
        self.snapshots.iter().find(|kept| kept.version == version).cloned()
    }

    fn put(&mut self, snapshot: TokenSnapshot, now: Timestamp) -> Arc<TokenSnapshot> {
        let snapshot = Arc::new(snapshot);
        self.confirm(snapshot.version, now);
        self.snapshots.push_front(Arc::clone(&snapshot));
        self.snapshots.truncate(KEPT_SNAPSHOTS);
        snapshot
    }

    /// A version was the newest one at `now`.
    fn confirm(&mut self, version: i64, now: Timestamp) {
        self.newest_version = self.newest_version.max(version);
        self.checked_at = Some(now);
    }

    fn announce(&mut self, version: i64) {
        self.newest_version = self.newest_version.max(version);
    }
}

fn found(snapshot: Arc<TokenSnapshot>, layer: CacheLayer) -> (Arc<TokenSnapshot>, CacheLayer) {
    metrics::counter!(LOOKUPS, "layer" => layer.as_str()).increment(1);
    (snapshot, layer)
}
