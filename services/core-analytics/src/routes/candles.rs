//! `GET /internal/candles/{ticker}`: candles, page by page.

use actix_web::web::{Data, Json, Path, Query};
use contracts::api::analytics::{CandleBody, CandlesQuery};
use contracts::api::{Page, WithProvenance};
use contracts::number::{Number, Price};
use contracts::problem::ProblemKind;
use domain::candle::Candle;
use domain::interval::Interval;
use jiff::Timestamp;
use platform::problem::Problem;

use super::params::Params;
use super::quality::{CandleQuality, with_provenance};
use super::state::AppState;
use crate::store::{Direction, candles};

const DEFAULT_LIMIT: u32 = 500;
const LIMIT: std::ops::RangeInclusive<u32> = 1..=1_000;

/// Answers with candles in order of time. With `from` the pages go forward from there, without it back from the newest.
pub async fn list(
    state: Data<AppState>,
    ticker: Path<String>,
    query: Query<CandlesQuery>,
) -> Result<Json<WithProvenance<Page<CandleBody>>>, Problem> {
    let ticker = AppState::parse_ticker(&ticker)?;
    let now = state.clock.now();
    let mut params = Params::default();
    let interval = params.parse("interval", query.interval.as_deref(), Interval::H1);
    let limit = query.limit.unwrap_or(DEFAULT_LIMIT);
    if !LIMIT.contains(&limit) {
        params.refuse("limit", "out_of_range", "must be from 1 to 1000".to_owned());
    }
    params.finish()?;
    let until = query.to.map_or(now, |to| to.0);
    if query.from.is_some_and(|from| from.0 > until) {
        return Err(Problem::new(
            ProblemKind::InvalidRange,
            "The start must lie before the end.",
        ));
    }
    let direction = if query.from.is_some() {
        Direction::Oldest
    } else {
        Direction::Newest
    };
    let (mut from, mut to) = (query.from.map_or(Timestamp::UNIX_EPOCH, |from| from.0), until);
    if let Some(cursor) = &query.cursor {
        let at = parse_cursor(cursor, interval)?;
        match direction {
            Direction::Oldest => from = from.max(at),
            Direction::Newest => to = to.min(at),
        }
    }

    let mut candles = candles::list_candles(
        &state.client().await?,
        &ticker,
        interval,
        (from, to),
        limit + 1,
        direction,
    )
    .await?;
    if candles.is_empty() {
        state.require_known(&ticker).await?;
    }
    let next_cursor = cut_page(&mut candles, limit as usize, direction);
    let quality = CandleQuality {
        newest_price: candles.last().map(|candle| candle.close.at),
        // A page from the middle is as good as its own candles.
        due: match candles.last() {
            Some(candle) if next_cursor.is_some() || query.cursor.is_some() => candle.close_time().min(until).min(now),
            _ => until.min(now),
        },
        coverage: 1.0,
    };
    let page = Page {
        items: candles.iter().map(|candle| body(candle, now)).collect(),
        next_cursor,
    };
    Ok(Json(with_provenance(page, quality)))
}

/// Takes the one candle too many away and says where the next page starts.
fn cut_page(candles: &mut Vec<Candle>, limit: usize, direction: Direction) -> Option<String> {
    if candles.len() <= limit {
        return None;
    }
    let next = match direction {
        Direction::Oldest => candles.pop(),
        Direction::Newest => {
            candles.remove(0);
            candles.first().copied()
        }
    };
    next.map(|candle| candle.open_time.as_second().to_string())
}

/// A cursor is the opening time at which the next page starts (forward) or before which it ends (backward).
fn parse_cursor(cursor: &str, interval: Interval) -> Result<Timestamp, Problem> {
    let at = cursor
        .parse()
        .ok()
        .and_then(|second| Timestamp::from_second(second).ok());
    at.filter(|at| interval.open_time(*at) == *at)
        .ok_or_else(|| Problem::new(ProblemKind::InvalidCursor, "The cursor is unknown."))
}

fn body(candle: &Candle, now: Timestamp) -> CandleBody {
    CandleBody {
        t: candle.open_time.into(),
        o: Price(candle.open.price),
        h: Price(candle.high),
        l: Price(candle.low),
        c: Price(candle.close.price),
        v: candle.volume.map(Number),
        n: (candle.n > 0).then_some(candle.n),
        closed: candle.is_closed(now),
        backfilled: candle.backfilled,
        source: candle.source.map(|source| source.to_string()),
        quote_rate_assumed: candle.quote_rate_assumed,
    }
}
