//! Secrets of endpoints as their rows hold them: sealed, and bound to their endpoint.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use deadpool_postgres::Pool;
use platform::sealing::{KeyRing, OpenError, SealError};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::delivery::signature::{MalformedSecret, SigningSecret};
use crate::store;

/// How often it is checked whether another instance with other keys has sealed secrets meanwhile.
const INTERVAL: Duration = Duration::from_secs(600);

/// Most secrets sealed together.
const BATCH_SIZE: i64 = 100;

/// What the column holds. Prints as `[redacted]`, because secrets from before are plain.
#[derive(Clone, PartialEq, Eq)]
pub struct StoredSecret(String);

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UnreadableSecret {
    #[error(transparent)]
    Sealed(#[from] OpenError),
    #[error(transparent)]
    Malformed(#[from] MalformedSecret),
}

impl StoredSecret {
    /// The secret of an endpoint, sealed.
    ///
    /// # Errors
    /// When the system gives no random bytes.
    pub fn seal(secret: &SigningSecret, endpoint_id: Uuid, keys: &KeyRing) -> Result<Self, SealError> {
        keys.seal(&context(endpoint_id), secret.expose().as_bytes()).map(Self)
    }

    /// The secret of the endpoint whose row holds it.
    ///
    /// # Errors
    /// When its key is missing, or it was changed, or belongs to another row.
    pub fn open(&self, endpoint_id: Uuid, keys: &KeyRing) -> Result<SigningSecret, UnreadableSecret> {
        if !KeyRing::is_sealed(&self.0) {
            return Ok(SigningSecret::parse(&self.0)?);
        }
        let plain = keys.open(&context(endpoint_id), &self.0)?;
        Ok(SigningSecret::parse(&String::from_utf8_lossy(&plain))?)
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<String> for StoredSecret {
    fn from(column: String) -> Self {
        Self(column)
    }
}

impl fmt::Debug for StoredSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}

fn context(endpoint_id: Uuid) -> String {
    format!("alerting.endpoints.secret:{endpoint_id}")
}

/// Refuses keys that open none of the secrets: with them every message would be given up.
///
/// # Errors
/// When PostgreSQL does not answer, or all sealed secrets need keys that are missing.
pub async fn check_keys(pool: &Pool, keys: &KeyRing) -> anyhow::Result<()> {
    let sealed = store::secrets::count_by_key(pool).await?;
    let missing: Vec<String> = sealed
        .iter()
        .filter(|(id, _)| !keys.has(id))
        .map(|(id, count)| format!("{count} under {id}"))
        .collect();
    let missing_list = missing.join(", ");
    anyhow::ensure!(
        missing.is_empty() || missing.len() < sealed.len(),
        "SECRETS_KEY: is {}, and opens none of the secrets of webhook endpoints ({missing_list}); \
         set the key they were sealed under as SECRETS_KEY, or in SECRETS_KEYS_OLD",
        keys.current_id()
    );
    if !missing.is_empty() {
        tracing::error!(
            missing = missing_list,
            "some secrets of webhook endpoints cannot be read; add their keys to SECRETS_KEYS_OLD"
        );
    }
    Ok(())
}

/// Seals what is plain or under an old key.
pub struct Resealer {
    pub pool: Pool,
    /// Secrets are sealed under the current one.
    pub keys: Arc<KeyRing>,
}

/// The result of one pass.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Resealed {
    /// Secrets that were sealed under the current key.
    pub sealed: usize,
    pub unreadable: usize,
}

impl Resealer {
    /// Seals until the stop: at the start, and what other instances leave behind.
    pub async fn run(self, stop: CancellationToken) -> anyhow::Result<()> {
        let mut ticks = tokio::time::interval(INTERVAL);
        let mut is_first = true;
        while stop.run_until_cancelled(ticks.tick()).await.is_some() {
            match stop.run_until_cancelled(self.pass()).await {
                Some(Ok(done)) => {
                    report(done, &self.keys, is_first);
                    is_first = false;
                }
                Some(Err(error)) => tracing::warn!(error = format!("{error:#}"), "secrets wait to be sealed again"),
                None => {}
            }
        }
        Ok(())
    }

    /// Goes through all secrets once.
    ///
    /// # Errors
    /// When PostgreSQL does not answer, or the system gives no random bytes.
    pub async fn pass(&self) -> anyhow::Result<Resealed> {
        let mut done = Resealed::default();
        let mut after = Uuid::nil();
        loop {
            let found = store::secrets::list_others(&self.pool, &self.keys.current_prefix(), after, BATCH_SIZE).await?;
            let Some((last, _)) = found.last() else {
                return Ok(done);
            };
            after = *last;
            let mut changes = Vec::with_capacity(found.len());
            for (endpoint_id, stored) in found {
                match stored.open(endpoint_id, &self.keys) {
                    Ok(secret) => {
                        let sealed = StoredSecret::seal(&secret, endpoint_id, &self.keys)?;
                        changes.push((endpoint_id, stored, sealed));
                    }
                    Err(error) => {
                        tracing::debug!(%endpoint_id, %error, "secret cannot be read");
                        done.unreadable += 1;
                    }
                }
            }
            // Only those that are still as they were read: a secret that was rotated meanwhile must not come back.
            done.sealed += store::secrets::replace(&self.pool, &changes).await?;
        }
    }
}

fn report(done: Resealed, keys: &KeyRing, is_first: bool) {
    if done.unreadable > 0 {
        tracing::error!(
            unreadable = done.unreadable,
            "some secrets of webhook endpoints cannot be read"
        );
    } else if done.sealed > 0 || (is_first && keys.has_old()) {
        tracing::info!(
            sealed = done.sealed,
            key = keys.current_id(),
            "every secret is sealed under the current key, SECRETS_KEYS_OLD is no longer needed"
        );
    }
}
