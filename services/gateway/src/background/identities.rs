//! Changes and uses of keys and sessions.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use contracts::keys as names;
use platform::redis::{Announcement, Subscription};
use platform::settings::RedisSettings;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::error::ApiError;
use crate::state::AppState;
use crate::store::api_keys;

/// Changes hold on all gateways within a second.
const CHANGES_INTERVAL: Duration = Duration::from_millis(500);

/// One statement for all keys in use, instead of one per request.
const KEY_USE_INTERVAL: Duration = Duration::from_secs(10);

/// Drops cached identities as other gateways publish that their keys have changed.
pub async fn listen_for_revocations(
    state: Arc<AppState>,
    redis: RedisSettings,
    stop: CancellationToken,
) -> anyhow::Result<()> {
    let mut subscription = Subscription::new(&redis, &[names::AUTH_REVOKED_CHANNEL]);
    while let Some(announcement) = stop.run_until_cancelled(subscription.next()).await {
        match announcement {
            // After subscribing, not before: what is published in between would be missed.
            Announcement::Subscribed => state.identities.invalidate_all(),
            Announcement::Message { payload, .. } => state.identities.on_revoked(&payload).await,
            Announcement::Lost => {}
        }
    }
    Ok(())
}

/// Carries changes of identities from PostgreSQL to the caches.
pub async fn propagate_identity_changes(state: Arc<AppState>, stop: CancellationToken) -> anyhow::Result<()> {
    let mut tick = tokio::time::interval(CHANGES_INTERVAL);
    tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut is_failing = false;
    while stop.run_until_cancelled(tick.tick()).await.is_some() {
        let Some(outcome) = stop.run_until_cancelled(state.identities.propagate_changes()).await else {
            break;
        };
        // One line per outage, not two per second.
        if let Err(error) = &outcome
            && !is_failing
        {
            tracing::warn!(%error, "changes of identities wait to be passed on");
        }
        is_failing = outcome.is_err();
    }
    Ok(())
}

/// Writes the last use of keys to PostgreSQL.
pub async fn flush_key_usage(
    state: Arc<AppState>,
    mut used: mpsc::Receiver<Uuid>,
    stop: CancellationToken,
) -> anyhow::Result<()> {
    let mut waiting = HashSet::new();
    let mut tick = tokio::time::interval(KEY_USE_INTERVAL);
    loop {
        tokio::select! {
            Some(id) = used.recv() => {
                waiting.insert(id);
            }
            _ = tick.tick() => flush(&state, &mut waiting).await,
            () = stop.cancelled() => {
                flush(&state, &mut waiting).await;
                return Ok(());
            }
        }
    }
}

async fn flush(state: &AppState, waiting: &mut HashSet<Uuid>) {
    if waiting.is_empty() {
        return;
    }
    let ids: Vec<Uuid> = waiting.drain().collect();
    let outcome: Result<(), ApiError> = async {
        let client = state.postgres.get().await?;
        Ok(api_keys::set_last_used(&client, &ids, state.clock.now()).await?)
    }
    .await;
    if let Err(error) = outcome {
        tracing::warn!(%error, "use of keys is not written down");
    }
}
