//! Keeps partitions ahead of time and drops expired ones. Any number of processes may do it at once: a lock makes them take turns.

use std::time::Duration;

use platform::clock::SharedClock;
use tokio_util::sync::CancellationToken;

use crate::store::{Retention, Store};

const EVERY: Duration = Duration::from_secs(3_600);
const AFTER_FAILURE: Duration = Duration::from_secs(30);

/// Runs until `stop`.
///
/// # Errors
/// Never for a server that does not answer.
pub async fn run(
    store: Store,
    clock: SharedClock,
    retention: Retention,
    stop: CancellationToken,
) -> anyhow::Result<()> {
    loop {
        let pause = match store.maintain(clock.now(), retention).await {
            Ok(dropped) => {
                for partition in dropped {
                    tracing::info!(partition, "expired partition dropped");
                }
                EVERY
            }
            Err(error) => {
                tracing::warn!(error = format!("{error:#}"), "partitions could not be maintained");
                AFTER_FAILURE
            }
        };
        tokio::select! {
            () = stop.cancelled() => return Ok(()),
            () = tokio::time::sleep(pause) => {}
        }
    }
}
