//! One price out of many: freshness, conversion to USD, outliers, weighted median, confidence.
//!
//! Called with everything the providers last said, never with one provider's word alone, so the result does not depend
//! on who spoke last. What must be remembered between calls (`Memory`) goes in and comes out as a value: the
//! same inputs and memory give the same price, and giving the returned memory back changes nothing.
//! The definitions are those of `docs/methodology.md`.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use rust_decimal::Decimal;

use crate::quote::{Flag, Method, Quality, Quote};
use crate::ticker::Ticker;

mod classify;
mod identity;
mod input;
mod jump;
mod median;
mod memory;
mod merge;
mod recency;

pub use classify::DOLLAR_TOKENS;
pub use input::{ClassifiedInput, Input, PRICE_DECIMALS, Parameters, Reason, WANTED_SOURCES};
pub use median::{median, weighted_median};
pub use memory::{Contest, Memory, Pending};

/// What came of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// A price.
    Price(Box<Quote>),
    /// A jump that one source alone reports, once: not believed yet.
    Unconfirmed {
        /// The price that was not believed.
        price: Decimal,
    },
    /// No source is usable.
    NoInput,
}

/// A price with how it was made, and what to remember.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// What came of it.
    pub verdict: Verdict,
    /// What every provider said and what became of it, in the order of the providers' names.
    pub inputs: Vec<ClassifiedInput>,
    /// The steps in words, in order.
    pub steps: Vec<String>,
    /// To be given to the next call.
    pub memory: Memory,
}

/// Makes the one price of `ticker`.
///
/// `rates` holds USD per unit of each quote currency other than USD, as far as known and fresh. Several inputs
/// of one provider count once, with the newest word.
pub fn aggregate(
    ticker: &Ticker,
    inputs: &[Input],
    rates: &BTreeMap<Ticker, Decimal>,
    memory: &Memory,
    parameters: &Parameters,
    now: Timestamp,
) -> Outcome {
    let mut steps = Vec::new();
    let mut classified = classify::newest_per_source(inputs, now);
    let assumed = classify::convert(&mut classified, rates, &mut steps);
    let contest = recency::exclude_outdated(&mut classified, memory, parameters, &mut steps);
    let removed = classify::remove_outliers(&mut classified, &memory.removed, parameters, &mut steps);
    let contest = recency::next_contest(&classified, contest, parameters);

    let included: Vec<usize> = (0..classified.len())
        .filter(|&i| classified[i].excluded.is_none())
        .collect();
    let prices: Vec<Decimal> = included.iter().filter_map(|&i| classified[i].usd_price).collect();
    let Some(plain) = median(&prices) else {
        steps.push("no usable input: no price".to_owned());
        let memory = Memory {
            removed,
            contest,
            ..memory.clone()
        };
        return Outcome {
            verdict: Verdict::NoInput,
            inputs: classified,
            steps,
            memory,
        };
    };

    merge::share_volume(&mut classified, parameters.volume_cap);
    let few = included.len() < WANTED_SOURCES;
    let (method, price) = if few {
        steps.push(format!("median of {} inputs: {plain}", included.len()));
        (Method::Median, plain)
    } else {
        let votes: Vec<(Decimal, Decimal)> = included
            .iter()
            .filter_map(|&i| Some((classified[i].usd_price?, classified[i].weight())))
            .collect();
        let price = weighted_median(&votes).unwrap_or(plain);
        steps.push(format!("weighted median of {} inputs: {price}", included.len()));
        (Method::WeightedMedian, price)
    };

    let verdict_of_jump = if few {
        jump::check(price, &classified, memory, parameters.jump_limit)
    } else {
        jump::Verdict::Believed
    };
    if let jump::Verdict::Unconfirmed(pending) = verdict_of_jump {
        steps.push(format!(
            "{price} is a jump that nothing else confirms yet: not published"
        ));
        let memory = Memory {
            last: memory.last,
            removed,
            pending: Some(pending),
            contest,
        };
        return Outcome {
            verdict: Verdict::Unconfirmed { price },
            inputs: classified,
            steps,
            memory,
        };
    }

    let mut flags = BTreeSet::new();
    if assumed {
        flags.insert(Flag::QuoteRateAssumed);
    }
    if classified.iter().any(|j| j.excluded == Some(Reason::Outlier)) {
        flags.insert(Flag::OutlierExcluded);
    }
    let contested = contest.as_ref().is_some_and(|contest| !contest.confirmed);
    let quality = if few || assumed || contested {
        Quality::Degraded
    } else {
        Quality::Ok
    };
    let quote = merge::quote(ticker, price, method, quality, flags, &classified);
    let memory = Memory {
        last: Some(price),
        removed,
        pending: None,
        contest,
    };
    Outcome {
        verdict: Verdict::Price(Box::new(quote)),
        inputs: classified,
        steps,
        memory,
    }
}

#[cfg(test)]
mod tests;
