//! `GET /internal/tokens/{token_id}/velocity`.

use actix_web::web::{Data, Json, Path, Query};
use contracts::api::WithProvenance;
use contracts::api::tokens::{TokenAnswer, VelocityBody, VelocityQuery};
use domain::velocity::Timeframe;
use platform::problem::Problem;

use super::super::params::Params;
use super::super::state::AppState;
use super::{find, list_velocities};
use crate::velocity_response::{Velocities, Wanted, velocity_body};

pub async fn show(
    state: Data<AppState>,
    name: Path<String>,
    query: Query<VelocityQuery>,
) -> Result<Json<WithProvenance<TokenAnswer<VelocityBody>>>, Problem> {
    let mut params = Params::default();
    let timeframe = params.parse("timeframe", query.timeframe.as_deref(), Timeframe::default());
    params.finish()?;
    let found = find(&state, &name, false).await?;
    let now = state.clock.now();
    let points = list_velocities(&state, found.token.token.token_id, Timeframe::LONGEST, now).await?;
    let velocities = Velocities {
        points: &points,
        now,
        max_hold: state.velocity_max_hold,
    };
    let wanted = Wanted {
        timeframe,
        history: query.include_history.unwrap_or(false),
    };
    let body = velocity_body(&found.token, &found.view(&state, now), &velocities, wanted);
    Ok(Json(found.answer(&state, now, body)))
}
