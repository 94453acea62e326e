//! Statistics, series, correlations.

use actix_web::{HttpRequest, HttpResponse, web};
use contracts::api::Sourced;
use contracts::api::analytics::{
    CorrelationBody, CorrelationQuery, StatsBody, StatsQuery, TimeseriesBody, TimeseriesQuery,
};
use contracts::problem::ProblemKind;
use contracts::time::Time;
use domain::ticker::Ticker;

use crate::auth::Scope;
use crate::error::ApiError;
use crate::extract::query::{Params, expect_valid};
use crate::extract::validate::{self, Violation};
use crate::extract::words::{BarLength, CorrelationMethod, Returns};
use crate::rate_limit::policy::RateLimitPolicy;
use crate::response;
use crate::response::envelope::{CacheLevel, Envelope, EnvelopeParts};
use crate::route_policy::RoutePolicy;
use crate::state::AppState;

pub const READ: RoutePolicy = RoutePolicy::scoped(Scope::AnalyticsRead)
    .limited(RateLimitPolicy::Analytics)
    .enveloped();

/// Seconds for which a client may keep statistics.
const MAX_AGE: u32 = 5;

const SERIES: &[&str] = &["price", "returns", "drawdown", "rolling_volatility", "rolling_sharpe"];

/// Statistics of one asset
///
/// An undefined value is `null`, with its reason in `undefined`.
#[utoipa::path(get, path = "/api/v1/analytics/{symbol}/stats", tag = "analytics",
    params(
        ("symbol" = String, Path, description = "Ticker of the asset, in any case",
            pattern = "^[A-Za-z0-9]{1,20}$", example = "BTC"),
        ("window" = Option<String>, Query, description = "Look-back window, 1h to 5y; 30d by default",
            pattern = "^([1-9][0-9]{0,3}h|[1-9][0-9]{0,2}d|[1-9][0-9]?w|[1-5]y)$", example = "30d"),
        ("interval" = Option<BarLength>, Query, description = "Length of a candle; follows from the window by default"),
        ("returns" = Option<Returns>, Query, description = "How returns are computed; simple by default"),
        ("risk_free" = Option<f64>, Query, description = "Risk-free rate per year as a fraction, such as 0.04; \
            0 by default", minimum = -1, maximum = 10),
        ("periods_per_year" = Option<f64>, Query, description = "Number of candles in a year, which scales annual \
            values; follows from the interval by default", minimum = 1, maximum = 31536000),
    ),
    responses(
        (status = 200, description = "Statistics of the asset", body = Envelope<StatsBody>),
        (status = 304, description = "The client's copy is current"),
        (status = 404, description = "The asset is not offered"),
    ))]
pub async fn stats(state: web::Data<AppState>, request: HttpRequest) -> Result<HttpResponse, ApiError> {
    let mut params = Params::of(&request);
    let symbol = params.path("symbol", validate::ticker);
    let query = StatsQuery {
        window: params.optional("window", validate::window),
        interval: params.optional("interval", validate::interval),
        returns: params.optional("returns", validate::one_of(&["simple", "log"])),
        risk_free: params.optional("risk_free", validate::number(-1.0, 10.0)),
        periods_per_year: params.optional("periods_per_year", validate::number(1.0, 31_536_000.0)),
    };
    params.finish()?;
    let symbol = require_supported(&state, expect_valid(symbol)?)?;
    let found: Sourced<StatsBody> = state
        .upstreams
        .analytics
        .get(&format!("analytics/{symbol}/stats"), &query)
        .await?;
    response::market(
        &request,
        EnvelopeParts::new(found, CacheLevel::Db),
        state.clock.now(),
        MAX_AGE,
    )
}

/// Time series of one asset
///
/// Columns of equal length. Downsampling keeps minima and maxima.
#[utoipa::path(get, path = "/api/v1/analytics/{symbol}/timeseries", tag = "analytics",
    params(
        ("symbol" = String, Path, description = "Ticker of the asset, in any case",
            pattern = "^[A-Za-z0-9]{1,20}$", example = "BTC"),
        ("from" = Option<String>, Query, description = "Start of the range: RFC 3339, or unix seconds or \
            milliseconds; 30 days before the end by default", format = DateTime),
        ("to" = Option<String>, Query, description = "End of the range: RFC 3339, or unix seconds or milliseconds; \
            now by default", format = DateTime),
        ("interval" = Option<BarLength>, Query, description = "Length of a candle; follows from the range by default"),
        ("max_points" = Option<u32>, Query, description = "Maximum number of points; 500 by default",
            minimum = 2, maximum = 5000),
        ("series" = Option<String>, Query, description = "Comma-separated list of price, returns, drawdown, \
            rolling_volatility and rolling_sharpe; price by default",
            pattern = "^(price|returns|drawdown|rolling_volatility|rolling_sharpe)\
                (,(price|returns|drawdown|rolling_volatility|rolling_sharpe)){0,4}$", example = "price,drawdown"),
    ),
    responses(
        (status = 200, description = "The series", body = Envelope<TimeseriesBody>),
        (status = 304, description = "The client's copy is current"),
        (status = 404, description = "The asset is not offered"),
    ))]
pub async fn timeseries(state: web::Data<AppState>, request: HttpRequest) -> Result<HttpResponse, ApiError> {
    let mut params = Params::of(&request);
    let symbol = params.path("symbol", validate::ticker);
    let query = TimeseriesQuery {
        from: params.optional("from", validate::time),
        to: params.optional("to", validate::time),
        interval: params.optional("interval", validate::interval),
        max_points: params.optional("max_points", validate::integer(2, 5_000)),
        series: params.optional("series", series),
    };
    params.finish()?;
    in_order(query.from, query.to)?;
    let symbol = require_supported(&state, expect_valid(symbol)?)?;
    let path = format!("analytics/{symbol}/timeseries");
    let found: Sourced<TimeseriesBody> = state.upstreams.analytics.get(&path, &query).await?;
    response::market(
        &request,
        EnvelopeParts::new(found, CacheLevel::Db),
        state.clock.now(),
        MAX_AGE,
    )
}

/// Correlations between assets
#[utoipa::path(get, path = "/api/v1/analytics/correlation", tag = "analytics",
    params(
        ("symbols" = String, Query, description = "Comma-separated list of 2 to 50 different tickers",
            pattern = "^[A-Za-z0-9]{1,20}(,[A-Za-z0-9]{1,20}){1,49}$", example = "BTC,ETH"),
        ("window" = Option<String>, Query, description = "Look-back window, 1h to 5y; 30d by default",
            pattern = "^([1-9][0-9]{0,3}h|[1-9][0-9]{0,2}d|[1-9][0-9]?w|[1-5]y)$", example = "30d"),
        ("interval" = Option<BarLength>, Query, description = "Length of a candle; follows from the window by default"),
        ("method" = Option<CorrelationMethod>, Query, description = "The correlation coefficient; pearson by default"),
    ),
    responses(
        (status = 200, description = "The symmetric matrix of correlations, in the order of `symbols`",
            body = Envelope<CorrelationBody>),
        (status = 304, description = "The client's copy is current"),
        (status = 404, description = "One of the assets is not offered"),
    ))]
pub async fn correlation(state: web::Data<AppState>, request: HttpRequest) -> Result<HttpResponse, ApiError> {
    let mut params = Params::of(&request);
    let symbols = params.required("symbols", validate::tickers(2, 50));
    let window = params.optional("window", validate::window);
    let interval = params.optional("interval", validate::interval);
    let method = params.optional("method", validate::one_of(&["pearson", "spearman"]));
    params.finish()?;
    let mut names = Vec::new();
    for symbol in expect_valid(symbols)? {
        names.push(require_supported(&state, symbol)?.to_string());
    }
    let query = CorrelationQuery {
        symbols: names.join(","),
        window,
        interval,
        method,
    };
    let found: Sourced<CorrelationBody> = state.upstreams.analytics.get("analytics/correlation", &query).await?;
    response::market(
        &request,
        EnvelopeParts::new(found, CacheLevel::Db),
        state.clock.now(),
        MAX_AGE,
    )
}

fn series(text: &str) -> Result<String, Violation> {
    let one = validate::one_of(SERIES);
    for name in text.split(',') {
        one(name.trim())?;
    }
    Ok(text.to_owned())
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
