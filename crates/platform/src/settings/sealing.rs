//! The keys of secrets at rest.

use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;

use super::errors::Problems;
use super::groups::AppEnv;
use crate::sealing::{KeyRing, MalformedKey};

/// Default lines of [`SealingSettings`].
pub const SEALING_DEFAULTS: &str = r#"
# Key under which secrets are sealed in PostgreSQL: 32 bytes as base64 or hex. Required in staging and production.
# Without it secrets cannot be read, so keep it, apart from the backups.
secrets_key = ""
# Keys under which secrets were sealed before: they are read with them, and sealed again under SECRETS_KEY.
secrets_keys_old = []
"#;

/// Under which keys secrets are sealed.
#[derive(Debug, Clone, Deserialize)]
pub struct SealingSettings {
    /// Seals and opens.
    pub secrets_key: SecretString,
    /// Only open.
    pub secrets_keys_old: Vec<SecretString>,
}

impl SealingSettings {
    /// Says whether the key is the one that everyone knows.
    #[must_use]
    pub fn is_insecure(&self) -> bool {
        self.secrets_key.expose_secret().is_empty()
    }

    /// The keys. Without one in the settings, it is one that everyone knows.
    ///
    /// # Errors
    ///
    /// The variable and what is wrong with it.
    pub fn ring(&self) -> Result<KeyRing, (&'static str, MalformedKey)> {
        let ring = if self.is_insecure() {
            KeyRing::insecure()
        } else {
            KeyRing::new(self.secrets_key.expose_secret())
        };
        let ring = ring.map_err(|error| ("SECRETS_KEY", error))?;
        self.secrets_keys_old.iter().try_fold(ring, |ring, key| {
            ring.and_old(key.expose_secret())
                .map_err(|error| ("SECRETS_KEYS_OLD", error))
        })
    }

    /// Adds one problem for each key that is missing or is none.
    pub fn validate(&self, app_env: AppEnv, problems: &mut Problems) {
        if self.is_insecure() && app_env.is_exposed() {
            problems.add(
                "SECRETS_KEY",
                "is missing; set 32 random bytes and keep them: openssl rand -base64 32",
            );
        }
        if let Err((variable, error)) = self.ring() {
            problems.add(variable, error.to_string());
        }
    }
}
