//! Computations over many candles: few at a time, on threads that may block, and given up when nobody waits any more.
//!
//! A handler runs on a worker that serves other requests as well. A computation of seconds on it makes all of them
//! wait, and one whose client has gone away still takes a core. Therefore the candles are read and computed with a
//! permit in hand, the computing happens on the blocking pool, and dropping the handler tells it to stop.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use contracts::problem::ProblemKind;
use platform::problem::Problem;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// How many computations run at once.
#[derive(Debug, Clone)]
pub struct Computations(Arc<Semaphore>);

impl Default for Computations {
    /// Half of the cores, so that the quote consumer and short requests always find one.
    fn default() -> Self {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        Self(Arc::new(Semaphore::new((cores / 2).max(1))))
    }
}

impl Computations {
    /// Waits for a permit, in order of arrival.
    pub async fn permit(&self) -> Result<Permit, Problem> {
        let permit = Arc::clone(&self.0).acquire_owned().await;
        permit
            .map(Permit)
            .map_err(|_| Problem::new(ProblemKind::ShuttingDown, "The service is stopping."))
    }
}

/// The right to read and compute.
#[derive(Debug)]
pub struct Permit(OwnedSemaphorePermit);

/// Whether anybody still waits for the result.
#[derive(Debug, Clone)]
pub struct Wanted(Arc<AtomicBool>);

impl Wanted {
    pub fn holds(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// Withdraws the wish when it is dropped with the future that waits.
struct WithdrawOnDrop(Arc<AtomicBool>);

impl Drop for WithdrawOnDrop {
    fn drop(&mut self) {
        self.0.store(false, Ordering::Relaxed);
    }
}

impl Permit {
    /// Computes on the blocking pool. The permit is given back when the computation has ended, not when its client
    /// has left.
    pub async fn run<T: Send + 'static>(
        self,
        compute: impl FnOnce(&Wanted) -> Option<T> + Send + 'static,
    ) -> Result<T, Problem> {
        let flag = Arc::new(AtomicBool::new(true));
        let _withdraw = WithdrawOnDrop(Arc::clone(&flag));
        let wanted = Wanted(flag);
        let computed = tokio::task::spawn_blocking(move || {
            let _permit = self.0;
            compute(&wanted)
        })
        .await;
        match computed {
            Ok(Some(value)) => Ok(value),
            // It only ends early when this future is gone, so nobody reads this.
            Ok(None) => Err(Problem::unavailable("The computation was given up.")),
            Err(error) => Err(Problem::internal(error)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one_at_a_time() -> Computations {
        Computations(Arc::new(Semaphore::new(1)))
    }

    #[tokio::test]
    async fn computation_stops_when_its_client_is_gone_and_frees_its_permit() {
        let computations = one_at_a_time();
        let (started, running) = tokio::sync::oneshot::channel();
        let permit = computations.permit().await.unwrap();
        let request = tokio::spawn(permit.run(move |wanted| {
            started.send(()).unwrap();
            while wanted.holds() {
                std::thread::yield_now();
            }
            None::<()>
        }));
        running.await.unwrap();
        assert_eq!(computations.0.available_permits(), 0);
        request.abort();
        // Ends only if the computation noticed.
        let next = computations.permit().await.unwrap();
        assert_eq!(next.run(|_| Some(7)).await.ok(), Some(7));
    }

    #[tokio::test]
    async fn worker_serves_others_while_a_computation_runs() {
        let computations = one_at_a_time();
        let permit = computations.permit().await.unwrap();
        let (finish, finished) = std::sync::mpsc::channel();
        // On a single-threaded runtime this could not end if the computation held the worker.
        let (value, ()) = tokio::join!(permit.run(move |_| finished.recv().ok()), async move {
            finish.send(3).unwrap();
        });
        assert_eq!(value.ok(), Some(3));
    }
}
