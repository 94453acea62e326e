//! What can be set from outside.

use std::time::Duration;

use domain::ticker::Ticker;
use platform::settings::{
    self, POSTGRES_DEFAULTS, PROCESS_DEFAULTS, PostgresSettings, Problems, ProcessSettings, RABBIT_DEFAULTS,
    REDIS_DEFAULTS, RabbitSettings, RedisSettings, Validate,
};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use url::Url;

use crate::allowed_host::AllowedHost;
use crate::auth::access_token::AccessTokenSettings;
use crate::auth::passwords;
use crate::auth::plan::PlanSettings;
use crate::auth::{Tier, api_key};
use crate::rate_limit::policy::{Quota, RateLimitSettings};
use crate::usage::quotas::QuotaSettings;
use platform::network::Network;

/// Every default, in the order in which later texts override earlier ones.
pub const DEFAULTS: [&str; 5] = [
    PROCESS_DEFAULTS,
    POSTGRES_DEFAULTS,
    REDIS_DEFAULTS,
    RABBIT_DEFAULTS,
    include_str!("../config/default.toml"),
];

/// Shortest pepper that is accepted where strangers can reach us.
const MIN_PEPPER_CHARS: usize = 32;

/// The settings of the gateway.
#[derive(Debug, Clone, Deserialize)]
pub struct Settings {
    #[serde(flatten)]
    pub process: ProcessSettings,
    #[serde(flatten)]
    pub postgres: PostgresSettings,
    #[serde(flatten)]
    pub redis: RedisSettings,
    /// RabbitMQ, which is only pinged.
    #[serde(flatten)]
    pub rabbit: RabbitSettings,
    #[serde(flatten)]
    pub limits: RateLimitSettings,
    #[serde(flatten)]
    pub access_tokens: AccessTokenSettings,
    /// Name of the first administrator; empty for none.
    pub admin_user: String,
    pub admin_pass: SecretString,
    /// How many requests each tier has in a month.
    #[serde(flatten)]
    pub quotas: QuotaSettings,
    /// What each tier has room for.
    #[serde(flatten)]
    pub plans: PlanSettings,
    /// Port of the internal listener.
    pub internal_port: u16,
    pub fetch_url: Url,
    pub analytics_url: Url,
    pub alerts_url: Url,
    /// Longest wait for one of them.
    pub internal_timeout_ms: u64,
    /// Longest wait for the result of a batch, in addition.
    pub batch_result_timeout_ms: u64,
    /// Longest time a body may take to arrive.
    pub body_timeout_ms: u64,
    /// Longest time an answer may stay unread.
    pub response_timeout_ms: u64,
    /// The assets that are offered.
    pub supported_tickers: Vec<Ticker>,
    /// Age from which a price is stale.
    pub rates_ttl_seconds: u64,
    /// Whether `/rates` answers without a credential.
    pub rates_public: bool,
    /// Secret under which keys are hashed.
    pub api_key_pepper: SecretString,
    pub default_tier: Tier,
    /// The demonstration's key; empty for none.
    pub demo_api_key: SecretString,
    pub demo_email: String,
    /// So many failed authentications block an address.
    pub auth_failure_limit: Quota,
    pub ip_block_seconds: u32,
    /// Networks that are never blocked.
    pub ip_allowlist: Vec<Network>,
    /// Proxies whose `X-Forwarded-For` is believed.
    pub trusted_proxies: Vec<Network>,
    /// Hosts that are served; empty for all.
    pub allowed_hosts: Vec<AllowedHost>,
    /// Web origins that may call the API.
    pub cors_allowed_origins: Vec<String>,
}

impl Settings {
    /// Reads the settings, or prints every problem and ends the process with code 78.
    #[must_use]
    pub fn load() -> Self {
        settings::load_or_exit(&DEFAULTS)
    }

    /// Age from which a price is stale.
    pub fn rates_ttl(&self) -> Duration {
        Duration::from_secs(self.rates_ttl_seconds)
    }

    /// Problems of access tokens and of the first administrator.
    fn validate_accounts(&self, exposed: bool, problems: &mut Problems) {
        let secret = self.access_tokens.jwt_secret.expose_secret().chars().count();
        let has_private_key = !self.access_tokens.jwt_private_key.expose_secret().is_empty();
        if secret < MIN_PEPPER_CHARS && (secret > 0 || (exposed && !has_private_key)) {
            problems.add(
                "JWT_SECRET",
                "must have at least 32 characters; set a random text, or JWT_PRIVATE_KEY_FILE",
            );
        }
        let password = self.admin_pass.expose_secret().chars().count();
        match (self.admin_user.chars().count(), password) {
            (0, 0) => {}
            (0, _) => problems.add("ADMIN_USER", "is empty, but ADMIN_PASS is set"),
            (1..=100, passwords::MIN_CHARS..=passwords::MAX_CHARS) => {}
            (1..=100, _) => problems.add("ADMIN_PASS", "must have 10 to 128 characters"),
            _ => problems.add("ADMIN_USER", "must have at most 100 characters"),
        }
    }

    /// The demonstration's key, if there is one.
    pub fn demo_key(&self) -> Option<&str> {
        Some(self.demo_api_key.expose_secret()).filter(|key| !key.is_empty())
    }
}

impl Validate for Settings {
    fn validate(&self, problems: &mut Problems) {
        self.process.validate(problems);
        self.postgres.validate(problems);
        self.redis.validate(problems);
        self.rabbit.validate(problems);
        self.plans.validate(problems);
        self.quotas.validate(problems);
        let exposed = self.process.app_env.is_exposed();
        let pepper = self.api_key_pepper.expose_secret().chars().count();
        // An empty pepper stands for the development one; a short one is a mistake anywhere.
        if pepper < MIN_PEPPER_CHARS && (exposed || pepper > 0) {
            problems.add(
                "API_KEY_PEPPER",
                "must have at least 32 characters; set a random text and keep it",
            );
        }
        self.validate_accounts(exposed, problems);
        if let Some(key) = self.demo_key() {
            if exposed {
                problems.add("DEMO_API_KEY", "is handed out to everyone and refused here; unset it");
            } else if !api_key::is_well_formed(key) {
                problems.add("DEMO_API_KEY", "must be sk_live_ and 43 characters of A-Z a-z 0-9 _ -");
            }
        }
        if self.supported_tickers.is_empty() {
            problems.add("SUPPORTED_TICKERS", "is empty; name at least one ticker, such as BTC");
        }
        for (name, url) in [
            ("FETCH_URL", &self.fetch_url),
            ("ANALYTICS_URL", &self.analytics_url),
            ("ALERTS_URL", &self.alerts_url),
        ] {
            if !matches!(url.scheme(), "http" | "https") || url.host().is_none() {
                problems.add(name, "must be an http address, such as http://127.0.0.1:8001");
            }
        }
        if !(1..=60_000).contains(&self.internal_timeout_ms) {
            problems.add("INTERNAL_TIMEOUT_MS", "must be from 1 to 60000");
        }
        if !(1..=120_000).contains(&self.batch_result_timeout_ms) {
            problems.add("BATCH_RESULT_TIMEOUT_MS", "must be from 1 to 120000");
        }
        if !(1..=600_000).contains(&self.body_timeout_ms) {
            problems.add("BODY_TIMEOUT_MS", "must be from 1 to 600000");
        }
        if !(1..=3_600_000).contains(&self.response_timeout_ms) {
            problems.add("RESPONSE_TIMEOUT_MS", "must be from 1 to 3600000");
        }
        if !(1..=86_400).contains(&self.rates_ttl_seconds) {
            problems.add("RATES_TTL_SECONDS", "must be from 1 to 86400");
        }
        for origin in &self.cors_allowed_origins {
            let parsed = Url::parse(origin).ok().map(|url| url.origin().ascii_serialization());
            if parsed.as_deref() != Some(origin.as_str()) {
                problems.add(
                    "CORS_ALLOWED_ORIGINS",
                    format!("{origin:?} is not an origin; write https://host or http://host:port"),
                );
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use platform::settings::{Variables, load_from};

    use super::*;

    fn load(variables: &[(&str, &str)]) -> Result<Settings, Vec<String>> {
        let variables: Variables = variables
            .iter()
            .map(|(k, v)| ((*k).to_owned(), (*v).to_owned()))
            .collect();
        load_from(&DEFAULTS, &variables).map_err(|error| error.iter().map(|(name, _)| name.to_owned()).collect())
    }

    #[test]
    fn defaults_are_valid() {
        let settings = load(&[]).unwrap();
        assert_eq!(settings.limits.rate_limit_rates.to_string(), "5/10");
        assert_eq!(settings.supported_tickers.len(), 5);
        assert_eq!(settings.demo_key(), None);
        let limits = |tier| {
            let limits = settings.plans.limits(tier);
            (limits.max_active_alerts, limits.max_endpoints)
        };
        assert_eq!(limits(Tier::Basic), (Some(100), Some(10)));
        assert_eq!(limits(Tier::Enterprise), (None, None));
        assert_eq!(
            load(&[("ENDPOINTS_LIMIT_STARTUP", "10000001")]).unwrap_err(),
            ["ENDPOINTS_LIMIT_STARTUP"]
        );
    }

    #[test]
    fn production_needs_its_secrets_and_has_no_demo() {
        let key = format!("sk_live_{}", "a".repeat(43));
        let token = "t".repeat(32);
        let names = load(&[
            ("APP_ENV", "production"),
            ("INTERNAL_TOKEN", &token),
            ("DEMO_API_KEY", &key),
        ])
        .unwrap_err();
        assert_eq!(names, ["API_KEY_PEPPER", "JWT_SECRET", "DEMO_API_KEY"]);
    }

    #[test]
    fn invalid_settings_are_named() {
        let names = load(&[
            ("RATE_LIMIT_RATES", "5"),
            ("TRUSTED_PROXIES", "10.0.0.0/8,nonsense"),
            ("CORS_ALLOWED_ORIGINS", "https://a.example/path"),
            ("DEFAULT_TIER", "gold"),
            ("ALERTS_LIMIT_BASIC", "-1"),
            ("ALLOWED_HOSTS", "localhost,http://a.example"),
        ])
        .unwrap_err();
        for name in [
            "RATE_LIMIT_RATES",
            "TRUSTED_PROXIES",
            "DEFAULT_TIER",
            "ALLOWED_HOSTS",
            "CORS_ALLOWED_ORIGINS",
            "ALERTS_LIMIT_BASIC",
        ] {
            assert!(names.iter().any(|found| found == name), "{name} in {names:?}");
        }
        let variables = Variables::from([("DEFAULT_TIER".to_owned(), "gold".to_owned())]);
        let error = load_from::<Settings>(&DEFAULTS, &variables).unwrap_err();
        assert_eq!(
            error.iter().collect::<Vec<_>>(),
            [(
                "DEFAULT_TIER",
                "must be one of basic, hobbyist, startup, standard, professional, enterprise"
            )]
        );
        assert_eq!(
            load(&[("CORS_ALLOWED_ORIGINS", "https://a.example/path")]).unwrap_err(),
            ["CORS_ALLOWED_ORIGINS"]
        );
        assert!(load(&[("CORS_ALLOWED_ORIGINS", "https://a.example,http://b.example:8080")]).is_ok());
    }
}
