//! API keys: 32 random bytes that are shown once and stored only as a keyed hash.

use anyhow::Context;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit, Mac};
use rand::TryRng;
use rand::rngs::SysRng;
use secrecy::{ExposeSecret, SecretString};
use sha2::Sha256;
use uuid::Uuid;

/// Lets secret scanners recognize leaked keys.
const KEY_PREFIX: &str = "sk_live_";

/// Characters after the mark: 32 bytes in base64.
const RANDOM_CHARS: usize = 43;

/// Characters that are stored in clear, so that users can tell their keys apart.
pub const PREFIX_CHARS: usize = 12;

/// Used where no pepper is set, which only development and tests permit.
const DEVELOPMENT_PEPPER: &str = "not a secret: for development only";

/// The hash under which a key is found.
pub type KeyHash = [u8; 32];

#[derive(Clone)]
pub struct KeyHasher(Hmac<Sha256>);

impl KeyHasher {
    pub fn new(pepper: &SecretString) -> anyhow::Result<Self> {
        let pepper = Some(pepper.expose_secret())
            .filter(|text| !text.is_empty())
            .unwrap_or(DEVELOPMENT_PEPPER);
        Hmac::new_from_slice(pepper.as_bytes()).map(Self).context("the pepper")
    }

    pub fn hash(&self, key: &str) -> KeyHash {
        let mut mac = self.0.clone();
        mac.update(key.as_bytes());
        mac.finalize().into_bytes().into()
    }

    /// The hash under which caches know a session.
    pub fn hash_session(&self, id: Uuid) -> KeyHash {
        self.hash_parts(&[b"session", id.as_bytes()])
    }

    /// The hash of a request's parts, which may hold secrets too; where one part ends matters.
    pub fn hash_parts(&self, parts: &[&[u8]]) -> [u8; 32] {
        // Each length goes in first: ("ab", "c") and ("a", "bc") must not have one hash.
        let mut mac = self.0.clone();
        for part in parts {
            mac.update(&(part.len() as u64).to_be_bytes());
            mac.update(part);
        }
        mac.finalize().into_bytes().into()
    }
}

pub fn generate() -> anyhow::Result<SecretString> {
    let mut bytes = [0u8; 32];
    SysRng
        .try_fill_bytes(&mut bytes)
        .context("random bytes from the system")?;
    Ok(format!("{KEY_PREFIX}{}", URL_SAFE_NO_PAD.encode(bytes)).into())
}

/// Whether `text` looks like a key; what does not is not looked up.
pub fn is_well_formed(text: &str) -> bool {
    text.strip_prefix(KEY_PREFIX).is_some_and(|random| {
        random.len() == RANDOM_CHARS
            && random
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'))
    })
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
    fn malformed_key_is_not_looked_up() {
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
    fn hash_depends_on_the_pepper() {
        let one = KeyHasher::new(&"p".repeat(32).into()).unwrap();
        let other = KeyHasher::new(&"q".repeat(32).into()).unwrap();
        assert_eq!(one.hash("k"), one.hash("k"));
        assert_ne!(one.hash("k"), other.hash("k"));
        assert_ne!(one.hash("k"), one.hash("l"));
    }
}
