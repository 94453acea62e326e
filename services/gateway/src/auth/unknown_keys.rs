//! Credentials that PostgreSQL does not know, remembered for a moment: who repeats one wrong key costs no query each
//! time.

use std::time::Duration;

use moka::future::Cache;

use crate::auth::api_key::KeyHash;

/// Bounds how long a key stays unknown that is made after it was asked for.
const TTL: Duration = Duration::from_secs(5);
const ENTRIES: u64 = 100_000;

/// Hashes that were looked up in vain.
pub struct UnknownKeys(Cache<KeyHash, ()>);

impl Default for UnknownKeys {
    fn default() -> Self {
        Self(Cache::builder().max_capacity(ENTRIES).time_to_live(TTL).build())
    }
}

impl UnknownKeys {
    pub fn contains(&self, hash: &KeyHash) -> bool {
        self.0.contains_key(hash)
    }

    pub async fn add(&self, hash: KeyHash) {
        self.0.insert(hash, ()).await;
    }

    /// Forgets one that has changed.
    pub async fn remove(&self, hash: &KeyHash) {
        self.0.invalidate(hash).await;
    }

    pub fn clear(&self) {
        self.0.invalidate_all();
    }
}
