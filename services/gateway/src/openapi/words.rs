//! The words that parameters and fields may have, for the document; they are read by `crate::extract::rules`.

pub use contracts::api::words::{AlertCondition, AlertKind, CorrelationMethod};
use utoipa::ToSchema;

/// The currencies that prices can be given in.
#[derive(ToSchema)]
pub enum Currency {
    /// United States dollar.
    #[schema(rename = "USD")]
    Usd,
}

/// Lengths of bars.
#[derive(ToSchema)]
pub enum BarLength {
    /// One minute.
    #[schema(rename = "1m")]
    M1,
    /// Five minutes.
    #[schema(rename = "5m")]
    M5,
    /// Fifteen minutes.
    #[schema(rename = "15m")]
    M15,
    /// One hour.
    #[schema(rename = "1h")]
    H1,
    /// Four hours.
    #[schema(rename = "4h")]
    H4,
    /// Twelve hours.
    #[schema(rename = "12h")]
    H12,
    /// One day.
    #[schema(rename = "1d")]
    D1,
}

/// Where the prices of bars come from.
#[derive(ToSchema)]
#[schema(rename_all = "lowercase")]
pub enum BarSource {
    /// The aggregate of all venues.
    Aggregate,
}

/// How returns are formed.
#[derive(ToSchema)]
#[schema(rename_all = "lowercase")]
pub enum Returns {
    /// Relative changes.
    Simple,
    /// Differences of logarithms.
    Log,
}

/// What a list of alerts can be narrowed to. Only `price` alerts can be created yet, so the others find nothing.
#[derive(ToSchema)]
#[schema(rename_all = "snake_case")]
#[expect(missing_docs, reason = "the names say it")]
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
    /// Their names.
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
