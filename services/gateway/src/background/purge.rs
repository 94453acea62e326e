//! Removes what has expired.

use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, ToSpan};
use tokio_util::sync::CancellationToken;

use crate::error::ApiError;
use crate::state::AppState;
use crate::store::{idempotency_keys, ip_blocks, keys, limit_overrides, sessions, usage};
use crate::usage::calendar::Day;

const PURGE_INTERVAL: Duration = Duration::from_secs(600);

/// Revoked and expired keys are kept for so long, for the count of a user's new keys.
const ENDED_KEYS_TTL: SignedDuration = SignedDuration::from_hours(30 * 24);

/// Until then a refresh token that was used twice is known as such.
const REVOKED_SESSIONS_TTL: SignedDuration = SignedDuration::from_hours(24);

/// How long it is known what a user requested on a day.
const USAGE_RETENTION_DAYS: i32 = 400;

/// Removes stored answers of repeated POSTs, sessions, keys, limits, blocks and usage once they are over.
pub async fn remove_expired(state: Arc<AppState>, stop: CancellationToken) -> anyhow::Result<()> {
    let mut tick = tokio::time::interval(PURGE_INTERVAL);
    while stop.run_until_cancelled(tick.tick()).await.is_some() {
        if let Err(error) = remove_once(&state).await {
            tracing::warn!(%error, "what has expired is not removed");
        }
    }
    Ok(())
}

async fn remove_once(state: &AppState) -> Result<(), ApiError> {
    let now = state.clock.now();
    let client = state.postgres.get().await?;
    idempotency_keys::purge(&client, now).await?;
    sessions::purge(&client, now, now - REVOKED_SESSIONS_TTL).await?;
    keys::purge(&client, now - ENDED_KEYS_TTL).await?;
    limit_overrides::purge(&client, now).await?;
    ip_blocks::purge(&client, now).await?;
    let oldest = Day::of(now).date().saturating_sub(USAGE_RETENTION_DAYS.days());
    usage::purge(&client, oldest).await?;
    Ok(())
}
