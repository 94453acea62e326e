//! Identities by API key or session, cached in this process (5 s) and in Redis (1 h); PostgreSQL is the source.
//!
//! A change replaces the Redis entry by a tombstone for some seconds. While the tombstone stands, no gateway fills the
//! entry, so a look-up that began before the change cannot restore the old identity. The change is also published, and
//! every process drops its own copy; if the message is lost, the copy expires after 5 s. Database triggers record
//! changes in `accounts.stale_identities`, and every gateway works through that table: so a change made while Redis is
//! down, or by hand in PostgreSQL, reaches the caches too.
//!
//! Entries in Redis carry a MAC under the pepper: write access to Redis is not enough to forge an identity.

use std::net::IpAddr;
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
use crate::auth::unknown_keys::UnknownKeys;
use crate::error::ApiError;
use crate::store::{api_keys, sessions};

/// Bounds how long a revoked key lives on in a process that misses the message.
const PROCESS_TTL: Duration = Duration::from_secs(5);
const PROCESS_ENTRIES: u64 = 100_000;
const REDIS_TTL_SECONDS: u64 = 3_600;

/// Longer than any look-up takes, so that none that began before the change outlives the tombstone.
const TOMBSTONE_TTL_SECONDS: u64 = 30;

const CHANGES_BATCH: usize = 500;

/// No identity is stored as an empty text.
const TOMBSTONE: &str = "";

pub struct IdentityCache {
    postgres: Pool,
    redis: Connection,
    hasher: KeyHasher,
    clock: SharedClock,
    process: Cache<KeyHash, Arc<Identity>>,
    unknown: UnknownKeys,
    /// Lets a look-up notice an invalidation that happened while it ran.
    invalidations: AtomicU64,
    used: mpsc::Sender<Uuid>,
}

/// What a hash in the caches is the name of.
#[derive(Debug, Clone, Copy)]
enum Credential {
    Key,
    Session(Uuid),
}

/// Why a look-up gave nothing.
enum Miss {
    Unknown,
    Failed(ApiError),
}

impl IdentityCache {
    /// A cache over these stores. The ids of keys in use are sent to `used`, once per look-up that missed this process.
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
            unknown: UnknownKeys::default(),
            invalidations: AtomicU64::new(0),
            used,
        }
    }

    /// The identity behind `key`; `None` if the key is unknown, revoked or expired, its user inactive, or `address` none
    /// from which the key may be used.
    ///
    /// # Errors
    ///
    /// Neither cache knows the key and PostgreSQL does not answer.
    pub async fn find(&self, key: &str, address: IpAddr) -> Result<Option<Arc<Identity>>, ApiError> {
        if !api_key::is_well_formed(key) {
            return Ok(None);
        }
        self.find_valid(self.hasher.hash(key), Credential::Key, address).await
    }

    /// The identity behind a session, under the same conditions.
    ///
    /// # Errors
    ///
    /// Neither cache knows the session and PostgreSQL does not answer.
    pub async fn find_session(&self, id: Uuid, address: IpAddr) -> Result<Option<Arc<Identity>>, ApiError> {
        let hash = self.hasher.hash_session(id);
        self.find_valid(hash, Credential::Session(id), address).await
    }

    /// The identity behind a key, by its hash.
    ///
    /// # Errors
    ///
    /// As [`Self::find`].
    pub async fn find_hash(&self, hash: KeyHash, address: IpAddr) -> Result<Option<Arc<Identity>>, ApiError> {
        self.find_valid(hash, Credential::Key, address).await
    }

    async fn find_valid(
        &self,
        hash: KeyHash,
        credential: Credential,
        address: IpAddr,
    ) -> Result<Option<Arc<Identity>>, ApiError> {
        let found = match self.process.get(&hash).await {
            Some(identity) => Some(identity),
            None if self.unknown.contains(&hash) => None,
            None => self.load(hash, credential).await?,
        };
        let now = self.clock.now();
        Ok(found.filter(|identity| identity.is_valid(now, address)))
    }

    async fn load(&self, hash: KeyHash, credential: Credential) -> Result<Option<Arc<Identity>>, ApiError> {
        let before = self.invalidations.load(Ordering::SeqCst);
        let found = match self
            .process
            .try_get_with(hash, self.read_through(&hash, credential))
            .await
        {
            Ok(identity) => Some(identity),
            Err(miss) => match &*miss {
                Miss::Unknown => {
                    self.unknown.add(hash).await;
                    None
                }
                Miss::Failed(error) => return Err(error.clone()),
            },
        };
        // The value may have been read before the invalidation and stored after it. Which key was invalidated does not
        // matter: dropping one entry too many costs one look-up.
        if self.invalidations.load(Ordering::SeqCst) != before {
            self.process.invalidate(&hash).await;
            self.unknown.remove(&hash).await;
        }
        Ok(found)
    }

    async fn read_through(&self, hash: &KeyHash, credential: Credential) -> Result<Arc<Identity>, Miss> {
        let entry = names::auth_cache(&hex::encode(hash));
        let mut redis = self.redis.clone();
        let cached: Result<Option<String>, _> = redis.get(&entry).await;
        let may_fill = match cached {
            // An entry without a valid MAC is not overwritten: that would race with a tombstone.
            Ok(Some(text)) if text != TOMBSTONE => match self.open(hash, &text) {
                Some(identity) => return Ok(self.note_use(hash, identity)),
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
            .load_from_postgres(hash, credential)
            .await
            .map_err(Miss::Failed)?
            .ok_or(Miss::Unknown)?;
        // NX: a tombstone that was set since the read stays.
        if may_fill && let Some(text) = self.seal(hash, &identity) {
            let options = redis::SetOptions::default()
                .conditional_set(redis::ExistenceCheck::NX)
                .with_expiration(redis::SetExpiry::EX(REDIS_TTL_SECONDS));
            if let Err(error) = redis.set_options::<_, _, ()>(&entry, text, options).await {
                tracing::warn!(%error, "identity is not cached");
            }
        }
        Ok(self.note_use(hash, identity))
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

    fn note_use(&self, hash: &KeyHash, mut identity: Identity) -> Arc<Identity> {
        identity.cache_hash = *hash;
        // `last_used_at` may lag: when the queue is full, the key's next look-up reports it.
        if let Some(key) = identity.key_id {
            let _ = self.used.try_send(key);
        }
        Arc::new(identity)
    }

    async fn load_from_postgres(&self, hash: &KeyHash, credential: Credential) -> Result<Option<Identity>, ApiError> {
        let client = self.postgres.get().await?;
        match credential {
            Credential::Key => api_keys::find_identity(&client, hash).await,
            Credential::Session(id) => sessions::find_identity(&client, id).await,
        }
    }

    /// Whether this process has the identity behind `key`, so that `find` asks no store.
    pub async fn is_cached(&self, key: &str) -> bool {
        self.process.get(&self.hasher.hash(key)).await.is_some()
    }

    /// The same of a session.
    pub async fn is_session_cached(&self, id: Uuid) -> bool {
        self.process.get(&self.hasher.hash_session(id)).await.is_some()
    }

    /// Revokes a key everywhere. False if there is no such key. Once it returns, the key is revoked; while Redis is
    /// away, gateways obey as soon as their copies end, after some seconds.
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
        self.propagate_now().await;
        Ok(true)
    }

    /// Works through the recorded changes now, so that they hold everywhere at once. If that fails, a background task
    /// does it later.
    pub async fn propagate_now(&self) {
        if let Err(error) = self.propagate_changes().await {
            tracing::warn!(%error, "gateways are told of a change when Redis is back");
        }
    }

    /// Works through the recorded changes: drops each identity from every cache, then its record.
    ///
    /// # Errors
    ///
    /// PostgreSQL or Redis does not answer; the changes stay noted.
    pub async fn propagate_changes(&self) -> Result<(), ApiError> {
        loop {
            let client = self.postgres.get().await?;
            let changes = api_keys::list_stale(&client, CHANGES_BATCH).await?;
            for (hash, changed_at) in &changes {
                // In this order: a crash in between repeats the invalidation and loses none.
                self.invalidate(hash).await?;
                api_keys::clear_stale(&client, hash, *changed_at).await?;
            }
            if changes.len() < CHANGES_BATCH {
                return Ok(());
            }
        }
    }

    /// Drops a key from every cache.
    pub async fn invalidate(&self, hash: &KeyHash) -> Result<(), ApiError> {
        // The tombstone first: a process that has dropped its copy would otherwise fetch the old entry again.
        let name = hex::encode(hash);
        let mut redis = self.redis.clone();
        redis
            .set_ex::<_, _, ()>(names::auth_cache(&name), TOMBSTONE, TOMBSTONE_TTL_SECONDS)
            .await?;
        redis.publish::<_, _, ()>(names::AUTH_REVOKED_CHANNEL, &name).await?;
        self.invalidations.fetch_add(1, Ordering::SeqCst);
        self.process.invalidate(hash).await;
        self.unknown.remove(hash).await;
        Ok(())
    }

    /// Drops this process's copy of the key whose hash another process published. A message that is no hash drops all.
    pub async fn on_revoked(&self, message: &str) {
        self.invalidations.fetch_add(1, Ordering::SeqCst);
        let mut hash: KeyHash = [0; 32];
        match hex::decode_to_slice(message, &mut hash) {
            Ok(()) => {
                self.process.invalidate(&hash).await;
                self.unknown.remove(&hash).await;
            }
            Err(_) => self.invalidate_all(),
        }
    }

    /// Drops all copies of this process, which may have missed messages while it was not subscribed.
    pub fn invalidate_all(&self) {
        self.invalidations.fetch_add(1, Ordering::SeqCst);
        self.process.invalidate_all();
        self.unknown.clear();
    }
}
