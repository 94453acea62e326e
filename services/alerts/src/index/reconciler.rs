//! Keeps the index whole: compared in full at the start and now and then, by counts in between, built whenever it is missing.

use std::sync::Arc;
use std::time::Duration;

use deadpool_postgres::Pool;
use domain::ticker::Ticker;
use platform::backoff::Backoff;
use platform::clock::SharedClock;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use super::rebuild::{self, RebuildError, ReconcileMode};
use super::{AlertIndex, IndexError};

/// Equal counts may hide that as many are missing as there are too many, so that every so often everything is compared.
const FULL_EVERY: u32 = 20;

/// Compares and repairs.
pub struct Reconciler {
    /// The index.
    pub index: AlertIndex,
    /// What it should hold.
    pub pool: Pool,
    /// Assets whose sets are looked at even when nothing is armed.
    pub supported: Vec<Ticker>,
    /// Time between comparisons.
    pub every: Duration,
    /// What time it is.
    pub clock: SharedClock,
    /// Calls for a comparison before its time.
    pub wake: Arc<Notify>,
}

/// What the last comparison that succeeded knew.
struct Known {
    /// The index that it looked at: another build may hold what the last comparison never saw.
    epoch: Option<String>,
    /// The depth of the next comparison by counts.
    since: ReconcileMode,
    /// Comparisons by counts since the last full one.
    rounds: u32,
}

impl Reconciler {
    /// Keeps the index until the stop.
    ///
    /// # Errors
    /// Never: every failure is waited out.
    pub async fn run(self, stop: CancellationToken) -> anyhow::Result<()> {
        let mut known = None;
        let mut failures = 0;
        while let Some(done) = stop.run_until_cancelled(self.round(known.as_ref())).await {
            let pause = match done {
                Ok(now_known) => {
                    (known, failures) = (Some(now_known), 0);
                    self.every
                }
                Err(error) => {
                    if failures == 0 {
                        tracing::warn!(error = format!("{:#}", anyhow::Error::new(error)), "index not compared");
                    }
                    failures += 1;
                    Backoff::RECONNECT.random_delay(failures)
                }
            };
            tokio::select! {
                () = stop.cancelled() => return Ok(()),
                () = self.wake.notified(), if failures == 0 => {}
                () = tokio::time::sleep(pause) => {}
            }
        }
        Ok(())
    }

    async fn round(&self, known: Option<&Known>) -> Result<Known, RebuildError> {
        let begun = self.clock.now();
        rebuild::remove_doubtful(&self.index, &self.pool).await?;
        let epoch = self.index.epoch().await?;
        let (depth, rounds) = match known {
            Some(known) if epoch.is_some() && known.epoch == epoch && known.rounds < FULL_EVERY => {
                (known.since, known.rounds + 1)
            }
            Some(_) | None => (ReconcileMode::Full, 0),
        };
        match rebuild::reconcile(&self.index, &self.pool, &self.supported, depth).await {
            Err(RebuildError::Index(IndexError::Missing)) => {
                rebuild::build(&self.index, &self.pool).await.map(|_| ())?
            }
            compared => compared.map(|_| ())?,
        }
        Ok(Known {
            epoch,
            since: ReconcileMode::Counts(begun),
            rounds,
        })
    }
}
