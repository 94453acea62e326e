//! The half-open state of the breaker: an endpoint that was disabled for its failures is sent a test now and then. One
//! that arrives enables it, and what was held for it is due.

use std::sync::Arc;
use std::time::Duration;

use deadpool_postgres::Pool;
use platform::clock::SharedClock;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::error_chain::error_chain;
use crate::payload;
use crate::store::StoreError;
use crate::store::deliveries::{self, TestMessage};
use crate::store::endpoints;

/// How often due probes are looked for.
const INTERVAL: Duration = Duration::from_secs(5);

pub struct Prober {
    pub pool: Pool,
    pub clock: SharedClock,
    pub relay: Arc<Notify>,
}

impl Prober {
    pub async fn run(self, stop: CancellationToken) -> anyhow::Result<()> {
        let mut ticks = tokio::time::interval(INTERVAL);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        while stop.run_until_cancelled(ticks.tick()).await.is_some() {
            if let Some(Err(error)) = stop.run_until_cancelled(self.probe_due()).await {
                tracing::warn!(error = error_chain(&error), "disabled endpoints are not probed");
            }
        }
        Ok(())
    }

    /// Puts a test for each endpoint that is due into the outbox. Returns how many.
    pub async fn probe_due(&self) -> Result<usize, StoreError> {
        let now = self.clock.now();
        let due = endpoints::take_probes(&self.pool, now).await?;
        for (endpoint_id, user_id) in &due {
            let id = Uuid::now_v7();
            let Ok(body) = payload::test_ping(id, *endpoint_id, now) else {
                continue;
            };
            let test = TestMessage {
                id,
                user_id: *user_id,
                endpoint_id: *endpoint_id,
                body,
                request_id: id.to_string(),
            };
            deliveries::create_test(&self.pool, &test, now).await?;
            tracing::info!(%endpoint_id, delivery_id = %id, "disabled endpoint probed");
        }
        if !due.is_empty() {
            self.relay.notify_one();
        }
        Ok(due.len())
    }
}
