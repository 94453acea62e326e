//! Fills in missing history from the providers, through `fetch`: at start, and now and then where holes remain.
//!
//! For each asset and length it asks from the first missing candle on. Candles may come any number of times and merge
//! with our own prices: the earliest price of both opens a candle, the latest closes it. Every history also makes the
//! longer candles.

use std::collections::HashMap;
use std::time::Duration;

use anyhow::Context;
use contracts::api::fetch::{HistoryBody, HistoryQuery};
use domain::candle::Candle;
use domain::interval::Interval;
use domain::ticker::Ticker;
use futures_util::StreamExt;
use jiff::{SignedDuration, Timestamp};
use platform::backoff::Backoff;
use platform::batch::Parts;
use platform::client::{ClientError, InternalClient, RequestContext};
use platform::clock::SharedClock;
use platform::retry::{Failures, Limit, retry};
use tokio_util::sync::CancellationToken;

use crate::asset_windows::ChangedHistory;
use crate::candles::{Rates, candles_of_response};
use crate::refusals::{Refusals, is_refusal};
use crate::store::{Direction, Store, candles};

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

/// How often the newest minutes are looked through.
const RECENT_REPAIR_INTERVAL: Duration = Duration::from_secs(20);
/// How long an asset is left alone after its newest holes were asked for.
const RECENT_REPAIR_PAUSE: SignedDuration = SignedDuration::from_mins(2);
/// How far back that goes.
const RECENT_SPAN: SignedDuration = SignedDuration::from_hours(2);

/// When so many candles of one history are refused, it is not about single ones.
const MAX_REFUSED_CANDLES: u32 = 20;

/// How often one history is asked for before the next one.
const ATTEMPTS_IN_TURN: u32 = 3;

/// One history to look after.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Job {
    ticker: Ticker,
    interval: Interval,
    span: SignedDuration,
}

#[derive(Debug, Clone)]
pub struct Backfill {
    pub store: Store,
    /// The service that asks the providers.
    pub fetch: InternalClient,
    pub clock: SharedClock,
    pub tickers: Vec<Ticker>,
    /// How many requests run at once.
    pub concurrency: usize,
    /// How often to look for holes.
    pub repair_every: Duration,
    /// Told of every history that changed.
    pub changed: ChangedHistory,
    /// Told of everything that is refused for good.
    pub refusals: Refusals,
}

impl Backfill {
    pub async fn run(self, stop: CancellationToken) -> anyhow::Result<()> {
        let mut settled = HashMap::new();
        loop {
            tokio::select! {
                () = stop.cancelled() => return Ok(()),
                () = self.fill_all() => {}
            }
            // Counted from the end: providers that took an hour to fill it all in are not asked for it again at once.
            let next_full = tokio::time::Instant::now() + self.repair_every;
            while tokio::time::Instant::now() < next_full {
                tokio::select! {
                    () = stop.cancelled() => return Ok(()),
                    () = tokio::time::sleep(RECENT_REPAIR_INTERVAL.min(self.repair_every)) => {}
                }
                tokio::select! {
                    () = stop.cancelled() => return Ok(()),
                    () = self.repair_recent(&mut settled) => {}
                }
            }
        }
    }

    /// Fills in everything, trying what failed again until nothing fails. What is refused for good is left to the
    /// next time.
    pub async fn fill_all(&self) {
        let mut jobs: Vec<Job> = SPANS
            .into_iter()
            .flat_map(|(interval, span)| self.tickers.iter().map(move |ticker| (ticker.clone(), interval, span)))
            .map(|(ticker, interval, span)| Job { ticker, interval, span })
            .collect();
        let total = jobs.len();
        let mut candles = 0;
        let mut failures = Failures::new(BACKOFF);
        loop {
            let results: Vec<(Job, anyhow::Result<usize>)> = futures_util::stream::iter(jobs)
                .map(|job| async move {
                    let result = self.fill_with_retry(&job).await;
                    (job, result)
                })
                .buffer_unordered(self.concurrency)
                .collect()
                .await;
            let mut failed = Vec::new();
            let mut last_error = None;
            for (job, result) in results {
                match result {
                    Ok(count) => candles += count,
                    Err(error) if is_refusal(&error) => self.set_aside(&job, &error),
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
                attempt = failures.count(),
                "history is not complete yet"
            );
            jobs = failed;
            failures.wait().await;
        }
        tracing::info!(candles, histories = total, "history is filled in");
    }

    fn set_aside(&self, job: &Job, error: &anyhow::Error) {
        let item = format!("{} {}", job.ticker, job.interval);
        self.refusals.set_aside("history", &item, "", error);
    }

    /// Fills in one history, trying a few times before others get their turn.
    async fn fill_with_retry(&self, job: &Job) -> anyhow::Result<usize> {
        retry(
            BACKOFF,
            Limit::Attempts(ATTEMPTS_IN_TURN),
            |_| self.fill(job),
            |_, _| {},
        )
        .await
    }

    /// Fills in one history and says how many candles came.
    ///
    /// Candles made of an aggregator's points are asked of exchanges first. As long as no exchange has them they
    /// stay, and only what is missing is asked of everybody: an aggregator's allowance is small.
    async fn fill(&self, job: &Job) -> anyhow::Result<usize> {
        let now = self.clock.now();
        let start = job.interval.open_time(now - job.span);
        // The running candle is no hole: the next price makes it.
        let end = job.interval.open_time(now);
        let holes = candles::find_holes(&self.store.client().await?, &job.ticker, job.interval, start, end).await?;
        if let Some(worse) = holes.from_aggregator {
            let from = holes.missing.map_or(worse, |missing| missing.min(worse));
            match self.fetch_from(job, whole_longer(from).max(start), now, true).await {
                Ok(count) if count > 0 => return Ok(count),
                Ok(_) => {}
                Err(error) => tracing::debug!(ticker = %job.ticker, error = format!("{error:#}"), "no exchange yet"),
            }
        }
        match holes.missing {
            Some(missing) => self.fetch_from(job, whole_longer(missing).max(start), now, false).await,
            None => Ok(0),
        }
    }

    async fn fetch_from(
        &self,
        job: &Job,
        from: Timestamp,
        now: Timestamp,
        exchanges_only: bool,
    ) -> anyhow::Result<usize> {
        let query = HistoryQuery {
            interval: job.interval,
            from: from.into(),
            to: now.into(),
            exchanges_only,
        };
        let path = format!("history/{}", job.ticker);
        let context = RequestContext::current();
        let body: HistoryBody = match self.fetch.get(&path, &query, &context).await {
            Ok(body) => body,
            Err(ClientError::Problem(problem)) if problem.status == 404 => {
                tracing::info!(ticker = %job.ticker, interval = %job.interval, "no provider has this history");
                return Ok(0);
            }
            Err(error) => return Err(error).with_context(|| format!("history of {} by {}", job.ticker, job.interval)),
        };
        let (source, count) = (body.source, body.candles.len());
        let rates = self.rates(&body, from, now).await?;
        let candles = candles_of_response(&body, &rates, now);
        drop(body);
        self.merge(&candles).await?;
        self.changed.note(&job.ticker);
        tracing::debug!(
            ticker = %job.ticker,
            interval = %job.interval,
            source = %source,
            candles = count,
            "history filled in"
        );
        Ok(count)
    }

    /// Merges candles. A few that are refused for good take no others with them: they are found by halving, and set
    /// aside.
    async fn merge(&self, candles: &[(Ticker, Candle)]) -> anyhow::Result<()> {
        let (mut parts, mut refused) = (Parts::of(candles), 0);
        while let Some(part) = parts.next() {
            let Err(error) = self.store.merge_history(part).await else {
                continue;
            };
            let is_outage = error.is_outage();
            let error = anyhow::Error::from(error).context("merging history");
            if is_outage || refused == MAX_REFUSED_CANDLES {
                return Err(error);
            }
            if let Some((ticker, candle)) = parts.split(part) {
                let item = format!("{ticker} {}", candle.interval);
                let payload = candle.open_time.to_string();
                self.refusals.set_aside("candle", &item, &payload, &error);
                refused += 1;
            }
        }
        Ok(())
    }

    /// Our own prices of the currency that an answer is in.
    async fn rates(&self, body: &HistoryBody, from: Timestamp, to: Timestamp) -> anyhow::Result<Rates> {
        let Some(currency) = body.currency.parse::<Ticker>().ok().filter(|_| body.currency != "USD") else {
            return Ok(Rates::new());
        };
        let candles = candles::list_candles(
            &self.store.client().await?,
            &currency,
            body.interval,
            (from, to),
            u32::MAX,
            Direction::Oldest,
        )
        .await?;
        Ok(candles
            .into_iter()
            // A rate that was itself taken at par would hide that it was.
            .filter(|candle| !candle.quote_rate_assumed)
            .map(|candle| (candle.open_time, (candle.open.price, candle.close.price)))
            .collect())
    }

    /// Fills in the newest holes of every asset: minutes that no price came for while `fetch` was away.
    ///
    /// `settled` holds for each asset the newest hole that was asked for, so one that no provider can fill is asked
    /// for once and not at each look. Exchanges only: points of aggregators are too far apart to make minutes. What
    /// cannot be asked now is tried at the next look.
    pub async fn repair_recent(&self, settled: &mut HashMap<Ticker, Timestamp>) {
        for ticker in &self.tickers {
            if let Err(error) = self.repair_recent_of(ticker, settled).await {
                tracing::debug!(%ticker, error = format!("{error:#}"), "recent holes are not filled in yet");
            }
        }
    }

    async fn repair_recent_of(&self, ticker: &Ticker, settled: &mut HashMap<Ticker, Timestamp>) -> anyhow::Result<()> {
        const MINUTE: SignedDuration = SignedDuration::from_mins(1);
        let now = self.clock.now();
        // An asset that is priced less than once a minute has a hole at nearly every look.
        if settled
            .get(ticker)
            .is_some_and(|hole| now.duration_since(*hole) < RECENT_REPAIR_PAUSE)
        {
            return Ok(());
        }
        let (start, end) = (Interval::M1.open_time(now - RECENT_SPAN), Interval::M1.open_time(now));
        // Before the first candle nothing is missing: the asset may be new here.
        let oldest = candles::list_candles(
            &self.store.client().await?,
            ticker,
            Interval::M1,
            (start, end),
            1,
            Direction::Oldest,
        )
        .await?;
        let Some(oldest) = oldest.first() else { return Ok(()) };
        let from = settled
            .get(ticker)
            .map_or(oldest.open_time, |hole| oldest.open_time.max(*hole + MINUTE));
        if from >= end {
            return Ok(());
        }
        let Some(hole) = candles::find_holes(&self.store.client().await?, ticker, Interval::M1, from, end)
            .await?
            .missing
        else {
            return Ok(());
        };
        for (interval, span) in SPANS {
            let job = Job {
                ticker: ticker.clone(),
                interval,
                span,
            };
            let running = interval.open_time(now);
            let first = interval.open_time(hole);
            if first < running {
                let from = whole_longer(first).max(interval.open_time(now - span));
                match self.fetch_from(&job, from, now, false).await {
                    // Asked for again with everything else, not at each look.
                    Err(error) if is_refusal(&error) => self.set_aside(&job, &error),
                    result => drop(result?),
                }
            }
        }
        settled.insert(ticker.clone(), end - MINUTE);
        Ok(())
    }
}

/// Where to begin so that the candles up to 12 hours, which the fetched ones make, are whole.
fn whole_longer(from: Timestamp) -> Timestamp {
    Interval::H12.open_time(from)
}
