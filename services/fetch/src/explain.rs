//! How the newest prices were made, kept in memory for whoever asks.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use contracts::api::fetch::{ExplanationBody, ExplanationInput};
use contracts::number::Number;
use domain::aggregate::{Judged, Outcome, Parameters, Reason};
use domain::quote::Quote;
use domain::ticker::Ticker;

/// The explanation of the newest price of each asset.
#[derive(Debug, Clone, Default)]
pub struct Explanations {
    newest: Arc<Mutex<BTreeMap<Ticker, ExplanationBody>>>,
}

impl Explanations {
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

/// The explanation as it is sent.
pub fn body(quote: &Quote, outcome: &Outcome, parameters: &Parameters) -> ExplanationBody {
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

fn input(judged: &Judged) -> ExplanationInput {
    let observation = &judged.observation;
    ExplanationInput {
        source: observation.provider,
        pair: observation.symbol.clone(),
        raw_price: Number(observation.price),
        quote_currency: observation.quote_currency.to_string(),
        quote_rate: judged.quote_rate.map(Number),
        usd_price: judged.usd_price.map(Number),
        volume_weight: judged.volume_weight.map(Number),
        reliability: Number(judged.reliability),
        received_at: observation.received_at.into(),
        source_time: observation.quoted_at.map(Into::into),
        age_ms: u64::try_from(judged.age.as_millis()).unwrap_or(0),
        included: judged.excluded.is_none(),
        reason: judged.excluded.map(|reason| Reason::as_str(reason).to_owned()),
    }
}
