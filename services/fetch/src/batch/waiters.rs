//! The requests of this process that wait for a batch.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use domain::coin_id::CoinId;
use tokio::sync::{Notify, watch};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::outcome::{BatchResult, Failure};

/// What waiters get in the end: the batch's result, or that it cannot be learned.
pub type Delivered = Result<Arc<BatchResult>, Failure>;

/// A batch for which requests of this process wait.
#[derive(Debug)]
pub struct LocalBatch {
    pub coin: CoinId,
    pub batch_id: Uuid,
    /// Wakes who attends to the batch: a request of this process has filled it.
    pub filled_here: Notify,
    /// The same for a request of any process.
    pub filled_anywhere: Notify,
    /// Cancelled when nobody waits any more.
    pub abandoned: CancellationToken,
    delivered: watch::Sender<Option<Delivered>>,
}

impl LocalBatch {
    /// Gives the result to all that wait. The first one counts.
    pub fn deliver(&self, result: Delivered) {
        self.delivered.send_if_modified(|delivered| {
            let is_first = delivered.is_none();
            delivered.get_or_insert(result);
            is_first
        });
    }

    pub fn is_delivered(&self) -> bool {
        self.delivered.borrow().is_some()
    }

    /// Waits until there is a result.
    pub async fn until_delivered(&self) {
        // The sender lives in this batch, so waiting cannot fail.
        let _ = self.delivered.subscribe().wait_for(Option::is_some).await;
    }
}

#[derive(Debug, Default)]
struct Table {
    batches: HashMap<Uuid, (Arc<LocalBatch>, usize)>,
    /// Requests that wait, or are about to.
    waiters: usize,
}

/// All batches for which requests of this process wait.
#[derive(Debug, Clone)]
pub struct Waiters {
    table: Arc<Mutex<Table>>,
    max: usize,
}

/// The right to wait, so that waiting requests are bounded. It ends with this value.
#[derive(Debug)]
pub struct Seat {
    waiters: Waiters,
}

/// A request that waits. Dropping it, as when its client disconnects, takes it out of the batch.
#[derive(Debug)]
pub struct Waiter {
    seat: Seat,
    pub batch: Arc<LocalBatch>,
    delivered: watch::Receiver<Option<Delivered>>,
}

impl Waiters {
    /// At most `max` requests may wait.
    pub fn new(max: usize) -> Self {
        Self {
            table: Arc::default(),
            max,
        }
    }

    /// A seat, unless all are taken.
    pub fn seat(&self) -> Option<Seat> {
        let mut table = self.lock();
        if table.waiters >= self.max {
            return None;
        }
        table.waiters += 1;
        Some(Seat { waiters: self.clone() })
    }

    /// Hands a result to those who wait for it here, if anyone does.
    pub fn deliver(&self, result: BatchResult) {
        if let Some(batch) = self.find(result.batch_id) {
            batch.deliver(Ok(Arc::new(result)));
        }
    }

    /// Notes that a batch is full.
    pub fn note_filled(&self, batch_id: Uuid) {
        if let Some(batch) = self.find(batch_id) {
            batch.filled_anywhere.notify_one();
        }
    }

    fn find(&self, batch_id: Uuid) -> Option<Arc<LocalBatch>> {
        let table = self.lock();
        table.batches.get(&batch_id).map(|(batch, _)| Arc::clone(batch))
    }

    fn lock(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Seat {
    /// Waits for a batch; says too whether nobody attends to it yet.
    pub fn wait_for(self, coin: &CoinId, batch_id: Uuid) -> (Waiter, bool) {
        let (batch, is_new) = {
            let mut table = self.waiters.lock();
            let is_new = !table.batches.contains_key(&batch_id);
            let (batch, count) = table.batches.entry(batch_id).or_insert_with(|| {
                let batch = LocalBatch {
                    coin: coin.clone(),
                    batch_id,
                    filled_here: Notify::new(),
                    filled_anywhere: Notify::new(),
                    abandoned: CancellationToken::new(),
                    delivered: watch::Sender::new(None),
                };
                (Arc::new(batch), 0)
            });
            *count += 1;
            (Arc::clone(batch), is_new)
        };
        let waiter = Waiter {
            delivered: batch.delivered.subscribe(),
            seat: self,
            batch,
        };
        (waiter, is_new)
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.waiters.lock().waiters -= 1;
    }
}

impl Waiter {
    /// Waits for the result.
    pub async fn delivered(&mut self) -> Delivered {
        match self.delivered.wait_for(Option::is_some).await {
            Ok(delivered) => delivered.clone().unwrap_or(Err(Failure::LOST)),
            Err(_) => Err(Failure::LOST),
        }
    }
}

impl Drop for Waiter {
    fn drop(&mut self) {
        let mut table = self.seat.waiters.lock();
        let Some((_, count)) = table.batches.get_mut(&self.batch.batch_id) else {
            return;
        };
        *count -= 1;
        if *count == 0 {
            table.batches.remove(&self.batch.batch_id);
            self.batch.abandoned.cancel();
        }
    }
}

#[cfg(test)]
mod tests {
    use contracts::api::price::BatchTrigger;

    use super::super::outcome::Outcome;
    use super::*;

    fn result(batch_id: Uuid) -> BatchResult {
        BatchResult {
            coin_id: "bitcoin".parse().unwrap(),
            batch_id,
            size: 1,
            trigger: BatchTrigger::Window,
            outcome: Outcome::Failure(Failure::UPSTREAM),
        }
    }

    #[tokio::test]
    async fn result_reaches_every_waiter_of_its_batch_and_no_other() {
        let waiters = Waiters::new(10);
        let coin = "bitcoin".parse().unwrap();
        let (first, other) = (Uuid::now_v7(), Uuid::now_v7());
        let (mut one, is_new) = waiters.seat().unwrap().wait_for(&coin, first);
        assert!(is_new);
        let (mut two, is_new) = waiters.seat().unwrap().wait_for(&coin, first);
        assert!(!is_new);
        let (three, _) = waiters.seat().unwrap().wait_for(&coin, other);
        waiters.deliver(result(first));
        assert_eq!(one.delivered().await.unwrap().batch_id, first);
        assert_eq!(two.delivered().await.unwrap().batch_id, first);
        assert!(!three.batch.is_delivered());
    }

    #[test]
    fn seats_are_bounded_and_come_back() {
        let waiters = Waiters::new(1);
        let coin = "bitcoin".parse().unwrap();
        let (waiter, _) = waiters.seat().unwrap().wait_for(&coin, Uuid::now_v7());
        assert!(waiters.seat().is_none());
        let batch = Arc::clone(&waiter.batch);
        drop(waiter);
        assert!(batch.abandoned.is_cancelled());
        assert!(waiters.lock().batches.is_empty());
        assert!(waiters.seat().is_some());
    }
}
