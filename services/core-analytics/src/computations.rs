//! Long computations: off the threads that answer requests, few at a time, and not for clients that are gone.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use platform::problem::Problem;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// The turns that computations take.
#[derive(Debug, Clone)]
pub struct Computations {
    turns: Arc<Semaphore>,
}

/// A turn. The memory of what is computed with is bounded by it too, so it is taken before anything is read.
#[derive(Debug)]
pub struct Turn {
    permit: OwnedSemaphorePermit,
}

/// Tells a computation whether anyone waits for it.
#[derive(Debug, Clone)]
pub struct Waiting(Arc<AtomicBool>);

/// Belongs to the waiting request: dropped when its client goes.
struct Waiter(Arc<AtomicBool>);

impl Drop for Waiter {
    fn drop(&mut self) {
        self.0.store(false, Ordering::Relaxed);
    }
}

impl Waiting {
    /// Whether anyone still waits.
    #[must_use]
    pub fn goes_on(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

impl Computations {
    /// As many at a time as leave half of the machine's cores for everything else.
    #[must_use]
    pub fn for_this_machine() -> Self {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        Self::new((cores / 2).max(1))
    }

    /// At most `turns` at a time.
    #[must_use]
    pub fn new(turns: usize) -> Self {
        Self {
            turns: Arc::new(Semaphore::new(turns)),
        }
    }

    /// Waits for a turn.
    ///
    /// # Errors
    /// The service is stopping.
    pub async fn turn(&self) -> Result<Turn, Problem> {
        let permit = Arc::clone(&self.turns).acquire_owned().await;
        permit
            .map(|permit| Turn { permit })
            .map_err(|_| Problem::unavailable("The service is stopping."))
    }
}

impl Turn {
    /// Runs `work` on a thread of its own. It should end early once nobody waits; its turn ends when it does.
    ///
    /// # Errors
    /// The work panicked.
    pub async fn run<T: Send + 'static>(self, work: impl FnOnce(&Waiting) -> T + Send + 'static) -> Result<T, Problem> {
        let waited_for = Arc::new(AtomicBool::new(true));
        let _waiter = Waiter(Arc::clone(&waited_for));
        let waiting = Waiting(waited_for);
        let permit = self.permit;
        let computed = tokio::task::spawn_blocking(move || {
            let result = work(&waiting);
            drop(permit);
            result
        });
        computed.await.map_err(|error| Problem::internal(&error.into()))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[tokio::test]
    async fn computation_ends_when_its_client_goes_and_the_next_has_its_turn() {
        let computations = Computations::new(1);
        let turn = computations.turn().await.unwrap();
        let (started, has_started) = tokio::sync::oneshot::channel();
        let work = turn.run(move |waiting| {
            started.send(()).unwrap();
            while waiting.goes_on() {
                std::thread::yield_now();
            }
        });
        tokio::select! {
            ended = work => panic!("it ended by itself: {ended:?}"),
            started = has_started => started.unwrap(),
        }
        let next = tokio::time::timeout(Duration::from_secs(10), computations.turn()).await;
        let result = next.expect("the turn is free again").unwrap().run(|_| 7).await;
        assert_eq!(result.unwrap(), 7);
    }
}
