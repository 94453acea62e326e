//! Keeps the index whole: compared in full at the start and now and then, by counts in between, built whenever it is
//! missing.

use std::sync::Arc;
use std::time::Duration;

use deadpool_postgres::Pool;
use domain::ticker::Ticker;
use platform::backoff::Backoff;
use platform::clock::SharedClock;
use platform::retry::Failures;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use super::rebuild::{self, RebuildError, ReconcileMode};
use super::{AlertIndex, IndexError};
use crate::error_chain::error_chain;

/// Equal counts may hide that as many are missing as there are too many, so after so many rounds everything is
/// compared.
const MAX_ROUNDS_BY_COUNTS: u32 = 20;

pub struct Reconciler {
    pub index: AlertIndex,
    pub pool: Pool,
    /// Assets whose sets are compared even when nothing is armed.
    pub supported: Vec<Ticker>,
    /// Time between comparisons.
    pub interval: Duration,
    pub clock: SharedClock,
    /// Asks for a comparison before its time.
    pub wake: Arc<Notify>,
}

/// The state after the last comparison that succeeded.
struct Known {
    /// The index that was compared: another build may hold what that comparison never saw.
    epoch: Option<String>,
    /// The mode of the next comparison by counts.
    since: ReconcileMode,
    /// Comparisons by counts since the last full one.
    rounds: u32,
}

impl Reconciler {
    /// Keeps the index until the stop.
    pub async fn run(self, stop: CancellationToken) -> anyhow::Result<()> {
        let mut known = None;
        let mut failures = Failures::new(Backoff::RECONNECT);
        while let Some(done) = stop.run_until_cancelled(self.round(known.as_ref())).await {
            match done {
                Ok(now_known) => {
                    known = Some(now_known);
                    failures.reset();
                }
                Err(error) => {
                    if failures.count() == 0 {
                        tracing::warn!(error = error_chain(&error), "index not reconciled");
                    }
                    // A call does not shorten this wait: it would only meet the same outage.
                    stop.run_until_cancelled(failures.wait()).await;
                    continue;
                }
            }
            tokio::select! {
                () = stop.cancelled() => return Ok(()),
                () = self.wake.notified() => {}
                () = tokio::time::sleep(self.interval) => {}
            }
        }
        Ok(())
    }

    async fn round(&self, known: Option<&Known>) -> Result<Known, RebuildError> {
        // Before the comparison: what is created during it is looked at again by the next one.
        let begun = self.clock.now();
        rebuild::remove_unconfirmed(&self.index, &self.pool).await?;
        // Before the comparison too: if the index is lost and built during it, the next round sees another epoch and
        // compares in full.
        let epoch = self.index.epoch().await?;
        let (mode, rounds) = match known {
            Some(known) if epoch.is_some() && known.epoch == epoch && known.rounds < MAX_ROUNDS_BY_COUNTS => {
                (known.since, known.rounds + 1)
            }
            Some(_) | None => (ReconcileMode::Full, 0),
        };
        match rebuild::reconcile(&self.index, &self.pool, &self.supported, mode).await {
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
