//! Passwords: stored as Argon2id hashes, made on a blocking thread.

use std::sync::Arc;

use argon2::Argon2;
use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher, PasswordVerifier};
use contracts::problem::ProblemKind;
use secrecy::{ExposeSecret, SecretString};
use tokio::sync::Semaphore;

use crate::error::ApiError;

pub const MIN_CHARS: usize = 10;

pub const MAX_CHARS: usize = 128;

/// Each hash takes 19 MiB and a core for some hundredths of a second, so requests queue for them.
const HASHING_CONCURRENCY: usize = 2;

/// Requests that may queue: two or three seconds of work. A longer queue would be a way to stop everyone's log-in.
const MAX_WAITING: usize = 64;

/// The hash of a password that nobody has. It is compared with where there is no account, so that this takes as long as
/// a wrong password.
const UNKNOWN_HASH: &str =
    "$argon2id$v=19$m=19456,t=2,p=1$Y3J5cHRvbGVucy1ub25l$MTIzNDU2Nzg5MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTI";

#[derive(Debug, Clone)]
pub struct PasswordHashes {
    queue: Arc<Semaphore>,
    turns: Arc<Semaphore>,
}

impl Default for PasswordHashes {
    fn default() -> Self {
        Self {
            queue: Arc::new(Semaphore::new(MAX_WAITING)),
            turns: Arc::new(Semaphore::new(HASHING_CONCURRENCY)),
        }
    }
}

impl PasswordHashes {
    /// The hash of `password` under a salt of its own, as a PHC string that names its parameters (Argon2id, 19 MiB, two
    /// passes: the OWASP recommendation).
    ///
    /// # Errors
    ///
    /// Too many requests wait for a hash.
    pub async fn make(&self, password: SecretString) -> Result<String, ApiError> {
        self.run(move || {
            let hash = Argon2::default().hash_password(password.expose_secret().as_bytes());
            hash.map(|hash| hash.to_string()).map_err(ApiError::internal)
        })
        .await
    }

    /// Whether `password` fits `hash`; without a hash it fits nothing, after the same time.
    ///
    /// # Errors
    ///
    /// Too many requests wait for a hash.
    pub async fn verify(&self, password: SecretString, hash: Option<String>) -> Result<bool, ApiError> {
        self.run(move || {
            let is_known = hash.is_some();
            let text = hash.as_deref().unwrap_or(UNKNOWN_HASH);
            let parsed = PasswordHash::new(text).map_err(ApiError::internal)?;
            let fits = Argon2::default().verify_password(password.expose_secret().as_bytes(), &parsed);
            Ok(fits.is_ok() && is_known)
        })
        .await
    }

    async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> Result<T, ApiError> + Send + 'static,
    ) -> Result<T, ApiError> {
        let busy = || {
            ApiError::new(ProblemKind::DependencyUnavailable)
                .detail("Too many passwords are being checked at the moment.")
                .retry_after(2)
        };
        let _place = self.queue.try_acquire().map_err(|_| busy())?;
        let turn = Arc::clone(&self.turns)
            .acquire_owned()
            .await
            .map_err(ApiError::internal)?;
        let hashing = tokio::task::spawn_blocking(move || {
            let _turn = turn;
            work()
        });
        hashing.await.map_err(ApiError::internal)?
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn hash_fits_its_password_only_and_has_its_own_salt() {
        let hashes = PasswordHashes::default();
        let one = hashes.make("correct horse".into()).await.unwrap();
        let other = hashes.make("correct horse".into()).await.unwrap();
        assert_ne!(one, other);
        assert!(one.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{one}");
        let fits = async |password: &str, hash: &str| {
            let verified = hashes.verify(password.into(), Some(hash.to_owned())).await;
            verified.unwrap()
        };
        assert!(fits("correct horse", &one).await && fits("correct horse", &other).await);
        assert!(!fits("correct horsf", &one).await);
        assert!(!hashes.verify("correct horse".into(), None).await.unwrap());
    }

    #[tokio::test]
    async fn full_queue_refuses_at_once() {
        let hashes = PasswordHashes::default();
        let all: Vec<_> = (0..MAX_WAITING).map(|_| hashes.queue.try_acquire().unwrap()).collect();
        let refused = hashes.make("correct horse".into()).await.unwrap_err();
        assert_eq!(refused.kind, ProblemKind::DependencyUnavailable);
        drop(all);
        assert!(hashes.make("correct horse".into()).await.is_ok());
    }
}
