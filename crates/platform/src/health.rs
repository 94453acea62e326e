//! Alive, ready, and what is down.
//!
//! A check does what the service needs to do: it writes where the service writes, and publishes where the service
//! publishes. Each is bounded by one second; all run in parallel, and the result is kept for a second so that no one
//! can hammer the backends through the health address.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::future::{BoxFuture, join_all};
use serde::{Deserialize, Serialize};
use tokio::sync::Mutex;
use tokio_util::sync::CancellationToken;

use crate::amqp::Broker;
use crate::clock::{Clock, SystemClock};
use crate::postgres::{self, Pool};
use crate::redis;

const CHECK_DEADLINE: Duration = Duration::from_secs(1);
const KEPT_FOR: Duration = Duration::from_secs(1);

/// Fails when the dependency is down, or reports what is wrong although it works.
type Check = Arc<dyn Fn() -> BoxFuture<'static, anyhow::Result<Option<String>>> + Send + Sync>;

/// State of one dependency.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// It does what is needed of it.
    Ok,
    /// It did not answer, or refused.
    Down,
}

/// What one check found.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CheckReport {
    /// Whether it works.
    pub status: Status,
    /// How long the answer took.
    pub latency_ms: f64,
    /// When it was asked.
    pub checked_at: String,
    /// What is wrong although it works.
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

/// The dependencies of a process and how to check each.
#[derive(Clone, Default)]
pub struct Readiness {
    checks: Vec<(&'static str, Check)>,
    stop: Option<CancellationToken>,
    kept: Arc<Mutex<Option<(Instant, Report)>>>,
}

impl Readiness {
    /// A process without dependencies.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a dependency and its check.
    #[must_use]
    pub fn check<F, C>(self, name: &'static str, check: C) -> Self
    where
        C: Fn() -> F + Send + Sync + 'static,
        F: Future<Output = anyhow::Result<()>> + Send + 'static,
    {
        self.check_or_warn(name, move || {
            let check = check();
            async move { check.await.map(|()| None) }
        })
    }

    /// Adds a dependency whose check may find something wrong that does not make it down.
    #[must_use]
    pub fn check_or_warn<F, C>(mut self, name: &'static str, check: C) -> Self
    where
        C: Fn() -> F + Send + Sync + 'static,
        F: Future<Output = anyhow::Result<Option<String>>> + Send + 'static,
    {
        self.checks.push((name, Arc::new(move || Box::pin(check()))));
        self
    }

    /// PostgreSQL, which has to take writes.
    #[must_use]
    pub fn postgres(self, pool: &Pool) -> Self {
        let pool = pool.clone();
        self.check("postgres", move || {
            let pool = pool.clone();
            async move { postgres::check(&pool).await }
        })
    }

    /// Redis, which has to take writes and should not evict.
    #[must_use]
    pub fn redis(self, connection: &redis::Connection) -> Self {
        let connection = connection.clone();
        self.check_or_warn("redis", move || {
            let connection = connection.clone();
            async move {
                redis::check(&connection).await?;
                // Hosted servers may refuse the question.
                Ok(redis::eviction_warning(&connection).await.ok().flatten())
            }
        })
    }

    /// RabbitMQ, which has to take messages and to have `queue` as we declare it; someone should consume it.
    #[must_use]
    pub fn rabbitmq(self, broker: &Broker, queue: &'static str) -> Self {
        let broker = broker.clone();
        self.check_or_warn("rabbitmq", move || {
            let broker = broker.clone();
            async move {
                let consumers = broker.check(queue).await?;
                Ok((consumers == 0).then(|| format!("nobody consumes the queue {queue}")))
            }
        })
    }

    /// Is not ready any more once the token is cancelled, so that no new work arrives.
    #[must_use]
    pub fn until(mut self, stop: CancellationToken) -> Self {
        self.stop = Some(stop);
        self
    }

    /// Asks every dependency, or repeats what was found less than a second ago.
    pub async fn report(&self) -> Report {
        // Held over the checks on purpose: callers that come meanwhile get the same answer.
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
        let found = join_all(self.checks.iter().map(|(name, check)| run(name, check))).await;
        let all_ok = found.iter().all(|(_, check)| check.status == Status::Ok);
        Report {
            status: if all_ok { "ok" } else { "unavailable" }.to_owned(),
            dependencies: found.iter().map(|(name, check)| (name.clone(), check.status)).collect(),
            checks: found.into_iter().collect(),
        }
    }
}

async fn run(name: &str, check: &Check) -> (String, CheckReport) {
    let checked_at = SystemClock.now();
    let started = Instant::now();
    let outcome = match tokio::time::timeout(CHECK_DEADLINE, check()).await {
        Ok(outcome) => outcome.map_err(|error| format!("{error:#}")),
        Err(_) => Err("no answer within a second".to_owned()),
    };
    if let Err(error) = &outcome {
        tracing::warn!(dependency = name, error, "dependency is down");
    }
    let report = CheckReport {
        status: if outcome.is_ok() { Status::Ok } else { Status::Down },
        latency_ms: (started.elapsed().as_secs_f64() * 1e4).round() / 10.0,
        checked_at: format!("{checked_at:.3}"),
        warning: outcome.ok().flatten(),
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
    async fn dependency_that_is_down_or_silent_is_named() {
        let readiness = Readiness::new()
            .check("up", || async { Ok(()) })
            .check("broken", || async { anyhow::bail!("refused") })
            .check("silent", std::future::pending)
            .check_or_warn("odd", || async { Ok(Some("set up badly".to_owned())) });
        let report = readiness.report().await;
        assert!(!report.is_ready());
        assert_eq!(report.dependencies["up"], Status::Ok);
        assert_eq!(report.dependencies["broken"], Status::Down);
        assert_eq!(report.dependencies["silent"], Status::Down);
        assert_eq!(report.dependencies["odd"], Status::Ok);
        assert_eq!(report.checks["odd"].warning.as_deref(), Some("set up badly"));
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
