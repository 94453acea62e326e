//! `GET /internal/analytics/{symbol}/timeseries`: columns for charts, thinned out so that every peak and trough stays.

use actix_web::web::{Data, Json, Path, Query};
use contracts::api::WithProvenance;
use contracts::api::analytics::{TimeseriesBody, TimeseriesQuery};
use contracts::number::{Float, Price};
use contracts::problem::ProblemKind;
use contracts::time::Time;
use domain::interval::Interval;
use domain::statistics::{
    Measured, ReturnKind, TimedReturns, downsample, drawdown_series, rolling_sharpe, rolling_volatility,
};
use jiff::{SignedDuration, Timestamp};
use platform::problem::Problem;

use super::params::Params;
use super::quality::{CandleQuality, with_provenance};
use super::state::AppState;
use crate::close_series::{CloseSeries, periods_per_year};
use crate::store::candles;
use crate::time_range::{MAX_SPAN_SECONDS, rolling_candles};

const DEFAULT_SPAN: SignedDuration = SignedDuration::from_hours(30 * 24);
const DEFAULT_POINTS: u32 = 500;
const POINTS: std::ops::RangeInclusive<u32> = 2..=5_000;

/// The columns that can be asked for, in the order of the answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Column {
    Price,
    Returns,
    Drawdown,
    RollingVolatility,
    RollingSharpe,
}

impl Column {
    const ALL: [(&str, Self); 5] = [
        ("price", Self::Price),
        ("returns", Self::Returns),
        ("drawdown", Self::Drawdown),
        ("rolling_volatility", Self::RollingVolatility),
        ("rolling_sharpe", Self::RollingSharpe),
    ];
}

struct Asked {
    from: Timestamp,
    to: Timestamp,
    interval: Interval,
    max_points: usize,
    columns: Vec<Column>,
}

/// Answers with columns over the candles of a range, the running one included: a chart ends at the present.
///
/// Returns and rolling values look back beyond the start of the range, the drawdown begins at it.
pub async fn show(
    state: Data<AppState>,
    symbol: Path<String>,
    query: Query<TimeseriesQuery>,
) -> Result<Json<WithProvenance<TimeseriesBody>>, Problem> {
    let ticker = AppState::parse_ticker(&symbol)?;
    let now = state.clock.now();
    let asked = parse(&query, now)?;
    let warm_up = SignedDuration::from_secs(asked.interval.seconds() * (rolling_candles(asked.interval) as i64 + 1));
    let permit = state.computations.permit().await?;
    let points = candles::list_closes(
        &state.client().await?,
        &ticker,
        asked.interval,
        asked.from - warm_up,
        asked.to,
    )
    .await?;
    if points.is_empty() {
        state.require_known(&ticker).await?;
    }
    let closes = CloseSeries::of(&points).map_err(Problem::internal)?;
    let newest_price = closes.newest_price;
    let (to, from, interval) = (asked.to, asked.from, asked.interval);
    let body = permit
        .run(move |_| Some(columns(ticker.to_string(), &asked, &closes)))
        .await?;
    let expected = (to.min(now).duration_since(from).as_secs() / interval.seconds()).max(1);
    let candles = CandleQuality {
        newest_price,
        due: to.min(now),
        coverage: body.n_source as f64 / expected as f64,
    };
    Ok(Json(with_provenance(body, candles)))
}

fn parse(query: &TimeseriesQuery, now: Timestamp) -> Result<Asked, Problem> {
    let to = query.to.map_or(now, |to| to.0);
    let from = match query.from {
        Some(from) => from.0,
        None => to.checked_sub(DEFAULT_SPAN).unwrap_or(Timestamp::UNIX_EPOCH),
    };
    let span = to.duration_since(from).as_secs();
    if span <= 0 {
        return Err(Problem::new(
            ProblemKind::InvalidRange,
            "The start must lie before the end.",
        ));
    }
    let mut params = Params::default();
    if span > MAX_SPAN_SECONDS {
        params.refuse(
            "from",
            "out_of_range",
            "must lie at most 5 years before the end".to_owned(),
        );
    }
    let interval = params.interval(query.interval.as_deref(), span.min(MAX_SPAN_SECONDS));
    let max_points = query.max_points.unwrap_or(DEFAULT_POINTS);
    if !POINTS.contains(&max_points) {
        params.refuse("max_points", "out_of_range", "must be from 2 to 5000".to_owned());
    }
    let mut columns = Vec::new();
    for name in query.series.as_deref().unwrap_or("price").split(',').map(str::trim) {
        match Column::ALL.iter().find(|column| column.0 == name) {
            Some((_, column)) => columns.push(*column),
            None => params.refuse(
                "series",
                "invalid",
                format!("{name:?} is none of price, returns, drawdown, rolling_volatility, rolling_sharpe"),
            ),
        }
    }
    params.finish()?;
    Ok(Asked {
        from: interval.open_time(from),
        to,
        interval,
        max_points: max_points as usize,
        columns,
    })
}

/// Computes the columns over all candles, then leaves out the warm-up and what does not fit.
fn columns(symbol: String, asked: &Asked, closes: &CloseSeries) -> TimeseriesBody {
    let times = closes.series.times();
    let start = times.partition_point(|time| *time < asked.from.as_second());
    let returns = TimedReturns::of(&closes.series, asked.interval.seconds(), ReturnKind::Simple);
    let has = |column| asked.columns.contains(&column);
    let values = |column| -> Option<Vec<f64>> {
        if !has(column) {
            return None;
        }
        let step = asked.interval.seconds();
        let window = rolling_candles(asked.interval);
        let per_year = periods_per_year(asked.interval);
        Some(match column {
            Column::Price => closes.series.prices()[start..].to_vec(),
            Column::Drawdown => drawdown_series(&closes.series.prices()[start..]),
            Column::Returns => spread(&times[start..], &returns.times, returns.values.iter().copied()),
            Column::RollingVolatility => {
                let rolling = rolling_volatility(&returns, step, window, per_year);
                spread(&times[start..], &returns.times, rolling.into_iter().map(or_nan))
            }
            Column::RollingSharpe => {
                let rolling = rolling_sharpe(&returns, step, window, 0.0, per_year);
                spread(&times[start..], &returns.times, rolling.into_iter().map(or_nan))
            }
        })
    };
    let all = Column::ALL.map(|(_, column)| values(column));
    let present: Vec<&[f64]> = all.iter().flatten().map(Vec::as_slice).collect();
    let kept = downsample(&present, asked.max_points);
    let floats = |values: &Option<Vec<f64>>| {
        let values = values.as_ref()?;
        Some(kept.iter().map(|at| Float::finite(values[*at])).collect())
    };
    let [_, returns, drawdown, rolling_volatility, rolling_sharpe] = &all;
    let n_source = times.len() - start;
    TimeseriesBody {
        symbol,
        interval: asked.interval.to_string(),
        t: kept
            .iter()
            .filter_map(|at| Some(Time(Timestamp::from_second(times[start + at]).ok()?)))
            .collect(),
        price: has(Column::Price).then(|| kept.iter().map(|at| Some(Price(closes.exact[start + at]))).collect()),
        returns: floats(returns),
        drawdown: floats(drawdown),
        rolling_volatility: floats(rolling_volatility),
        rolling_sharpe: floats(rolling_sharpe),
        n_source: n_source as u64,
        downsampled: kept.len() < n_source,
    }
}

fn or_nan(value: Measured) -> f64 {
    value.unwrap_or(f64::NAN)
}

/// Values at `at`, where `times` (ascending) have one; `NaN` elsewhere.
fn spread(at: &[i64], times: &[i64], values: impl Iterator<Item = f64>) -> Vec<f64> {
    let mut known = times.iter().zip(values).peekable();
    at.iter()
        .map(|time| {
            while known.next_if(|(known, _)| *known < time).is_some() {}
            known
                .next_if(|(known, _)| *known == time)
                .map_or(f64::NAN, |(_, value)| value)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use rust_decimal::Decimal;

    use super::*;
    use crate::store::ClosePoint;

    fn closes(count: i64) -> CloseSeries {
        let points: Vec<ClosePoint> = (0..count)
            .filter(|hour| *hour != 150)
            .map(|hour| ClosePoint {
                open_time: Timestamp::from_second(hour * 3_600).unwrap(),
                close: Decimal::from(100 + (hour * 7) % 13),
                close_at: Timestamp::from_second(hour * 3_600 + 3_590).unwrap(),
            })
            .collect();
        CloseSeries::of(&points).unwrap()
    }

    fn asked(from_hour: i64, max_points: usize) -> Asked {
        Asked {
            from: Timestamp::from_second(from_hour * 3_600).unwrap(),
            to: Timestamp::from_second(1_000 * 3_600).unwrap(),
            interval: Interval::H1,
            max_points,
            columns: Column::ALL.map(|(_, column)| column).to_vec(),
        }
    }

    #[test]
    fn columns_are_equally_long_and_unknowns_are_null() {
        let body = columns("BTC".to_owned(), &asked(100, 5_000), &closes(300));
        assert_eq!((body.t.len(), body.n_source, body.downsampled), (199, 199, false));
        let returns = body.returns.unwrap();
        assert_eq!(returns.len(), 199);
        let unknown: Vec<usize> = (0..199).filter(|at| returns[*at].is_none()).collect();
        assert_eq!(unknown, [50], "the return after the missing hour");
        assert!(returns[0].is_some(), "looks back beyond the start");
        assert_eq!(body.drawdown.unwrap()[0], Some(Float(0.0)));
        assert!(body.rolling_volatility.unwrap()[0].is_some());
    }

    #[test]
    fn a_thinned_out_chart_keeps_its_extremes() {
        let closes = closes(900);
        let body = columns("BTC".to_owned(), &asked(0, 60), &closes);
        assert!(body.downsampled && body.t.len() <= 60);
        let prices: Vec<Decimal> = body.price.unwrap().into_iter().map(|price| price.unwrap().0).collect();
        assert_eq!(prices.iter().max(), closes.exact.iter().max());
        assert_eq!(prices.iter().min(), closes.exact.iter().min());
        assert_eq!(prices.last(), closes.exact.last());
    }

    #[test]
    fn a_query_is_checked_whole() {
        let now: Timestamp = "2026-01-01T00:00:00Z".parse().unwrap();
        let query = TimeseriesQuery {
            interval: Some("2h".to_owned()),
            max_points: Some(1),
            series: Some("price,volume".to_owned()),
            ..TimeseriesQuery::default()
        };
        let problem = parse(&query, now).err().unwrap();
        assert_eq!(problem.errors.len(), 3);
        let backwards = TimeseriesQuery {
            from: Some(Time(now)),
            to: Some(Time(now)),
            ..TimeseriesQuery::default()
        };
        assert_eq!(parse(&backwards, now).err().unwrap().kind, ProblemKind::InvalidRange);
        assert_eq!(
            parse(&TimeseriesQuery::default(), now).ok().unwrap().interval,
            Interval::H1
        );
    }
}
