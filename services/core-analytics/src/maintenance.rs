//! Keeps partitions ahead of time and drops expired ones. Any number of processes may do it at once: a lock makes
//! them take turns.

use std::time::Duration;

use platform::clock::SharedClock;
use tokio_util::sync::CancellationToken;

use crate::store::{Retention, Store};

const MAINTENANCE_INTERVAL: Duration = Duration::from_secs(3_600);
const RETRY_INTERVAL: Duration = Duration::from_secs(30);

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
                MAINTENANCE_INTERVAL
            }
            Err(error) => {
                let error = anyhow::Error::from(error);
                tracing::warn!(error = format!("{error:#}"), "partitions could not be maintained");
                RETRY_INTERVAL
            }
        };
        tokio::select! {
            () = stop.cancelled() => return Ok(()),
            () = tokio::time::sleep(pause) => {}
        }
    }
}
