use actix_web::web;
use contracts::api::WithProvenance;
use contracts::api::tokens::{TokenAnswer, TokenRow, TokenSearchQuery};

use super::enveloped;
use crate::error::ApiError;
use crate::extract::parameters::{Declare, ParameterList, Parameters};
use crate::extract::rule;
use crate::response::Enveloped;
use crate::response::envelope::{Envelope, Pagination};
use crate::state::AppState;

pub struct TokenSearch(TokenSearchQuery);

impl ParameterList for TokenSearch {
    fn declare(parameters: &mut impl Declare) -> Option<Self> {
        let q = parameters.required("q", rule::search_text(), "Beginning or part of a name, slug or symbol");
        let limit = parameters.optional(
            "limit",
            rule::integer(1, 100),
            "Maximum number of tokens; 10 by default",
        );
        Some(Self(TokenSearchQuery { q: q?, limit }))
    }
}

/// Tokens by what somebody typed
///
/// Exact matches come first, then beginnings, then parts of names, then names with one or two typing errors; among
/// equals the larger token.
#[utoipa::path(get, path = "/api/v1/tokens/search", tag = "tokens",
    responses(
        (status = 200, description = "The tokens that match", body = Envelope<Vec<TokenRow>>),
        (status = 304, description = "The client's copy is current"),
    ))]
pub async fn search(
    state: web::Data<AppState>,
    Parameters(TokenSearch(query)): Parameters<TokenSearch>,
) -> Result<Enveloped<Vec<TokenRow>>, ApiError> {
    let found: WithProvenance<TokenAnswer<Vec<TokenRow>>> =
        state.upstreams.analytics.get("tokens/search", &query).await?;
    Ok(enveloped(&state, found, |tokens| {
        let pagination = Pagination::whole(tokens.len());
        (tokens, Some(pagination))
    }))
}
