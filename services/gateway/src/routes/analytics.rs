//! Statistics, series, correlations.

use actix_web::http::header::HeaderValue;
use actix_web::web;
use contracts::api::WithProvenance;
use contracts::api::analytics::{
    CorrelationBody, CorrelationQuery, StatsBody, StatsQuery, TimeseriesBody, TimeseriesQuery,
};
use contracts::problem::ProblemKind;
use contracts::time::Time;
use domain::ticker::Ticker;

use crate::auth::Scope;
use crate::error::ApiError;
use crate::extract::parameters::{Declare, ParameterList, Parameters};
use crate::extract::rule;
use crate::rate_limit::policy::RateLimitPolicy;
use crate::response::Enveloped;
use crate::response::envelope::{CacheLevel, Envelope, EnvelopeParts};
use crate::route_policy::RoutePolicy;
use crate::state::AppState;

pub const READ: RoutePolicy = RoutePolicy::scoped(Scope::AnalyticsRead)
    .limited(RateLimitPolicy::Analytics)
    .enveloped();

/// Market data are for the client alone, who may keep them for so long.
const CACHE_CONTROL: HeaderValue = HeaderValue::from_static("private, max-age=5");

const SERIES: &[&str] = &["price", "returns", "drawdown", "rolling_volatility", "rolling_sharpe"];

const SYMBOL: &str = "Ticker of the asset, in any case";
const WINDOW: &str = "Look-back window, 1h to 5y; 30d by default";
const INTERVAL_OF_WINDOW: &str = "Length of a candle; follows from the window by default";
const INTERVAL_OF_RANGE: &str = "Length of a candle; follows from the range by default";

pub struct StatsParameters {
    symbol: Ticker,
    query: StatsQuery,
}

impl ParameterList for StatsParameters {
    fn declare(parameters: &mut impl Declare) -> Option<Self> {
        let symbol = parameters.path("symbol", rule::ticker(), SYMBOL);
        let query = StatsQuery {
            window: parameters.optional("window", rule::window(), WINDOW),
            interval: parameters.optional("interval", rule::interval(), INTERVAL_OF_WINDOW),
            returns: parameters.optional(
                "returns",
                rule::one_of("Returns", &["simple", "log"]),
                "How returns are computed; simple by default",
            ),
            risk_free: parameters.optional(
                "risk_free",
                rule::number(-1, 10),
                "Risk-free rate per year as a fraction, such as 0.04; 0 by default",
            ),
            periods_per_year: parameters.optional(
                "periods_per_year",
                rule::number(1, 31_536_000),
                "Number of candles in a year, which scales annual values; follows from the interval by default",
            ),
        };
        Some(Self { symbol: symbol?, query })
    }
}

pub struct TimeseriesParameters {
    symbol: Ticker,
    query: TimeseriesQuery,
}

impl ParameterList for TimeseriesParameters {
    fn declare(parameters: &mut impl Declare) -> Option<Self> {
        let symbol = parameters.path("symbol", rule::ticker(), SYMBOL);
        let query = TimeseriesQuery {
            from: parameters.optional(
                "from",
                rule::time(),
                "Start of the range: RFC 3339, or unix seconds or milliseconds; 30 days before the end by default",
            ),
            to: parameters.optional(
                "to",
                rule::time(),
                "End of the range: RFC 3339, or unix seconds or milliseconds; now by default",
            ),
            interval: parameters.optional("interval", rule::interval(), INTERVAL_OF_RANGE),
            max_points: parameters.optional(
                "max_points",
                rule::integer(2, 5_000),
                "Maximum number of points; 500 by default",
            ),
            series: parameters.optional(
                "series",
                rule::words("price,drawdown", SERIES),
                "Comma-separated list of price, returns, drawdown, rolling_volatility and rolling_sharpe; \
                 price by default",
            ),
        };
        Some(Self { symbol: symbol?, query })
    }
}

pub struct CorrelationParameters {
    symbols: Vec<Ticker>,
    window: Option<String>,
    interval: Option<String>,
    method: Option<String>,
}

impl ParameterList for CorrelationParameters {
    fn declare(parameters: &mut impl Declare) -> Option<Self> {
        let symbols = parameters.required(
            "symbols",
            rule::tickers(2, 50),
            "Comma-separated list of 2 to 50 different tickers",
        );
        let window = parameters.optional("window", rule::window(), WINDOW);
        let interval = parameters.optional("interval", rule::interval(), INTERVAL_OF_WINDOW);
        let method = parameters.optional(
            "method",
            rule::one_of("CorrelationMethod", &["pearson", "spearman"]),
            "The correlation coefficient; pearson by default",
        );
        Some(Self {
            symbols: symbols?,
            window,
            interval,
            method,
        })
    }
}

/// Statistics of one asset
///
/// An undefined value is `null`, with its reason in `undefined`.
#[utoipa::path(get, path = "/api/v1/analytics/{symbol}/stats", tag = "analytics",
    responses(
        (status = 200, description = "Statistics of the asset", body = Envelope<StatsBody>),
        (status = 304, description = "The client's copy is current"),
        (status = 404, description = "The asset is not offered"),
    ))]
pub async fn stats(
    state: web::Data<AppState>,
    Parameters(StatsParameters { symbol, query }): Parameters<StatsParameters>,
) -> Result<Enveloped<StatsBody>, ApiError> {
    let symbol = require_supported(&state, symbol)?;
    let found: WithProvenance<StatsBody> = state
        .upstreams
        .analytics
        .get(&format!("analytics/{symbol}/stats"), &query)
        .await?;
    Ok(answer(&state, found))
}

/// Time series of one asset
///
/// Columns of equal length. Downsampling keeps minima and maxima.
#[utoipa::path(get, path = "/api/v1/analytics/{symbol}/timeseries", tag = "analytics",
    responses(
        (status = 200, description = "The series", body = Envelope<TimeseriesBody>),
        (status = 304, description = "The client's copy is current"),
        (status = 404, description = "The asset is not offered"),
    ))]
pub async fn timeseries(
    state: web::Data<AppState>,
    Parameters(TimeseriesParameters { symbol, query }): Parameters<TimeseriesParameters>,
) -> Result<Enveloped<TimeseriesBody>, ApiError> {
    in_order(query.from, query.to)?;
    let symbol = require_supported(&state, symbol)?;
    let path = format!("analytics/{symbol}/timeseries");
    let found: WithProvenance<TimeseriesBody> = state.upstreams.analytics.get(&path, &query).await?;
    Ok(answer(&state, found))
}

/// Correlations between assets
#[utoipa::path(get, path = "/api/v1/analytics/correlation", tag = "analytics",
    responses(
        (status = 200, description = "The symmetric matrix of correlations, in the order of `symbols`",
            body = Envelope<CorrelationBody>),
        (status = 304, description = "The client's copy is current"),
        (status = 404, description = "One of the assets is not offered"),
    ))]
pub async fn correlation(
    state: web::Data<AppState>,
    Parameters(parameters): Parameters<CorrelationParameters>,
) -> Result<Enveloped<CorrelationBody>, ApiError> {
    let mut names = Vec::new();
    for symbol in parameters.symbols {
        names.push(require_supported(&state, symbol)?.to_string());
    }
    let query = CorrelationQuery {
        symbols: names.join(","),
        window: parameters.window,
        interval: parameters.interval,
        method: parameters.method,
    };
    let found: WithProvenance<CorrelationBody> = state.upstreams.analytics.get("analytics/correlation", &query).await?;
    Ok(answer(&state, found))
}

fn answer<T>(state: &AppState, found: WithProvenance<T>) -> Enveloped<T> {
    Enveloped {
        parts: EnvelopeParts::new(found, CacheLevel::Db),
        now: state.clock.now(),
        cache_control: CACHE_CONTROL,
        version: None,
    }
}

/// The ticker, if it is offered here.
pub fn require_supported(state: &AppState, ticker: Ticker) -> Result<Ticker, ApiError> {
    if state.quotes.is_supported(&ticker) {
        Ok(ticker)
    } else {
        Err(ApiError::new(ProblemKind::TokenNotFound).detail(format!("No such asset: {ticker}.")))
    }
}

/// Refuses a range that ends before it starts.
pub fn in_order(from: Option<Time>, to: Option<Time>) -> Result<(), ApiError> {
    match (from, to) {
        (Some(from), Some(to)) if from > to => Err(ApiError::new(ProblemKind::InvalidRange)),
        _ => Ok(()),
    }
}
