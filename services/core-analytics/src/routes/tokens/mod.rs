//! The routes of tokens.

pub mod history;
pub mod list;
pub mod search;
pub mod show;
pub mod velocity;

use std::sync::Arc;

use contracts::api::WithProvenance;
use contracts::api::tokens::TokenAnswer;
use contracts::problem::ProblemKind;
use domain::velocity::{Timeframe, VelocityPoint};
use jiff::Timestamp;
use platform::problem::Problem;

use super::state::AppState;
use crate::store::{StoredToken, token_history};
use crate::token_list::{CacheLayer, TokenSnapshot};
use crate::token_response::View;

/// A token that a path names, and where it was found.
struct Found {
    token: StoredToken,
    ambiguous: Vec<i64>,
    snapshot: Arc<TokenSnapshot>,
    layer: CacheLayer,
}

impl Found {
    fn view(&self, state: &AppState, now: Timestamp) -> View<'_> {
        view(state, &self.snapshot, now)
    }

    /// Wraps an answer about this token with where it comes from.
    fn answer<T>(&self, state: &AppState, now: Timestamp, value: T) -> WithProvenance<TokenAnswer<T>> {
        let view = self.view(state, now);
        let quoted_at = self.token.token.quoted_at;
        WithProvenance {
            state: view.state(Some(quoted_at), self.token.is_fallback),
            as_of: Some(quoted_at.into()),
            sources: vec![self.token.provider.to_string()],
            estimated: view.is_estimated(),
            data: TokenAnswer {
                value,
                version: self.snapshot.id().version,
                cache: self.layer.as_str().to_owned(),
                ambiguous: self.ambiguous.clone(),
            },
        }
    }
}

/// The token of an id, slug or symbol.
async fn find(state: &AppState, name: &str, strict: bool) -> Result<Found, Problem> {
    let (snapshot, layer) = state.newest_tokens().await?;
    let Some(resolution) = snapshot.resolve(name) else {
        return Err(Problem::new(
            ProblemKind::TokenNotFound,
            format!("There is no token {name} here."),
        ));
    };
    let ambiguous: Vec<i64> = resolution.others.iter().map(|other| other.token.token_id).collect();
    if strict && !ambiguous.is_empty() {
        let ids: Vec<String> = std::iter::once(resolution.token.token.token_id)
            .chain(ambiguous.iter().copied())
            .map(|id| id.to_string())
            .collect();
        let detail = format!("Several tokens have the symbol {name}: {}.", ids.join(", "));
        return Err(Problem::new(ProblemKind::AmbiguousSymbol, detail));
    }
    let token = resolution.token.clone();
    Ok(Found {
        token,
        ambiguous,
        snapshot,
        layer,
    })
}

/// Wraps an answer about all tokens with where it comes from.
pub fn of_snapshot<T>(
    snapshot: &TokenSnapshot,
    layer: CacheLayer,
    view: &View<'_>,
    value: T,
) -> WithProvenance<TokenAnswer<T>> {
    let newest = snapshot.newest();
    let listing = snapshot.state.as_ref();
    WithProvenance {
        state: view.state(newest, listing.is_some_and(|listing| listing.is_fallback)),
        as_of: newest.map(Into::into),
        sources: listing
            .and_then(|listing| listing.provider)
            .map(|provider| provider.to_string())
            .into_iter()
            .collect(),
        estimated: view.is_estimated(),
        data: TokenAnswer {
            value,
            version: snapshot.id().version,
            cache: layer.as_str().to_owned(),
            ambiguous: Vec::new(),
        },
    }
}

pub fn view<'a>(state: &AppState, snapshot: &'a TokenSnapshot, now: Timestamp) -> View<'a> {
    View {
        now,
        max_age: state.token_max_age,
        listing: snapshot.state.as_ref(),
    }
}

/// The velocities of a token that timeframes up to `longest` need.
async fn list_velocities(
    state: &AppState,
    token_id: i64,
    longest: Timeframe,
    now: Timestamp,
) -> Result<Vec<VelocityPoint>, Problem> {
    let from = now - longest.duration() - state.velocity_max_hold;
    Ok(token_history::list_velocities(&state.client().await?, token_id, from).await?)
}
