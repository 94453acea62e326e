//! What `core-analytics` answers about tokens. Query values are texts here; that service parses them and names what is
//! wrong.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::number::{Float, Number, Price};
use crate::time::Time;

/// Query of `GET /internal/tokens`, which answers `WithProvenance<TokenPage>`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TokensQuery {
    /// At most so many rows, 1 to 1000; default 100.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limit: Option<u32>,
    /// Place of the first row, from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub start: Option<u64>,
    /// `market_cap` (default), `volume_24h`, `velocity`, `price`, `name` or `percent_change_24h`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sort: Option<String>,
    /// `asc` or `desc` (default).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sort_dir: Option<String>,
    /// Smallest market capitalisation, in dollars.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub min_market_cap: Option<String>,
    /// Largest market capitalisation, in dollars.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_market_cap: Option<String>,
    /// Smallest volume of 24 hours, in dollars.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub min_volume: Option<String>,
    /// Largest volume of 24 hours, in dollars.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_volume: Option<String>,
    /// Smallest velocity.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub min_velocity: Option<String>,
    /// Largest velocity.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_velocity: Option<String>,
    /// Comma list of token ids.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ids: Option<String>,
    /// Comma list of symbols, in any case.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub symbols: Option<String>,
    /// Where a page before ended, on the snapshot that it was taken from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cursor: Option<String>,
}

/// Some rows of a list, and how long the list is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TokenPage {
    /// The rows.
    pub items: Vec<TokenRow>,
    /// Number of all rows that the filters leave.
    pub total: u64,
    /// Place of the first row, from 1.
    pub start: u64,
    /// Where the next page begins, if there is one.
    pub next_cursor: Option<String>,
}

/// Query of `GET /internal/tokens/search`, which answers `WithProvenance<Vec<TokenRow>>`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TokenSearchQuery {
    /// What is searched for, 1 to 64 characters.
    pub q: String,
    /// At most so many rows, 1 to 100; default 10.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limit: Option<u32>,
}

/// A token in a list (docs/api.md, 6.12). An unknown is `null`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct TokenRow {
    /// Id of the token.
    pub id: i64,
    /// Name, such as `Bitcoin`.
    pub name: String,
    /// Symbol, upper case; several tokens may share one.
    pub symbol: String,
    /// Readable id, such as `bitcoin`.
    pub slug: String,
    /// Rank by market capitalisation, from 1.
    pub cmc_rank: Option<u32>,
    /// The moment that the figures speak of.
    pub last_updated: Time,
    /// How old they are.
    pub freshness: TokenFreshness,
    /// Figures by currency.
    pub quote: BTreeMap<String, TokenQuote>,
    /// Notes on the figures, such as `extreme`, of a velocity above 100.
    pub flags: Vec<String>,
}

/// How old figures are.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct TokenFreshness {
    /// Age in milliseconds.
    pub age_ms: u64,
    /// `fresh`, `aging` or `stale`.
    #[schema(value_type = super::enums::FreshnessState)]
    pub state: String,
}

/// The figures of a token in one currency.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct TokenQuote {
    /// Price of one token.
    pub price: Option<Price>,
    /// Volume of the last 24 hours over all markets.
    pub volume_24h: Option<Number>,
    /// Market capitalisation.
    pub market_cap: Option<Number>,
    /// Change of the price over an hour in percent.
    pub percent_change_1h: Option<Float>,
    /// Change of the price over 24 hours in percent.
    pub percent_change_24h: Option<Float>,
    /// Change of the price over 7 days in percent.
    pub percent_change_7d: Option<Float>,
    /// Volume of 24 hours over market capitalisation.
    pub velocity: Option<Float>,
    /// Where the velocity is heading: the newer half of 24 hours against the older one.
    #[schema(value_type = super::enums::VelocityTrend)]
    pub velocity_trend: String,
    /// Mean price of 24 hours, weighted by volume.
    pub vwap_24h: Option<Price>,
}

/// An answer about tokens, and where it was found.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TokenAnswer<T> {
    /// The answer.
    pub value: T,
    /// Version of the listing that it was made of.
    pub version: i64,
    /// The layer that had the tokens: `process`, `redis` or `db`.
    pub cache: String,
    /// Ids of the other tokens that the name in the path may have meant, largest first.
    pub ambiguous: Vec<i64>,
}

/// Query of `GET /internal/tokens/{token_id}`, which answers `WithProvenance<TokenAnswer<TokenDetail>>`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TokenQuery {
    /// Whether a symbol that several tokens share is a problem; default false.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub strict: Option<bool>,
}

/// Everything that is known of a token.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct TokenDetail {
    /// Id of the token.
    pub id: i64,
    /// Name, such as `Bitcoin`.
    pub name: String,
    /// Symbol, upper case; several tokens may share one.
    pub symbol: String,
    /// Readable id, such as `bitcoin`.
    pub slug: String,
    /// Rank by market capitalisation, from 1.
    pub cmc_rank: Option<u32>,
    /// The moment that the figures speak of.
    pub last_updated: Time,
    /// How old they are.
    pub freshness: TokenFreshness,
    /// Figures by currency.
    pub quote: BTreeMap<String, TokenQuote>,
    /// Notes on the figures, such as `extreme`, of a velocity above 100.
    pub flags: Vec<String>,
    /// When the provider began to list it.
    pub date_added: Option<Time>,
    /// The provider's tags.
    pub tags: Vec<String>,
    /// Circulating supply, in units of the token.
    pub circulating_supply: Option<Number>,
    /// Supply that exists, in units of the token.
    pub total_supply: Option<Number>,
    /// Largest supply there can ever be, in units of the token.
    pub max_supply: Option<Number>,
    /// Price times the largest possible supply, in dollars.
    pub fully_diluted_market_cap: Option<Number>,
    /// Mean velocity of the last hour.
    pub velocity_1h: Option<Float>,
    /// Mean velocity of the last 4 hours.
    pub velocity_4h: Option<Float>,
    /// Mean velocity of the last 12 hours.
    pub velocity_12h: Option<Float>,
    /// Mean velocity of the last 24 hours.
    pub velocity_24h: Option<Float>,
    /// Mean velocity of the last 7 days.
    pub velocity_7d: Option<Float>,
    /// How good the figures are.
    pub data_quality: TokenQuality,
    /// Where more is.
    pub links: TokenLinks,
}

/// The data quality score and its parts, each from 0 (useless) to 1.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct TokenQuality {
    /// The product of the parts.
    pub score: Float,
    /// How fresh the figures are.
    pub freshness: Float,
    /// How well the sources agree.
    pub agreement: Float,
    /// Share of the figures that are known.
    pub completeness: Float,
    /// Share of the last 24 hours of which the velocity is known.
    pub coverage: Float,
}

/// Paths of other routes of a token.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct TokenLinks {
    /// Its history.
    pub history: String,
    /// Its velocity.
    pub velocity: String,
}

/// Query of `GET /internal/tokens/{token_id}/velocity`, which answers `WithProvenance<TokenAnswer<VelocityBody>>`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct VelocityQuery {
    /// `1h`, `4h`, `12h`, `24h` (default), `7d` or `30d`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timeframe: Option<String>,
    /// Whether the points of the timeframe are wanted; default false.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub include_history: Option<bool>,
}

/// The velocity of a token (docs/api.md, 6.12 and 10). An unknown is `null`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct VelocityBody {
    /// Id of the token.
    pub token_id: i64,
    /// Its symbol.
    pub symbol: String,
    /// Velocity now, and means over trailing windows.
    pub velocity_metrics: VelocityMetrics,
    /// Where it is heading.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trend_analysis: Option<TrendAnalysis>,
    /// What it was made of.
    pub calculation_details: CalculationDetails,
    /// The points of the timeframe, if they were asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub history: Option<Vec<VelocityHistoryPoint>>,
}

/// Velocity now, and means over trailing windows, weighted by time.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct VelocityMetrics {
    /// Of the newest figures.
    pub current_velocity: Option<Float>,
    /// Mean of the last hour.
    pub velocity_1h: Option<Float>,
    /// Mean of the last 4 hours.
    pub velocity_4h: Option<Float>,
    /// Mean of the last 12 hours.
    pub velocity_12h: Option<Float>,
    /// Mean of the last 24 hours.
    pub velocity_24h: Option<Float>,
    /// Mean of the last 7 days.
    pub velocity_7d: Option<Float>,
    /// Mean of the last 30 days.
    pub velocity_30d: Option<Float>,
}

/// Where the velocity is heading.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct TrendAnalysis {
    /// Of the last hour.
    #[schema(value_type = super::enums::VelocityTrend)]
    pub trend_1h: String,
    /// Of the last 4 hours.
    #[schema(value_type = super::enums::VelocityTrend)]
    pub trend_4h: String,
    /// Of the last 12 hours.
    #[schema(value_type = super::enums::VelocityTrend)]
    pub trend_12h: String,
    /// Of the last 24 hours.
    #[schema(value_type = super::enums::VelocityTrend)]
    pub trend_24h: String,
    /// Of the last 7 days.
    #[schema(value_type = super::enums::VelocityTrend)]
    pub trend_7d: String,
    /// Standard deviation over mean of the velocity over the timeframe, at most 1.
    pub volatility_score: Option<Float>,
    /// `bullish`, `bearish` or `neutral`: how far the last hour stands out of the last 7 days.
    #[schema(value_type = Option<super::enums::VelocityMomentum>)]
    pub momentum_indicator: Option<String>,
}

/// What a velocity was made of.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct CalculationDetails {
    /// Volume of 24 hours, in dollars.
    pub volume_24h: Option<Number>,
    /// Market capitalisation, in dollars; the fully diluted one where `method` is `fdv`.
    pub market_cap: Option<Number>,
    /// Which capitalisation was used.
    #[schema(value_type = super::enums::VelocityMethod)]
    pub method: String,
    /// The moment for which it was computed.
    pub calculation_time: Time,
    /// How good the figures are, 0 to 1.
    pub data_quality_score: Float,
    /// Notes on the figures.
    pub flags: Vec<String>,
}

/// The velocity at one time.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct VelocityHistoryPoint {
    /// The moment.
    pub t: Time,
    /// Velocity, or `null` where it is unknown.
    pub velocity: Option<Float>,
}

/// Query of `GET /internal/tokens/{token_id}/history`, which answers `WithProvenance<TokenAnswer<Page<HistoryPoint>>>`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HistoryQuery {
    /// First opening time; the default is so far back that `limit` cells fit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub time_start: Option<Time>,
    /// End, exclusive; default now.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub time_end: Option<Time>,
    /// `5m`, `15m`, `1h`, `4h`, `12h`, `1d` (default) or `7d`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub interval: Option<String>,
    /// At most so many cells, 1 to 1000; default 500.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limit: Option<u32>,
    /// Where the page before ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cursor: Option<String>,
}

/// The history of a token in one cell of time (docs/api.md, 6.12). An unknown is `null`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct HistoryPoint {
    /// Where the cell begins.
    pub timestamp: Time,
    /// Newest price in it.
    pub price: Option<Price>,
    /// Newest market capitalisation in it.
    pub market_cap: Option<Number>,
    /// Newest volume of 24 hours in it.
    pub volume_24h: Option<Number>,
    /// Newest circulating supply in it, in units of the token.
    pub circulating_supply: Option<Number>,
    /// Mean velocity.
    pub velocity: Option<Float>,
    /// Mean price, weighted by volume.
    pub vwap: Option<Price>,
    /// Mean data quality score, 0 to 1.
    pub quality: Option<Float>,
}

/// The whole market in a few figures (docs/api.md, 6.12): of tokens whose figures are not stale. An unknown is `null`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct MarketOverview {
    /// Sum of the market capitalisations that are known.
    pub total_market_cap: Option<Number>,
    /// Sum of the volumes of 24 hours that are known.
    pub total_volume_24h: Option<Number>,
    /// Mean of the velocities that are known and not extreme.
    pub average_velocity: Option<Float>,
    /// Median of the same.
    pub median_velocity: Option<Float>,
    /// Number of tokens with a current price.
    #[schema(minimum = 0)]
    pub active_tokens: u64,
    /// Share of Bitcoin in the total market capitalisation, in percent.
    pub btc_dominance: Option<Float>,
    /// At most ten tokens that rose most over 24 hours.
    pub top_gainers: Vec<TokenRow>,
    /// At most ten tokens that fell most over 24 hours.
    pub top_losers: Vec<TokenRow>,
    /// At most ten tokens with the highest velocity that is not extreme.
    pub velocity_leaders: Vec<TokenRow>,
}
