//! One price out of many: freshness, conversion to USD, outliers, weighted median, confidence.
//!
//! Called with everything the providers last said, never with one provider's word alone, so the result does not depend
//! on who spoke last. What must be remembered between calls (`Memory`) goes in and comes out as a value: the
//! same inputs and memory give the same price, and giving the returned memory back changes nothing.
//! The definitions are those of `docs/methodology.md`.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};
use rust_decimal::Decimal;

use crate::quote::{Flag, Method, Observation, Quality, Quote};
use crate::ticker::{ProviderId, Ticker};

mod classify;
mod identity;
mod jump;
mod median;
mod merge;
mod recency;

pub use classify::DOLLAR_TOKENS;
pub use jump::Pending;
pub use median::{median, weighted_median};
pub use recency::Contest;

/// Fewer inputs than this give a plain median and a degraded price.
pub const WANTED_SOURCES: usize = 3;

/// Decimal places of every price in USD, as the database keeps them.
pub const PRICE_DECIMALS: u32 = 18;

/// One provider's newest word and how far it is trusted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Input {
    /// What it said.
    pub observation: Observation,
    /// Its reliability, 0 to 1.
    pub reliability: Decimal,
    /// From this age on it is not used.
    pub max_age: SignedDuration,
}

/// The parameters of the method.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parameters {
    /// How many scaled median absolute deviations from the median make an outlier.
    pub mad_factor: Decimal,
    /// A distance below this fraction of the median is never an outlier.
    pub outlier_floor: Decimal,
    /// The largest share by volume that one source may have.
    pub volume_cap: Decimal,
    /// With fewer than three inputs, a change by more than this fraction needs confirmation.
    pub jump_limit: Decimal,
}

impl Default for Parameters {
    fn default() -> Self {
        Self {
            mad_factor: Decimal::from(3),
            outlier_floor: Decimal::new(1, 2),
            volume_cap: Decimal::new(4, 1),
            jump_limit: Decimal::new(1, 1),
        }
    }
}

/// What is remembered about one asset between two calls.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Memory {
    /// The last price that was made.
    pub last: Option<Decimal>,
    /// Sources that were removed as outliers and have not come back.
    pub removed: BTreeSet<ProviderId>,
    /// A jump that waits for confirmation.
    pub pending: Option<Pending>,
    /// An exchange that older words contradict.
    pub contest: Option<Contest>,
}

/// Why a source took no part.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Reason {
    /// Older than its source's limit.
    Stale,
    /// The price of its quote currency is not known.
    NoQuoteRate,
    /// Older than the newest exchange's word, which the market has moved to since.
    Outdated,
    /// Too far from the median of all.
    Outlier,
    /// Not a positive amount of USD that can be represented.
    Invalid,
}

impl Reason {
    /// The reason as clients see it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Stale => "stale",
            Self::NoQuoteRate => "no_quote_rate",
            Self::Outdated => "outdated",
            Self::Outlier => "outlier",
            Self::Invalid => "invalid",
        }
    }
}

/// One provider's part in a price.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClassifiedInput {
    /// What it said.
    pub observation: Observation,
    /// Its reliability.
    pub reliability: Decimal,
    /// Its age when the price was made; never negative.
    pub age: SignedDuration,
    /// USD per unit of its quote currency.
    pub quote_rate: Option<Decimal>,
    /// Its price in USD.
    pub usd_price: Option<Decimal>,
    /// Its share by volume among the included, capped.
    pub volume_weight: Option<Decimal>,
    /// Why it took no part.
    pub excluded: Option<Reason>,
}

impl ClassifiedInput {
    /// An amount of its quote currency in USD.
    fn to_usd(&self, amount: Option<Decimal>) -> Option<Decimal> {
        amount?
            .checked_mul(self.quote_rate?)
            .map(|usd| usd.round_dp(PRICE_DECIMALS))
    }

    /// Its weight in the weighted median.
    fn weight(&self) -> Decimal {
        self.volume_weight.unwrap_or_default() * self.reliability
    }
}

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
