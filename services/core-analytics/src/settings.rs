//! What an operator can set.

use std::time::Duration;

use domain::ticker::Ticker;
use platform::settings::{
    POSTGRES_DEFAULTS, PROCESS_DEFAULTS, PostgresSettings, Problems, ProcessSettings, REDIS_DEFAULTS, RedisSettings,
    Validate,
};
use rust_decimal::Decimal;
use serde::Deserialize;
use url::Url;

use crate::store::Retention;

const DAY: u64 = 86_400;

/// Commented defaults of all settings, later texts override earlier ones.
pub const DEFAULTS: [&str; 4] = [
    PROCESS_DEFAULTS,
    POSTGRES_DEFAULTS,
    REDIS_DEFAULTS,
    include_str!("../config/default.toml"),
];

#[derive(Debug, Clone, Deserialize)]
pub struct Settings {
    #[serde(flatten)]
    pub process: ProcessSettings,
    #[serde(flatten)]
    pub postgres: PostgresSettings,
    #[serde(flatten)]
    pub redis: RedisSettings,
    pub fetch_url: Url,
    /// Assets whose history is filled in.
    pub supported_tickers: Vec<Ticker>,
    /// How many requests for history run at once.
    pub backfill_concurrency: usize,
    /// How often history is looked through for holes.
    pub backfill_repair_seconds: u64,
    /// How many days single prices are kept.
    pub ticks_retention_days: u32,
    /// How many days candles of one minute are kept.
    pub minute_candles_retention_days: u32,
    /// How many days cells of 5 minutes of a token's history are kept.
    pub token_cells_retention_days: u32,
    /// How many days hours of a token's history are kept.
    pub token_hours_retention_days: u32,
    /// Capitalisation in dollars below which no velocity is formed.
    pub velocity_min_market_cap_usd: Decimal,
    /// How long a velocity holds until the next one, at most.
    pub velocity_max_hold_seconds: u32,
    /// Age from which the figures of a token are stale.
    pub token_max_age_seconds: u32,
}

impl Settings {
    /// How long things are kept.
    pub fn retention(&self) -> Retention {
        let days = |days: u32| Duration::from_secs(DAY * u64::from(days));
        Retention {
            ticks: days(self.ticks_retention_days),
            minute_candles: days(self.minute_candles_retention_days),
            token_cells: days(self.token_cells_retention_days),
            token_hours: days(self.token_hours_retention_days),
        }
    }

    /// How often history is looked through for holes.
    pub fn backfill_repair(&self) -> Duration {
        Duration::from_secs(self.backfill_repair_seconds)
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
        if !matches!(self.fetch_url.scheme(), "http" | "https") || self.fetch_url.host().is_none() {
            problems.add("FETCH_URL", "is not an HTTP address; set http://host:8001");
        }
        if !(1..=64).contains(&self.backfill_concurrency) {
            problems.add("BACKFILL_CONCURRENCY", "must be from 1 to 64");
        }
        if self.backfill_repair_seconds < 60 {
            problems.add("BACKFILL_REPAIR_SECONDS", "must be at least 60");
        }
        for (name, days) in [
            ("TICKS_RETENTION_DAYS", self.ticks_retention_days),
            ("MINUTE_CANDLES_RETENTION_DAYS", self.minute_candles_retention_days),
            ("TOKEN_CELLS_RETENTION_DAYS", self.token_cells_retention_days),
            ("TOKEN_HOURS_RETENTION_DAYS", self.token_hours_retention_days),
        ] {
            if !(2..=3_650).contains(&days) {
                problems.add(name, "must be from 2 to 3650");
            }
        }
        for (name, seconds) in [
            ("VELOCITY_MAX_HOLD_SECONDS", self.velocity_max_hold_seconds),
            ("TOKEN_MAX_AGE_SECONDS", self.token_max_age_seconds),
        ] {
            if !(60..=86_400).contains(&seconds) {
                problems.add(name, "must be from 60 to 86400");
            }
        }
        if self.velocity_min_market_cap_usd < Decimal::ZERO {
            problems.add("VELOCITY_MIN_MARKET_CAP_USD", "must not be negative");
        }
    }
}

#[cfg(test)]
mod tests {
    use platform::settings::{Variables, load_from};

    use super::*;

    fn load(variables: &[(&str, &str)]) -> Result<Settings, String> {
        let variables: Variables = variables
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect();
        load_from(&DEFAULTS, &variables).map_err(|error| error.to_string())
    }

    #[test]
    fn the_defaults_are_valid() {
        let settings = load(&[]).unwrap();
        assert_eq!(settings.process.port, 8002);
        assert_eq!(settings.supported_tickers.len(), 5);
    }

    #[test]
    fn checks_are_made_beside_values_that_do_not_parse() {
        let error = load(&[
            ("FETCH_URL", "localhost"),
            ("BACKFILL_CONCURRENCY", "0"),
            ("SUPPORTED_TICKERS", "BTC,B-T"),
            ("APP_ENV", "prod"),
            ("TICKS_RETENTION_DAYS", "-1"),
        ])
        .unwrap_err();
        assert_eq!(
            error,
            "invalid configuration:\n  \
             APP_ENV: must be one of development, test, staging, production\n  \
             FETCH_URL: must be an address, such as http://127.0.0.1:8001\n  \
             SUPPORTED_TICKERS: a ticker has 1 to 20 letters or digits\n  \
             TICKS_RETENTION_DAYS: must be a whole number from 0 to 4294967295\n  \
             BACKFILL_CONCURRENCY: must be from 1 to 64"
        );
    }

    #[test]
    fn every_problem_is_named_at_once() {
        let error = load(&[
            ("FETCH_URL", "ftp://x"),
            ("TICKS_RETENTION_DAYS", "0"),
            ("BACKFILL_CONCURRENCY", "0"),
        ])
        .unwrap_err();
        for name in ["FETCH_URL", "TICKS_RETENTION_DAYS", "BACKFILL_CONCURRENCY"] {
            assert!(error.contains(name), "{error}");
        }
    }
}
