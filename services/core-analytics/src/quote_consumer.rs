//! Quotes in, candles and metrics out: reads the stream as a consumer group and acks after the effect.
//!
//! While PostgreSQL or Redis is away a batch is tried again with growing pauses and nothing is acked; a batch that
//! comes again after a crash counts nothing twice, because candles are made only of prices that were not stored
//! before.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::Context;
use contracts::messages::QuoteMessage;
use domain::candle::Tick;
use domain::ticker::Ticker;
use jiff::{SignedDuration, Timestamp};
use platform::backoff::Backoff;
use platform::batch::Parts;
use platform::clock::SharedClock;
use platform::redis::Connection;
use platform::retry::Failures;
use platform::stream::{Entry, GroupReader};
use tokio_util::sync::CancellationToken;

use crate::asset_windows::AssetWindows;
use crate::candles::storable;
use crate::metrics::compute;
use crate::publish::publish;
use crate::refusals::{Refusals, is_refusal};
use crate::store::Store;

const BATCH_SIZE: usize = 500;
const BLOCK: Duration = Duration::from_secs(5);
const BACKOFF: Backoff = Backoff {
    base: Duration::from_millis(100),
    max: Duration::from_secs(5),
    jitter: 0.5,
};
/// How far ahead of our clock a price may be.
const MAX_CLOCK_LEAD: SignedDuration = SignedDuration::from_mins(5);

/// Counts of quotes by what became of them: `counted`, `repeated`, or the reason of refusal.
const QUOTES: &str = "analytics_quotes_total";
/// Seconds from the moment a price speaks of until its metrics are published.
const AGE: &str = "analytics_quote_age_seconds";

/// The loop that turns quotes into candles and metrics.
#[derive(Debug)]
pub struct QuoteConsumer {
    pub store: Store,
    /// The history that metrics are computed from.
    pub windows: AssetWindows,
    pub redis: Connection,
    pub reader: GroupReader,
    pub clock: SharedClock,
    /// Told of everything that is refused for good.
    pub refusals: Refusals,
    /// Prices older than this are refused: the table that would know whether they were counted may be gone.
    pub oldest: SignedDuration,
}

impl QuoteConsumer {
    pub async fn run(mut self, stop: CancellationToken) -> anyhow::Result<()> {
        loop {
            let entries = tokio::select! {
                () = stop.cancelled() => return Ok(()),
                entries = self.reader.read(BATCH_SIZE, BLOCK) => entries,
            };
            if entries.is_empty() {
                continue;
            }
            let quotes = self.accept(&entries);
            if stop
                .run_until_cancelled(self.process_or_set_aside(&quotes))
                .await
                .is_none()
            {
                return Ok(());
            }
            // Only now: what is not acknowledged comes again after a crash, and no price is counted twice.
            let ids: Vec<&str> = entries.iter().map(|entry| entry.id.as_str()).collect();
            if let Err(error) = self.reader.ack(&ids).await {
                tracing::warn!(
                    error = format!("{error:#}"),
                    "quotes could not be acked and will come again"
                );
            }
        }
    }

    /// The quotes of a batch that can be counted. A quote that cannot is logged, counted and never comes again.
    fn accept(&self, entries: &[Entry]) -> Vec<QuoteMessage> {
        let now = self.clock.now();
        let mut quotes = Vec::with_capacity(entries.len());
        for entry in entries {
            match parse_quote(entry, now, self.oldest) {
                Ok(quote) => quotes.push(quote),
                Err(reason) => {
                    metrics::counter!(QUOTES, "outcome" => reason).increment(1);
                    tracing::warn!(entry_id = entry.id, reason, "quote refused");
                }
            }
        }
        quotes
    }

    /// Waits out outages. A quote that is refused for good takes no other with it: it is found by halving the
    /// batch, and set aside.
    async fn process_or_set_aside(&mut self, quotes: &[QuoteMessage]) {
        let (mut parts, mut failures) = (Parts::of(quotes), Failures::new(BACKOFF));
        while let Some(part) = parts.next() {
            let Err(error) = self.process(part).await else {
                continue;
            };
            if !is_refusal(&error) {
                if failures.count() == 0 {
                    tracing::warn!(error = format!("{error:#}"), "a batch of quotes has to wait");
                }
                failures.wait().await;
                parts.repeat(part);
            } else if let Some(quote) = parts.split(part) {
                let payload = format!("{} of {}", quote.price, quote.as_of);
                let refusals = &self.refusals;
                refusals.set_aside("price", quote.ticker.as_str(), &payload, &error);
                metrics::counter!(QUOTES, "outcome" => "refused").increment(1);
            }
        }
        if failures.count() > 0 {
            tracing::info!(attempt = failures.count(), "the batch of quotes went through");
        }
    }

    async fn process(&mut self, quotes: &[QuoteMessage]) -> anyhow::Result<()> {
        let ticks: Vec<(Ticker, Tick)> = quotes.iter().map(tick).collect();
        // Before anything else that may fail: metrics can be computed again from candles, a lost price cannot.
        let counted = self
            .store
            .record(&ticks)
            .await
            .context("counting prices into candles")?;

        let newest = newest_by_ticker(quotes);
        let tickers: Vec<Ticker> = newest.keys().map(|ticker| (*ticker).clone()).collect();
        let now = self.clock.now();
        self.windows.refresh(&tickers, now).await?;
        let messages: Vec<_> = newest
            .values()
            .filter_map(|quote| Some(compute(quote, self.windows.find(&quote.ticker)?)))
            .collect();
        match publish(&self.redis, &messages).await {
            // The prices are counted: they do not wait for what no repetition helps.
            Err(error) if is_refusal(&error) => self.refusals.set_aside("metrics", "all", "", &error),
            result => result?,
        }

        metrics::counter!(QUOTES, "outcome" => "counted").increment(counted as u64);
        metrics::counter!(QUOTES, "outcome" => "repeated").increment((quotes.len() - counted) as u64);
        for quote in newest.values() {
            metrics::histogram!(AGE).record(now.duration_since(quote.as_of).as_secs_f64());
        }
        Ok(())
    }
}

fn parse_quote(entry: &Entry, now: Timestamp, oldest: SignedDuration) -> Result<QuoteMessage, &'static str> {
    let mut quote: QuoteMessage = serde_json::from_str(&entry.payload).map_err(|_| "unreadable")?;
    quote.price = storable(quote.price).ok_or("price_out_of_range")?;
    if quote.as_of > now + MAX_CLOCK_LEAD {
        return Err("ahead_of_time");
    }
    if quote.as_of < now - oldest {
        return Err("too_old");
    }
    Ok(quote)
}

fn tick(quote: &QuoteMessage) -> (Ticker, Tick) {
    let tick = Tick {
        at: quote.as_of,
        id: quote.price_id,
        published_at: quote.published_at,
        price: quote.price,
        volume: None,
    };
    (quote.ticker.clone(), tick)
}

/// Metrics of a price that a newer one of the same batch replaces would be gone before anyone reads them.
fn newest_by_ticker(quotes: &[QuoteMessage]) -> BTreeMap<&Ticker, &QuoteMessage> {
    let mut newest = BTreeMap::<&Ticker, &QuoteMessage>::new();
    for quote in quotes {
        let kept = newest.entry(&quote.ticker).or_insert(quote);
        // Of one moment the later entry of the stream is the newer price.
        if quote.as_of >= kept.as_of {
            *kept = quote;
        }
    }
    newest
}
