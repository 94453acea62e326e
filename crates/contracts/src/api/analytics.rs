//! What `core-analytics` answers. Query values are texts here; that service parses them and names what is wrong.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::enums;
use crate::number::{Float, Number, Price};
use crate::time::Time;

/// Query of `GET /internal/analytics/{symbol}/stats`, which answers `WithProvenance<StatsBody>`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StatsQuery {
    /// Look-back window, `1h` to `5y`; default `30d`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub window: Option<String>,
    /// Length of the candles; the default follows from the window.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub interval: Option<String>,
    /// `simple` (default) or `log`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub returns: Option<String>,
    /// Risk-free rate per year, as a fraction; default 0.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub risk_free: Option<f64>,
    /// Overrides the periods per year that follow from the interval.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub periods_per_year: Option<f64>,
}

/// Statistics of one asset over one window (docs/api.md, 6.8 and 10). An undefined value is `null` and named in
/// `undefined`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct StatsBody {
    /// The asset.
    pub symbol: String,
    /// The look-back window.
    pub window: String,
    /// Length of the candles.
    #[schema(value_type = enums::CandleInterval)]
    pub interval: String,
    /// Number of prices.
    pub n: u64,
    /// Share of the window's candles that exist, 0 to 1.
    pub coverage: Option<Float>,
    /// First price.
    pub first: Option<Price>,
    /// Last price.
    pub last: Option<Price>,
    /// Arithmetic mean of the prices.
    pub average_price: Option<Float>,
    /// Highest price.
    pub max_price: Option<Price>,
    /// Lowest price.
    pub min_price: Option<Price>,
    /// `(last / first - 1) * 100`.
    pub change_percent: Option<Float>,
    /// Sample standard deviation of the returns, per period.
    pub volatility: Option<Float>,
    /// `volatility * sqrt(periods_per_year)`.
    pub annualized_volatility: Option<Float>,
    /// Deepest fall from a running maximum, as a negative fraction.
    pub max_drawdown: Option<Float>,
    /// Fall of the last price from the running maximum, as a negative fraction.
    pub current_drawdown: Option<Float>,
    /// Mean excess return over its standard deviation, annualised.
    pub sharpe_ratio: Option<Float>,
    /// Mean excess return over downside risk, annualised.
    pub sortino_ratio: Option<Float>,
    /// Root of the mean squared shortfall over all returns, per period.
    pub downside_risk: Option<Float>,
    /// `downside_risk * sqrt(periods_per_year)`.
    pub annualized_downside_risk: Option<Float>,
    /// Annualised return over the size of the maximum drawdown.
    pub calmar_ratio: Option<Float>,
    /// Historical value at risk at 95 %, positive = loss.
    pub var_95: Option<Float>,
    /// Mean loss at or beyond it, positive = loss.
    pub cvar_95: Option<Float>,
    /// Skewness of the returns.
    pub skew: Option<Float>,
    /// Excess kurtosis of the returns.
    pub kurtosis: Option<Float>,
    /// Standard errors of the estimates that have one.
    pub standard_errors: BTreeMap<String, Float>,
    /// Periods per year used for annualising.
    pub periods_per_year: Float,
    /// Version of the definitions.
    pub definitions_version: String,
    /// Field -> reason, for every `null`.
    pub undefined: BTreeMap<String, String>,
}

/// Query of `GET /internal/analytics/{symbol}/timeseries`, which answers `WithProvenance<TimeseriesBody>`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TimeseriesQuery {
    /// Start; default 30 days before the end.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from: Option<Time>,
    /// End; default now.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub to: Option<Time>,
    /// Length of the candles; the default follows from the range.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub interval: Option<String>,
    /// At most so many points, 2 to 5000; default 500.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_points: Option<u32>,
    /// Comma list of `price`, `returns`, `drawdown`, `rolling_volatility`, `rolling_sharpe`; default `price`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub series: Option<String>,
}

/// Columns of equal length. A value that is not defined at a time is `null`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct TimeseriesBody {
    /// The asset.
    pub symbol: String,
    /// Length of the candles.
    #[schema(value_type = enums::CandleInterval)]
    pub interval: String,
    /// Times, ascending.
    pub t: Vec<Time>,
    /// Closing prices.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub price: Option<Vec<Option<Price>>>,
    /// Simple returns.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub returns: Option<Vec<Option<Float>>>,
    /// Fall from the running maximum, negative fractions.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub drawdown: Option<Vec<Option<Float>>>,
    /// Rolling volatility, annualised.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rolling_volatility: Option<Vec<Option<Float>>>,
    /// Rolling Sharpe ratio, annualised.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rolling_sharpe: Option<Vec<Option<Float>>>,
    /// Number of points before downsampling.
    pub n_source: u64,
    /// True if points were left out; extremes are kept.
    pub downsampled: bool,
}

/// Query of `GET /internal/analytics/correlation`, which answers `WithProvenance<CorrelationBody>`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CorrelationQuery {
    /// Comma list of 2 to 50 assets.
    pub symbols: String,
    /// Look-back window; default `30d`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub window: Option<String>,
    /// Length of the candles; the default follows from the window.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub interval: Option<String>,
    /// `pearson` (default) or `spearman`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub method: Option<String>,
}

/// A symmetric matrix of correlations of returns. Undefined pairs are `null`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct CorrelationBody {
    /// The assets, in the order of rows and columns.
    pub symbols: Vec<String>,
    /// Correlations, -1 to 1.
    pub matrix: Vec<Vec<Option<Float>>>,
    /// Number of returns at times that all assets have.
    pub n_overlap: u64,
    /// Number of common returns of each pair, on which its correlation rests.
    #[serde(default)]
    pub n_overlaps: Vec<Vec<u64>>,
    /// `pearson` or `spearman`.
    #[schema(value_type = enums::CorrelationMethod)]
    pub method: String,
}

/// Query of `GET /internal/candles/{ticker}`, which answers `WithProvenance<Page<CandleBody>>`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CandlesQuery {
    /// Length of the candles; default `1h`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub interval: Option<String>,
    /// First opening time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from: Option<Time>,
    /// End, exclusive; default now.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub to: Option<Time>,
    /// 1 to 1000; default 500. Without `from`, the newest so many.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limit: Option<u32>,
    /// Where the last page ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cursor: Option<String>,
}

/// One candle, ascending in lists.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct CandleBody {
    /// Opening time.
    pub t: Time,
    /// First price in USD.
    pub o: Price,
    /// Highest price.
    pub h: Price,
    /// Lowest price.
    pub l: Price,
    /// Last price.
    pub c: Price,
    /// Volume in units of the asset, `null` where no provider reported it.
    pub v: Option<Number>,
    /// Number of prices in it, `null` for backfilled candles.
    pub n: Option<u64>,
    /// Whether its time is over.
    pub closed: bool,
    /// Whether it comes from a provider's history rather than from our own prices.
    pub backfilled: bool,
    /// The provider whose history is in it, `null` for our own prices alone.
    #[serde(default)]
    pub source: Option<String>,
    /// Whether prices in a dollar token were taken at par because no rate was known.
    #[serde(default)]
    pub quote_rate_assumed: bool,
}
