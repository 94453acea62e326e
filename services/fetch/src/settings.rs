//! Every setting of this service, typed and checked. Defaults and their meaning are in `config/default.toml`.

use std::collections::BTreeSet;
use std::time::Duration;

use domain::aggregate::Parameters;
use domain::asset::Asset;
use domain::ticker::Ticker;
use platform::settings::{
    POSTGRES_DEFAULTS, PROCESS_DEFAULTS, PostgresSettings, Problems, ProcessSettings, REDIS_DEFAULTS, RedisSettings,
    SettingsError, Validate, Variables,
};
use rust_decimal::Decimal;
use rust_decimal::prelude::FromPrimitive;
use secrecy::SecretString;
use serde::Deserialize;

use crate::assets;
use crate::providers::circuit_breaker::BreakerSettings;
use crate::providers::http::Limits;
use crate::settings::batch::BatchSettings;
use crate::settings::listing::ListingSettings;

pub mod batch;
pub mod listing;
pub mod providers;

/// The default texts, shared ones first.
pub const DEFAULTS: [&str; 4] = [
    PROCESS_DEFAULTS,
    POSTGRES_DEFAULTS,
    REDIS_DEFAULTS,
    include_str!("../config/default.toml"),
];

/// The token in which Binance's prices are quoted.
const USDT: &str = "USDT";

#[derive(Debug, Clone, Deserialize)]
pub struct Settings {
    #[serde(flatten)]
    pub process: ProcessSettings,
    #[serde(flatten)]
    pub postgres: PostgresSettings,
    #[serde(flatten)]
    pub redis: RedisSettings,
    #[serde(flatten)]
    pub batch: BatchSettings,
    #[serde(flatten)]
    pub listing: ListingSettings,
    /// The providers that are asked.
    pub providers: Vec<String>,
    /// The assets that are watched.
    pub supported_tickers: Vec<String>,
    /// A file of assets; empty for the built-in one.
    pub assets_file: String,
    pub poll_interval_seconds: f64,
    /// Longest time for an answer.
    pub provider_timeout_ms: u64,
    pub provider_body_limit_bytes: usize,
    /// Failures that open a breaker.
    pub breaker_failures: u32,
    /// How long it stays open.
    pub breaker_open_seconds: f64,
    pub binance_base_url: String,
    /// Its own interval, or 0.
    pub binance_poll_interval_seconds: f64,
    /// Its largest age, or 0.
    pub binance_max_age_seconds: f64,
    pub binance_reliability: f64,
    pub coingecko_base_url: String,
    pub coingecko_api_key: SecretString,
    /// Its own interval, or 0.
    pub coingecko_poll_interval_seconds: f64,
    /// Its largest age, or 0.
    pub coingecko_max_age_seconds: f64,
    pub coingecko_reliability: f64,
    pub cmc_base_url: String,
    pub cmc_api_key: SecretString,
    pub cmc_quotes_path: String,
    /// Its own interval, or 0.
    pub cmc_poll_interval_seconds: f64,
    /// Its largest age, or 0.
    pub cmc_max_age_seconds: f64,
    pub cmc_reliability: f64,
    /// Scaled deviations that make an outlier.
    pub outlier_mad_factor: f64,
    /// Fraction of the median that never makes one.
    pub outlier_floor: f64,
    pub volume_cap: f64,
    pub jump_limit: f64,
    /// Largest age of a rate of conversion.
    pub quote_rate_max_age_seconds: u64,
    /// Requests for history at the same time.
    pub history_concurrency: usize,
    /// Most candles of one request.
    pub history_max_bars: usize,
    /// Flagged points that may wait.
    pub flagged_queue_size: usize,
    /// Days for which they are kept.
    pub flagged_retention_days: u32,
}

impl Settings {
    /// Reads them from these variables instead of the process's own.
    ///
    /// # Errors
    ///
    /// All problems found.
    pub fn from_variables(variables: &Variables) -> Result<Self, SettingsError> {
        platform::settings::load_from(&DEFAULTS, variables)
    }

    /// The watched assets, and USDT.
    ///
    /// # Errors
    ///
    /// The setting that is wrong, and what is wrong with it.
    pub fn watched(&self) -> Result<Vec<Asset>, (&'static str, String)> {
        let known = assets::load(&self.assets_file).map_err(|error| ("ASSETS_FILE", error))?;
        let mut wanted: BTreeSet<Ticker> = BTreeSet::new();
        for name in self.supported_tickers.iter().map(String::as_str).chain([USDT]) {
            let ticker = name.trim().parse();
            wanted.insert(ticker.map_err(|error| ("SUPPORTED_TICKERS", format!("{name}: {error}")))?);
        }
        let missing: Vec<&Ticker> = wanted
            .iter()
            .filter(|ticker| known.iter().all(|asset| asset.ticker != **ticker))
            .collect();
        if !missing.is_empty() {
            let names: Vec<_> = missing.iter().map(|ticker| ticker.as_str()).collect();
            let problem = format!("not in the file of assets: {}", names.join(", "));
            return Err(("SUPPORTED_TICKERS", problem));
        }
        Ok(known
            .into_iter()
            .filter(|asset| wanted.contains(&asset.ticker))
            .collect())
    }

    /// Bounds of a request to a provider.
    pub fn limits(&self) -> Limits {
        Limits {
            timeout: Duration::from_millis(self.provider_timeout_ms),
            body_bytes: self.provider_body_limit_bytes,
        }
    }

    /// Bounds of a request that clients wait for.
    pub fn batch_limits(&self) -> Limits {
        Limits {
            timeout: self.batch.rules().upstream_timeout,
            ..self.limits()
        }
    }

    /// Bounds of a page of a listing, which holds hundreds of tokens.
    pub fn listing_limits(&self) -> Limits {
        Limits {
            timeout: self.limits().timeout * 3,
            ..self.limits()
        }
    }

    /// When a provider is left alone.
    pub fn breaker(&self) -> BreakerSettings {
        BreakerSettings {
            failures: self.breaker_failures,
            open_for: Duration::try_from_secs_f64(self.breaker_open_seconds).unwrap_or_default(),
        }
    }

    pub fn parameters(&self) -> Parameters {
        let decimal = |value: f64| Decimal::from_f64(value).unwrap_or_default();
        Parameters {
            mad_factor: decimal(self.outlier_mad_factor),
            outlier_floor: decimal(self.outlier_floor),
            volume_cap: decimal(self.volume_cap),
            jump_limit: decimal(self.jump_limit),
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
        self.batch.validate(problems);
        self.listing.validate(problems);
        if let Err((name, error)) = self.watched() {
            problems.add(name, error);
        }
        for (name, error) in self.provider_settings().err().unwrap_or_default() {
            problems.add(name, error);
        }
        for (name, value, least, most) in [
            ("POLL_INTERVAL_SECONDS", self.poll_interval_seconds, 0.05, 3_600.0),
            ("BREAKER_OPEN_SECONDS", self.breaker_open_seconds, 0.05, 3_600.0),
            ("OUTLIER_MAD_FACTOR", self.outlier_mad_factor, 1.0, 100.0),
            ("OUTLIER_FLOOR", self.outlier_floor, 0.0001, 0.5),
            ("VOLUME_CAP", self.volume_cap, 0.05, 1.0),
            ("JUMP_LIMIT", self.jump_limit, 0.01, 1.0),
        ] {
            if !(least..=most).contains(&value) {
                problems.add(name, format!("must be from {least} to {most}"));
            }
        }
        let whole = |value: usize| u64::try_from(value).unwrap_or(u64::MAX);
        for (name, value, least, most) in [
            ("PROVIDER_TIMEOUT_MS", self.provider_timeout_ms, 50, 60_000),
            (
                "PROVIDER_BODY_LIMIT_BYTES",
                whole(self.provider_body_limit_bytes),
                1_024,
                1 << 30,
            ),
            ("BREAKER_FAILURES", u64::from(self.breaker_failures), 1, 1_000),
            ("QUOTE_RATE_MAX_AGE_SECONDS", self.quote_rate_max_age_seconds, 1, 86_400),
            ("HISTORY_CONCURRENCY", whole(self.history_concurrency), 1, 64),
            ("HISTORY_MAX_BARS", whole(self.history_max_bars), 1, 1_000_000),
            ("FLAGGED_QUEUE_SIZE", whole(self.flagged_queue_size), 1, 1_000_000),
            (
                "FLAGGED_RETENTION_DAYS",
                u64::from(self.flagged_retention_days),
                1,
                3_650,
            ),
        ] {
            if !(least..=most).contains(&value) {
                problems.add(name, format!("must be from {least} to {most}"));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use domain::ticker::ProviderId;

    use super::*;

    fn read(pairs: &[(&str, &str)]) -> Result<Settings, SettingsError> {
        let pairs = pairs
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        Settings::from_variables(&pairs.collect())
    }

    #[test]
    fn the_defaults_ask_the_providers_that_need_no_key() {
        let settings = read(&[]).unwrap();
        let sources = settings.provider_settings().unwrap();
        let names: Vec<_> = sources.iter().map(|source| source.provider).collect();
        assert_eq!(names, [ProviderId::Binance, ProviderId::CoinGecko]);
        assert_eq!(sources[0].poll_interval, Duration::from_secs(10));
        assert_eq!(sources[0].max_age, Duration::from_secs(40));
        assert_eq!(sources[1].poll_interval, Duration::from_secs(30));
        assert_eq!(settings.watched().unwrap().len(), 6);
        assert_eq!(settings.parameters(), Parameters::default());
    }

    #[test]
    fn a_provider_elsewhere_is_polled_as_often_as_the_others() {
        let settings = read(&[
            ("POLL_INTERVAL_SECONDS", "2"),
            ("CMC_BASE_URL", "http://127.0.0.1:8010/cmc"),
            ("COINGECKO_BASE_URL", "http://127.0.0.1:8010/coingecko"),
            ("COINGECKO_MAX_AGE_SECONDS", "33"),
        ]);
        let sources = settings.unwrap().provider_settings().unwrap();
        assert_eq!(sources.len(), 3);
        assert!(
            sources
                .iter()
                .all(|source| source.poll_interval == Duration::from_secs(2))
        );
        assert_eq!(sources[1].max_age, Duration::from_secs(33));
    }

    #[test]
    fn prices_leave_credits_for_the_listing() {
        let interval = |credits: &str| {
            let settings = read(&[("CMC_API_KEY", "key"), ("CMC_CREDITS_PER_MONTH", credits)]).unwrap();
            let sources = settings.provider_settings().unwrap();
            let cmc = sources
                .iter()
                .find(|source| source.provider == ProviderId::CoinMarketCap);
            cmc.unwrap().poll_interval.as_secs()
        };
        assert_eq!(["15000", "110000", "0"].map(interval), [715, 180, 180]);
    }

    #[test]
    fn coingecko_is_asked_for_little_as_the_first_choice() {
        let first_choice = |pairs: &[(&str, &str)]| {
            let settings = read(pairs).unwrap();
            let sources = settings.provider_settings().unwrap();
            let source = sources
                .iter()
                .find(|source| source.provider == ProviderId::CoinGecko)
                .unwrap();
            let (tokens, interval) = settings.listing.of_first_choice(source.provider, &source.base_url);
            (tokens, interval.as_secs())
        };
        assert_eq!(first_choice(&[]), (1_000, 1_800));
        let rarely = [("LISTING_POLL_INTERVAL_SECONDS", "7200"), ("LISTING_TOKENS", "500")];
        assert_eq!(first_choice(&rarely), (500, 7_200));
        let elsewhere = [("COINGECKO_BASE_URL", "http://127.0.0.1:8010/coingecko")];
        assert_eq!(first_choice(&elsewhere), (5_000, 300));
    }

    #[test]
    fn all_problems_are_told_at_once() {
        let error = read(&[
            ("SUPPORTED_TICKERS", "BTC,NOPE"),
            ("PROVIDERS", "binance,mtgox"),
            ("POLL_INTERVAL_SECONDS", "0"),
            ("VOLUME_CAP", "2"),
            ("BREAKER_FAILURES", "0"),
            ("BINANCE_BASE_URL", "nowhere"),
            ("BINANCE_RELIABILITY", "2"),
            ("BATCH_THRESHOLD", "0"),
            ("BATCH_RESULT_TIMEOUT_MS", "5000"),
            ("BATCH_LEASE_MS", "2550"),
            ("LISTING_POLL_INTERVAL_SECONDS", "0"),
            ("LISTING_TOKENS", "0"),
            ("LISTING_FALLBACK_TOKENS", "99999"),
            ("CMC_LISTINGS_PATH", "v3"),
            ("CMC_CREDITS_PER_DAY", "9999999999"),
            ("PORT", "70000"),
        ]);
        let error = error.unwrap_err().to_string();
        for name in [
            "SUPPORTED_TICKERS",
            "NOPE",
            "PROVIDERS",
            "mtgox",
            "POLL_INTERVAL_SECONDS",
            "VOLUME_CAP",
            "BREAKER_FAILURES",
            "BINANCE_BASE_URL",
            "BINANCE_RELIABILITY",
            "BATCH_THRESHOLD",
            "BATCH_RESULT_TIMEOUT_MS",
            "BATCH_LEASE_MS",
            "LISTING_POLL_INTERVAL_SECONDS",
            "LISTING_TOKENS",
            "LISTING_FALLBACK_TOKENS",
            "CMC_LISTINGS_PATH",
            "CMC_CREDITS_PER_DAY",
            "PORT",
        ] {
            assert!(error.contains(name), "{name} is missing: {error}");
        }
        let error = read(&[("ASSETS_FILE", "/no/such/file")]).unwrap_err();
        assert_eq!(error.iter().map(|(name, _)| name).collect::<Vec<_>>(), ["ASSETS_FILE"]);
    }
}
