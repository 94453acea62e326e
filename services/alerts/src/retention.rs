//! Keeps deliveries, attempts, events and transitions for a while and removes them after that, in small steps. Any
//! number of processes may do it at once: each takes other rows.

use std::time::Duration;

use deadpool_postgres::Pool;
use platform::clock::SharedClock;
use tokio_util::sync::CancellationToken;

use crate::error_chain::error_chain;
use crate::store::StoreError;
use crate::store::retention::remove_before;

/// How often expired rows are looked for.
const INTERVAL: Duration = Duration::from_secs(600);

/// Between two steps, so that a large removal takes little from everything else.
const PAUSE: Duration = Duration::from_millis(100);

pub struct Cleaner {
    pub pool: Pool,
    pub clock: SharedClock,
    /// How long they are kept.
    pub retention: Duration,
}

impl Cleaner {
    pub async fn run(self, stop: CancellationToken) -> anyhow::Result<()> {
        let mut ticks = tokio::time::interval(INTERVAL);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        while stop.run_until_cancelled(ticks.tick()).await.is_some() {
            match stop.run_until_cancelled(self.remove_expired()).await {
                Some(Ok(0)) | None => {}
                Some(Ok(removed)) => tracing::info!(removed, "expired rows removed"),
                Some(Err(error)) => {
                    tracing::warn!(error = error_chain(&error), "expired rows are not removed");
                }
            }
        }
        Ok(())
    }

    /// Removes everything that is expired now. Returns how many rows.
    pub async fn remove_expired(&self) -> Result<u64, StoreError> {
        let now = self.clock.now();
        let before = now.saturating_sub(self.retention).unwrap_or(now);
        let mut removed = 0;
        while let more @ 1.. = remove_before(&self.pool, before).await? {
            removed += more;
            tokio::time::sleep(PAUSE).await;
        }
        Ok(removed)
    }
}
