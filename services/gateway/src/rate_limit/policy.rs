//! Which limit applies to which route, and how much it allows.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use serde::Deserialize;

use crate::auth::Tier;

/// A limit of its own, with buckets of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RateLimitPolicy {
    /// Registration, per client address.
    Register,
    /// Log-ins, per client address; the handler takes from a bucket per username as well.
    Login,
    /// One's own account, per user.
    Me,
    /// The rates, per client address.
    Rates,
    /// Creating alerts, per user.
    AlertsCreate,
    /// Reading alerts, per user.
    AlertsRead,
    /// Deleting alerts, per user.
    AlertsDelete,
    /// Batched prices, per user.
    Price,
    /// Quotes and candles, per user.
    Market,
    /// Analytics and risk, per user.
    Analytics,
    /// Everything else that writes or touches webhooks, per user.
    Write,
    /// Opening streams, per user.
    StreamConnect,
    /// Administration, per user.
    Admin,
}

/// Whose bucket is taken from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Subject {
    Ip,
    User,
}

impl RateLimitPolicy {
    /// Every one of them; those of one name stand together.
    pub const ALL: &[Self] = &[
        Self::Register,
        Self::Login,
        Self::Me,
        Self::Rates,
        Self::Price,
        Self::AlertsCreate,
        Self::AlertsRead,
        Self::AlertsDelete,
        Self::Market,
        Self::Analytics,
        Self::Write,
        Self::StreamConnect,
        Self::Admin,
    ];

    /// Whether its requests have a credential, so that they count as usage and their limit can be overridden.
    pub const fn is_of_callers(self) -> bool {
        !matches!(self, Self::Register | Self::Login)
    }

    /// The name in `RateLimit-Policy` and in the setting `RATE_LIMIT_<NAME>`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Register => "register",
            Self::Login => "login",
            Self::Me => "me",
            Self::Rates => "rates",
            Self::AlertsCreate | Self::AlertsRead | Self::AlertsDelete => "alerts",
            Self::Price => "price",
            Self::Market => "market",
            Self::Analytics => "analytics",
            Self::Write => "write",
            Self::StreamConnect => "stream_connect",
            Self::Admin => "admin",
        }
    }

    /// The name of its buckets: alerts have one per method.
    pub const fn bucket(self) -> &'static str {
        match self {
            Self::AlertsCreate => "alerts-create",
            Self::AlertsRead => "alerts-read",
            Self::AlertsDelete => "alerts-delete",
            Self::Register
            | Self::Login
            | Self::Me
            | Self::Rates
            | Self::Price
            | Self::Market
            | Self::Analytics
            | Self::Write
            | Self::StreamConnect
            | Self::Admin => self.name(),
        }
    }

    /// Whose bucket is taken from.
    pub const fn subject(self) -> Subject {
        match self {
            Self::Register | Self::Login | Self::Rates => Subject::Ip,
            Self::Me
            | Self::AlertsCreate
            | Self::AlertsRead
            | Self::AlertsDelete
            | Self::Price
            | Self::Market
            | Self::Analytics
            | Self::Write
            | Self::StreamConnect
            | Self::Admin => Subject::User,
        }
    }

    /// How many times the limit a tier gets.
    pub const fn multiplier(self, tier: Tier) -> u32 {
        match self {
            Self::Market | Self::Analytics | Self::StreamConnect => match tier {
                Tier::Basic => 1,
                Tier::Hobbyist => 2,
                Tier::Startup => 4,
                Tier::Standard => 10,
                Tier::Professional | Tier::Enterprise => 20,
            },
            Self::Register
            | Self::Login
            | Self::Me
            | Self::Rates
            | Self::AlertsCreate
            | Self::AlertsRead
            | Self::AlertsDelete
            | Self::Price
            | Self::Write
            | Self::Admin => 1,
        }
    }

    /// Whether its routes are refused while requests cannot be counted for all gateways together. They cost requests to
    /// providers, which each gateway would grant anew.
    pub const fn needs_shared_buckets(self) -> bool {
        matches!(self, Self::Price)
    }
}

/// So many requests in so many seconds, written `n/seconds`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Quota {
    pub limit: u32,
    /// Seconds in which that many come back.
    pub window_seconds: u32,
}

/// A text that is no quota.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a limit: expected requests/seconds, both from 1 to 10000000, such as 5/10")]
pub struct InvalidQuota(String);

impl Quota {
    const MAX: u32 = 10_000_000;

    /// The time in which a full bucket comes back.
    pub const fn window(self) -> Duration {
        Duration::from_secs(self.window_seconds as u64)
    }

    /// So many requests a minute; `None` for 0.
    pub fn per_minute(limit: u32) -> Option<Self> {
        (limit > 0).then_some(Self {
            limit: limit.min(Self::MAX),
            window_seconds: 60,
        })
    }

    /// The same with `factor` times the requests.
    #[must_use]
    pub const fn times(self, factor: u32) -> Self {
        Self {
            limit: self.limit.saturating_mul(factor),
            window_seconds: self.window_seconds,
        }
    }
}

impl FromStr for Quota {
    type Err = InvalidQuota;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let part = |part: &str| part.trim().parse().ok().filter(|n| (1..=Self::MAX).contains(n));
        text.split_once('/')
            .and_then(|(limit, window)| {
                Some(Self {
                    limit: part(limit)?,
                    window_seconds: part(window)?,
                })
            })
            .ok_or_else(|| InvalidQuota(text.to_owned()))
    }
}

impl TryFrom<String> for Quota {
    type Error = InvalidQuota;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl fmt::Display for Quota {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.limit, self.window_seconds)
    }
}

/// The limits of this installation.
#[derive(Debug, Clone, Deserialize)]
pub struct RateLimitSettings {
    pub rate_limit_register: Quota,
    pub rate_limit_register_total: Quota,
    pub rate_limit_login: Quota,
    /// Log-ins in a minute under the name that they have elsewhere; 0 leaves it to `rate_limit_login`.
    pub throttle_login_limit: u32,
    pub rate_limit_me: Quota,
    pub rate_limit_rates: Quota,
    pub rate_limit_alerts: Quota,
    pub rate_limit_price: Quota,
    /// Batched prices in a minute under the name that they have elsewhere; 0 leaves it to `rate_limit_price`.
    pub throttle_global_limit: u32,
    pub rate_limit_market: Quota,
    pub rate_limit_analytics: Quota,
    pub rate_limit_write: Quota,
    pub rate_limit_stream_connect: Quota,
    pub rate_limit_admin: Quota,
}

impl RateLimitSettings {
    /// What `policy` allows all clients together, where there is such a limit.
    pub fn total(&self, policy: RateLimitPolicy) -> Option<Quota> {
        (policy == RateLimitPolicy::Register).then_some(self.rate_limit_register_total)
    }

    /// What `policy` allows a subject of `tier`.
    pub fn quota(&self, policy: RateLimitPolicy, tier: Tier) -> Quota {
        let base = match policy {
            RateLimitPolicy::Register => self.rate_limit_register,
            RateLimitPolicy::Login => Quota::per_minute(self.throttle_login_limit).unwrap_or(self.rate_limit_login),
            RateLimitPolicy::Me => self.rate_limit_me,
            RateLimitPolicy::Rates => self.rate_limit_rates,
            RateLimitPolicy::AlertsCreate | RateLimitPolicy::AlertsRead | RateLimitPolicy::AlertsDelete => {
                self.rate_limit_alerts
            }
            RateLimitPolicy::Price => Quota::per_minute(self.throttle_global_limit).unwrap_or(self.rate_limit_price),
            RateLimitPolicy::Market => self.rate_limit_market,
            RateLimitPolicy::Analytics => self.rate_limit_analytics,
            RateLimitPolicy::Write => self.rate_limit_write,
            RateLimitPolicy::StreamConnect => self.rate_limit_stream_connect,
            RateLimitPolicy::Admin => self.rate_limit_admin,
        };
        base.times(policy.multiplier(tier))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quota_is_requests_per_seconds() {
        assert_eq!(
            "5/10".parse(),
            Ok(Quota {
                limit: 5,
                window_seconds: 10
            })
        );
        for text in ["", "5", "0/10", "5/0", "5/10/2", "-1/10", "5/x", "99999999/1"] {
            assert!(text.parse::<Quota>().is_err(), "{text}");
        }
    }

    #[test]
    fn tiers_widen_only_market_analytics_and_streams() {
        assert_eq!(RateLimitPolicy::Market.multiplier(Tier::Standard), 10);
        assert_eq!(RateLimitPolicy::Analytics.multiplier(Tier::Enterprise), 20);
        assert_eq!(RateLimitPolicy::StreamConnect.multiplier(Tier::Startup), 4);
        assert_eq!(RateLimitPolicy::Write.multiplier(Tier::Enterprise), 1);
        assert_eq!(RateLimitPolicy::Login.multiplier(Tier::Enterprise), 1);
        assert_eq!(RateLimitPolicy::Rates.multiplier(Tier::Professional), 1);
    }
}
