//! What travels in streams and queues. Decimals are strings, times RFC 3339; readers ignore fields they do not know.

use domain::quote::Quality;
use domain::rule::Condition;
use domain::ticker::{ProviderId, Ticker};
use jiff::Timestamp;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// The version written into every message.
pub const VERSION: u8 = 1;

/// The flag of a quote that comes from a simulated market.
pub const FLAG_SIMULATED: &str = "simulated";

/// One published aggregate price (`quote:{TICKER}` and stream `quotes`).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct QuoteMessage {
    /// Version of this shape.
    pub v: u8,
    /// Id of this price, UUID v7.
    pub price_id: Uuid,
    /// The asset.
    pub ticker: Ticker,
    /// The price in `currency`.
    pub price: Decimal,
    /// Always `USD` today.
    pub currency: String,
    /// Half-width of the confidence interval, in `currency`.
    pub confidence: Option<Decimal>,
    /// Best bid over the providers that report one, in `currency`.
    pub bid: Option<Decimal>,
    /// Best ask over the providers that report one, in `currency`.
    pub ask: Option<Decimal>,
    /// Volume of the last 24 hours in `currency`, from the best source for it.
    pub volume_24h: Option<Decimal>,
    /// Change over 24 hours in percent.
    pub change_24h: Option<Decimal>,
    /// Market capitalisation in `currency`.
    pub market_cap: Option<Decimal>,
    /// Circulating supply, in units of the asset.
    pub circulating_supply: Option<Decimal>,
    /// How many providers' prices went into it.
    pub n_sources: u32,
    /// Names of the providers that went into it.
    pub sources: Vec<ProviderId>,
    /// Whether it may be relied on.
    pub quality: Quality,
    /// Notes such as `simulated` or `quote_rate_assumed`.
    pub flags: Vec<String>,
    /// How it was made, such as `wmedian/1`.
    pub method: String,
    /// The moment the price speaks of: the newest time among its inputs.
    pub as_of: Timestamp,
    /// The moment it was published.
    pub published_at: Timestamp,
    /// Follows a price from provider to webhook.
    pub request_id: String,
}

/// What one provider last reported of one asset, accepted or not (hash `observation:{TICKER}`).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ObservationMessage {
    /// Version of this shape.
    pub v: u8,
    /// The provider.
    pub provider: ProviderId,
    /// The provider's own name of the asset or pair.
    pub symbol: String,
    /// The price as the provider gave it.
    pub price: Decimal,
    /// The currency of `price`, such as `USDT`.
    pub quote_currency: String,
    /// Best bid, if the provider reports one.
    pub bid: Option<Decimal>,
    /// Best ask, if the provider reports one.
    pub ask: Option<Decimal>,
    /// Volume of the last 24 hours, in `quote_currency`.
    pub volume_24h: Option<Decimal>,
    /// Change over 24 hours in percent.
    pub change_24h: Option<Decimal>,
    /// Market capitalisation, in `quote_currency`.
    pub market_cap: Option<Decimal>,
    /// Circulating supply.
    pub circulating_supply: Option<Decimal>,
    /// When the provider says the price was made, if it says so.
    pub quoted_at: Option<Timestamp>,
    /// When it reached us.
    pub received_at: Timestamp,
    /// Whether it was left out of the last aggregate, and why: `outlier`, `stale`, `no_quote_rate`.
    pub excluded: Option<String>,
    /// Whether the answer said that it is a simulation.
    pub simulated: bool,
}

/// Newest metrics of one asset (`metrics:{TICKER}` and stream `metrics`). An unknown is `null`, with its reason in
/// `undefined`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MetricsMessage {
    /// Version of this shape.
    pub v: u8,
    /// The asset.
    pub ticker: Ticker,
    /// The time of the quote from which they were computed.
    pub as_of: Timestamp,
    /// That quote's price.
    pub price: Decimal,
    /// Change over 24 hours in percent.
    pub change_24h_percent: Option<f64>,
    /// Highest price of the last 24 hours.
    pub high_24h: Option<Decimal>,
    /// Lowest price of the last 24 hours.
    pub low_24h: Option<Decimal>,
    /// Fall over 24 hours in percent; 0 when it rose.
    pub drop_24h_percent: Option<f64>,
    /// Standard deviation of the 5-minute returns of the last hour.
    pub volatility_1h: Option<f64>,
    /// Median over 7 days of the same, hour by hour.
    pub volatility_7d_median: Option<f64>,
    /// `volatility_1h / volatility_7d_median`.
    pub volatility_ratio: Option<f64>,
    /// Distance below the highest price of 30 days, in percent, positive.
    pub drawdown_30d_percent: Option<f64>,
    /// Field name -> reason for each unknown.
    pub undefined: std::collections::BTreeMap<String, String>,
    /// The quote's request id.
    pub request_id: String,
}

/// A change of an alert's state, or of an asset's risk level (stream `alert-events`).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum AlertEventMessage {
    /// An alert fired.
    Triggered {
        /// Version of this shape.
        v: u8,
        /// Id of the event.
        event_id: Uuid,
        /// The alert.
        alert_id: Uuid,
        /// Its owner.
        user_id: Uuid,
        /// The asset.
        ticker: Ticker,
        /// What was asked for.
        condition: Condition,
        /// The target.
        target_price: Decimal,
        /// The price that fired it.
        price: Decimal,
        /// Id of that price.
        price_id: Uuid,
        /// When it fired.
        at: Timestamp,
        /// The quote's request id.
        request_id: String,
    },
    /// The overall risk level of an asset changed.
    LevelChanged {
        /// Version of this shape.
        v: u8,
        /// The asset.
        ticker: Ticker,
        /// The level before, if there was one.
        from: Option<String>,
        /// The level now.
        to: String,
        /// Since when.
        at: Timestamp,
        /// The quote's request id.
        request_id: String,
    },
}

/// How quickly a webhook endpoint answers, as far as is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EndpointPace {
    /// It was never posted to.
    #[default]
    Unknown,
    /// Within a second on average.
    Fast,
    /// It takes longer, or hangs.
    Slow,
}

/// One delivery that is due (queue `webhooks_queue`). The endpoint's URL, the secret and the body stay in
/// PostgreSQL.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeliveryMessage {
    /// Version of this shape.
    pub v: u8,
    /// The delivery.
    pub delivery_id: Uuid,
    /// Its endpoint, so that consumers can share their slots fairly before they look the delivery up.
    pub endpoint_id: Uuid,
    /// Whose endpoint that is. Messages of older versions do not say.
    #[serde(default)]
    pub user_id: Option<Uuid>,
    /// Host and port of the endpoint. Messages of older versions do not say.
    #[serde(default)]
    pub destination: Option<String>,
    /// How quickly the endpoint answers. Messages of older versions do not say.
    #[serde(default)]
    pub pace: EndpointPace,
    /// Number of the attempt that is due, from 1.
    pub attempt: u32,
    /// The request id of the quote or request behind it.
    pub request_id: String,
}
