//! `GET /internal/tokens/{token_id}`: everything that is known of a token.

use actix_web::web::{Data, Json, Path, Query};
use contracts::api::WithProvenance;
use contracts::api::tokens::{TokenAnswer, TokenDetail, TokenLinks, TokenQuery};
use contracts::number::Number;
use domain::velocity::Timeframe;
use platform::problem::Problem;

use super::super::state::AppState;
use super::{find, list_velocities};
use crate::velocity_response::{Velocities, quality, quality_body};

pub async fn show(
    state: Data<AppState>,
    name: Path<String>,
    query: Query<TokenQuery>,
) -> Result<Json<WithProvenance<TokenAnswer<TokenDetail>>>, Problem> {
    let found = find(&state, &name, query.strict.unwrap_or(false)).await?;
    let now = state.clock.now();
    let points = list_velocities(&state, found.token.token.token_id, Timeframe::D7, now).await?;
    let velocities = Velocities {
        points: &points,
        now,
        max_hold: state.velocity_max_hold,
    };
    let view = found.view(&state, now);
    let token = &found.token.token;
    let path = format!("/api/v1/tokens/{}", token.token_id);
    let row = view.row(&found.token);
    let detail = TokenDetail {
        id: row.id,
        name: row.name,
        symbol: row.symbol,
        slug: row.slug,
        cmc_rank: row.cmc_rank,
        last_updated: row.last_updated,
        freshness: row.freshness,
        quote: row.quote,
        flags: row.flags,
        date_added: token.date_added.map(Into::into),
        tags: token.tags.clone(),
        circulating_supply: token.circulating_supply.map(Number),
        total_supply: token.total_supply.map(Number),
        max_supply: token.max_supply.map(Number),
        fully_diluted_market_cap: token.fully_diluted_market_cap.map(Number),
        velocity_1h: velocities.mean(Timeframe::H1),
        velocity_4h: velocities.mean(Timeframe::H4),
        velocity_12h: velocities.mean(Timeframe::H12),
        velocity_24h: velocities.mean(Timeframe::H24),
        velocity_7d: velocities.mean(Timeframe::D7),
        data_quality: quality_body(&quality(&found.token, &view, &velocities)),
        links: TokenLinks {
            history: format!("{path}/history"),
            velocity: format!("{path}/velocity"),
        },
    };
    Ok(Json(found.answer(&state, now, detail)))
}
