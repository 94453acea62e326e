//! The whole market.

use actix_web::web;
use contracts::api::WithProvenance;
use contracts::api::tokens::{MarketOverview, TokenAnswer};

use super::tokens::{CONVERT, enveloped};
use crate::error::ApiError;
use crate::extract::parameters::{Declare, ParameterList, Parameters};
use crate::extract::rule;
use crate::response::Enveloped;
use crate::response::envelope::Envelope;
use crate::state::AppState;

pub struct OverviewParameters;

impl ParameterList for OverviewParameters {
    fn declare(parameters: &mut impl Declare) -> Option<Self> {
        parameters.optional("convert", rule::currency(), CONVERT);
        Some(Self)
    }
}

/// The market in a few figures
///
/// Totals, velocities and rankings of the tokens whose figures are current. Tokens that trade less than 50 000 dollars a
/// day are in no ranking.
#[utoipa::path(get, path = "/api/v1/market/overview", tag = "tokens",
    responses(
        (status = 200, description = "The market", body = Envelope<MarketOverview>),
        (status = 304, description = "The client's copy is current"),
    ))]
pub async fn overview(
    state: web::Data<AppState>,
    _: Parameters<OverviewParameters>,
) -> Result<Enveloped<MarketOverview>, ApiError> {
    let found: WithProvenance<TokenAnswer<MarketOverview>> =
        state.upstreams.analytics.get("market/overview", &()).await?;
    Ok(enveloped(&state, found, |overview| (overview, None)))
}
