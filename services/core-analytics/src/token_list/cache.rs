//! Where lists of tokens come from: this process, Redis, or PostgreSQL.
//!
//! All of them hold whole snapshots. Whoever reads one from PostgreSQL puts it into Redis, so that other instances have
//! the same, also when a page of it is asked for later. A change is announced; an announcement that is lost costs a
//! look at the version, some seconds later.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anyhow::Context;
use contracts::keys;
use jiff::{SignedDuration, Timestamp};
use platform::clock::SharedClock;
use platform::redis::{Announcement, Connection, Subscription};
use platform::settings::RedisSettings;
use redis::AsyncCommands;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::compressed;
use super::snapshot::{SnapshotId, TokenSnapshot};
use crate::store::{Store, tokens};

/// Cursors are valid for five minutes, and a snapshot is current for some time before its first page is asked for.
const SNAPSHOT_TTL: Duration = Duration::from_secs(10 * 60);
/// How long a snapshot is current without a look at the version, in case an announcement was lost.
const CHECK_INTERVAL: SignedDuration = SignedDuration::from_secs(5);
/// The snapshots that this process keeps, the one used last first.
const KEPT_SNAPSHOTS: usize = 4;

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

pub type Found = (Arc<TokenSnapshot>, CacheLayer);

#[derive(Debug, Default)]
struct Kept {
    snapshots: VecDeque<Arc<TokenSnapshot>>,
    /// The newest one, and when its load began. Older ones do not push it out.
    newest: Option<(Arc<TokenSnapshot>, Instant)>,
    /// A newer version than it was announced.
    is_outdated: bool,
    /// When it was last known to be the newest; `None` if it has to be looked up.
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
    pub async fn newest(&self) -> anyhow::Result<Found> {
        if let Some(snapshot) = self.current() {
            return Ok(counted(snapshot, CacheLayer::Process));
        }
        let asked_at = Instant::now();
        let cache = self.clone();
        // A task of its own: a caller that gives up must not undo the work that all others wait for.
        let load = tokio::spawn(async move { cache.load(asked_at).await });
        load.await.context("loading of tokens")?
    }

    /// The snapshot of a cursor, if there still is one.
    ///
    /// # Errors
    /// PostgreSQL does not answer.
    pub async fn find(&self, id: &SnapshotId) -> anyhow::Result<Option<Found>> {
        if let Some(snapshot) = self.kept().find(id) {
            return Ok(Some(counted(snapshot, CacheLayer::Process)));
        }
        let (cache, wanted) = (self.clone(), id.clone());
        let lookup = tokio::spawn(async move {
            let _turn = cache.loading.lock().await;
            let kept = cache.kept().find(&wanted);
            if let Some(snapshot) = kept {
                return Some(counted(snapshot, CacheLayer::Process));
            }
            let snapshot = Arc::new(cache.read_from_redis(&wanted).await?);
            cache.kept().keep(Arc::clone(&snapshot));
            Some(counted(snapshot, CacheLayer::Redis))
        });
        if let Some(found) = lookup.await.context("looking tokens up")? {
            return Ok(Some(found));
        }
        // Redis may have been emptied, while PostgreSQL still has just this version.
        let (snapshot, layer) = self.newest().await?;
        Ok((snapshot.id() == *id).then_some((snapshot, layer)))
    }

    /// Loads a snapshot before the first request, and learns of changes, until `stop`.
    ///
    /// # Errors
    /// None; the result is that of a supervised task.
    pub async fn run(self, redis: RedisSettings, stop: CancellationToken) -> anyhow::Result<()> {
        let mut subscription = Subscription::new(&redis, &[keys::TOKENS_CHANGED_CHANNEL]);
        while let Some(announcement) = stop.run_until_cancelled(subscription.next()).await {
            match announcement {
                Announcement::Message { .. } => self.kept().is_outdated = true,
                Announcement::Subscribed => {
                    self.kept().checked_at = None;
                    if let Err(error) = self.newest().await {
                        tracing::warn!(error = format!("{error:#}"), "tokens are loaded with the first request");
                    }
                }
                Announcement::Lost => self.kept().checked_at = None,
            }
        }
        Ok(())
    }

    /// Brings the newest snapshot, or one whose load began after `asked_at`.
    async fn load(&self, asked_at: Instant) -> anyhow::Result<Found> {
        let _turn = self.loading.lock().await;
        if let Some(snapshot) = self.loaded_since(asked_at) {
            return Ok(counted(snapshot, CacheLayer::Process));
        }
        let began = Instant::now();
        // Before the look at the database: what is announced from here on may not be seen by it.
        self.kept().is_outdated = false;
        let state = tokens::listing_state(&self.store.client().await?).await?;
        let id = SnapshotId::of(state.as_ref());
        let kept = self.kept().find(&id);
        if let Some(snapshot) = kept {
            self.put(Arc::clone(&snapshot), began);
            return Ok(counted(snapshot, CacheLayer::Process));
        }
        if let Some(snapshot) = self.read_from_redis(&id).await {
            let snapshot = Arc::new(snapshot);
            self.put(Arc::clone(&snapshot), began);
            return Ok(counted(snapshot, CacheLayer::Redis));
        }
        let (state, tokens) = self.store.list_tokens().await?;
        let snapshot = Arc::new(TokenSnapshot { state, tokens });
        self.put(Arc::clone(&snapshot), began);
        // Nobody waits for it: a cursor that comes before it is there finds the snapshot in PostgreSQL.
        let (cache, written) = (self.clone(), Arc::clone(&snapshot));
        tokio::spawn(async move { cache.write_to_redis(&written).await });
        Ok(counted(snapshot, CacheLayer::Database))
    }

    /// What is kept, if it is the newest there is.
    fn current(&self) -> Option<Arc<TokenSnapshot>> {
        let now = self.clock.now();
        let kept = self.kept();
        let checked_at = kept.checked_at.filter(|_| !kept.is_outdated)?;
        let is_checked = now.duration_since(checked_at).abs() < CHECK_INTERVAL;
        let (newest, _) = kept.newest.as_ref().filter(|_| is_checked)?;
        Some(Arc::clone(newest))
    }

    /// The newest one, if its load began after `asked_at`: it is as new as what the caller would load.
    fn loaded_since(&self, asked_at: Instant) -> Option<Arc<TokenSnapshot>> {
        let kept = self.kept();
        let (newest, _) = kept.newest.as_ref().filter(|(_, began)| *began >= asked_at)?;
        Some(Arc::clone(newest))
    }

    fn put(&self, snapshot: Arc<TokenSnapshot>, began: Instant) {
        let now = self.clock.now();
        let mut kept = self.kept();
        kept.newest = Some((Arc::clone(&snapshot), began));
        kept.checked_at = Some(now);
        kept.keep(snapshot);
    }

    /// The lock of one statement: never held over another one.
    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn read_from_redis(&self, id: &SnapshotId) -> Option<TokenSnapshot> {
        let key = keys::token_snapshot(&id.to_string());
        let bytes: redis::RedisResult<Option<Vec<u8>>> = self.redis.clone().get(key).await;
        let bytes = match bytes {
            Ok(bytes) => bytes?,
            Err(error) => {
                tracing::debug!(%error, "no snapshot of tokens from Redis");
                return None;
            }
        };
        // What another version of this service wrote is no error: it is read from PostgreSQL instead.
        let parsed = tokio::task::spawn_blocking(move || compressed::read(&bytes).ok()).await;
        parsed.ok().flatten()
    }

    async fn write_to_redis(&self, snapshot: &Arc<TokenSnapshot>) {
        let written = Arc::clone(snapshot);
        let Ok(Ok(bytes)) = tokio::task::spawn_blocking(move || compressed::write(&*written)).await else {
            return;
        };
        let key = keys::token_snapshot(&snapshot.id().to_string());
        let written: redis::RedisResult<()> = self.redis.clone().set_ex(key, bytes, SNAPSHOT_TTL.as_secs()).await;
        if let Err(error) = written {
            tracing::debug!(%error, "a snapshot of tokens is not in Redis");
        }
    }
}

impl Kept {
    /// Finds a snapshot and moves it to the front.
    fn find(&mut self, id: &SnapshotId) -> Option<Arc<TokenSnapshot>> {
        let place = self.snapshots.iter().position(|kept| kept.id() == *id)?;
        let snapshot = self.snapshots.remove(place)?;
        self.snapshots.push_front(Arc::clone(&snapshot));
        Some(snapshot)
    }

    fn keep(&mut self, snapshot: Arc<TokenSnapshot>) {
        let id = snapshot.id();
        self.snapshots.retain(|kept| kept.id() != id);
        self.snapshots.push_front(snapshot);
        self.snapshots.truncate(KEPT_SNAPSHOTS);
    }
}

fn counted(snapshot: Arc<TokenSnapshot>, layer: CacheLayer) -> Found {
    metrics::counter!(LOOKUPS, "layer" => layer.as_str()).increment(1);
    (snapshot, layer)
}
