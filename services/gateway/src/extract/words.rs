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

/// What a list of tokens is sorted by.
#[derive(ToSchema)]
#[schema(rename_all = "snake_case")]
pub enum TokenSort {
    /// Market capitalisation.
    MarketCap,
    /// Volume of 24 hours.
    #[schema(rename = "volume_24h")]
    Volume24h,
    /// Velocity.
    Velocity,
    /// Price.
    Price,
    /// Name.
    Name,
    /// Change over 24 hours.
    #[schema(rename = "percent_change_24h")]
    PercentChange24h,
}

impl TokenSort {
    pub const NAMES: &[&str] = &[
        "market_cap",
        "volume_24h",
        "velocity",
        "price",
        "name",
        "percent_change_24h",
    ];
}

/// The direction of a sorted list.
#[derive(ToSchema)]
#[schema(rename_all = "lowercase")]
pub enum SortDirection {
    /// Smallest first.
    Asc,
    /// Largest first.
    Desc,
}

/// The length of the cells of a token's history. Weeks begin on Monday, UTC.
#[derive(ToSchema)]
pub enum TokenInterval {
    #[schema(rename = "5m")]
    M5,
    #[schema(rename = "15m")]
    M15,
    #[schema(rename = "1h")]
    H1,
    #[schema(rename = "4h")]
    H4,
    #[schema(rename = "12h")]
    H12,
    #[schema(rename = "1d")]
    D1,
    #[schema(rename = "7d")]
    D7,
}

impl TokenInterval {
    pub const NAMES: &[&str] = &["5m", "15m", "1h", "4h", "12h", "1d", "7d"];
}

/// The trailing window of a velocity.
#[derive(ToSchema)]
pub enum VelocityTimeframe {
    #[schema(rename = "1h")]
    H1,
    #[schema(rename = "4h")]
    H4,
    #[schema(rename = "12h")]
    H12,
    #[schema(rename = "24h")]
    H24,
    #[schema(rename = "7d")]
    D7,
    #[schema(rename = "30d")]
    D30,
}

impl VelocityTimeframe {
    pub const NAMES: &[&str] = &["1h", "4h", "12h", "24h", "7d", "30d"];
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
