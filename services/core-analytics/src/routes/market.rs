//! `GET /internal/market/overview`.

use actix_web::web::{Data, Json};
use contracts::api::WithProvenance;
use contracts::api::tokens::{MarketOverview, TokenAnswer};
use platform::problem::Problem;

use super::state::AppState;
use super::tokens::{of_snapshot, view};
use crate::market_overview::market_overview;

pub async fn overview(state: Data<AppState>) -> Result<Json<WithProvenance<TokenAnswer<MarketOverview>>>, Problem> {
    let (snapshot, layer) = state.newest_tokens().await?;
    let now = state.clock.now();
    let view = view(&state, &snapshot, now);
    let overview = market_overview(&snapshot.tokens, &view);
    Ok(Json(of_snapshot(&snapshot, layer, &view, overview)))
}
