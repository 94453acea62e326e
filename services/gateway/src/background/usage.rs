//! Usage on its way from this process to Redis and PostgreSQL.

use std::sync::Arc;
use std::time::Duration;

use contracts::keys;
use platform::lease::Lease;
use platform::redis::Connection;
use tokio_util::sync::CancellationToken;

use crate::state::AppState;
use crate::usage::copy::UsageCopier;

/// Usage without a quota is counted in Redis after this time, so as long is what a process loses that is killed.
const USAGE_INTERVAL: Duration = Duration::from_secs(1);

const USAGE_COPY_INTERVAL: Duration = Duration::from_secs(5);

/// One gateway copies usage; another takes over after this time.
const USAGE_LEASE_TTL: Duration = Duration::from_secs(15);

/// Adds usage that was counted in this process to that of all.
pub async fn flush_usage(state: Arc<AppState>, stop: CancellationToken) -> anyhow::Result<()> {
    let mut tick = tokio::time::interval(USAGE_INTERVAL);
    tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    // What is counted until the server has ended is added by `crate::app`.
    while stop.run_until_cancelled(tick.tick()).await.is_some() {
        state.usage.flush().await;
    }
    Ok(())
}

/// Copies usage from Redis to PostgreSQL, while no other gateway does.
pub async fn copy_usage(state: Arc<AppState>, redis: Connection, stop: CancellationToken) -> anyhow::Result<()> {
    let mut lease = Lease::new(redis.clone(), keys::lease("usage"), USAGE_LEASE_TTL);
    let mut copier = UsageCopier::new(state.postgres.clone(), redis);
    let mut tick = tokio::time::interval(USAGE_COPY_INTERVAL);
    tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    while stop.run_until_cancelled(tick.tick()).await.is_some() {
        let copied = stop.run_until_cancelled(async {
            if lease.hold().await? {
                copier.copy().await?;
            }
            anyhow::Ok(())
        });
        if let Some(Err(error)) = copied.await {
            tracing::warn!(error = format!("{error:#}"), "usage is not copied to PostgreSQL");
        }
    }
    Ok(())
}
