//! Changes and uses of keys and sessions.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use contracts::keys as names;
use futures_util::StreamExt;
use platform::backoff::Backoff;
use platform::settings::RedisSettings;
use secrecy::ExposeSecret;
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
    let mut attempt = 0;
    loop {
        let mut connected = false;
        let broken = stop
            .run_until_cancelled(listen_once(&state, &redis, &mut connected))
            .await;
        let Some(outcome) = broken else { return Ok(()) };
        attempt = if connected { 0 } else { attempt + 1 };
        let reason = outcome
            .err()
            .map_or_else(|| "connection closed".to_owned(), |error| format!("{error:#}"));
        tracing::warn!(reason, attempt, "announcements of revoked keys are not received");
        let pause = tokio::time::sleep(Backoff::RECONNECT.random_delay(attempt));
        if stop.run_until_cancelled(pause).await.is_none() {
            return Ok(());
        }
    }
}

async fn listen_once(state: &AppState, redis: &RedisSettings, connected: &mut bool) -> anyhow::Result<()> {
    let client = redis::Client::open(redis.redis_url.expose_secret())?;
    let mut channel = client.get_async_pubsub().await?;
    channel.subscribe(names::AUTH_REVOKED_CHANNEL).await?;
    // After subscribing, not before: what is published in between would be missed.
    state.identities.invalidate_all();
    *connected = true;
    let mut messages = channel.on_message();
    while let Some(message) = messages.next().await {
        state
            .identities
            .on_revoked(&message.get_payload::<String>().unwrap_or_default())
            .await;
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
