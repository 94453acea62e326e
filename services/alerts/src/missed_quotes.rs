//! Evaluates intervals whose quotes the stream had trimmed before they were read, from the extremes of one-minute
//! candles.
//!
//! A candle does not show when within its minute a price was reached, so it fires only what was armed before the minute
//! began, and flags it late. Doing it twice fires nothing twice.

use std::time::Duration;

use contracts::api::analytics::{CandleBody, CandlesQuery};
use contracts::api::{Page, WithProvenance};
use deadpool_postgres::Pool;
use domain::interval::Interval;
use domain::ticker::Ticker;
use jiff::{SignedDuration, Timestamp};
use platform::backoff::Backoff;
use platform::client::{ClientError, InternalClient, RequestContext};
use platform::clock::SharedClock;
use platform::retry::{Limit, retry};
use platform::stream::GroupReader;
use tokio_util::sync::CancellationToken;

use crate::error_chain::error_chain;
use crate::evaluation::Evaluation;
use crate::evaluator::{EvaluationError, Evaluator};
use crate::metrics;

use crate::store::StoreError;
use crate::store::missed_quotes::{self, Interval as Missed};

/// How often open intervals are looked for.
const INTERVAL: Duration = Duration::from_secs(5);

/// For how long an interval is evaluated again and again, because its candles may still be filled in.
const GIVE_UP_AFTER: SignedDuration = SignedDuration::from_mins(15);

/// Most candles of one response.
const PAGE_SIZE: u32 = 1_000;

/// Why an interval was not evaluated to its end.
#[derive(Debug, thiserror::Error)]
enum MissedError {
    #[error(transparent)]
    Evaluation(#[from] EvaluationError),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("the candles cannot be read")]
    Candles(#[from] ClientError),
}

/// Records what the stream had trimmed before it was read, for as long as that takes: the next read steps over it.
pub async fn note(pool: &Pool, clock: &SharedClock, reader: &mut GroupReader) {
    // Without Redis there is nothing to read either.
    let Ok(Some(missed)) = reader.missed().await else {
        return;
    };
    let noted = retry(
        Backoff::RECONNECT,
        Limit::Never,
        |_| missed_quotes::note(pool, &missed, clock.now()),
        |error, attempt| {
            if attempt == 0 {
                tracing::warn!(error = error_chain(error), "evaluation waits");
            }
        },
    );
    if let Ok(true) = noted.await {
        ::metrics::counter!(metrics::QUOTES_MISSED).increment(missed.count);
        tracing::error!(
            quotes = missed.count, after = %missed.after, until = %missed.until,
            "quotes were trimmed before they were read, evaluating candles instead"
        );
    }
}

pub struct MissedQuotes {
    pub evaluator: Evaluator,
    pub analytics: InternalClient,
    /// The assets that have alerts.
    pub tickers: Vec<Ticker>,
}

impl MissedQuotes {
    pub async fn run(self, stop: CancellationToken) -> anyhow::Result<()> {
        let mut ticks = tokio::time::interval(INTERVAL);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        while stop.run_until_cancelled(ticks.tick()).await.is_some() {
            if let Some(Err(error)) = stop.run_until_cancelled(self.evaluate_open()).await {
                tracing::warn!(error = error_chain(&error), "missed quotes wait");
            }
        }
        Ok(())
    }

    async fn evaluate_open(&self) -> Result<(), MissedError> {
        let open = missed_quotes::list_open(&self.evaluator.pool).await?;
        for interval in open {
            let (mut fired, mut complete) = (0, true);
            for ticker in &self.tickers {
                let candles = self.candles(ticker, &interval).await?;
                complete &= candles
                    .last()
                    .is_some_and(|last| last.t.0 >= Interval::M1.open_time(interval.to));
                for candle in &candles {
                    fired += self
                        .evaluator
                        .query_all_pages(&Evaluation::of_candle(ticker, candle))
                        .await?;
                }
            }
            let now = self.evaluator.clock.now();
            if complete || now.duration_since(interval.noticed_at) > GIVE_UP_AFTER {
                missed_quotes::finish(&self.evaluator.pool, &interval, now).await?;
                tracing::info!(from = %interval.from, to = %interval.to, fired, complete, "missed quotes evaluated");
            }
        }
        Ok(())
    }

    /// The one-minute candles of the interval, ascending. An asset without any has none.
    async fn candles(&self, ticker: &Ticker, interval: &Missed) -> Result<Vec<CandleBody>, ClientError> {
        let path = format!("candles/{ticker}");
        let end = |at: Timestamp| at.saturating_add(SignedDuration::from_mins(1)).unwrap_or(at);
        let mut query = CandlesQuery {
            interval: Some(Interval::M1.to_string()),
            from: Some(Interval::M1.open_time(interval.from).into()),
            to: Some(end(interval.to).into()),
            limit: Some(PAGE_SIZE),
            cursor: None,
        };
        let mut candles = Vec::new();
        loop {
            let context = RequestContext::current();
            let page: WithProvenance<Page<CandleBody>> = match self.analytics.get(&path, &query, &context).await {
                Err(ClientError::Problem(problem)) if problem.status == 404 => return Ok(candles),
                page => page?,
            };
            candles.extend(page.data.items);
            query.cursor = page.data.next_cursor;
            if query.cursor.is_none() {
                return Ok(candles);
            }
        }
    }
}
