//! Flushes that begin at almost the same time share one request to the provider.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use domain::coin_id::CoinId;
use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::outcome::Failure;
use super::sources::{CoinAnswer, PriceSources};

/// Most coins of one request to the provider.
const MAX_COINS: usize = 100;

/// Flushes that wait to be collected.
const QUEUE_SIZE: usize = 1_024;

type Waiting = HashMap<CoinId, Vec<oneshot::Sender<CoinAnswer>>>;

#[derive(Debug)]
struct Request {
    coin: CoinId,
    answer: oneshot::Sender<CoinAnswer>,
}

/// Where flushes ask for prices.
#[derive(Debug, Clone)]
pub struct Coalescer {
    requests: mpsc::Sender<Request>,
}

/// What collects them.
pub struct Collector {
    requests: mpsc::Receiver<Request>,
    sources: Arc<PriceSources>,
    /// From the first of some flushes to their common request.
    wait: Duration,
}

impl Coalescer {
    pub fn new(sources: PriceSources, wait: Duration) -> (Self, Collector) {
        let (sender, receiver) = mpsc::channel(QUEUE_SIZE);
        let collector = Collector {
            requests: receiver,
            sources: Arc::new(sources),
            wait,
        };
        (Self { requests: sender }, collector)
    }

    /// The price of a coin, from a request that it may share.
    pub async fn price(&self, coin: &CoinId) -> CoinAnswer {
        let (answer, answered) = oneshot::channel();
        let coin = coin.clone();
        let stopping = CoinAnswer::failed(Failure::UPSTREAM);
        match self.requests.send(Request { coin, answer }).await {
            Ok(()) => answered.await.unwrap_or(stopping),
            Err(_) => stopping,
        }
    }
}

impl Collector {
    /// Collects until nobody can wait for a flush any more. Requests to providers are tasks of their own, so that a slow one holds nobody up.
    ///
    /// # Errors
    ///
    /// None; the result is that of a supervised task.
    pub async fn run(mut self, stop: CancellationToken) -> anyhow::Result<()> {
        while let Some(Some(first)) = stop.run_until_cancelled(self.requests.recv()).await {
            let waiting = self.collect(first).await;
            let sources = Arc::clone(&self.sources);
            tokio::spawn(async move { answer(&sources, waiting).await });
        }
        Ok(())
    }

    async fn collect(&mut self, first: Request) -> Waiting {
        let until = Instant::now() + self.wait;
        let mut waiting = Waiting::from([(first.coin, vec![first.answer])]);
        while waiting.len() < MAX_COINS {
            match tokio::time::timeout_at(until, self.requests.recv()).await {
                Ok(Some(next)) => waiting.entry(next.coin).or_default().push(next.answer),
                Ok(None) | Err(_) => break,
            }
        }
        waiting
    }
}

async fn answer(sources: &PriceSources, mut waiting: Waiting) {
    let coins: Vec<CoinId> = waiting.keys().cloned().collect();
    for (coin, answer) in sources.prices(&coins).await {
        // A send fails when the flush was given up.
        for waiter in waiting.remove(&coin).into_iter().flatten() {
            let _ = waiter.send(answer);
        }
    }
}
