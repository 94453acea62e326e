//! Hearing of results as they are announced.

use contracts::keys;
use platform::redis::{Announcement, Subscription};
use platform::settings::RedisSettings;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::outcome::BatchResult;
use super::waiters::Waiters;

/// Hands announced results to those who wait for them here, until nobody can any more. `is_subscribed` says whether it
/// can; each time it begins to, results that were announced before have to be looked up.
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
    let channels = [keys::BATCH_RESULTS_CHANNEL, keys::BATCH_FILLED_CHANNEL];
    let mut subscription = Subscription::new(&redis, &channels);
    while let Some(announcement) = stop.run_until_cancelled(subscription.next()).await {
        match announcement {
            Announcement::Subscribed => drop(is_subscribed.send_replace(true)),
            Announcement::Lost => drop(is_subscribed.send_replace(false)),
            Announcement::Message { channel, payload } if channel == keys::BATCH_FILLED_CHANNEL => {
                if let Ok(batch_id) = payload.parse() {
                    waiters.note_filled(batch_id);
                }
            }
            Announcement::Message { payload, .. } => match serde_json::from_str::<BatchResult>(&payload) {
                Ok(result) => waiters.deliver(result),
                Err(error) => tracing::warn!(%error, "an announcement that is no result"),
            },
        }
    }
    is_subscribed.send_replace(false);
    Ok(())
}
