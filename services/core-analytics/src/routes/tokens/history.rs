//! `GET /internal/tokens/{token_id}/history`: cells of a token's history, page by page.

use actix_web::web::{Data, Json, Path, Query};
use contracts::api::tokens::{HistoryPoint, HistoryQuery, TokenAnswer};
use contracts::api::{Page, WithProvenance};
use contracts::number::{Float, Number, Price};
use contracts::problem::ProblemKind;
use domain::interval::Interval;
use domain::token_point::TokenPoint;
use jiff::Timestamp;
use platform::problem::Problem;

use super::super::params::Params;
use super::super::state::AppState;
use super::find;
use crate::store::token_history;
use crate::token_interval::TokenInterval;

const DEFAULT_LIMIT: u32 = 500;
const LIMIT: std::ops::RangeInclusive<u32> = 1..=1_000;

/// Answers with cells in order of time. Without `time_start`, with the newest ones.
pub async fn list(
    state: Data<AppState>,
    name: Path<String>,
    query: Query<HistoryQuery>,
) -> Result<Json<WithProvenance<TokenAnswer<Page<HistoryPoint>>>>, Problem> {
    let mut params = Params::default();
    let interval = params.parse("interval", query.interval.as_deref(), TokenInterval::Of(Interval::D1));
    let limit = query.limit.unwrap_or(DEFAULT_LIMIT);
    if !LIMIT.contains(&limit) {
        params.refuse("limit", "out_of_range", "must be from 1 to 1000".to_owned());
    }
    params.finish()?;
    let now = state.clock.now();
    // By default the cell in which we are is the last one.
    let end = query.time_end.map_or(now, |end| end.0);
    let end = if query.time_end.is_some() && interval.open_time(end) == end {
        end
    } else {
        let next = interval.open_time(end).checked_add(interval.length());
        next.unwrap_or(Timestamp::MAX)
    };
    if query.time_start.is_some_and(|start| start.0 > end) {
        let detail = "The start must lie before the end.";
        return Err(Problem::new(ProblemKind::InvalidRange, detail));
    }
    let found = find(&state, &name, false).await?;
    let token_id = found.token.token.token_id;

    let from = match (&query.cursor, query.time_start) {
        (Some(cursor), _) => parse_cursor(cursor, interval)?,
        (None, Some(start)) => interval.open_time(start.0),
        (None, None) => end - interval.length() * i32::try_from(limit).unwrap_or(1),
    };
    // A cell more than asked for says whether there is a next page.
    let parts = (limit + 1).saturating_mul(interval.parts_per_cell());
    let client = state.client().await?;
    let parts = token_history::list(&client, token_id, interval.parts(), (from, end), parts).await?;
    let mut cells = interval.cells(&parts);
    let next_cursor = (cells.len() > limit as usize).then(|| cells[limit as usize].open_time.as_second().to_string());
    cells.truncate(limit as usize);
    let page = Page {
        items: cells.iter().map(body).collect(),
        next_cursor,
    };
    Ok(Json(found.answer(&state, now, page)))
}

/// A cursor is the opening time at which the next page starts.
fn parse_cursor(cursor: &str, interval: TokenInterval) -> Result<Timestamp, Problem> {
    let at = cursor
        .parse()
        .ok()
        .and_then(|second| Timestamp::from_second(second).ok());
    at.filter(|at| interval.open_time(*at) == *at)
        .ok_or_else(|| Problem::new(ProblemKind::InvalidCursor, "The cursor is unknown."))
}

fn body(cell: &TokenPoint) -> HistoryPoint {
    HistoryPoint {
        timestamp: cell.open_time.into(),
        price: cell.price.map(Price),
        market_cap: cell.market_cap.map(Number),
        volume_24h: cell.volume_24h.map(Number),
        circulating_supply: cell.circulating_supply.map(Number),
        velocity: cell.velocity.and_then(Float::finite),
        vwap: cell.vwap.map(Price),
        quality: cell.quality.and_then(Float::finite),
    }
}
