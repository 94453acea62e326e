//! Hearing of results as they are announced.

use contracts::keys;
use futures_util::StreamExt;
use platform::backoff::Backoff;
use platform::retry::Failures;
use platform::settings::RedisSettings;
use secrecy::ExposeSecret;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::outcome::BatchResult;
use super::waiters::Waiters;

/// Hands announced results to those who wait for them here, until nobody can any more. `is_subscribed` says whether it can; each
/// time it begins to, results that were announced before have to be looked up.
///
/// # Errors
///
/// None; the result is that of a supervised task.
pub async fn run(
    redis: RedisSettings,
    waiters: Waiters,
    is_subscribed: watch::Sender<bool>,
    stop: CancellationToken,
) -> anyhow::Result<()> {
    let mut failures = Failures::new(Backoff::RECONNECT);
    loop {
        let listening = listen(&redis, &waiters, &is_subscribed);
        let outcome = stop.run_until_cancelled(listening).await;
        let was_subscribed = is_subscribed.send_replace(false);
        let Some(outcome) = outcome else { return Ok(()) };
        if was_subscribed {
            failures.reset();
        }
        if failures.count() == 0 {
            let reason = outcome
                .err()
                .map_or_else(|| "connection closed".to_owned(), |error| format!("{error:#}"));
            tracing::warn!(reason, "results of batches are not heard of, and looked up instead");
        }
        if stop.run_until_cancelled(failures.wait()).await.is_none() {
            return Ok(());
        }
    }
}

async fn listen(redis: &RedisSettings, waiters: &Waiters, is_subscribed: &watch::Sender<bool>) -> anyhow::Result<()> {
    let client = redis::Client::open(redis.redis_url.expose_secret())?;
    let mut channel = client.get_async_pubsub().await?;
    channel
        .subscribe(&[keys::BATCH_RESULTS_CHANNEL, keys::BATCH_FILLED_CHANNEL])
        .await?;
    is_subscribed.send_replace(true);
    let mut messages = channel.on_message();
    while let Some(message) = messages.next().await {
        if message.get_channel_name() == keys::BATCH_FILLED_CHANNEL {
            if let Ok(batch_id) = message.get_payload::<String>().unwrap_or_default().parse() {
                waiters.note_filled(batch_id);
            }
            continue;
        }
        match serde_json::from_slice::<BatchResult>(message.get_payload_bytes()) {
            Ok(result) => waiters.deliver(result),
            Err(error) => tracing::warn!(%error, "an announcement that is no result"),
        }
    }
    Ok(())
}
