//! API keys: 32 random bytes that are shown once and stored only as a keyed hash.

use anyhow::Context;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit, Mac};
use jiff::Timestamp;
use rand::TryRng;
use rand::rngs::SysRng;
use secrecy::{ExposeSecret, SecretString};
use sha2::Sha256;
use tokio_postgres::GenericClient;
use uuid::Uuid;

/// How every key begins, so that scanners for leaked secrets know it.
const MARK: &str = "sk_live_";

/// Characters after the mark: 32 bytes in base64.
const RANDOM_CHARS: usize = 43;

/// Characters that are stored in clear, for people to tell their keys apart.
pub const PREFIX_CHARS: usize = 12;

/// Used where no pepper is set, which only development and tests permit.
const DEVELOPMENT_PEPPER: &str = "not a secret: for development only";

/// The hash under which a key is found.
pub type KeyHash = [u8; 32];

/// Makes hashes of keys.
#[derive(Clone)]
pub struct KeyHasher(Hmac<Sha256>);

impl KeyHasher {
    /// A hasher under `pepper`.
    ///
    /// # Errors
    ///
    /// Never for HMAC, which takes keys of any length.
    pub fn new(pepper: &SecretString) -> anyhow::Result<Self> {
        let pepper = Some(pepper.expose_secret())
            .filter(|text| !text.is_empty())
            .unwrap_or(DEVELOPMENT_PEPPER);
        Hmac::new_from_slice(pepper.as_bytes()).map(Self).context("the pepper")
    }

    /// The hash of `key`.
    pub fn hash(&self, key: &str) -> KeyHash {
        let mut mac = self.0.clone();
        mac.update(key.as_bytes());
        mac.finalize().into_bytes().into()
    }

    /// The hash of a request's parts, which may hold secrets too; where one part ends matters.
    pub fn hash_parts(&self, parts: &[&[u8]]) -> [u8; 32] {
        let mut mac = self.0.clone();
        for part in parts {
            mac.update(&(part.len() as u64).to_be_bytes());
            mac.update(part);
        }
        mac.finalize().into_bytes().into()
    }
}

/// Makes a new key.
///
/// # Errors
///
/// The system gives no random bytes.
pub fn generate() -> anyhow::Result<SecretString> {
    let mut bytes = [0u8; 32];
    SysRng
        .try_fill_bytes(&mut bytes)
        .context("random bytes from the system")?;
    Ok(format!("{MARK}{}", URL_SAFE_NO_PAD.encode(bytes)).into())
}

/// Whether `text` looks like a key; what does not is not looked up.
pub fn is_well_formed(text: &str) -> bool {
    text.strip_prefix(MARK).is_some_and(|random| {
        random.len() == RANDOM_CHARS
            && random
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'))
    })
}

/// Stores `key` for a user, confined to nothing.
///
/// # Errors
///
/// PostgreSQL refuses, also when the key exists.
pub async fn insert(
    db: &impl GenericClient,
    hasher: &KeyHasher,
    user_id: Uuid,
    name: &str,
    key: &SecretString,
    now: Timestamp,
) -> Result<Uuid, tokio_postgres::Error> {
    let id = Uuid::now_v7();
    let key = key.expose_secret();
    let prefix: String = key.chars().take(PREFIX_CHARS).collect();
    db.execute(
        "INSERT INTO accounts.api_keys (id, user_id, name, prefix, key_hash, created_at) VALUES ($1, $2, $3, $4, $5, $6)",
        &[&id, &user_id, &name, &prefix, &hasher.hash(key).as_slice(), &now],
    )
    .await?;
    Ok(id)
}

/// The id of a key that is not revoked, by its hash.
///
/// # Errors
///
/// PostgreSQL refuses.
pub async fn find_id(db: &impl GenericClient, hash: &KeyHash) -> Result<Option<Uuid>, tokio_postgres::Error> {
    let sql = "SELECT id FROM accounts.api_keys WHERE key_hash = $1 AND revoked_at IS NULL";
    db.query_opt(sql, &[&hash.as_slice()])
        .await?
        .map(|row| row.try_get(0))
        .transpose()
}

/// Ends a key. False if there is no such key.
///
/// # Errors
///
/// PostgreSQL refuses.
pub async fn revoke(db: &impl GenericClient, id: Uuid, now: Timestamp) -> Result<bool, tokio_postgres::Error> {
    let revoked = db
        .execute(
            "UPDATE accounts.api_keys SET revoked_at = coalesce(revoked_at, $2) WHERE id = $1",
            &[&id, &now],
        )
        .await?;
    Ok(revoked == 1)
}

/// Keys whose identity has changed and that caches may not know of yet, with the time of the change.
///
/// # Errors
///
/// PostgreSQL refuses.
pub async fn list_changed(
    db: &impl GenericClient,
    limit: usize,
) -> Result<Vec<(KeyHash, Timestamp)>, tokio_postgres::Error> {
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let rows = db
        .query(
            "SELECT key_hash, changed_at FROM accounts.stale_identities ORDER BY changed_at LIMIT $1",
            &[&limit],
        )
        .await?;
    rows.iter()
        .map(|row| Ok((to_hash(row.try_get(0)?), row.try_get(1)?)))
        .collect()
}

/// Removes the note of a change that caches know of, unless the key has changed again.
///
/// # Errors
///
/// PostgreSQL refuses.
pub async fn forget_change(
    db: &impl GenericClient,
    hash: &KeyHash,
    changed_at: Timestamp,
) -> Result<(), tokio_postgres::Error> {
    db.execute(
        "DELETE FROM accounts.stale_identities WHERE key_hash = $1 AND changed_at = $2",
        &[&hash.as_slice(), &changed_at],
    )
    .await?;
    Ok(())
}

/// The ids of the keys that begin with `prefix` and are not revoked.
///
/// # Errors
///
/// PostgreSQL refuses.
pub async fn list_by_prefix(db: &impl GenericClient, prefix: &str) -> Result<Vec<Uuid>, tokio_postgres::Error> {
    let prefix: String = prefix.chars().take(PREFIX_CHARS).collect();
    let rows = db
        .query(
            "SELECT id FROM accounts.api_keys WHERE prefix = $1 AND revoked_at IS NULL ORDER BY id",
            &[&prefix],
        )
        .await?;
    rows.iter().map(|row| row.try_get(0)).collect()
}

/// A hash from the database, where a check keeps its length.
fn to_hash(bytes: &[u8]) -> KeyHash {
    let mut hash = [0u8; 32];
    let length = bytes.len().min(hash.len());
    hash[..length].copy_from_slice(&bytes[..length]);
    hash
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_well_formed_and_differ() {
        let (one, other) = (generate().unwrap(), generate().unwrap());
        assert!(is_well_formed(one.expose_secret()));
        assert_eq!(one.expose_secret().len(), 51);
        assert_ne!(one.expose_secret(), other.expose_secret());
    }

    #[test]
    fn what_is_no_key_is_not_looked_up() {
        for text in [
            "",
            "sk_live_",
            "sk_test_x",
            &format!("sk_live_{}", "ä".repeat(43)),
            &format!("sk_live_{}", "a".repeat(44)),
        ] {
            assert!(!is_well_formed(text), "{text}");
        }
    }

    #[test]
    fn the_hash_depends_on_the_pepper() {
        let one = KeyHasher::new(&"p".repeat(32).into()).unwrap();
        let other = KeyHasher::new(&"q".repeat(32).into()).unwrap();
        assert_eq!(one.hash("k"), one.hash("k"));
        assert_ne!(one.hash("k"), other.hash("k"));
        assert_ne!(one.hash("k"), one.hash("l"));
    }
}
