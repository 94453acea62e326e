use actix_web::web;
use contracts::api::WithProvenance;
use contracts::api::tokens::{TokenAnswer, VelocityBody, VelocityQuery};

use super::{TOKEN, enveloped};
use crate::error::ApiError;
use crate::extract::parameters::{Declare, ParameterList, Parameters};
use crate::extract::rule;
use crate::extract::words::VelocityTimeframe;
use crate::response::Enveloped;
use crate::response::envelope::Envelope;
use crate::state::AppState;

pub struct TokenVelocity {
    token_id: String,
    query: VelocityQuery,
    include_trend: bool,
}

impl ParameterList for TokenVelocity {
    fn declare(parameters: &mut impl Declare) -> Option<Self> {
        let token_id = parameters.path("token_id", rule::token_name(), TOKEN);
        let timeframe = parameters.optional(
            "timeframe",
            rule::one_of("VelocityTimeframe", VelocityTimeframe::NAMES),
            "Window of the volatility score and of the history; 24h by default",
        );
        let include_trend = parameters.optional(
            "include_trend",
            rule::boolean(),
            "Whether `trend_analysis` is in the answer; true by default",
        );
        let include_history = parameters.optional(
            "include_history",
            rule::boolean(),
            "Whether the points of the window are in the answer; false by default",
        );
        Some(Self {
            token_id: token_id?,
            query: VelocityQuery {
                timeframe,
                include_history,
            },
            include_trend: include_trend.unwrap_or(true),
        })
    }
}

/// The velocity of a token
///
/// Volume of 24 hours over market capitalisation: now, as means over trailing windows, and where it is heading.
#[utoipa::path(get, path = "/api/v1/tokens/{token_id}/velocity", tag = "tokens",
    responses(
        (status = 200, description = "The velocity", body = Envelope<VelocityBody>),
        (status = 304, description = "The client's copy is current"),
        (status = 404, description = "No listing has the token"),
    ))]
pub async fn velocity(
    state: web::Data<AppState>,
    Parameters(TokenVelocity {
        token_id,
        query,
        include_trend,
    }): Parameters<TokenVelocity>,
) -> Result<Enveloped<VelocityBody>, ApiError> {
    let path = format!("tokens/{token_id}/velocity");
    let found: WithProvenance<TokenAnswer<VelocityBody>> = state.upstreams.analytics.get(&path, &query).await?;
    Ok(enveloped(&state, found, |mut body| {
        body.trend_analysis = body.trend_analysis.filter(|_| include_trend);
        (body, None)
    }))
}
