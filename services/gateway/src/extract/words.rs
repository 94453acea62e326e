//! The words that parameters and fields may have, for the document; they are read by `crate::extract::validate`.

pub use contracts::api::enums::{AlertCondition, AlertKind, CandleInterval, CorrelationMethod};
use utoipa::ToSchema;

/// What an administrator can set for one user or key: a rate limit, or the month's quota.
#[derive(ToSchema)]
#[schema(rename_all = "snake_case")]
pub enum LimitPolicy {
    Me,
    Rates,
    Alerts,
    Price,
    Market,
    Analytics,
    Write,
    StreamConnect,
    Admin,
    Quota,
}

impl LimitPolicy {
    pub const NAMES: &[&str] = &[
        "me",
        "rates",
        "alerts",
        "price",
        "market",
        "analytics",
        "write",
        "stream_connect",
        "admin",
        "quota",
    ];
}

/// The currencies that prices can be given in.
#[derive(ToSchema)]
pub enum Currency {
    /// United States dollar.
    #[schema(rename = "USD")]
    Usd,
}

/// Origin of the prices of candles.
#[derive(ToSchema)]
#[schema(rename_all = "lowercase")]
pub enum CandleSource {
    /// The aggregate of all providers.
    Aggregate,
}

/// How returns are computed.
#[derive(ToSchema)]
#[schema(rename_all = "lowercase")]
pub enum Returns {
    /// Relative changes.
    Simple,
    /// Differences of logarithms.
    Log,
}

/// Kinds of alerts that a list can be narrowed to. Only `price` alerts can be created, so the others find nothing.
#[derive(ToSchema)]
#[schema(rename_all = "snake_case")]
pub enum ListedKind {
    Price,
    PercentChange,
    PriceDrop,
    VolatilitySpike,
    Drawdown,
    Volume,
    Velocity,
    Indicator,
    Spread,
    Portfolio,
    Composite,
}

impl ListedKind {
    pub const NAMES: [&str; 11] = [
        "price",
        "percent_change",
        "price_drop",
        "volatility_spike",
        "drawdown",
        "volume",
        "velocity",
        "indicator",
        "spread",
        "portfolio",
        "composite",
    ];
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::LimitPolicy;
    use crate::auth::limit_override::QUOTA;
    use crate::rate_limit::policy::RateLimitPolicy;

    #[test]
    fn limits_of_callers_can_be_overridden() {
        let policies = RateLimitPolicy::ALL.iter().filter(|policy| policy.is_of_callers());
        let names: BTreeSet<&str> = policies.map(|policy| policy.name()).chain([QUOTA]).collect();
        assert_eq!(names, LimitPolicy::NAMES.iter().copied().collect());
    }
}
