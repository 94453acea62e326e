//! From a key to an identity: this process's cache (5 s), Redis (1 h), PostgreSQL.
//!
//! A change empties the Redis entry but leaves a marker for a moment: while it stands, nobody fills the entry again, so a
//! look-up that began before the change cannot put the old identity back. The change is announced, and every process
//! forgets its own copy; if the announcement is lost, the copy ends by itself. Triggers note changes in
//! `accounts.stale_identities`, and every gateway passes the notes on, so that a change made while Redis is away holds too.
//!
//! Entries in Redis carry a MAC under the pepper: who can write to Redis cannot make an identity.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use contracts::keys as names;
use moka::future::Cache;
use platform::clock::SharedClock;
use platform::postgres::Pool;
use platform::redis::Connection;
use redis::AsyncCommands;
use subtle::ConstantTimeEq;
use tokio::sync::mpsc;
use uuid::Uuid;

use crate::auth::Identity;
use crate::auth::api_key::{self, KeyHash, KeyHasher};
use crate::error::ApiError;
use crate::store::api_keys;

const PROCESS_TTL: Duration = Duration::from_secs(5);
const PROCESS_ENTRIES: u64 = 100_000;
const REDIS_TTL_SECONDS: u64 = 3_600;

/// Longer than any look-up takes.
const TOMBSTONE_TTL_SECONDS: u64 = 30;

const CHANGES_BATCH: usize = 500;

/// The marker that stands while an entry must not be filled.
const TOMBSTONE: &str = "";

pub struct IdentityCache {
    postgres: Pool,
    redis: Connection,
    hasher: KeyHasher,
    clock: SharedClock,
    process: Cache<KeyHash, Arc<Identity>>,
    /// Counts what was forgotten, so that a look-up that began before can tell.
    invalidations: AtomicU64,
    used: mpsc::Sender<Uuid>,
}

/// Why a look-up gave nothing.
enum Miss {
    Unknown,
    Failed(ApiError),
}

impl IdentityCache {
    /// A directory over these stores. Keys that are used are told to `used`, now and then.
    pub fn new(
        postgres: Pool,
        redis: Connection,
        hasher: KeyHasher,
        clock: SharedClock,
        used: mpsc::Sender<Uuid>,
    ) -> Self {
        let process = Cache::builder()
            .max_capacity(PROCESS_ENTRIES)
            .time_to_live(PROCESS_TTL)
            .build();
        Self {
            postgres,
            redis,
            hasher,
            clock,
            process,
            invalidations: AtomicU64::new(0),
            used,
        }
    }

    /// The identity behind `key`; `None` if the key is unknown, revoked or expired, or its user inactive.
    ///
    /// # Errors
    ///
    /// Neither cache knows the key and PostgreSQL does not answer.
    pub async fn find(&self, key: &str) -> Result<Option<Arc<Identity>>, ApiError> {
        if !api_key::is_well_formed(key) {
            return Ok(None);
        }
        let hash = self.hasher.hash(key);
        let found = match self.process.get(&hash).await {
            Some(identity) => Some(identity),
            None => self.load(hash).await?,
        };
        let now = self.clock.now();
        Ok(found.filter(|identity| identity.expires_at.is_none_or(|end| now < end)))
    }

    async fn load(&self, hash: KeyHash) -> Result<Option<Arc<Identity>>, ApiError> {
        let before = self.invalidations.load(Ordering::SeqCst);
        let found = match self.process.try_get_with(hash, self.read_through(&hash)).await {
            Ok(identity) => Some(identity),
            Err(miss) => match &*miss {
                Miss::Unknown => None,
                Miss::Failed(error) => return Err(error.clone()),
            },
        };
        // What was read before something was forgotten is not kept.
        if self.invalidations.load(Ordering::SeqCst) != before {
            self.process.invalidate(&hash).await;
        }
        Ok(found)
    }

    async fn read_through(&self, hash: &KeyHash) -> Result<Arc<Identity>, Miss> {
        let entry = names::auth_cache(&hex::encode(hash));
        let mut redis = self.redis.clone();
        let cached: Result<Option<String>, _> = redis.get(&entry).await;
        let may_fill = match cached {
            Ok(Some(text)) if text != TOMBSTONE => match self.open(hash, &text) {
                Some(identity) => return Ok(self.note_use(identity)),
                None => {
                    tracing::warn!("cached identity is not one of ours, it is read anew");
                    false
                }
            },
            Ok(Some(_)) => false,
            Ok(None) => true,
            Err(error) => {
                tracing::warn!(%error, "identities are read without their cache");
                false
            }
        };
        let identity = self
            .load_from_postgres(hash)
            .await
            .map_err(Miss::Failed)?
            .ok_or(Miss::Unknown)?;
        if may_fill && let Some(text) = self.seal(hash, &identity) {
            let options = redis::SetOptions::default()
                .conditional_set(redis::ExistenceCheck::NX)
                .with_expiration(redis::SetExpiry::EX(REDIS_TTL_SECONDS));
            if let Err(error) = redis.set_options::<_, _, ()>(&entry, text, options).await {
                tracing::warn!(%error, "identity is not cached");
            }
        }
        Ok(self.note_use(identity))
    }

    /// The entry of an identity: its MAC, a colon, and the identity as JSON.
    fn seal(&self, hash: &KeyHash, identity: &Identity) -> Option<String> {
        let text = serde_json::to_string(identity).ok()?;
        Some(format!("{}:{text}", hex::encode(self.mac(hash, &text))))
    }

    fn open(&self, hash: &KeyHash, entry: &str) -> Option<Identity> {
        let (mac, text) = entry.split_once(':')?;
        let mac = hex::decode(mac).ok()?;
        if !bool::from(mac.ct_eq(&self.mac(hash, text))) {
            return None;
        }
        serde_json::from_str(text).ok()
    }

    fn mac(&self, hash: &KeyHash, text: &str) -> [u8; 32] {
        self.hasher.hash_parts(&[b"cached identity", hash, text.as_bytes()])
    }

    fn note_use(&self, identity: Identity) -> Arc<Identity> {
        // A full queue means that many keys are in use; the next look-up tells it again.
        let _ = self.used.try_send(identity.key_id);
        Arc::new(identity)
    }

    async fn load_from_postgres(&self, hash: &KeyHash) -> Result<Option<Identity>, ApiError> {
        let client = self.postgres.get().await?;
        api_keys::find_identity(&client, hash).await
    }

    /// Whether this process has a copy of the identity behind `key`.
    pub async fn is_cached(&self, key: &str) -> bool {
        self.process.get(&self.hasher.hash(key)).await.is_some()
    }

    /// Revokes a key everywhere. False if there is no such key. Once it returns, the key is revoked; while Redis is away,
    /// gateways obey as soon as their copies end, after some seconds.
    ///
    /// # Errors
    ///
    /// PostgreSQL refuses; then the key is still valid.
    pub async fn revoke(&self, id: Uuid) -> Result<bool, ApiError> {
        let client = self.postgres.get().await?;
        if !api_keys::revoke(&client, id, self.clock.now()).await? {
            return Ok(false);
        }
        drop(client);
        if let Err(error) = self.propagate_changes().await {
            tracing::warn!(%error, "gateways are told of the revocation when Redis is back");
        }
        Ok(true)
    }

    /// Makes every cache forget the identities that have changed.
    ///
    /// # Errors
    ///
    /// PostgreSQL or Redis does not answer; the changes stay noted.
    pub async fn propagate_changes(&self) -> Result<(), ApiError> {
        loop {
            let client = self.postgres.get().await?;
            let changes = api_keys::list_stale(&client, CHANGES_BATCH).await?;
            for (hash, changed_at) in &changes {
                self.invalidate(hash).await?;
                api_keys::clear_stale(&client, hash, *changed_at).await?;
            }
            if changes.len() < CHANGES_BATCH {
                return Ok(());
            }
        }
    }

    /// Makes every cache forget a key.
    pub async fn invalidate(&self, hash: &KeyHash) -> Result<(), ApiError> {
        let name = hex::encode(hash);
        let mut redis = self.redis.clone();
        redis
            .set_ex::<_, _, ()>(names::auth_cache(&name), TOMBSTONE, TOMBSTONE_TTL_SECONDS)
            .await?;
        redis.publish::<_, _, ()>(names::AUTH_REVOKED_CHANNEL, &name).await?;
        self.invalidations.fetch_add(1, Ordering::SeqCst);
        self.process.invalidate(hash).await;
        Ok(())
    }

    /// Forgets this process's copy of what was announced as `message`.
    pub async fn on_revoked(&self, message: &str) {
        self.invalidations.fetch_add(1, Ordering::SeqCst);
        let mut hash: KeyHash = [0; 32];
        match hex::decode_to_slice(message, &mut hash) {
            Ok(()) => self.process.invalidate(&hash).await,
            Err(_) => self.invalidate_all(),
        }
    }

    /// Forgets every copy of this process: something may have been announced while nobody listened.
    pub fn invalidate_all(&self) {
        self.invalidations.fetch_add(1, Ordering::SeqCst);
        self.process.invalidate_all();
    }
}
