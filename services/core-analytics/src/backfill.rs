//! Fills in missing history from the venues, through `fetch`: at start, and now and then where holes remain.
//!
//! For each asset and length it asks from the first missing bar on. Bars may come any number of times and merge with our own
//! prices: the earliest price of both opens a bar, the latest closes it. Every history also makes the longer bars.

use std::time::Duration;

use anyhow::Context;
use contracts::api::fetch::{HistoryBody, HistoryQuery};
use domain::interval::Interval;
use domain::ticker::Ticker;
use futures_util::StreamExt;
use jiff::{SignedDuration, Timestamp};
use platform::backoff::Backoff;
use platform::client::{ClientError, InternalClient, RequestContext};
use platform::clock::SharedClock;
use tokio_util::sync::CancellationToken;

use crate::bars::bars_of_history;
use crate::store::Store;
use crate::windows::ChangedHistory;

/// What is asked for, in the order in which it is missed most on a screen.
const SPANS: [(Interval, SignedDuration); 4] = [
    (Interval::H1, SignedDuration::from_hours(90 * 24)),
    (Interval::M5, SignedDuration::from_hours(8 * 24)),
    (Interval::D1, SignedDuration::from_hours(365 * 24)),
    (Interval::M1, SignedDuration::from_hours(24)),
];
const BACKOFF: Backoff = Backoff {
    base: Duration::from_millis(500),
    max: Duration::from_secs(5),
    jitter: 0.5,
};

/// How often one history is asked for before the next one.
const ATTEMPTS_IN_TURN: u32 = 3;

/// One history to look after.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Job {
    ticker: Ticker,
    interval: Interval,
    span: SignedDuration,
}

/// Fills in history.
#[derive(Debug, Clone)]
pub struct Backfill {
    /// Where bars are kept.
    pub store: Store,
    /// The service that asks the venues.
    pub fetch: InternalClient,
    /// The time.
    pub clock: SharedClock,
    /// Whose history.
    pub tickers: Vec<Ticker>,
    /// How many requests run at once.
    pub concurrency: usize,
    /// How often to look for holes.
    pub repair_every: Duration,
    /// Told of every history that changed.
    pub changed: ChangedHistory,
}

impl Backfill {
    /// Runs until `stop`.
    ///
    /// # Errors
    /// Never for a service that does not answer.
    pub async fn run(self, stop: CancellationToken) -> anyhow::Result<()> {
        loop {
            tokio::select! {
                () = stop.cancelled() => return Ok(()),
                () = self.fill_all() => {}
            }
            tokio::select! {
                () = stop.cancelled() => return Ok(()),
                () = tokio::time::sleep(self.repair_every) => {}
            }
        }
    }

    /// Fills in everything, trying what failed again until nothing fails.
    pub async fn fill_all(&self) {
        let mut jobs: Vec<Job> = SPANS
            .into_iter()
            .flat_map(|(interval, span)| self.tickers.iter().map(move |ticker| (ticker.clone(), interval, span)))
            .map(|(ticker, interval, span)| Job { ticker, interval, span })
            .collect();
        let total = jobs.len();
        let mut bars = 0;
        let mut attempt = 0;
        loop {
            let results: Vec<(Job, anyhow::Result<usize>)> = futures_util::stream::iter(jobs)
                .map(|job| async move {
                    let result = self.fill_patiently(&job).await;
                    (job, result)
                })
                .buffer_unordered(self.concurrency)
                .collect()
                .await;
            let mut failed = Vec::new();
            let mut last_error = None;
            for (job, result) in results {
                match result {
                    Ok(count) => bars += count,
                    Err(error) => {
                        last_error = Some(error);
                        failed.push(job);
                    }
                }
            }
            let Some(error) = last_error else { break };
            tracing::warn!(
                error = format!("{error:#}"),
                failed = failed.len(),
                total,
                attempt,
                "history is not complete yet"
            );
            jobs = failed;
            tokio::time::sleep(BACKOFF.random_delay(attempt)).await;
            attempt += 1;
        }
        tracing::info!(bars, histories = total, "history is filled in");
    }

    /// Fills in one history, trying a few times before others get their turn.
    async fn fill_patiently(&self, job: &Job) -> anyhow::Result<usize> {
        let mut attempt = 0;
        loop {
            match self.fill(job).await {
                Err(_) if attempt + 1 < ATTEMPTS_IN_TURN => {
                    tokio::time::sleep(BACKOFF.random_delay(attempt)).await;
                    attempt += 1;
                }
                result => return result,
            }
        }
    }

    /// Fills in one history and says how many bars came.
    async fn fill(&self, job: &Job) -> anyhow::Result<usize> {
        let now = self.clock.now();
        let Some(from) = self.first_missing(job, now).await? else {
            return Ok(0);
        };
        let query = HistoryQuery {
            interval: job.interval,
            from: from.into(),
            to: now.into(),
        };
        let path = format!("history/{}", job.ticker);
        let context = RequestContext::current();
        let body: HistoryBody = match self.fetch.get(&path, &query, &context).await {
            Ok(body) => body,
            Err(ClientError::Problem(problem)) if problem.status == 404 => {
                tracing::info!(ticker = %job.ticker, interval = %job.interval, "no venue tells this history");
                return Ok(0);
            }
            Err(error) => return Err(error).with_context(|| format!("history of {} by {}", job.ticker, job.interval)),
        };
        let (source, count) = (body.source, body.bars.len());
        let bars = bars_of_history(&job.ticker, job.interval, &body.bars, now);
        drop(body);
        self.store.merge_history(&bars).await?;
        self.changed.note(&job.ticker);
        tracing::debug!(
            ticker = %job.ticker,
            interval = %job.interval,
            source = %source,
            bars = count,
            "history filled in"
        );
        Ok(count)
    }

    async fn first_missing(&self, job: &Job, now: Timestamp) -> anyhow::Result<Option<Timestamp>> {
        let from = job.interval.open_time(now - job.span);
        // The running bar is no hole: the next price makes it.
        let to = job.interval.open_time(now);
        self.store.find_first_hole(&job.ticker, job.interval, from, to).await
    }
}
