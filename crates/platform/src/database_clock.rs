//! The database's clock, which all instances share: leases and retries must not depend on the clock of one machine.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use anyhow::Context;
use jiff::{SignedDuration, Timestamp};
use tokio_util::sync::CancellationToken;

use crate::backoff::Backoff;
use crate::clock::{Clock, SharedClock};
use crate::postgres::Pool;
use crate::retry::{Limit, retry};

/// How often the clocks are compared.
const INTERVAL: Duration = Duration::from_secs(30);

/// How often a start asks before it fails.
const START_ATTEMPTS: u32 = 11;

/// An answer that took longer says too little about when it was given.
const MAX_ROUND_TRIP: SignedDuration = SignedDuration::from_secs(1);

/// From this difference on a warning is logged.
const NOTABLE: SignedDuration = SignedDuration::from_secs(1);

/// The machine's clock, set by the database's; clones show the same time.
#[derive(Debug, Clone)]
pub struct DatabaseClock {
    machine: SharedClock,
    /// What is added to the machine's clock, in microseconds.
    offset: Arc<AtomicI64>,
}

impl DatabaseClock {
    /// A clock that shows the machine's time until it is compared.
    #[must_use]
    pub fn new(machine: SharedClock) -> Self {
        Self {
            machine,
            offset: Arc::default(),
        }
    }

    /// The same clock, ready to be handed around.
    #[must_use]
    pub fn shared(&self) -> SharedClock {
        Arc::new(self.clone())
    }

    /// Compares the clocks. The database's is taken to have answered in the middle of the round trip.
    ///
    /// # Errors
    ///
    /// No answer, or one that took too long.
    pub async fn compare(&self, pool: &Pool) -> anyhow::Result<()> {
        let client = pool.get().await.context("PostgreSQL connection")?;
        let asked = self.machine.now();
        let row = client.query_one("SELECT clock_timestamp()", &[]).await?;
        let round_trip = self.machine.now().duration_since(asked);
        anyhow::ensure!(round_trip <= MAX_ROUND_TRIP, "the answer took {round_trip:?}");
        let database: Timestamp = row.try_get(0)?;
        let offset = database.duration_since(asked) - round_trip / 2;
        let micros = i64::try_from(offset.as_micros())?;
        let before = SignedDuration::from_micros(self.offset.swap(micros, Ordering::Relaxed));
        if (offset - before).abs() >= NOTABLE {
            tracing::warn!(
                seconds = offset.as_secs_f64(),
                "this machine's clock differs from the database's, which counts"
            );
        }
        Ok(())
    }

    /// Compares the clocks before anything goes by them; a server that is slow at the moment is asked again.
    ///
    /// # Errors
    ///
    /// No answer, however often it was asked.
    pub async fn begin(&self, pool: &Pool) -> anyhow::Result<()> {
        retry(
            Backoff::RECONNECT,
            Limit::Attempts(START_ATTEMPTS),
            |_| self.compare(pool),
            |error: &anyhow::Error, attempt| {
                tracing::warn!(error = format!("{error:#}"), attempt, "clocks are not compared yet");
            },
        )
        .await
    }

    /// Compares the clocks again and again until the stop.
    pub async fn run(self, pool: Pool, stop: CancellationToken) -> anyhow::Result<()> {
        while stop.run_until_cancelled(tokio::time::sleep(INTERVAL)).await.is_some() {
            if let Some(Err(error)) = stop.run_until_cancelled(self.compare(&pool)).await {
                tracing::debug!(error = format!("{error:#}"), "clocks are not compared");
            }
        }
        Ok(())
    }
}

impl Clock for DatabaseClock {
    fn now(&self) -> Timestamp {
        let now = self.machine.now();
        let offset = SignedDuration::from_micros(self.offset.load(Ordering::Relaxed));
        now.saturating_add(offset).unwrap_or(now)
    }
}
