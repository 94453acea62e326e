//! How the newest prices were made: from memory, or made again of what is shared when another process made it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};

use contracts::api::fetch::{ExplanationBody, ExplanationInput};
use contracts::number::Number;
use domain::aggregate::{ClassifiedInput, Outcome, Parameters, Reason};
use domain::quote::Quote;
use domain::ticker::Ticker;
use platform::clock::SharedClock;

use crate::price_book::{PriceBook, PricingRules};
use crate::quote_store::{QuoteStore, SharedState};

/// The explanation of the newest price of each asset.
#[derive(Debug, Clone, Default)]
pub struct ExplanationCache {
    newest: Arc<Mutex<BTreeMap<Ticker, ExplanationBody>>>,
}

impl ExplanationCache {
    /// Keeps how `quote` was made.
    pub fn keep(&self, quote: &Quote, outcome: &Outcome, parameters: &Parameters) {
        let body = body(quote, outcome, parameters);
        let mut newest = self.newest.lock().unwrap_or_else(PoisonError::into_inner);
        newest.insert(quote.ticker.clone(), body);
    }

    /// How the newest price of `ticker` was made, if this process has made one.
    pub fn find(&self, ticker: &Ticker) -> Option<ExplanationBody> {
        let newest = self.newest.lock().unwrap_or_else(PoisonError::into_inner);
        newest.get(ticker).cloned()
    }
}

/// Answers how prices were made.
pub struct Explainer {
    pub newest: ExplanationCache,
    pub quote_store: QuoteStore,
    /// The rules of the market.
    pub rules: PricingRules,
    pub clock: SharedClock,
}

impl Explainer {
    /// How the newest price of `ticker` was made, if there is one. While Redis is away this process's own is the
    /// newest.
    pub async fn find(&self, ticker: &Ticker) -> Option<ExplanationBody> {
        let own = self.newest.find(ticker);
        let shared = match self.load(ticker).await {
            Ok(shared) => shared,
            Err(error) => {
                tracing::debug!(error = format!("{error:#}"), "explaining without the other processes");
                return own;
            }
        };
        let newest = shared.published.get(ticker);
        match own {
            Some(own) if newest.is_none_or(|published| published.price_id == own.price_id) => Some(own),
            own => self.recompute(ticker, shared).or(own),
        }
    }

    /// What is known about an asset and about the currencies it is quoted in.
    async fn load(&self, ticker: &Ticker) -> anyhow::Result<SharedState> {
        let mut shared = self.quote_store.load(&BTreeSet::from([ticker.clone()])).await?;
        let currencies: BTreeSet<Ticker> = shared.observations.iter().map(|o| o.quote_currency.clone()).collect();
        let rates = self.quote_store.load(&currencies).await?;
        shared.published.extend(rates.published);
        Ok(shared)
    }

    fn recompute(&self, ticker: &Ticker, shared: SharedState) -> Option<ExplanationBody> {
        let mut price_book = PriceBook::new(self.rules.clone());
        for observation in shared.observations {
            price_book.record(observation);
        }
        for (currency, published) in shared.published.into_iter().filter(|(currency, _)| currency != ticker) {
            price_book.note_published(&currency, published);
        }
        let priced = price_book.price(&BTreeSet::from([ticker.clone()]), self.clock.now());
        let priced = priced.into_iter().next()?;
        Some(body(&priced.publish?, &priced.outcome, &self.rules.parameters))
    }
}

/// The explanation as it is sent.
fn body(quote: &Quote, outcome: &Outcome, parameters: &Parameters) -> ExplanationBody {
    let numbers = [
        ("mad_factor", parameters.mad_factor),
        ("outlier_floor", parameters.outlier_floor),
        ("volume_cap", parameters.volume_cap),
        ("jump_limit", parameters.jump_limit),
    ];
    ExplanationBody {
        price_id: quote.price_id,
        ticker: quote.ticker.clone(),
        price: Number(quote.price),
        confidence: quote.confidence.map(Number),
        method: quote.method.as_str().to_owned(),
        parameters: numbers.map(|(name, value)| (name.to_owned(), Number(value))).into(),
        inputs: outcome.inputs.iter().map(input).collect(),
        steps: outcome.steps.clone(),
    }
}

fn input(input: &ClassifiedInput) -> ExplanationInput {
    let observation = &input.observation;
    ExplanationInput {
        source: observation.provider,
        pair: observation.symbol.clone(),
        raw_price: Number(observation.price),
        quote_currency: observation.quote_currency.to_string(),
        quote_rate: input.quote_rate.map(Number),
        usd_price: input.usd_price.map(Number),
        volume_weight: input.volume_weight.map(Number),
        reliability: Number(input.reliability),
        received_at: observation.received_at.into(),
        source_time: observation.quoted_at.map(Into::into),
        age_ms: u64::try_from(input.age.as_millis()).unwrap_or(0),
        included: input.excluded.is_none(),
        reason: input.excluded.map(|reason| Reason::as_str(reason).to_owned()),
    }
}
