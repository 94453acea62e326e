//! `GET /internal/analytics/correlation`: how the returns of assets move together.

use std::collections::HashMap;

use actix_web::web::{Data, Json, Query};
use contracts::api::WithProvenance;
use contracts::api::analytics::{CorrelationBody, CorrelationQuery};
use contracts::number::Float;
use domain::interval::Interval;
use domain::statistics::{CorrelationMethod, ReturnKind, TimedReturns, correlation_matrix_while};
use domain::ticker::Ticker;
use futures_util::{StreamExt, TryStreamExt};
use platform::problem::Problem;

use super::params::Params;
use super::quality::{CandleQuality, with_provenance};
use super::state::AppState;
use crate::close_series::CloseSeries;
use crate::store::candles;
use crate::time_range::{ClosedCandles, MAX_POINTS};

const MAX_SYMBOLS: usize = 50;
/// Questions to PostgreSQL at once, so that one request leaves connections for others.
const QUERY_CONCURRENCY: usize = 4;

/// Answers with the matrix of correlations of simple returns of closed candles. Each pair is over the times that both
/// have.
pub async fn show(
    state: Data<AppState>,
    query: Query<CorrelationQuery>,
) -> Result<Json<WithProvenance<CorrelationBody>>, Problem> {
    let mut params = Params::default();
    let (window, _) = params.window(query.window.as_deref());
    let interval = params.interval(query.interval.as_deref(), window.seconds());
    let method = params.parse("method", query.method.as_deref(), CorrelationMethod::Pearson);
    let names: Vec<&str> = query
        .symbols
        .split(',')
        .map(str::trim)
        .filter(|name| !name.is_empty())
        .collect();
    if !(2..=MAX_SYMBOLS).contains(&names.len()) {
        params.refuse(
            "symbols",
            "out_of_range",
            format!("must name 2 to {MAX_SYMBOLS} assets"),
        );
    }
    // All series of a question together may be as long as the one of any other question.
    let candles = names.len() as i64 * (window.seconds() / interval.seconds());
    if candles > MAX_POINTS && (2..=MAX_SYMBOLS).contains(&names.len()) {
        params.refuse(
            "interval",
            "too_short",
            format!("gives {candles} candles of all assets together, more than {MAX_POINTS}"),
        );
    }
    params.finish()?;
    let symbols = names
        .into_iter()
        .map(AppState::parse_ticker)
        .collect::<Result<Vec<_>, _>>()?;
    let mut params = Params::default();
    let mut distinct = symbols.clone();
    distinct.sort();
    distinct.dedup();
    if distinct.len() < symbols.len() {
        params.refuse("symbols", "duplicate", "must name each asset once".to_owned());
    }
    params.finish()?;

    let now = state.clock.now();
    let range = ClosedCandles::before(now, interval, window.seconds());
    let permit = state.computations.permit().await?;
    let all: Vec<CloseSeries> = futures_util::stream::iter(&symbols)
        .map(|ticker| closes(&state, ticker, interval, range))
        .buffered(QUERY_CONCURRENCY)
        .try_collect()
        .await?;
    let newest_price = all.iter().map(|closes| closes.newest_price).min().flatten();
    let least = all.iter().map(|closes| closes.series.len()).min().unwrap_or(0);
    let candles = CandleQuality {
        newest_price,
        due: range.to,
        coverage: least as f64 / range.expected as f64,
    };
    let body = permit
        .run(move |wanted| matrix_body(symbols, &all, interval, method, || wanted.holds()))
        .await?;
    Ok(Json(with_provenance(body, candles)))
}

fn matrix_body(
    symbols: Vec<Ticker>,
    all: &[CloseSeries],
    interval: Interval,
    method: CorrelationMethod,
    is_wanted: impl Fn() -> bool,
) -> Option<CorrelationBody> {
    let returns: Vec<TimedReturns> = all
        .iter()
        .map(|closes| TimedReturns::of(&closes.series, interval.seconds(), ReturnKind::Simple))
        .collect();
    let matrix = correlation_matrix_while(&returns, method, is_wanted)?;
    Some(CorrelationBody {
        symbols: symbols.iter().map(Ticker::to_string).collect(),
        matrix: matrix
            .iter()
            .map(|row| row.iter().map(|cell| cell.value.ok().and_then(Float::finite)).collect())
            .collect(),
        n_overlap: common_to_all(&returns),
        n_overlaps: matrix
            .iter()
            .map(|row| row.iter().map(|cell| cell.n_overlap as u64).collect())
            .collect(),
        method: method.to_string(),
    })
}

async fn closes(
    state: &AppState,
    ticker: &Ticker,
    interval: Interval,
    range: ClosedCandles,
) -> Result<CloseSeries, Problem> {
    let points = candles::list_closes(&state.client().await?, ticker, interval, range.from, range.to).await?;
    if points.is_empty() {
        state.require_known(ticker).await?;
    }
    CloseSeries::of(&points).map_err(Problem::internal)
}

/// How many times all series have a return.
fn common_to_all(returns: &[TimedReturns]) -> u64 {
    let mut seen = HashMap::<i64, usize>::new();
    for time in returns.iter().flat_map(|series| &series.times) {
        *seen.entry(*time).or_default() += 1;
    }
    seen.values().filter(|count| **count == returns.len()).count() as u64
}
