use actix_web::web;
use contracts::api::WithProvenance;
use contracts::api::tokens::{TokenAnswer, TokenDetail, TokenQuery};

use super::{CONVERT, TOKEN, enveloped};
use crate::error::ApiError;
use crate::extract::parameters::{Declare, ParameterList, Parameters};
use crate::extract::rule;
use crate::response::Enveloped;
use crate::response::envelope::Envelope;
use crate::state::AppState;

pub struct OneToken {
    token_id: String,
    query: TokenQuery,
}

impl ParameterList for OneToken {
    fn declare(parameters: &mut impl Declare) -> Option<Self> {
        let token_id = parameters.path("token_id", rule::token_name(), TOKEN);
        parameters.optional("convert", rule::currency(), CONVERT);
        let strict = parameters.optional(
            "strict",
            rule::boolean(),
            "Whether a symbol that several tokens share is an error; false by default",
        );
        Some(Self {
            token_id: token_id?,
            query: TokenQuery { strict },
        })
    }
}

/// A token with everything that is known of it
///
/// `metadata.ambiguous` lists the ids of other tokens with the same symbol.
#[utoipa::path(get, path = "/api/v1/tokens/{token_id}", tag = "tokens",
    responses(
        (status = 200, description = "The token", body = Envelope<TokenDetail>),
        (status = 304, description = "The client's copy is current"),
        (status = 404, description = "No listing has the token"),
        (status = 409, description = "Several tokens have the symbol, and `strict` was asked for"),
    ))]
pub async fn show(
    state: web::Data<AppState>,
    Parameters(OneToken { token_id, query }): Parameters<OneToken>,
) -> Result<Enveloped<TokenDetail>, ApiError> {
    let path = format!("tokens/{token_id}");
    let found: WithProvenance<TokenAnswer<TokenDetail>> = state.upstreams.analytics.get(&path, &query).await?;
    Ok(enveloped(&state, found, |token| (token, None)))
}
