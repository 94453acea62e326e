//! Blocks of addresses, between this process, the audit log and the other gateways.

use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use tokio_util::sync::CancellationToken;

use crate::auth::imposed_blocks::network_text;
use crate::error::ApiError;
use crate::state::AppState;
use crate::store::audit::{self, NewEntry};
use crate::store::ip_blocks;

/// Blocks that administrators add or lift hold on all gateways after this time.
const IP_BLOCKS_INTERVAL: Duration = Duration::from_secs(1);

/// Records the blocks that this process imposed, and takes over those that administrators added or lifted.
pub async fn watch_ip_blocks(state: Arc<AppState>, stop: CancellationToken) -> anyhow::Result<()> {
    let mut tick = tokio::time::interval(IP_BLOCKS_INTERVAL);
    tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut is_failing = false;
    while stop.run_until_cancelled(tick.tick()).await.is_some() {
        let outcome = exchange_ip_blocks(&state).await;
        // One line per outage, not one per second.
        if let Err(error) = &outcome
            && !is_failing
        {
            tracing::warn!(%error, "blocked addresses are not exchanged");
        }
        is_failing = outcome.is_err();
    }
    Ok(())
}

async fn exchange_ip_blocks(state: &AppState) -> Result<(), ApiError> {
    let client = state.postgres.get().await?;
    let now = state.clock.now();
    while let Some(block) = state.ip_blocker.next_unrecorded() {
        let target = network_text(block.address);
        let entry = NewEntry {
            actor_id: None,
            action: "ip_block.imposed",
            target: &target,
            details: json!({"failures": block.failures, "seconds": block.seconds}),
        };
        if let Err(error) = audit::record(&client, &entry, now).await {
            state.ip_blocker.put_back(block);
            return Err(error.into());
        }
    }
    let rows = ip_blocks::list(&client, now).await?;
    state.ip_blocker.take_over(&rows).await;
    Ok(())
}
