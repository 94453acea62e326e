//! Closed sets of values that fields of bodies may have, for the OpenAPI document. The fields themselves stay texts: a
//! service that is newer than its caller can then send a value that the caller does not know, and is still understood.

use serde::Deserialize;
use utoipa::ToSchema;

/// What an alert watches.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum AlertKind {
    /// The aggregate price.
    Price,
}

/// When an alert fires.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum AlertCondition {
    /// The price is strictly above the target.
    Gt,
    /// The price is strictly below it.
    Lt,
}

/// The state of an alert.
#[derive(ToSchema)]
#[schema(rename_all = "snake_case")]
pub enum AlertState {
    /// It fires as soon as its condition is true.
    Armed,
    /// It is armed, but no price reaches it.
    NoData,
    /// It has fired.
    Triggered,
}

/// The state of an alert as its events record it.
#[derive(ToSchema)]
#[schema(rename_all = "snake_case")]
pub enum AlertEventState {
    /// It fires as soon as its condition is true.
    Armed,
    /// It has fired.
    Triggered,
}

/// Why no price reaches an armed alert.
#[derive(ToSchema)]
#[schema(rename_all = "snake_case")]
pub enum NoDataReason {
    /// No prices are made of the asset.
    NotWatched,
    /// There is no price.
    NoPrice,
    /// Prices come, but are too old to fire.
    PricesUnfit,
}

/// How an attempt to deliver ended.
#[derive(ToSchema)]
#[schema(rename_all = "lowercase")]
pub enum DeliveryStatus {
    /// The endpoint accepted it.
    Success,
    /// The endpoint refused it or could not be reached.
    Failed,
    /// It has not ended.
    Pending,
}

/// Why a delivery was given up.
#[derive(ToSchema)]
#[schema(rename_all = "snake_case")]
pub enum DeliveryFailure {
    /// The last attempt failed.
    AttemptsExhausted,
    /// The endpoint answered 410: it is gone for good.
    EndpointGone,
    /// The endpoint was disabled.
    EndpointDisabled,
    /// The secret of the endpoint could not be read.
    SecretUnreadable,
}

/// The type of a message to an endpoint.
#[derive(ToSchema)]
pub enum MessageType {
    /// An alert fired.
    #[schema(rename = "alert.triggered")]
    AlertTriggered,
    /// Another endpoint of the user was disabled.
    #[schema(rename = "endpoint.disabled")]
    EndpointDisabled,
    /// A test.
    #[schema(rename = "test.ping")]
    TestPing,
}

/// A risk level.
#[derive(ToSchema)]
pub enum RiskLevel {
    /// Below the warning threshold.
    #[schema(rename = "OK")]
    Ok,
    /// At or above the warning threshold.
    Warning,
    /// At or above the alert threshold.
    Alert,
}

/// What a check of a monitor measures.
#[derive(ToSchema)]
#[schema(rename_all = "snake_case")]
pub enum RiskCheck {
    /// Percent below the price of 24 hours ago.
    PriceDrop,
    /// Volatility of the last hour over the median of the last seven days.
    VolatilitySpike,
    /// Percent below the maximum of 30 days.
    Drawdown,
}

/// The state of a provider of prices.
#[derive(ToSchema)]
#[schema(rename_all = "lowercase", as = SourceState)]
pub enum ProviderState {
    /// Its last poll succeeded.
    Ok,
    /// Its last poll failed.
    Degraded,
    /// Its circuit breaker is open.
    Down,
    /// It has not been polled yet.
    Starting,
}

/// The state of a circuit breaker.
#[derive(ToSchema)]
#[schema(rename_all = "snake_case")]
pub enum Breaker {
    /// Requests pass.
    Closed,
    /// Requests are refused.
    Open,
    /// One request is let through as a probe.
    HalfOpen,
}

/// Lengths of candles.
#[derive(ToSchema)]
pub enum CandleInterval {
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

/// How correlation is measured.
#[derive(ToSchema)]
#[schema(rename_all = "lowercase")]
pub enum CorrelationMethod {
    /// Of the returns.
    Pearson,
    /// Of their ranks.
    Spearman,
}

/// How old figures are.
#[derive(ToSchema)]
#[schema(rename_all = "snake_case")]
pub enum FreshnessState {
    /// At most half of the freshness limit.
    Fresh,
    /// At most the limit.
    Aging,
    /// Older than the limit.
    Stale,
}

/// Where a velocity is heading.
#[derive(ToSchema)]
#[schema(rename_all = "snake_case")]
pub enum VelocityTrend {
    /// The newer half of the time is more than 5 % above the older one.
    Increasing,
    /// The newer half of the time is more than 5 % below the older one.
    Decreasing,
    /// Neither.
    Stable,
    /// Too little is known.
    InsufficientData,
}

/// How far the velocity of the last hour stands out of the last 7 days.
#[derive(ToSchema)]
#[schema(rename_all = "snake_case")]
pub enum VelocityMomentum {
    /// More than one standard deviation above.
    Bullish,
    /// More than one standard deviation below.
    Bearish,
    /// Neither.
    Neutral,
}

/// Which capitalisation a velocity was made with.
#[derive(ToSchema)]
#[schema(rename_all = "snake_case")]
pub enum VelocityMethod {
    /// That of the circulating supply.
    MarketCap,
    /// The fully diluted one, because the other is unknown.
    Fdv,
    /// None: the velocity is unknown.
    Unavailable,
}
