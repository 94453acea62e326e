//! Alive, ready, and what is down.
//!
//! Every check is a real ping, bounded by one second; all run in parallel, and the result is kept
//! for a second so that no one can hammer the backends through the health address.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::future::{BoxFuture, join_all};
use serde::{Deserialize, Serialize};
use tokio::sync::Mutex;
use tokio_util::sync::CancellationToken;

use crate::clock::{Clock, SystemClock};

const CHECK_DEADLINE: Duration = Duration::from_secs(1);
const KEPT_FOR: Duration = Duration::from_secs(1);

type Ping = Arc<dyn Fn() -> BoxFuture<'static, anyhow::Result<()>> + Send + Sync>;

type Warn = Arc<dyn Fn() -> BoxFuture<'static, anyhow::Result<Option<String>>> + Send + Sync>;

/// State of one dependency.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// It answered.
    Ok,
    /// It did not answer, or answered with an error.
    Down,
}

/// What one check found.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CheckReport {
    /// Whether it answered.
    pub status: Status,
    /// How long the answer took.
    pub latency_ms: f64,
    /// When it was asked.
    pub checked_at: String,
    /// What is wrong although it answers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub warning: Option<String>,
}

/// What all checks found.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// `ok`, or `unavailable` when the process is stopping or anything is down.
    pub status: String,
    /// Each dependency's state.
    pub dependencies: BTreeMap<String, Status>,
    /// Each dependency's details.
    pub checks: BTreeMap<String, CheckReport>,
}

impl Report {
    /// Says whether work may be sent here.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        self.status == "ok"
    }
}

/// The dependencies of a process and how to ask each.
#[derive(Clone, Default)]
pub struct Readiness {
    checks: Vec<(&'static str, Ping)>,
    warnings: Vec<(&'static str, Warn)>,
    stop: Option<CancellationToken>,
    kept: Arc<Mutex<Option<(Instant, Report)>>>,
}

impl Readiness {
    /// A process without dependencies.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a dependency and its ping.
    #[must_use]
    pub fn check<F, P>(mut self, name: &'static str, ping: P) -> Self
    where
        P: Fn() -> F + Send + Sync + 'static,
        F: Future<Output = anyhow::Result<()>> + Send + 'static,
    {
        self.checks.push((name, Arc::new(move || Box::pin(ping()))));
        self
    }

    /// Adds a question about a dependency whose answer is shown with its check and does not make it down.
    #[must_use]
    pub fn warning<F, P>(mut self, name: &'static str, question: P) -> Self
    where
        P: Fn() -> F + Send + Sync + 'static,
        F: Future<Output = anyhow::Result<Option<String>>> + Send + 'static,
    {
        self.warnings.push((name, Arc::new(move || Box::pin(question()))));
        self
    }

    /// Is not ready any more once the token is cancelled, so that no new work arrives.
    #[must_use]
    pub fn until(mut self, stop: CancellationToken) -> Self {
        self.stop = Some(stop);
        self
    }

    /// Asks every dependency, or repeats what was found less than a second ago.
    pub async fn report(&self) -> Report {
        // Held over the checks on purpose: whoever comes meanwhile gets the same answer.
        let mut kept = self.kept.lock().await;
        let fresh = kept.as_ref().filter(|(at, _)| at.elapsed() < KEPT_FOR);
        let mut report = match fresh {
            Some((_, report)) => report.clone(),
            None => self.ask().await,
        };
        if fresh.is_none() {
            *kept = Some((Instant::now(), report.clone()));
        }
        if self.stop.as_ref().is_some_and(CancellationToken::is_cancelled) {
            report.status = "unavailable".to_owned();
        }
        report
    }

    async fn ask(&self) -> Report {
        let checks = join_all(self.checks.iter().map(|(name, ping)| ask_one(name, ping)));
        let warnings = join_all(self.warnings.iter().map(|(name, question)| async move {
            // A failure is that of the ping beside it, which names it.
            let answer = tokio::time::timeout(CHECK_DEADLINE, question()).await;
            (*name, answer.ok().and_then(Result::ok).flatten())
        }));
        let (mut found, warnings) = tokio::join!(checks, warnings);
        for (name, check) in &mut found {
            check.warning = warnings
                .iter()
                .find(|(of, _)| of == name)
                .and_then(|(_, text)| text.clone());
        }
        let all_ok = found.iter().all(|(_, check)| check.status == Status::Ok);
        Report {
            status: if all_ok { "ok" } else { "unavailable" }.to_owned(),
            dependencies: found.iter().map(|(name, check)| (name.clone(), check.status)).collect(),
            checks: found.into_iter().collect(),
        }
    }
}

async fn ask_one(name: &str, ping: &Ping) -> (String, CheckReport) {
    let checked_at = SystemClock.now();
    let started = Instant::now();
    let failure = match tokio::time::timeout(CHECK_DEADLINE, ping()).await {
        Ok(Ok(())) => None,
        Ok(Err(error)) => Some(format!("{error:#}")),
        Err(_) => Some("no answer within a second".to_owned()),
    };
    if let Some(error) = &failure {
        tracing::warn!(dependency = name, error, "dependency is down");
    }
    let report = CheckReport {
        status: if failure.is_none() { Status::Ok } else { Status::Down },
        latency_ms: (started.elapsed().as_secs_f64() * 1e4).round() / 10.0,
        checked_at: format!("{checked_at:.3}"),
        warning: None,
    };
    (name.to_owned(), report)
}

impl fmt::Debug for Readiness {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list()
            .entries(self.checks.iter().map(|(name, _)| name))
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    #[tokio::test]
    async fn what_is_down_or_silent_is_named() {
        let readiness = Readiness::new()
            .check("up", || async { Ok(()) })
            .check("broken", || async { anyhow::bail!("refused") })
            .check("silent", std::future::pending);
        let report = readiness.report().await;
        assert!(!report.is_ready());
        assert_eq!(report.dependencies["up"], Status::Ok);
        assert_eq!(report.dependencies["broken"], Status::Down);
        assert_eq!(report.dependencies["silent"], Status::Down);
        assert!(report.checks["silent"].latency_ms >= 1_000.0);
        assert!(!serde_json::to_string(&report).unwrap().contains("refused"));
    }

    #[tokio::test]
    async fn a_burst_of_questions_pings_once() {
        let pings = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&pings);
        let readiness = Readiness::new().check("up", move || {
            counted.fetch_add(1, Ordering::SeqCst);
            async { Ok(()) }
        });
        let reports = join_all((0..20).map(|_| readiness.report())).await;
        assert!(reports.iter().all(Report::is_ready));
        assert_eq!(pings.load(Ordering::SeqCst), 1);
    }

    #[tokio::test]
    async fn a_stopping_process_is_not_ready() {
        let stop = CancellationToken::new();
        let readiness = Readiness::new().until(stop.clone());
        assert!(readiness.report().await.is_ready());
        stop.cancel();
        assert_eq!(readiness.report().await.status, "unavailable");
    }
}
