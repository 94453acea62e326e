//! `GET /internal/tokens/search`: the tokens that answer to what somebody typed.

use actix_web::web::{Data, Json, Query};
use contracts::api::WithProvenance;
use contracts::api::tokens::{TokenAnswer, TokenRow, TokenSearchQuery};
use platform::problem::Problem;

use super::super::params::Params;
use super::super::state::AppState;
use super::{of_snapshot, view};

const DEFAULT_LIMIT: u32 = 10;
const LIMIT: std::ops::RangeInclusive<u32> = 1..=100;
const QUERY_CHARS: std::ops::RangeInclusive<usize> = 1..=64;

pub async fn search(
    state: Data<AppState>,
    query: Query<TokenSearchQuery>,
) -> Result<Json<WithProvenance<TokenAnswer<Vec<TokenRow>>>>, Problem> {
    let mut params = Params::default();
    let text = query.q.trim();
    if !QUERY_CHARS.contains(&text.chars().count()) {
        params.refuse("q", "length", "must have 1 to 64 characters".to_owned());
    }
    let limit = query.limit.unwrap_or(DEFAULT_LIMIT);
    if !LIMIT.contains(&limit) {
        params.refuse("limit", "out_of_range", "must be from 1 to 100".to_owned());
    }
    params.finish()?;
    let (snapshot, layer) = state.newest_tokens().await?;
    let now = state.clock.now();
    let view = view(&state, &snapshot, now);
    let found = snapshot.search(text, limit as usize);
    let rows = found.iter().map(|token| view.row(token)).collect();
    Ok(Json(of_snapshot(&snapshot, layer, &view, rows)))
}
