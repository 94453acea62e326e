//! `GET /internal/analytics/correlation`: how the returns of assets move together.

use std::collections::HashMap;

use actix_web::web::{Data, Json, Query};
use contracts::api::Sourced;
use contracts::api::analytics::{CorrelationBody, CorrelationQuery};
use contracts::number::Float;
use domain::interval::Interval;
use domain::statistics::{CorrelationMethod, ReturnKind, TimedReturns, correlation_matrix_while};
use domain::ticker::Ticker;
use futures_util::{StreamExt, TryStreamExt};
use platform::problem::Problem;

use super::params::Params;
use super::quality::{Bars, sourced};
use super::{AppState, unavailable};
use crate::closes::Closes;
use crate::ranges::{ClosedBars, MAX_POINTS_TOGETHER};

const MOST_SYMBOLS: usize = 50;
/// Questions to PostgreSQL at once, so that one request leaves connections for others.
const AT_ONCE: usize = 4;

/// Answers with the matrix of correlations of simple returns of closed bars. Each pair is over the times that both have.
pub async fn show(
    state: Data<AppState>,
    query: Query<CorrelationQuery>,
) -> Result<Json<Sourced<CorrelationBody>>, Problem> {
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
    if !(2..=MOST_SYMBOLS).contains(&names.len()) {
        params.refuse(
            "symbols",
            "out_of_range",
            format!("must name 2 to {MOST_SYMBOLS} assets"),
        );
    }
    let together = window.seconds() / interval.seconds() * i64::try_from(names.len()).unwrap_or(i64::MAX);
    if together > MAX_POINTS_TOGETHER {
        params.refuse(
            "symbols",
            "too_many_points",
            format!(
                "give {together} candles together, more than {MAX_POINTS_TOGETHER}: name fewer, or choose a longer interval"
            ),
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

    let turn = state.computations.turn().await?;
    let now = state.clock.now();
    let range = ClosedBars::before(now, interval, window.seconds());
    let all: Vec<Closes> = futures_util::stream::iter(&symbols)
        .map(|ticker| closes(&state, ticker, interval, range))
        .buffered(AT_ONCE)
        .try_collect()
        .await?;
    let returns: Vec<TimedReturns> = all
        .iter()
        .map(|closes| TimedReturns::of(&closes.series, interval.seconds(), ReturnKind::Simple))
        .collect();
    let computed = turn.run(move |waiting| {
        let matrix = correlation_matrix_while(&returns, method, || waiting.goes_on())?;
        Some((matrix, common_to_all(&returns)))
    });
    // Nothing is computed for nobody, and then nobody reads this.
    let (matrix, n_overlap) = computed.await?.unwrap_or_default();
    let body = CorrelationBody {
        symbols: symbols.iter().map(Ticker::to_string).collect(),
        matrix: matrix
            .iter()
            .map(|row| row.iter().map(|cell| cell.value.ok().and_then(Float::finite)).collect())
            .collect(),
        n_overlap,
        method: method.to_string(),
    };
    let least = all.iter().map(|closes| closes.series.len()).min().unwrap_or(0);
    let bars = Bars {
        interval,
        newest: all.iter().map(Closes::newest).min().flatten(),
        until: now,
        coverage: least as f64 / range.expected as f64,
    };
    Ok(Json(sourced(body, bars)))
}

async fn closes(state: &AppState, ticker: &Ticker, interval: Interval, range: ClosedBars) -> Result<Closes, Problem> {
    let points = state
        .store
        .list_closes(ticker, interval, range.from, range.to)
        .await
        .map_err(unavailable)?;
    if points.is_empty() {
        state.require_known(ticker).await?;
    }
    Closes::of(&points).map_err(|error| Problem::internal(&error.into()))
}

/// How many times all series have a return.
fn common_to_all(returns: &[TimedReturns]) -> u64 {
    let mut seen = HashMap::<i64, usize>::new();
    for time in returns.iter().flat_map(|series| &series.times) {
        *seen.entry(*time).or_default() += 1;
    }
    seen.values().filter(|count| **count == returns.len()).count() as u64
}
