//! `GET /internal/analytics/{symbol}/stats`: every statistic of the closed candles of a window.

use actix_web::web::{Data, Json, Path, Query};
use contracts::api::WithProvenance;
use contracts::api::analytics::{StatsBody, StatsQuery};
use domain::statistics::{ReturnKind, Stats, StatsOptions};
use platform::problem::Problem;

use super::params::Params;
use super::quality::{CandleQuality, with_provenance};
use super::state::AppState;
use crate::close_series::{CloseSeries, periods_per_year};
use crate::stats_response::{PickedPrices, StatsLabels, stats_response};
use crate::store::candles;
use crate::time_range::ClosedCandles;

/// Answers with statistics of closing prices. The running candle is left out: its return would be one of a shorter
/// period.
pub async fn show(
    state: Data<AppState>,
    symbol: Path<String>,
    query: Query<StatsQuery>,
) -> Result<Json<WithProvenance<StatsBody>>, Problem> {
    let ticker = AppState::parse_ticker(&symbol)?;
    let mut params = Params::default();
    let (window, window_text) = params.window(query.window.as_deref());
    let interval = params.interval(query.interval.as_deref(), window.seconds());
    let returns = params.parse("returns", query.returns.as_deref(), ReturnKind::Simple);
    let risk_free = query.risk_free.unwrap_or(0.0);
    if !(risk_free.is_finite() && risk_free.abs() <= 10.0) {
        params.refuse(
            "risk_free",
            "out_of_range",
            "must be a fraction from -10 to 10".to_owned(),
        );
    }
    let periods = query.periods_per_year.unwrap_or_else(|| periods_per_year(interval));
    if !(periods.is_finite() && (1e-3..=1e9).contains(&periods)) {
        params.refuse(
            "periods_per_year",
            "out_of_range",
            "must be from 0.001 to 1000000000".to_owned(),
        );
    }
    params.finish()?;

    let now = state.clock.now();
    let range = ClosedCandles::before(now, interval, window.seconds());
    let permit = state.computations.permit().await?;
    let points = candles::list_closes(&state.client().await?, &ticker, interval, range.from, range.to).await?;
    if points.is_empty() {
        state.require_known(&ticker).await?;
    }
    let closes = CloseSeries::of(&points).map_err(Problem::internal)?;
    let options = StatsOptions {
        step: interval.seconds(),
        returns,
        risk_free,
        periods_per_year: periods,
        expected_points: Some(range.expected),
    };
    let labels = StatsLabels {
        symbol: ticker.to_string(),
        window: window_text,
        interval: interval.to_string(),
    };
    let newest_price = closes.newest_price;
    let (body, coverage) = permit
        .run(move |_| {
            let stats = Stats::of(&closes.series, &options);
            let body = stats_response(labels, &stats, PickedPrices::of(&closes.exact), periods);
            Some((body, stats.coverage.unwrap_or(0.0)))
        })
        .await?;
    let candles = CandleQuality {
        newest_price,
        due: range.to,
        coverage,
    };
    Ok(Json(with_provenance(body, candles)))
}
