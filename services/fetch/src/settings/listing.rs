//! Settings of the listing of all tokens.

use std::time::Duration;

use domain::ticker::ProviderId;
use platform::settings::{Problems, Validate};
use serde::Deserialize;
use url::Url;

use crate::listing::budget::Plan;
use crate::providers::coingecko::OFFICIAL_HOSTS;

/// Most tokens that are ever asked for.
const MAX_TOKENS: usize = 20_000;

/// CoinGecko's own hosts are not asked for listings more often as the first choice: a demo key has 10 000 requests in a
/// month.
const COINGECKO_INTERVAL: Duration = Duration::from_secs(1_800);

/// Seconds of the longest month.
const MONTH_SECONDS: u64 = 31 * 86_400;

#[derive(Debug, Clone, Deserialize)]
pub struct ListingSettings {
    /// Whether the listing is asked for.
    pub listing_enabled: bool,
    pub listing_poll_interval_seconds: f64,
    /// Tokens that the first choice is asked for.
    pub listing_tokens: usize,
    /// Tokens that the fallback is asked for.
    pub listing_fallback_tokens: usize,
    pub cmc_listings_path: String,
    /// 0 is without limit.
    pub cmc_credits_per_month: u64,
    /// 0 is without limit.
    pub cmc_credits_per_day: u64,
}

impl ListingSettings {
    pub fn interval(&self) -> Duration {
        Duration::try_from_secs_f64(self.listing_poll_interval_seconds).unwrap_or_default()
    }

    /// How many tokens the first choice is asked for, and how often at most. CoinGecko's own hosts allow few requests and
    /// a page of theirs is small, so they are asked for as many as if they were the fallback.
    pub fn of_first_choice(&self, provider: ProviderId, base_url: &Url) -> (usize, Duration) {
        let is_official = base_url.host_str().is_some_and(|host| OFFICIAL_HOSTS.contains(&host));
        if provider == ProviderId::CoinGecko && is_official {
            let tokens = self.listing_tokens.min(self.listing_fallback_tokens);
            (tokens, self.interval().max(COINGECKO_INTERVAL))
        } else {
            (self.listing_tokens, self.interval())
        }
    }

    /// What CoinMarketCap's plan allows.
    pub fn cmc_plan(&self) -> Plan {
        let limit = |credits: u64| (credits > 0).then_some(credits);
        Plan {
            per_month: limit(self.cmc_credits_per_month),
            per_day: limit(self.cmc_credits_per_day),
        }
    }

    /// How often CoinMarketCap's prices are asked for at most if nothing else is set: they get a quarter of the month's
    /// credits, the listing gets the rest.
    pub fn shortest_cmc_price_interval(&self) -> Duration {
        match (self.listing_enabled, self.cmc_credits_per_month / 4) {
            (true, quarter @ 1..) => Duration::from_secs(MONTH_SECONDS.div_ceil(quarter)),
            _ => Duration::ZERO,
        }
    }
}

impl Validate for ListingSettings {
    fn validate(&self, problems: &mut Problems) {
        if !(0.05..=86_400.0).contains(&self.listing_poll_interval_seconds) {
            problems.add("LISTING_POLL_INTERVAL_SECONDS", "must be from 0.05 to 86400");
        }
        for (name, tokens) in [
            ("LISTING_TOKENS", self.listing_tokens),
            ("LISTING_FALLBACK_TOKENS", self.listing_fallback_tokens),
        ] {
            if !(1..=MAX_TOKENS).contains(&tokens) {
                problems.add(name, format!("must be from 1 to {MAX_TOKENS}"));
            }
        }
        if !self.cmc_listings_path.starts_with('/') {
            problems.add("CMC_LISTINGS_PATH", "must begin with /");
        }
        for (name, credits) in [
            ("CMC_CREDITS_PER_MONTH", self.cmc_credits_per_month),
            ("CMC_CREDITS_PER_DAY", self.cmc_credits_per_day),
        ] {
            if credits > 1_000_000_000 {
                problems.add(name, "must be at most 1000000000");
            }
        }
    }
}
