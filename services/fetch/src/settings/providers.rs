//! How each provider is asked: what is set, or what its kind and its address suggest.

use std::collections::BTreeSet;
use std::time::Duration;

use domain::ticker::ProviderId;
use rust_decimal::Decimal;
use rust_decimal::prelude::FromPrimitive;
use secrecy::ExposeSecret;
use url::Url;

use super::Settings;
use crate::providers::coingecko::OFFICIAL_HOSTS;
use crate::providers::coinmarketcap::OFFICIAL_HOST;

/// How one provider is asked and how far it is trusted.
#[derive(Debug, Clone)]
pub struct ProviderSettings {
    pub provider: ProviderId,
    pub base_url: Url,
    pub poll_interval: Duration,
    /// Older prices of it take no part.
    pub max_age: Duration,
    /// From 0 to 1.
    pub reliability: Decimal,
}

impl Settings {
    /// The providers that are asked.
    ///
    /// # Errors
    ///
    /// Every setting that is wrong, and what is wrong with it.
    pub fn provider_settings(&self) -> Result<Vec<ProviderSettings>, Vec<(&'static str, String)>> {
        let mut sources = Vec::new();
        let mut wrong = Vec::new();
        let mut named = BTreeSet::new();
        for name in &self.providers {
            let provider = match name.parse::<ProviderId>() {
                Ok(provider) => provider,
                Err(error) => {
                    wrong.push(("PROVIDERS", error.to_string()));
                    continue;
                }
            };
            if !named.insert(provider) {
                wrong.push(("PROVIDERS", format!("{provider} is named twice")));
                continue;
            }
            let source = match self.settings_of(provider) {
                Ok(source) => source,
                Err(problems) => {
                    wrong.extend(problems);
                    continue;
                }
            };
            if provider == ProviderId::CoinMarketCap
                && self.cmc_api_key.expose_secret().is_empty()
                && source.base_url.host_str() == Some(OFFICIAL_HOST)
            {
                continue;
            }
            sources.push(source);
        }
        if !wrong.is_empty() {
            return Err(wrong);
        }
        if sources.is_empty() {
            return Err(vec![("PROVIDERS", "leaves no provider to ask".to_owned())]);
        }
        Ok(sources)
    }

    fn settings_of(&self, provider: ProviderId) -> Result<ProviderSettings, Vec<(&'static str, String)>> {
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
        let base_url = Url::parse(base_url)
            .ok()
            .filter(|url| matches!(url.scheme(), "http" | "https") && url.host_str().is_some());
        let (own, own_age) = (seconds(interval), seconds(max_age));
        let reliability = Decimal::from_f64(reliability).filter(|r| *r > Decimal::ZERO && *r <= Decimal::ONE);
        let checks = [
            (
                base_url.is_some(),
                "must be an address that begins with http:// or https://",
            ),
            (own.is_some(), "must be from 0 to 86400"),
            (own_age.is_some(), "must be from 0 to 86400"),
            (reliability.is_some(), "must be above 0 and at most 1"),
        ];
        let (Some(base_url), Some(own), Some(own_age), Some(reliability)) = (base_url, own, own_age, reliability)
        else {
            let failed = names.into_iter().zip(checks).filter(|(_, (holds, _))| !holds);
            return Err(failed.map(|(name, (_, what))| (name, what.to_owned())).collect());
        };
        let general = Duration::try_from_secs_f64(self.poll_interval_seconds).unwrap_or_default();
        let poll_interval = if own.is_zero() {
            general.max(self.polite_interval(provider, &base_url))
        } else {
            own
        };
        let max_age = if own_age.is_zero() {
            cache_of(provider) + poll_interval * 3
        } else {
            own_age
        };
        Ok(ProviderSettings {
            provider,
            base_url,
            poll_interval,
            max_age,
            reliability,
        })
    }

    /// The shortest interval that a provider's own hosts allow without a paid plan.
    fn polite_interval(&self, provider: ProviderId, base_url: &Url) -> Duration {
        let host = base_url.host_str().unwrap_or_default();
        match provider {
            ProviderId::CoinGecko if OFFICIAL_HOSTS.contains(&host) => Duration::from_secs(30),
            ProviderId::CoinMarketCap if host == OFFICIAL_HOST => {
                Duration::from_secs(180).max(self.listing.shortest_cmc_price_interval())
            }
            ProviderId::Binance | ProviderId::CoinGecko | ProviderId::CoinMarketCap => Duration::ZERO,
        }
    }
}

/// How long answers come from the provider's own cache, plus what its clock and ours may differ.
fn cache_of(provider: ProviderId) -> Duration {
    match provider {
        ProviderId::Binance => Duration::from_secs(10),
        ProviderId::CoinGecko | ProviderId::CoinMarketCap => Duration::from_secs(120),
    }
}

fn seconds(value: f64) -> Option<Duration> {
    (0.0..=86_400.0)
        .contains(&value)
        .then(|| Duration::from_secs_f64(value))
}
