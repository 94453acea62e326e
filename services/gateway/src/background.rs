//! Background tasks. None of them ends before the process does: a failure is logged and tried again in the next round.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use contracts::api::alerts::ErasureBody;
use contracts::keys as names;
use futures_util::StreamExt;
use jiff::SignedDuration;
use platform::backoff::Backoff;
use platform::settings::RedisSettings;
use secrecy::ExposeSecret;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::error::ApiError;
use crate::state::AppState;
use crate::store::{api_keys, erasure, idempotency_keys, keys, sessions};

/// Changes hold on all gateways within a second.
const CHANGES_INTERVAL: Duration = Duration::from_millis(500);

/// One statement for all keys in use, instead of one per request.
const KEY_USE_INTERVAL: Duration = Duration::from_secs(10);

const PURGE_INTERVAL: Duration = Duration::from_secs(600);

/// Revoked and expired keys are kept for so long, for the count of a user's new keys.
const ENDED_KEYS_TTL: SignedDuration = SignedDuration::from_hours(30 * 24);

const ERASURES_INTERVAL: Duration = Duration::from_secs(2);
const ERASURES_BATCH: i64 = 100;

/// Longer than any request runs.
const ERASURE_SETTLES_AFTER: SignedDuration = SignedDuration::from_secs(60);

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

/// Lets the other services forget users whose accounts were erased.
pub async fn finish_erasures(state: Arc<AppState>, stop: CancellationToken) -> anyhow::Result<()> {
    let mut tick = tokio::time::interval(ERASURES_INTERVAL);
    tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    while stop.run_until_cancelled(tick.tick()).await.is_some() {
        match stop.run_until_cancelled(forget_erased(&state)).await {
            None => break,
            Some(Ok(())) => {}
            Some(Err(error)) => tracing::warn!(%error, "erased users are not forgotten everywhere yet"),
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
        let alerts = state.upstreams.alerts.for_user(one.user_id);
        let nothing = serde_json::Map::new();
        let step: ErasureBody = alerts.post("users/erase", &nothing).await?;
        // A request that had passed authentication before the erasure may still have made something.
        let is_settled = state.clock.now().duration_since(one.requested_at) > ERASURE_SETTLES_AFTER;
        if step.is_complete && is_settled {
            let client = state.postgres.get().await?;
            erasure::complete(&client, one.user_id).await?;
        }
    }
    Ok(())
}

/// Removes what has expired: stored answers of repeated POSTs, sessions, and keys that ended long ago.
pub async fn purge(state: Arc<AppState>, stop: CancellationToken) -> anyhow::Result<()> {
    let mut tick = tokio::time::interval(PURGE_INTERVAL);
    while stop.run_until_cancelled(tick.tick()).await.is_some() {
        let outcome: Result<(), ApiError> = async {
            let now = state.clock.now();
            let client = state.postgres.get().await?;
            idempotency_keys::purge(&client, now).await?;
            sessions::purge(&client, now).await?;
            keys::purge(&client, now - ENDED_KEYS_TTL).await?;
            Ok(())
        }
        .await;
        if let Err(error) = outcome {
            tracing::warn!(%error, "what has expired is not removed");
        }
    }
    Ok(())
}
