//! Passwords: stored as Argon2id hashes, made on a blocking thread.

use std::sync::Arc;

use anyhow::Context;
use argon2::Argon2;
use argon2::password_hash::PasswordHasher;
use secrecy::{ExposeSecret, SecretString};
use tokio::sync::Semaphore;

pub const MIN_CHARS: usize = 10;

pub const MAX_CHARS: usize = 128;

/// Each hash takes 19 MiB and a core for some hundredths of a second, so registrations queue for them.
const HASHING_CONCURRENCY: usize = 2;

#[derive(Debug, Clone)]
pub struct PasswordHashes {
    turns: Arc<Semaphore>,
}

impl Default for PasswordHashes {
    fn default() -> Self {
        Self {
            turns: Arc::new(Semaphore::new(HASHING_CONCURRENCY)),
        }
    }
}

impl PasswordHashes {
    /// The hash of `password` under a salt of its own, as a PHC string that names its parameters (Argon2id, 19 MiB, two
    /// passes: the OWASP recommendation).
    pub async fn make(&self, password: SecretString) -> anyhow::Result<String> {
        let turn = Arc::clone(&self.turns).acquire_owned().await?;
        let hashing = tokio::task::spawn_blocking(move || {
            let _turn = turn;
            let hash = Argon2::default().hash_password(password.expose_secret().as_bytes());
            hash.map(|hash| hash.to_string()).context("hashing a password")
        });
        hashing.await?
    }
}

#[cfg(test)]
mod tests {
    use argon2::password_hash::PasswordVerifier;
    use argon2::password_hash::phc::PasswordHash;

    use super::*;

    #[tokio::test]
    async fn hash_fits_its_password_only_and_has_its_own_salt() {
        let hashes = PasswordHashes::default();
        let one = hashes.make("correct horse".into()).await.unwrap();
        let other = hashes.make("correct horse".into()).await.unwrap();
        assert_ne!(one, other);
        assert!(one.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{one}");
        let parsed = PasswordHash::new(&one).unwrap();
        let fits = |password: &[u8]| Argon2::default().verify_password(password, &parsed).is_ok();
        assert!(fits(b"correct horse"));
        assert!(!fits(b"correct horsf"));
    }
}
