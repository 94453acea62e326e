//! Long-lived tasks whose death ends the process.
//!
//! A service that lost one of its loops looks healthy and does nothing; so the first task that
//! ends or panics before it was told to stops all others, and the caller exits with an error for
//! the orchestrator to restart it. On a stop, every task has until the deadline to finish.

use std::collections::HashMap;
use std::time::Duration;

use anyhow::anyhow;
use tokio::task::{Id, JoinError, JoinSet};
use tokio_util::sync::CancellationToken;

/// Keeps watch over the tasks of one process.
#[derive(Debug)]
pub struct Supervisor {
    stop: CancellationToken,
    deadline: Duration,
    tasks: JoinSet<anyhow::Result<()>>,
    names: HashMap<Id, &'static str>,
}

impl Supervisor {
    /// Watches until `stop` is cancelled, then gives the tasks `deadline` to finish.
    #[must_use]
    pub fn new(stop: CancellationToken, deadline: Duration) -> Self {
        Self {
            stop,
            deadline,
            tasks: JoinSet::new(),
            names: HashMap::new(),
        }
    }

    /// Starts a task that runs until the token is cancelled.
    pub fn spawn<F>(&mut self, name: &'static str, task: F)
    where
        F: Future<Output = anyhow::Result<()>> + Send + 'static,
    {
        let handle = self.tasks.spawn(task);
        self.names.insert(handle.id(), name);
    }

    /// The token that stops all tasks.
    #[must_use]
    pub fn token(&self) -> CancellationToken {
        self.stop.clone()
    }

    /// Waits for the stop, or for the first task that dies.
    ///
    /// # Errors
    ///
    /// A task failed, panicked, ended before the stop, or outlived the deadline.
    pub async fn run(mut self) -> anyhow::Result<()> {
        let first = tokio::select! {
            biased;
            () = self.stop.cancelled() => Ok(()),
            Some(ended) = self.tasks.join_next_with_id() => self.report_early_end(ended),
        };
        if let Err(error) = &first {
            tracing::error!(error = format!("{error:#}"), "task died, stopping the process");
        }
        self.stop.cancel();
        let rest = self.finish().await;
        first.and(rest)
    }

    /// Says what an end before the stop means; one that raced with the stop is fine.
    fn report_early_end(&mut self, ended: Ended) -> anyhow::Result<()> {
        let (name, result) = self.describe(ended);
        match result {
            Err(error) => Err(error.context(format!("task {name} died"))),
            Ok(()) if self.stop.is_cancelled() => Ok(()),
            Ok(()) => Err(anyhow!("task {name} ended although nobody stopped it")),
        }
    }

    async fn finish(&mut self) -> anyhow::Result<()> {
        let deadline = tokio::time::sleep(self.deadline);
        tokio::pin!(deadline);
        let mut outcome = Ok(());
        loop {
            tokio::select! {
                ended = self.tasks.join_next_with_id() => {
                    let Some(ended) = ended else { return outcome };
                    let (name, result) = self.describe(ended);
                    if let Err(error) = result {
                        tracing::warn!(task = name, error = format!("{error:#}"), "task failed while stopping");
                        outcome = outcome.and(Err(error.context(format!("task {name} failed while stopping"))));
                    }
                }
                () = &mut deadline => {
                    let mut left: Vec<_> = self.names.values().copied().collect();
                    left.sort_unstable();
                    self.tasks.shutdown().await;
                    return Err(anyhow!("cut off after {:?}: {}", self.deadline, left.join(", ")));
                }
            }
        }
    }

    fn describe(&mut self, ended: Ended) -> (&'static str, anyhow::Result<()>) {
        match ended {
            Ok((id, result)) => (self.names.remove(&id).unwrap_or("unnamed"), result),
            Err(error) => (
                self.names.remove(&error.id()).unwrap_or("unnamed"),
                Err(anyhow::Error::new(error)),
            ),
        }
    }
}

type Ended = Result<(Id, anyhow::Result<()>), JoinError>;

#[cfg(test)]
mod tests {
    use super::*;

    fn supervisor() -> (Supervisor, CancellationToken) {
        let stop = CancellationToken::new();
        (Supervisor::new(stop.clone(), Duration::from_secs(5)), stop)
    }

    #[tokio::test]
    async fn a_stop_lets_every_task_finish() {
        let (mut supervisor, stop) = supervisor();
        for name in ["one", "two"] {
            let token = stop.clone();
            supervisor.spawn(name, async move {
                token.cancelled().await;
                tokio::task::yield_now().await;
                Ok(())
            });
        }
        let run = tokio::spawn(supervisor.run());
        stop.cancel();
        run.await.unwrap().unwrap();
    }

    #[tokio::test]
    async fn a_task_that_ends_early_stops_the_others_and_is_named() {
        let (mut supervisor, stop) = supervisor();
        let token = stop.clone();
        supervisor.spawn("patient", async move {
            token.cancelled().await;
            Ok(())
        });
        supervisor.spawn("short", async { Ok(()) });
        let error = supervisor.run().await.unwrap_err();
        assert!(error.to_string().contains("task short ended"), "{error:#}");
        assert!(stop.is_cancelled());
    }

    #[tokio::test]
    async fn a_panic_is_an_error() {
        let (mut supervisor, _stop) = supervisor();
        supervisor.spawn("clumsy", async { panic!("tripped") });
        let error = format!("{:#}", supervisor.run().await.unwrap_err());
        assert!(error.contains("task clumsy died"), "{error}");
        assert!(error.contains("tripped"), "{error}");
    }

    #[tokio::test]
    async fn a_failure_keeps_its_reason() {
        let (mut supervisor, _stop) = supervisor();
        supervisor.spawn("reader", async { Err(anyhow!("no such stream")) });
        let error = format!("{:#}", supervisor.run().await.unwrap_err());
        assert!(error.contains("reader") && error.contains("no such stream"), "{error}");
    }

    #[tokio::test]
    async fn task_that_outlives_the_deadline_is_cut_off_and_named() {
        let stop = CancellationToken::new();
        let mut supervisor = Supervisor::new(stop.clone(), Duration::from_millis(10));
        supervisor.spawn("stubborn", std::future::pending());
        stop.cancel();
        let error = supervisor.run().await.unwrap_err();
        assert!(error.to_string().contains("stubborn"), "{error:#}");
    }
}
