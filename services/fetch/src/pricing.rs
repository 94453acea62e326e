//! The one task that turns what polls bring into published prices.
//!
//! For each poll: read what the other processes know (one round trip), make the prices of the assets concerned, publish
//! (one round trip). While Redis is away the own knowledge is used, and what could not be published is superseded by
//! the next poll. Flagged points go to a bounded queue, so PostgreSQL can never hold prices up.

use std::collections::{BTreeMap, BTreeSet};

use contracts::messages::ObservationMessage;
use domain::aggregate::{Outcome, Reason, Verdict};
use domain::quote::Observation;
use domain::ticker::{ProviderId, Ticker};
use platform::clock::SharedClock;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tracing::Instrument;

use crate::convert;
use crate::explanation::ExplanationCache;
use crate::metrics::{INPUTS, OBSERVATIONS, PUBLISHED, QUOTE_AGE_SECONDS, REDIS_FAILURES, WITHHELD};
use crate::price_book::{PriceBook, Priced};
use crate::provider_registry::ProviderRegistry;
use crate::providers::ParsedBatch;
use crate::quote_store::{Publication, QuoteStore};
use crate::rejection_log::RejectionLog;
use crate::rejection_tracker::{RejectionChange, RejectionTracker};
use crate::store::flagged_points::FlaggedPoint;

/// What one poll brought; an empty batch says only that the provider's state changed.
#[derive(Debug)]
pub struct Poll {
    pub provider: ProviderId,
    pub batch: ParsedBatch,
    /// Follows the prices to the webhooks they cause.
    pub request_id: String,
}

pub struct PricingTask {
    price_book: PriceBook,
    quote_store: QuoteStore,
    rejections: RejectionLog,
    explanations: ExplanationCache,
    registry: ProviderRegistry,
    clock: SharedClock,
    redis_failing: bool,
    rejection_tracker: RejectionTracker,
    /// Why an asset has no price, as it was logged last.
    withheld: BTreeMap<Ticker, &'static str>,
}

impl PricingTask {
    /// The task over these parts.
    pub fn new(
        price_book: PriceBook,
        quote_store: QuoteStore,
        rejections: RejectionLog,
        explanations: ExplanationCache,
        registry: ProviderRegistry,
        clock: SharedClock,
    ) -> Self {
        Self {
            price_book,
            quote_store,
            rejections,
            explanations,
            registry,
            clock,
            redis_failing: false,
            rejection_tracker: RejectionTracker::default(),
            withheld: BTreeMap::new(),
        }
    }

    /// Works until the stop, which may reach the polling loops first.
    pub async fn run(mut self, mut polls: mpsc::Receiver<Poll>, stop: CancellationToken) -> anyhow::Result<()> {
        while let Some(next) = stop.run_until_cancelled(polls.recv()).await {
            let Some(poll) = next else {
                // All polling loops have ended, so the process is stopping. A task that ended before the stop would
                // count as a failure.
                stop.cancelled().await;
                break;
            };
            let span = tracing::info_span!("poll", provider = %poll.provider, request_id = poll.request_id);
            self.process(poll).instrument(span).await;
        }
        Ok(())
    }

    /// Takes one poll: makes and publishes the prices it concerns.
    pub async fn process(&mut self, poll: Poll) {
        let Poll {
            provider,
            batch,
            request_id,
        } = poll;
        self.note_rejected(provider, &batch);
        let tickers: BTreeSet<Ticker> = batch.observations.iter().map(|o| o.ticker.clone()).collect();
        // The shared state comes first, so that a price which another process has published is not published again.
        if !tickers.is_empty() {
            self.merge_shared_state(&batch.observations, &tickers).await;
        }
        let fresh: Vec<Observation> = batch.observations.clone();
        for observation in batch.observations {
            self.price_book.record(observation);
        }
        let now = self.clock.now();
        let priced = self.price_book.price(&tickers, now);
        let published_at = self.clock.now();
        let mut publication = Publication {
            quotes: Vec::new(),
            observations: observations(&fresh, &priced),
            provider_state: self.registry.find(provider),
        };
        for one in priced {
            self.record_outcome(&one);
            for outlier in &one.new_outliers {
                self.rejections.record(FlaggedPoint::outlier(outlier, now));
            }
            if let Some(quote) = &one.publish {
                publication
                    .quotes
                    .push(convert::quote(quote, published_at, &request_id));
                self.explanations
                    .keep(quote, &one.outcome, &self.price_book.rules().parameters);
            }
        }
        let result = self.quote_store.publish(&publication).await;
        if self.redis_answered(result.map(|()| true)) {
            let age = publication
                .quotes
                .iter()
                .map(|quote| published_at.duration_since(quote.as_of));
            for age in age {
                metrics::histogram!(QUOTE_AGE_SECONDS).record(age.as_secs_f64());
            }
            let count = u64::try_from(publication.quotes.len()).unwrap_or(u64::MAX);
            metrics::counter!(PUBLISHED).increment(count);
            tracing::debug!(quotes = count, "prices published");
        } else {
            for quote in &publication.quotes {
                // Not known to be published, so the next poll publishes it even if it is the same.
                self.price_book.note_missing(&quote.ticker);
            }
        }
    }

    /// Reads what others know about the assets of a poll, and about the currencies they are quoted in.
    async fn merge_shared_state(&mut self, observations: &[Observation], tickers: &BTreeSet<Ticker>) {
        let currencies = observations.iter().map(|o| o.quote_currency.clone());
        let wanted: BTreeSet<Ticker> = tickers.iter().cloned().chain(currencies).collect();
        let shared = match self.quote_store.load(&wanted).await {
            Ok(shared) => shared,
            Err(error) => {
                self.redis_answered(Err(error));
                return;
            }
        };
        for observation in shared.observations {
            self.price_book.record(observation);
        }
        for ticker in &wanted {
            match shared.published.get(ticker) {
                Some(published) => self.price_book.note_published(ticker, published.clone()),
                None => self.price_book.note_missing(ticker),
            }
        }
    }

    /// Logs the beginning and the end of an outage once each.
    fn redis_answered(&mut self, result: anyhow::Result<bool>) -> bool {
        match result {
            Ok(answered) => {
                if self.redis_failing {
                    tracing::info!("redis answers again");
                }
                self.redis_failing = false;
                answered
            }
            Err(error) => {
                metrics::counter!(REDIS_FAILURES).increment(1);
                if !self.redis_failing {
                    tracing::error!(
                        error = format!("{error:#}"),
                        "redis does not answer, prices are not published"
                    );
                }
                self.redis_failing = true;
                false
            }
        }
    }

    /// Counts what was accepted and refused, and logs the refusals that begin, change or end.
    fn note_rejected(&mut self, provider: ProviderId, batch: &ParsedBatch) {
        for change in self.rejection_tracker.update(provider, batch) {
            match change {
                RejectionChange::Begins { symbol, reason } => {
                    tracing::warn!(symbol, reason = reason.as_str(), "observation refused");
                }
                RejectionChange::Ends { symbol } => tracing::info!(symbol, "observation accepted again"),
            }
        }
        for rejected in &batch.rejected {
            let (provider, reason) = (rejected.provider.as_str(), rejected.reason.as_str());
            metrics::counter!(OBSERVATIONS, "provider" => provider, "outcome" => reason).increment(1);
            if let Some(flagged) = FlaggedPoint::rejected(rejected, self.clock.now()) {
                self.rejections.record(flagged);
            }
        }
        for observation in &batch.observations {
            let provider = observation.provider.as_str();
            metrics::counter!(OBSERVATIONS, "provider" => provider, "outcome" => "accepted").increment(1);
        }
    }

    fn record_outcome(&mut self, priced: &Priced) {
        for input in &priced.outcome.inputs {
            let provider = input.observation.provider.as_str();
            let outcome = input.excluded.map_or("included", Reason::as_str);
            metrics::counter!(INPUTS, "provider" => provider, "outcome" => outcome).increment(1);
        }
        let reason = match (&priced.outcome.verdict, &priced.publish) {
            (Verdict::Price(_), publish) => {
                if self.withheld.remove(&priced.ticker).is_some() {
                    tracing::info!(ticker = %priced.ticker, "there is a price again");
                }
                if publish.is_some() {
                    return;
                }
                "unchanged"
            }
            (Verdict::Unconfirmed { price }, _) => {
                if self.withheld.insert(priced.ticker.clone(), "unconfirmed_jump") != Some("unconfirmed_jump") {
                    tracing::warn!(ticker = %priced.ticker, %price, "jump is not confirmed yet, price withheld");
                }
                "unconfirmed_jump"
            }
            (Verdict::NoInput, _) => {
                if self.withheld.insert(priced.ticker.clone(), "no_input") != Some("no_input") {
                    tracing::warn!(ticker = %priced.ticker, "no usable input, no price");
                }
                "no_input"
            }
        };
        metrics::counter!(WITHHELD, "reason" => reason).increment(1);
    }
}

/// The poll's own observations as they are shared, each with what became of it.
fn observations(fresh: &[Observation], priced: &[Priced]) -> Vec<(Ticker, ObservationMessage)> {
    let outcomes: BTreeMap<&Ticker, &Outcome> = priced.iter().map(|one| (&one.ticker, &one.outcome)).collect();
    fresh
        .iter()
        .filter_map(|observation| {
            let inputs = outcomes.get(&observation.ticker)?.inputs.iter();
            // Absent when a newer one of the same provider was known: then that one stays.
            let own = inputs.into_iter().find(|j| j.observation == *observation)?;
            Some((
                observation.ticker.clone(),
                convert::observation(observation, own.excluded),
            ))
        })
        .collect()
}
