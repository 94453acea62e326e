//! `GET /internal/tokens`: the tokens that filters leave, sorted, page by page.

use std::collections::HashSet;
use std::fmt::Display;
use std::str::FromStr;

use actix_web::web::{Data, Json, Query};
use contracts::api::WithProvenance;
use contracts::api::tokens::{TokenAnswer, TokenPage, TokensQuery};
use contracts::problem::ProblemKind;
use platform::problem::Problem;

use super::super::params::Params;
use super::super::state::{AppState, to_problem};
use super::{of_snapshot, view};
use crate::token_list::{Bounds, SnapshotId, SortDirection, SortKey, TokenFilter};

const DEFAULT_LIMIT: u32 = 100;
const LIMIT: std::ops::RangeInclusive<u32> = 1..=1_000;
/// Most ids or symbols in a filter.
const MAX_NAMES: usize = 1_000;

/// Answers with a page. A cursor goes on with the tokens as they were when its first page was taken.
pub async fn list(
    state: Data<AppState>,
    query: Query<TokensQuery>,
) -> Result<Json<WithProvenance<TokenAnswer<TokenPage>>>, Problem> {
    let mut params = Params::default();
    let limit = query.limit.unwrap_or(DEFAULT_LIMIT);
    if !LIMIT.contains(&limit) {
        params.refuse("limit", "out_of_range", "must be from 1 to 1000".to_owned());
    }
    let start = query.start.unwrap_or(1);
    if start == 0 {
        params.refuse("start", "out_of_range", "must be at least 1".to_owned());
    }
    let key = params.parse("sort", query.sort.as_deref(), SortKey::default());
    let direction = params.parse("sort_dir", query.sort_dir.as_deref(), SortDirection::default());
    let filter = filter(&mut params, &query);
    params.finish()?;

    let (snapshot, layer, skip) = match &query.cursor {
        Some(cursor) => {
            let unknown = || Problem::new(ProblemKind::InvalidCursor, "The cursor is unknown or has expired.");
            let (id, skip) = parse_cursor(cursor).ok_or_else(unknown)?;
            let found = state.tokens.find(&id).await.map_err(to_problem)?;
            let (snapshot, layer) = found.ok_or_else(unknown)?;
            (snapshot, layer, skip)
        }
        None => {
            let (snapshot, layer) = state.newest_tokens().await?;
            (snapshot, layer, usize::try_from(start - 1).unwrap_or(usize::MAX))
        }
    };
    let now = state.clock.now();
    let view = view(&state, &snapshot, now);
    let selection = snapshot.select(&filter, (key, direction), skip, limit as usize);
    let next = skip.saturating_add(selection.tokens.len());
    let page = TokenPage {
        items: selection.tokens.iter().map(|token| view.row(token)).collect(),
        total: selection.total as u64,
        start: skip as u64 + 1,
        next_cursor: (next < selection.total && !selection.tokens.is_empty())
            .then(|| format!("{}.{next}", snapshot.id())),
    };
    Ok(Json(of_snapshot(&snapshot, layer, &view, page)))
}

fn filter(params: &mut Params, query: &TokensQuery) -> TokenFilter {
    TokenFilter {
        market_cap: bounds(params, "market_cap", (&query.min_market_cap, &query.max_market_cap)),
        volume_24h: bounds(params, "volume", (&query.min_volume, &query.max_volume)),
        velocity: bounds(params, "velocity", (&query.min_velocity, &query.max_velocity)),
        ids: names(params, "ids", query.ids.as_deref(), |id| id.parse().ok()),
        symbols: names(params, "symbols", query.symbols.as_deref(), |symbol| {
            Some(symbol.to_uppercase())
        }),
    }
}

fn bounds<T>(params: &mut Params, name: &str, (min, max): (&Option<String>, &Option<String>)) -> Bounds<T>
where
    T: FromStr + PartialOrd + Copy,
    T::Err: Display,
{
    let mut bound = |which: &str, text: &Option<String>| {
        let text = text.as_deref()?;
        let value = text.parse().ok();
        if value.is_none() {
            params.refuse(&format!("{which}_{name}"), "invalid", "must be a number".to_owned());
        }
        value
    };
    let bounds = Bounds {
        min: bound("min", min),
        max: bound("max", max),
    };
    if bounds.are_empty() {
        params.refuse(
            &format!("min_{name}"),
            "invalid_range",
            format!("must not exceed max_{name}"),
        );
    }
    bounds
}

fn names<T: Eq + std::hash::Hash>(
    params: &mut Params,
    name: &str,
    text: Option<&str>,
    parse: impl Fn(&str) -> Option<T>,
) -> Option<HashSet<T>> {
    let words: Vec<&str> = text?
        .split(',')
        .map(str::trim)
        .filter(|word| !word.is_empty())
        .collect();
    if words.len() > MAX_NAMES {
        params.refuse(name, "too_many", format!("must be at most {MAX_NAMES}"));
        return None;
    }
    let parsed: Option<HashSet<T>> = words.into_iter().map(parse).collect();
    if parsed.is_none() {
        params.refuse(name, "invalid", "must be a comma list of whole numbers".to_owned());
    }
    parsed
}

/// A cursor is the snapshot, and how many of its tokens were given out.
fn parse_cursor(cursor: &str) -> Option<(SnapshotId, usize)> {
    let (id, skip) = cursor.split_once('.')?;
    Some((id.parse().ok()?, skip.parse().ok()?))
}
