//! Everything an operator may set, checked as a whole.

use std::sync::Arc;
use std::time::Duration;

use domain::monitor::{Threshold, Thresholds};
use domain::ticker::Ticker;
use platform::network::{InvalidNetwork, Network};
use platform::settings::{
    POSTGRES_DEFAULTS, PROCESS_DEFAULTS, PostgresSettings, Problems, ProcessSettings, RABBIT_DEFAULTS, REDIS_DEFAULTS,
    RabbitSettings, RedisSettings, SEALING_DEFAULTS, SealingSettings, Validate,
};
use platform::tls::{Authorities, Verification};
use serde::Deserialize;
use url::Url;

use crate::delivery::retry::RetryPolicy;
use crate::delivery::ssrf::{EgressPolicy, InvalidPortRange, PortRange};

/// The default texts, later ones winning.
pub const DEFAULTS: [&str; 6] = [
    PROCESS_DEFAULTS,
    POSTGRES_DEFAULTS,
    REDIS_DEFAULTS,
    RABBIT_DEFAULTS,
    SEALING_DEFAULTS,
    include_str!("../config/default.toml"),
];

/// Whether endpoints must be https.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RequireHttps {
    /// Yes in staging and production.
    Auto,
    True,
    False,
}

/// Settings of the service `alerts`; each is explained in `config/default.toml`.
#[derive(Debug, Clone, Deserialize)]
pub struct Settings {
    #[serde(flatten)]
    pub process: ProcessSettings,
    #[serde(flatten)]
    pub postgres: PostgresSettings,
    #[serde(flatten)]
    pub redis: RedisSettings,
    #[serde(flatten)]
    pub rabbit: RabbitSettings,
    #[serde(flatten)]
    pub sealing: SealingSettings,
    pub supported_tickers: Vec<String>,
    pub webhook_max_attempts: u32,
    pub webhook_backoff_base_ms: u64,
    pub webhook_backoff_max_ms: u64,
    pub webhook_timeout_ms: u64,
    pub webhook_first_timeout_ms: u64,
    pub webhook_connect_timeout_ms: u64,
    pub webhook_verify_tls: bool,
    pub webhook_ca_file: String,
    pub webhook_require_https: RequireHttps,
    pub webhook_allowed_cidrs: Vec<String>,
    pub webhook_allowed_ports: Vec<String>,
    pub webhook_concurrency: usize,
    pub webhook_disable_after_failures: u32,
    pub risk_price_drop_percent: Vec<String>,
    pub risk_volatility_ratio: Vec<String>,
    pub risk_drawdown_percent: Vec<String>,
    pub queue_lost_after_seconds: u64,
    pub index_reconcile_seconds: u64,
    pub no_data_after_seconds: u64,
    pub analytics_url: Url,
    pub alerting_retention_days: u64,
}

impl Settings {
    /// The assets that alerts may name.
    ///
    /// # Errors
    /// The first text that is no ticker.
    pub fn tickers(&self) -> Result<Vec<Ticker>, String> {
        let parse = |text: &String| text.trim().parse().map_err(|_| text.clone());
        self.supported_tickers.iter().map(parse).collect()
    }

    /// What may be posted to.
    ///
    /// # Errors
    /// The variable and what is wrong with it.
    pub fn egress_policy(&self) -> Result<Arc<EgressPolicy>, (&'static str, String)> {
        let require_https = match self.webhook_require_https {
            RequireHttps::Auto => self.process.app_env.is_exposed(),
            RequireHttps::True => true,
            RequireHttps::False => false,
        };
        Ok(Arc::new(EgressPolicy {
            allowed_networks: self.allowed_networks()?,
            allowed_ports: self.allowed_ports()?,
            require_https,
        }))
    }

    fn allowed_networks(&self) -> Result<Vec<Network>, (&'static str, String)> {
        let networks: Result<_, InvalidNetwork> = self.webhook_allowed_cidrs.iter().map(|text| text.parse()).collect();
        networks.map_err(|error| ("WEBHOOK_ALLOWED_CIDRS", error.to_string()))
    }

    fn allowed_ports(&self) -> Result<Vec<PortRange>, (&'static str, String)> {
        let parse = |text: &String| text.trim().parse();
        let ports: Result<_, InvalidPortRange> = self.webhook_allowed_ports.iter().map(parse).collect();
        ports.map_err(|error| ("WEBHOOK_ALLOWED_PORTS", error.to_string()))
    }

    /// Where the levels of the risk checks begin.
    ///
    /// # Errors
    /// The variable and what is wrong with it.
    pub fn thresholds(&self) -> Result<Thresholds, (&'static str, String)> {
        Ok(Thresholds {
            price_drop: threshold("RISK_PRICE_DROP_PERCENT", &self.risk_price_drop_percent)?,
            volatility_spike: threshold("RISK_VOLATILITY_RATIO", &self.risk_volatility_ratio)?,
            drawdown: threshold("RISK_DRAWDOWN_PERCENT", &self.risk_drawdown_percent)?,
        })
    }

    /// How certificates of endpoints are checked.
    ///
    /// # Errors
    /// The variable and what is wrong with it.
    pub fn webhook_verification(&self) -> Result<Verification, (&'static str, String)> {
        let authorities = match self.webhook_ca_file.as_str() {
            "" => Authorities::public(),
            path => Authorities::public()
                .and_file(path)
                .map_err(|error| ("WEBHOOK_CA_FILE", error.to_string()))?,
        };
        Ok(if self.webhook_verify_tls {
            Verification::Full(authorities)
        } else {
            Verification::None
        })
    }

    pub fn retry_policy(&self) -> RetryPolicy {
        RetryPolicy {
            max_attempts: self.webhook_max_attempts,
            base: Duration::from_millis(self.webhook_backoff_base_ms),
            max: Duration::from_millis(self.webhook_backoff_max_ms),
        }
    }

    pub fn webhook_timeout(&self) -> Duration {
        Duration::from_millis(self.webhook_timeout_ms)
    }

    /// How long a consumer may hold a delivery before another may take it over: one attempt, and time to record it.
    pub fn claim_lease(&self) -> Duration {
        self.webhook_timeout() + Duration::from_secs(5)
    }
}

/// Two numbers above zero, in ascending order: from where on a check is at Warning and at Alert.
fn threshold(variable: &'static str, texts: &[String]) -> Result<Threshold, (&'static str, String)> {
    let numbers: Vec<f64> = texts.iter().flat_map(|text| text.trim().parse()).collect();
    match numbers[..] {
        [warning, alert] if texts.len() == 2 && 0.0 < warning && warning < alert && alert.is_finite() => {
            Ok(Threshold { warning, alert })
        }
        _ => {
            let problem = format!(
                "is {:?}; set the numbers of Warning and Alert, such as 25,40",
                texts.join(",")
            );
            Err((variable, problem))
        }
    }
}

impl AsRef<ProcessSettings> for Settings {
    fn as_ref(&self) -> &ProcessSettings {
        &self.process
    }
}

impl Validate for Settings {
    fn validate(&self, problems: &mut Problems) {
        self.process.validate(problems);
        self.postgres.validate(problems);
        self.redis.validate(problems);
        self.rabbit.validate(problems);
        self.sealing.validate(self.process.app_env, problems);
        match self.tickers() {
            Ok(tickers) if tickers.is_empty() => problems.add("SUPPORTED_TICKERS", "is empty; set BTC,ETH or more"),
            Ok(_) => {}
            Err(text) => problems.add(
                "SUPPORTED_TICKERS",
                format!("{text:?} is no ticker; set names such as BTC"),
            ),
        }
        if !matches!(self.analytics_url.scheme(), "http" | "https") || self.analytics_url.host().is_none() {
            problems.add("ANALYTICS_URL", "is not an HTTP address; set http://host:8002");
        }
        let (networks, ports) = (self.allowed_networks().err(), self.allowed_ports().err());
        for (variable, problem) in networks.into_iter().chain(ports) {
            problems.add(variable, problem);
        }
        let (verification, thresholds) = (self.webhook_verification().err(), self.thresholds().err());
        for (variable, problem) in verification.into_iter().chain(thresholds) {
            problems.add(variable, problem);
        }
        let bounds = [
            ("WEBHOOK_MAX_ATTEMPTS", u64::from(self.webhook_max_attempts), 1, 100),
            ("WEBHOOK_BACKOFF_BASE_MS", self.webhook_backoff_base_ms, 1, 86_400_000),
            (
                "WEBHOOK_BACKOFF_MAX_MS",
                self.webhook_backoff_max_ms,
                self.webhook_backoff_base_ms,
                86_400_000,
            ),
            ("WEBHOOK_TIMEOUT_MS", self.webhook_timeout_ms, 1, 120_000),
            ("WEBHOOK_FIRST_TIMEOUT_MS", self.webhook_first_timeout_ms, 1, 120_000),
            (
                "WEBHOOK_CONNECT_TIMEOUT_MS",
                self.webhook_connect_timeout_ms,
                1,
                self.webhook_timeout_ms,
            ),
            ("WEBHOOK_CONCURRENCY", self.webhook_concurrency as u64, 1, 4096),
            (
                "WEBHOOK_DISABLE_AFTER_FAILURES",
                u64::from(self.webhook_disable_after_failures),
                1,
                1_000_000,
            ),
            ("QUEUE_LOST_AFTER_SECONDS", self.queue_lost_after_seconds, 1, 86_400),
            ("ALERTING_RETENTION_DAYS", self.alerting_retention_days, 1, 36_500),
            ("INDEX_RECONCILE_SECONDS", self.index_reconcile_seconds, 1, 86_400),
            ("NO_DATA_AFTER_SECONDS", self.no_data_after_seconds, 5, 86_400),
        ];
        for (variable, value, least, most) in bounds {
            let bounded_by: &[&str] = match variable {
                "WEBHOOK_BACKOFF_MAX_MS" if value < least => &["WEBHOOK_BACKOFF_BASE_MS"],
                "WEBHOOK_CONNECT_TIMEOUT_MS" if value > most => &["WEBHOOK_TIMEOUT_MS"],
                _ => &[],
            };
            if !(least..=most).contains(&value) {
                problems.add_relation(variable, bounded_by, format!("is {value}; set {least} to {most}"));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use platform::settings::{Variables, load_from};

    use super::*;

    const SECRETS_KEY: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHv8=";

    fn load(variables: &[(&str, &str)]) -> Result<Settings, String> {
        let variables: Variables = variables
            .iter()
            .map(|(n, v)| ((*n).to_owned(), (*v).to_owned()))
            .collect();
        load_from(&DEFAULTS, &variables).map_err(|error| error.to_string())
    }

    #[test]
    fn defaults_are_those_of_the_contract() {
        let settings = load(&[]).unwrap();
        assert_eq!(settings.process.port, 8003);
        assert_eq!(
            settings.retry_policy(),
            RetryPolicy {
                max_attempts: 4,
                base: Duration::from_secs(10),
                max: Duration::from_secs(600)
            }
        );
        assert_eq!(settings.webhook_timeout(), Duration::from_secs(15));
        assert!(settings.webhook_verify_tls);
        assert_eq!(*settings.egress_policy().unwrap(), EgressPolicy::default());
        assert_eq!(settings.thresholds().unwrap(), Thresholds::DEFAULT);
    }

    #[test]
    fn thresholds_are_two_ascending_numbers() {
        let settings = load(&[("RISK_DRAWDOWN_PERCENT", "10, 20.5")]).unwrap();
        let drawdown = settings.thresholds().unwrap().drawdown;
        assert_eq!((drawdown.warning, drawdown.alert), (10.0, 20.5));
        for wrong in [
            "20,10", "10", "10,20,30", "10,x", "0,5", "-1,5", "5,inf", "NaN,5", "5,5",
        ] {
            let problems = load(&[("RISK_VOLATILITY_RATIO", wrong)]).unwrap_err();
            assert!(problems.contains("RISK_VOLATILITY_RATIO"), "{wrong}: {problems}");
        }
    }

    #[test]
    fn lists_come_with_commas() {
        let settings = load(&[
            ("SUPPORTED_TICKERS", "BTC, eth"),
            ("WEBHOOK_ALLOWED_CIDRS", "127.0.0.0/8,::1/128"),
            ("WEBHOOK_ALLOWED_PORTS", "8000-9000,1234"),
        ])
        .unwrap();
        assert_eq!(settings.tickers().unwrap().len(), 2);
        let egress_policy = settings.egress_policy().unwrap();
        assert!(egress_policy.check_url("http://[::1]:1234/").is_ok());
    }

    #[test]
    fn https_is_required_in_production_unless_set_otherwise() {
        let token = ("INTERNAL_TOKEN", "0123456789abcdef0123456789abcdef");
        let key = ("SECRETS_KEY", SECRETS_KEY);
        let production = load(&[("APP_ENV", "production"), token, key]).unwrap();
        assert!(production.egress_policy().unwrap().require_https);
        let told = load(&[
            ("APP_ENV", "production"),
            token,
            key,
            ("WEBHOOK_REQUIRE_HTTPS", "false"),
        ])
        .unwrap();
        assert!(!told.egress_policy().unwrap().require_https);
    }

    #[test]
    fn production_requires_a_key_for_secrets() {
        let token = ("INTERNAL_TOKEN", "0123456789abcdef0123456789abcdef");
        for environment in ["staging", "production"] {
            let problems = load(&[("APP_ENV", environment), token]).unwrap_err();
            assert!(problems.contains("SECRETS_KEY: is missing"), "{problems}");
        }
        assert!(load(&[]).unwrap().sealing.is_insecure());
        let key = [("SECRETS_KEY", SECRETS_KEY), ("SECRETS_KEYS_OLD", SECRETS_KEY)];
        let settings = load(&key).unwrap();
        assert!(settings.sealing.ring().unwrap().has_old());
        assert!(!format!("{settings:?}").contains(SECRETS_KEY), "printed");
        let problems = load(&[("SECRETS_KEY", "hunter2"), ("SECRETS_KEYS_OLD", "hunter3")]).unwrap_err();
        assert!(
            problems.contains("SECRETS_KEY:") && !problems.contains("hunter"),
            "{problems}"
        );
        let problems = load(&[("SECRETS_KEYS_OLD", "hunter3")]).unwrap_err();
        assert!(
            problems.contains("SECRETS_KEYS_OLD:") && !problems.contains("hunter"),
            "{problems}"
        );
    }

    #[test]
    fn every_problem_names_its_variable() {
        let problems = load(&[
            ("WEBHOOK_ALLOWED_CIDRS", "10.0.0.0/64"),
            ("WEBHOOK_ALLOWED_PORTS", "0-x"),
            ("PORT", "70000"),
            ("WEBHOOK_MAX_ATTEMPTS", "0"),
            ("WEBHOOK_BACKOFF_MAX_MS", "5"),
            ("WEBHOOK_CONNECT_TIMEOUT_MS", "20000"),
            ("WEBHOOK_CA_FILE", "/no/such/file"),
            ("SUPPORTED_TICKERS", "BTC,B-T"),
        ])
        .unwrap_err();
        for variable in [
            "WEBHOOK_ALLOWED_CIDRS",
            "WEBHOOK_ALLOWED_PORTS",
            "PORT",
            "WEBHOOK_MAX_ATTEMPTS",
            "WEBHOOK_BACKOFF_MAX_MS",
            "WEBHOOK_CONNECT_TIMEOUT_MS",
            "WEBHOOK_CA_FILE",
            "SUPPORTED_TICKERS",
        ] {
            assert!(problems.contains(variable), "{variable} is missing in {problems}");
        }
        // A bound that is itself wrong is not replaced by its default.
        let problems = load(&[("WEBHOOK_TIMEOUT_MS", "long"), ("WEBHOOK_CONNECT_TIMEOUT_MS", "20000")]).unwrap_err();
        assert!(!problems.contains("WEBHOOK_CONNECT_TIMEOUT_MS"), "{problems}");
    }
}
