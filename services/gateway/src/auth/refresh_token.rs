//! Refresh tokens: a session, how often it was refreshed, and a secret, under a MAC.
//!
//! A session needs one row however often it is refreshed: a token of an earlier generation was used before, and the MAC
//! says that it was really given out, so nobody can end a session whose id is known by making such a token up.

use anyhow::Context;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rand::TryRng;
use rand::rngs::SysRng;
use secrecy::SecretString;
use subtle::ConstantTimeEq;
use uuid::Uuid;

use crate::auth::api_key::{KeyHash, KeyHasher};

/// Lets secret scanners recognize leaked tokens.
const TOKEN_PREFIX: &str = "rt_";

/// Session, generation and secret.
const SIGNED_BYTES: usize = 16 + 4 + 32;
const MAC_BYTES: usize = 16;

/// Characters of a token.
pub const TOKEN_CHARS: usize = TOKEN_PREFIX.len() + ((SIGNED_BYTES + MAC_BYTES) * 4).div_ceil(3);

/// A token that this installation gave out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefreshToken {
    pub session_id: Uuid,
    /// How often the session had been refreshed.
    pub generation: i32,
    /// Keyed hash of its secret, which is what is stored.
    pub hash: KeyHash,
}

impl RefreshToken {
    /// A new token of a session, with its text.
    ///
    /// # Errors
    ///
    /// The system gives no random bytes.
    pub fn generate(session_id: Uuid, generation: i32, hasher: &KeyHasher) -> anyhow::Result<(Self, SecretString)> {
        let mut secret = [0u8; 32];
        SysRng
            .try_fill_bytes(&mut secret)
            .context("random bytes from the system")?;
        let mut bytes = [session_id.as_bytes().as_slice(), &generation.to_be_bytes(), &secret].concat();
        let mac = mac_of(&bytes, hasher);
        bytes.extend_from_slice(&mac[..MAC_BYTES]);
        let token = Self {
            session_id,
            generation,
            hash: hash_of(&secret, hasher),
        };
        let text = format!("{TOKEN_PREFIX}{}", URL_SAFE_NO_PAD.encode(&bytes));
        Ok((token, text.into()))
    }

    /// Reads a token; `None` if this installation did not give it out.
    pub fn parse(text: &str, hasher: &KeyHasher) -> Option<Self> {
        let bytes = URL_SAFE_NO_PAD.decode(text.strip_prefix(TOKEN_PREFIX)?).ok()?;
        if bytes.len() != SIGNED_BYTES + MAC_BYTES {
            return None;
        }
        let (signed, mac) = bytes.split_at(SIGNED_BYTES);
        if !bool::from(mac_of(signed, hasher)[..MAC_BYTES].ct_eq(mac)) {
            return None;
        }
        let (session_id, rest) = signed.split_first_chunk::<16>()?;
        let (generation, secret) = rest.split_first_chunk::<4>()?;
        Some(Self {
            session_id: Uuid::from_bytes(*session_id),
            generation: i32::from_be_bytes(*generation),
            hash: hash_of(secret, hasher),
        })
    }
}

fn mac_of(signed: &[u8], hasher: &KeyHasher) -> [u8; 32] {
    hasher.hash_parts(&[b"refresh token", signed])
}

fn hash_of(secret: &[u8], hasher: &KeyHasher) -> KeyHash {
    hasher.hash_parts(&[b"refresh secret", secret])
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret;

    use super::*;

    #[test]
    fn token_is_read_as_it_was_made() {
        let hasher = KeyHasher::new(&"p".repeat(32).into()).unwrap();
        let (token, text) = RefreshToken::generate(Uuid::now_v7(), 3, &hasher).unwrap();
        assert_eq!(text.expose_secret().len(), TOKEN_CHARS);
        assert_eq!(RefreshToken::parse(text.expose_secret(), &hasher), Some(token));
    }

    #[test]
    fn token_of_another_installation_or_with_a_change_is_none() {
        let hasher = KeyHasher::new(&"p".repeat(32).into()).unwrap();
        let other = KeyHasher::new(&"q".repeat(32).into()).unwrap();
        let (_, text) = RefreshToken::generate(Uuid::now_v7(), 0, &hasher).unwrap();
        let text = text.expose_secret();
        assert_eq!(RefreshToken::parse(text, &other), None);
        for at in TOKEN_PREFIX.len()..text.len() - 1 {
            let mut changed = text.as_bytes().to_vec();
            changed[at] = if changed[at] == b'A' { b'B' } else { b'A' };
            assert_eq!(RefreshToken::parse(&String::from_utf8(changed).unwrap(), &hasher), None);
        }
        for text in ["", "rt_", "rt_AAAA", &text[1..], &format!("{text}A")] {
            assert_eq!(RefreshToken::parse(text, &hasher), None, "{text}");
        }
    }
}
