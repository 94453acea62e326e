//! Erased accounts, until every service has forgotten them.

use std::sync::Arc;
use std::time::Duration;

use contracts::api::alerts::ErasureBody;
use jiff::SignedDuration;
use tokio_util::sync::CancellationToken;

use crate::error::ApiError;
use crate::state::AppState;
use crate::store::erasure::{self, OpenErasure};

const ERASURES_INTERVAL: Duration = Duration::from_secs(2);
const ERASURES_BATCH: i64 = 100;

/// Longer than any request runs.
const ERASURE_SETTLES_AFTER: SignedDuration = SignedDuration::from_secs(60);

/// Lets the other services forget users whose accounts were erased.
pub async fn finish_erasures(state: Arc<AppState>, stop: CancellationToken) -> anyhow::Result<()> {
    let mut tick = tokio::time::interval(ERASURES_INTERVAL);
    tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    while stop.run_until_cancelled(tick.tick()).await.is_some() {
        match stop.run_until_cancelled(forget_erased(&state)).await {
            None => break,
            Some(Ok(())) => {}
            Some(Err(error)) => tracing::warn!(%error, "erasures are not read"),
        }
    }
    Ok(())
}

async fn forget_erased(state: &AppState) -> Result<(), ApiError> {
    let open = {
        let client = state.postgres.get().await?;
        erasure::list_open(&client, ERASURES_BATCH).await?
    };
    for one in open {
        // One that fails must not hold up the others.
        if let Err(error) = forget(state, &one).await {
            tracing::warn!(%error, user_id = %one.user_id, "an erased user is not forgotten everywhere yet");
        }
    }
    Ok(())
}

async fn forget(state: &AppState, one: &OpenErasure) -> Result<(), ApiError> {
    let alerts = state.upstreams.alerts.for_user(one.user_id);
    let nothing = serde_json::Map::new();
    let step: ErasureBody = alerts.post("users/erase", &nothing).await?;
    // A request that had passed authentication before the erasure may still have made something.
    let is_settled = state.clock.now().duration_since(one.requested_at) > ERASURE_SETTLES_AFTER;
    if step.is_complete && is_settled {
        let client = state.postgres.get().await?;
        erasure::complete(&client, one.user_id).await?;
    }
    Ok(())
}
