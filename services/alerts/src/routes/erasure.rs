//! `POST /internal/users/erase`: forgets a user.

use actix_web::web;
use contracts::api::alerts::ErasureBody;
use platform::problem::Problem;

use super::request::UserId;
use crate::error_chain::error_chain;
use crate::index::Entry;
use crate::state::AppState;
use crate::store::erasure;

/// `POST /internal/users/erase`: removes a part of what is held of the user, and says whether more is left.
pub async fn erase(state: web::Data<AppState>, user: UserId) -> Result<web::Json<ErasureBody>, Problem> {
    let step = erasure::erase_step(&state.pool, user.0, state.clock.now()).await?;
    for alert in &step.alerts {
        let entry = Entry {
            alert_id: alert.id,
            target: alert.target_price,
        };
        if let Err(error) = state.index.remove(&alert.ticker, alert.condition, &[entry]).await {
            // It cannot fire any more: rows decide, not the index.
            tracing::warn!(alert_id = %alert.id, error = error_chain(&error), "alert still indexed");
        }
    }
    Ok(web::Json(ErasureBody {
        is_complete: step.is_complete,
    }))
}
