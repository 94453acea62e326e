//! How each venue is asked: what is set, or what its kind and its address suggest.

use std::time::Duration;

use domain::ticker::ProviderId;
use rust_decimal::Decimal;
use rust_decimal::prelude::FromPrimitive;
use secrecy::ExposeSecret;
use url::Url;

use super::Settings;
use crate::providers::coingecko::OFFICIAL_HOSTS;
use crate::providers::coinmarketcap::OFFICIAL_HOST;

/// How one venue is asked and how far it is trusted.
#[derive(Debug, Clone)]
pub struct SourceSettings {
    /// The venue.
    pub provider: ProviderId,
    /// Its address.
    pub base_url: Url,
    /// Between two polls.
    pub poll_interval: Duration,
    /// Older prices of it take no part.
    pub max_age: Duration,
    /// From 0 to 1.
    pub reliability: Decimal,
}

impl Settings {
    /// The venues that are asked.
    ///
    /// # Errors
    ///
    /// The setting that is wrong, and what is wrong with it.
    pub fn sources(&self) -> Result<Vec<SourceSettings>, (&'static str, String)> {
        let mut sources = Vec::new();
        for name in &self.providers {
            let provider = name.parse().map_err(|error| ("PROVIDERS", format!("{error}")))?;
            if sources
                .iter()
                .any(|source: &SourceSettings| source.provider == provider)
            {
                return Err(("PROVIDERS", format!("{provider} is named twice")));
            }
            let source = self.source(provider)?;
            if provider == ProviderId::CoinMarketCap
                && self.cmc_api_key.expose_secret().is_empty()
                && source.base_url.host_str() == Some(OFFICIAL_HOST)
            {
                continue;
            }
            sources.push(source);
        }
        if sources.is_empty() {
            return Err(("PROVIDERS", "leaves no venue to ask".to_owned()));
        }
        Ok(sources)
    }

    fn source(&self, provider: ProviderId) -> Result<SourceSettings, (&'static str, String)> {
        let (names, base_url, interval, max_age, reliability) = match provider {
            ProviderId::Binance => (
                [
                    "BINANCE_BASE_URL",
                    "BINANCE_POLL_INTERVAL_SECONDS",
                    "BINANCE_MAX_AGE_SECONDS",
                    "BINANCE_RELIABILITY",
                ],
                &self.binance_base_url,
                self.binance_poll_interval_seconds,
                self.binance_max_age_seconds,
                self.binance_reliability,
            ),
            ProviderId::CoinGecko => (
                [
                    "COINGECKO_BASE_URL",
                    "COINGECKO_POLL_INTERVAL_SECONDS",
                    "COINGECKO_MAX_AGE_SECONDS",
                    "COINGECKO_RELIABILITY",
                ],
                &self.coingecko_base_url,
                self.coingecko_poll_interval_seconds,
                self.coingecko_max_age_seconds,
                self.coingecko_reliability,
            ),
            ProviderId::CoinMarketCap => (
                [
                    "CMC_BASE_URL",
                    "CMC_POLL_INTERVAL_SECONDS",
                    "CMC_MAX_AGE_SECONDS",
                    "CMC_RELIABILITY",
                ],
                &self.cmc_base_url,
                self.cmc_poll_interval_seconds,
                self.cmc_max_age_seconds,
                self.cmc_reliability,
            ),
        };
        let base_url = Url::parse(base_url).map_err(|error| (names[0], format!("is not an address: {error}")))?;
        if !matches!(base_url.scheme(), "http" | "https") || base_url.host_str().is_none() {
            return Err((names[0], "must begin with http:// or https://".to_owned()));
        }
        let own = seconds(interval).ok_or((names[1], "must be from 0 to 86400".to_owned()))?;
        let general = Duration::try_from_secs_f64(self.poll_interval_seconds).unwrap_or_default();
        let poll_interval = if own.is_zero() {
            general.max(polite_interval(provider, &base_url))
        } else {
            own
        };
        let own_age = seconds(max_age).ok_or((names[2], "must be from 0 to 86400".to_owned()))?;
        let max_age = if own_age.is_zero() {
            cache_of(provider) + poll_interval * 3
        } else {
            own_age
        };
        let reliability = Decimal::from_f64(reliability)
            .filter(|r| *r > Decimal::ZERO && *r <= Decimal::ONE)
            .ok_or((names[3], "must be above 0 and at most 1".to_owned()))?;
        Ok(SourceSettings {
            provider,
            base_url,
            poll_interval,
            max_age,
            reliability,
        })
    }
}

/// How long answers come from the venue's own cache, plus what its clock and ours may differ.
fn cache_of(provider: ProviderId) -> Duration {
    match provider {
        ProviderId::Binance => Duration::from_secs(10),
        ProviderId::CoinGecko | ProviderId::CoinMarketCap => Duration::from_secs(120),
    }
}

/// The shortest interval that a venue's own hosts allow without a paid plan.
fn polite_interval(provider: ProviderId, base_url: &Url) -> Duration {
    let host = base_url.host_str().unwrap_or_default();
    match provider {
        ProviderId::CoinGecko if OFFICIAL_HOSTS.contains(&host) => Duration::from_secs(30),
        ProviderId::CoinMarketCap if host == OFFICIAL_HOST => Duration::from_secs(180),
        ProviderId::Binance | ProviderId::CoinGecko | ProviderId::CoinMarketCap => Duration::ZERO,
    }
}

fn seconds(value: f64) -> Option<Duration> {
    (0.0..=86_400.0)
        .contains(&value)
        .then(|| Duration::from_secs_f64(value))
}
