//! `GET /internal/tokens/search`: the tokens that answer to what somebody typed.

use actix_web::web::{Data, Json, Query};
use contracts::api::WithProvenance;
use contracts::api::tokens::{TokenAnswer, TokenRow, TokenSearchQuery};
use platform::problem::Problem;

use super::super::params::Params;
use super::super::state::AppState;
use super::view;

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
    let (snapshot, layer) = state.tokens.newest().await?;
    let now = state.clock.now();
    let view = view(&state, &snapshot, now);
    let found = snapshot.search(text, limit as usize);
    let newest = found
        .iter()
        .map(|stored| stored.token.quoted_at)
        .max()
        .or(snapshot.newest());
    let is_fallback = snapshot.state.as_ref().is_some_and(|listing| listing.is_fallback);
    let provider = snapshot.state.as_ref().and_then(|listing| listing.provider);
    Ok(Json(WithProvenance {
        state: view.state(newest, is_fallback),
        as_of: newest.map(Into::into),
        sources: provider.iter().map(ToString::to_string).collect(),
        estimated: view.is_estimated(),
        data: TokenAnswer {
            value: found.iter().map(|token| view.row(token)).collect(),
            version: snapshot.version,
            cache: layer.as_str().to_owned(),
            ambiguous: Vec::new(),
        },
    }))
}
