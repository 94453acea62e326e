//! Calls to Redis that several requests share.
//!
//! Checks under one name that arrive while a call for it is in flight share the next call, which is made for as many
//! as there are. So a check waits for at most two calls, and a busy name costs Redis one call per round trip instead of
//! one per request (docs/adr/0005-checks-share-a-call.md).

use std::collections::HashMap;
use std::future::Future;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::oneshot;

/// A call that serves any number of checks at once.
pub trait SharedCall: Send + Sync + 'static {
    /// What the checks of one name have in common; the newest apply from the next call on.
    type Terms: Send + 'static;
    /// What each check is told.
    type Answer: Send + 'static;
    type Error: Clone + Send + 'static;

    /// What `wanted` checks are told, in turn. Should give up after a short time.
    fn call(
        &self,
        name: &str,
        terms: &Self::Terms,
        wanted: usize,
    ) -> impl Future<Output = Result<Vec<Self::Answer>, Self::Error>> + Send;
}

/// Who waits for an answer.
type Waiting<C> = oneshot::Sender<Result<<C as SharedCall>::Answer, <C as SharedCall>::Error>>;

/// Checks of one name that wait for the next call.
struct Queue<C: SharedCall> {
    terms: Option<C::Terms>,
    waiting: Vec<Waiting<C>>,
}

/// The checks of one kind.
pub struct SharedCalls<C: SharedCall> {
    call: C,
    /// A name stands here as long as calls for it are under way.
    queues: Mutex<HashMap<String, Queue<C>>>,
}

impl<C: SharedCall> SharedCalls<C> {
    pub fn new(call: C) -> Self {
        Self {
            call,
            queues: Mutex::default(),
        }
    }

    /// The answer to one check; `None` if the call was given up because this process is stopping.
    pub async fn check(self: &Arc<Self>, name: &str, terms: C::Terms) -> Option<Result<C::Answer, C::Error>> {
        let (answer, told) = oneshot::channel();
        if self.enqueue(name, terms, answer) {
            // A task of its own: if the first caller disconnects, its future is dropped while others wait for the
            // result.
            tokio::spawn(Calls::of(Arc::clone(self), name.to_owned()).run());
        }
        told.await.ok()
    }

    /// Whether nobody calls for this name yet.
    fn enqueue(&self, name: &str, terms: C::Terms, answer: Waiting<C>) -> bool {
        let mut queues = self.lock();
        match queues.get_mut(name) {
            Some(queue) => {
                queue.terms = Some(terms);
                queue.waiting.push(answer);
                false
            }
            None => {
                let queue = Queue {
                    terms: Some(terms),
                    waiting: vec![answer],
                };
                queues.insert(name.to_owned(), queue);
                true
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Queue<C>>> {
        self.queues.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Calls for one name, one after the other, until no check waits. Dropping it fails the checks that still wait.
struct Calls<C: SharedCall> {
    shared: Arc<SharedCalls<C>>,
    name: String,
    /// The queue has been removed; one that stands there now belongs to other calls.
    is_done: bool,
}

impl<C: SharedCall> Calls<C> {
    fn of(shared: Arc<SharedCalls<C>>, name: String) -> Self {
        Self {
            shared,
            name,
            is_done: false,
        }
    }

    async fn run(mut self) {
        loop {
            // Lets the other tasks of this thread run that have something to do: requests that have arrived already
            // share the call.
            tokio::task::yield_now().await;
            let Some((terms, waiting)) = self.next() else { return };
            let outcome = self.shared.call.call(&self.name, &terms, waiting.len()).await;
            // A send fails when the caller has disconnected; what it asked for is spent.
            match outcome {
                Ok(answers) => waiting.into_iter().zip(answers).for_each(|(waiting, answer)| {
                    let _ = waiting.send(Ok(answer));
                }),
                Err(error) => waiting.into_iter().for_each(|waiting| {
                    let _ = waiting.send(Err(error.clone()));
                }),
            }
        }
    }

    /// The checks that wait now. Under one lock with the removal, so that no check is added to a queue that nobody
    /// serves.
    fn next(&mut self) -> Option<(C::Terms, Vec<Waiting<C>>)> {
        let mut queues = self.shared.lock();
        let queue = queues.get_mut(&self.name)?;
        match queue.terms.take() {
            Some(terms) => Some((terms, std::mem::take(&mut queue.waiting))),
            None => {
                queues.remove(&self.name);
                self.is_done = true;
                None
            }
        }
    }
}

impl<C: SharedCall> Drop for Calls<C> {
    fn drop(&mut self) {
        if !self.is_done {
            self.shared.lock().remove(&self.name);
        }
    }
}
