//! Publishes metrics: the newest per asset, and every change in a stream.

use anyhow::Context;
use contracts::keys;
use contracts::messages::MetricsMessage;
use platform::redis::Connection;
use platform::stream;

/// Writes metrics to Redis in one round trip.
///
/// # Errors
/// Redis does not answer; publishing again does no harm.
pub async fn publish(connection: &Connection, metrics: &[MetricsMessage]) -> anyhow::Result<()> {
    if metrics.is_empty() {
        return Ok(());
    }
    let mut pipeline = redis::pipe();
    for message in metrics {
        let text = serde_json::to_string(message)?;
        pipeline.set(keys::metrics(&message.ticker), &text).ignore();
        stream::append_to(&mut pipeline, keys::METRICS_STREAM, keys::METRICS_STREAM_MAX_LEN, &text);
    }
    let () = pipeline
        .query_async(&mut connection.clone())
        .await
        .context("publishing metrics")?;
    Ok(())
}
