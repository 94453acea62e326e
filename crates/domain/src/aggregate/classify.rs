//! Which inputs take part: fresh, convertible, not an outlier.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};
use rust_decimal::Decimal;

use super::input::{ClassifiedInput, Input, PRICE_DECIMALS, Parameters, Reason, WANTED_SOURCES};
use super::median::median;
use crate::ticker::{ProviderId, Ticker};

/// What makes a median absolute deviation comparable with a standard deviation.
const MAD_SCALE: Decimal = Decimal::from_parts(14_826, 0, 0, false, 4);

/// Tokens that promise one dollar: taken at par when nothing better is known.
pub const DOLLAR_TOKENS: [&str; 6] = ["USDT", "USDC", "FDUSD", "TUSD", "BUSD", "DAI"];

/// Larger amounts are nonsense, and would overflow what is computed with them.
const MAX_PRICE: i64 = 1_000_000_000_000_000_000;

/// Each provider's newest word, in the order of their names, with its age.
pub(super) fn newest_per_source(inputs: &[Input], now: Timestamp) -> Vec<ClassifiedInput> {
    let mut newest: BTreeMap<ProviderId, &Input> = BTreeMap::new();
    for input in inputs {
        let slot = newest.entry(input.observation.provider).or_insert(input);
        let (new, old) = (&input.observation, &slot.observation);
        // Equal times: the price decides, so that the order of arrival never does.
        if new.is_newer_than(old) || (!old.is_newer_than(new) && new.price < old.price) {
            *slot = input;
        }
    }
    newest
        .into_values()
        .map(|input| {
            let age = now.duration_since(input.observation.as_of()).max(SignedDuration::ZERO);
            ClassifiedInput {
                observation: input.observation.clone(),
                reliability: input.reliability.clamp(Decimal::ZERO, Decimal::ONE),
                age,
                quote_rate: None,
                usd_price: None,
                volume_weight: None,
                excluded: (age > input.max_age).then_some(Reason::Stale),
            }
        })
        .collect()
}

/// Converts to USD through the price of the quote currency. True if a dollar token had to be taken at par,
/// which happens only when nothing else could be used.
pub(super) fn convert(
    classified: &mut [ClassifiedInput],
    rates: &BTreeMap<Ticker, Decimal>,
    steps: &mut Vec<String>,
) -> bool {
    for input in classified.iter_mut() {
        let currency = &input.observation.quote_currency;
        input.quote_rate = if currency.as_str() == "USD" {
            Some(Decimal::ONE)
        } else {
            rates.get(currency).copied()
        };
        price_in_usd(input);
    }
    let usable = classified.iter().any(|j| j.excluded.is_none());
    let mut assumed = false;
    if !usable {
        for input in classified
            .iter_mut()
            .filter(|j| j.excluded == Some(Reason::NoQuoteRate))
        {
            if DOLLAR_TOKENS.contains(&input.observation.quote_currency.as_str()) {
                input.quote_rate = Some(Decimal::ONE);
                input.excluded = None;
                price_in_usd(input);
                assumed |= input.excluded.is_none();
            }
        }
    }
    for input in classified.iter() {
        let name = input.observation.provider;
        match (input.excluded, input.usd_price) {
            (Some(reason), _) => steps.push(format!("{name} left out: {}", reason.as_str())),
            (None, Some(price)) => steps.push(format!("{name}: {price} USD")),
            (None, None) => {}
        }
    }
    if assumed {
        steps.push("no price of the quote currency is known: taken at par".to_owned());
    }
    assumed
}

fn price_in_usd(input: &mut ClassifiedInput) {
    input.usd_price = input
        .to_usd(Some(input.observation.price))
        .filter(|price| *price > Decimal::ZERO && *price <= Decimal::from(MAX_PRICE));
    if input.excluded.is_none() {
        input.excluded = match (input.quote_rate, input.usd_price) {
            (None, _) => Some(Reason::NoQuoteRate),
            (Some(_), None) => Some(Reason::Invalid),
            (Some(_), Some(_)) => None,
        };
    }
}

/// Removes what is too far from the median of all, and returns who is removed now. A source that was removed
/// comes back only below half of the limit, so one that hovers around it does not come and go. With fewer than
/// three inputs nobody new can be called the outlier; who was removed before is measured against the others.
pub(super) fn remove_outliers(
    classified: &mut [ClassifiedInput],
    removed_before: &BTreeSet<ProviderId>,
    parameters: &Parameters,
    steps: &mut Vec<String>,
) -> BTreeSet<ProviderId> {
    let all = prices_of(classified, |_| true);
    let few = all.len() < WANTED_SOURCES;
    let reference = if few {
        prices_of(classified, |provider| !removed_before.contains(&provider))
    } else {
        all
    };
    // Who is not heard now, because its word is old or cannot be converted, has not come back.
    let mut removed: BTreeSet<ProviderId> = classified
        .iter()
        .filter(|j| j.excluded.is_some())
        .map(|j| j.observation.provider)
        .filter(|provider| removed_before.contains(provider))
        .collect();
    let Some(middle) = median(&reference) else {
        return removed;
    };
    let distances: Vec<Decimal> = reference.iter().map(|price| (price - middle).abs()).collect();
    let spread = median(&distances).unwrap_or_default();
    let limit = (parameters.mad_factor * MAD_SCALE * spread).max(parameters.outlier_floor * middle);
    if !few {
        let shown = limit.round_dp(PRICE_DECIMALS);
        steps.push(format!("median {middle}, median deviation {spread}, limit {shown}"));
    }
    for input in classified.iter_mut().filter(|j| j.excluded.is_none()) {
        let Some(price) = input.usd_price else { continue };
        let provider = input.observation.provider;
        let own_limit = match (removed_before.contains(&provider), few) {
            (true, _) => limit / Decimal::TWO,
            (false, false) => limit,
            (false, true) => continue,
        };
        let distance = (price - middle).abs();
        if distance > own_limit {
            input.excluded = Some(Reason::Outlier);
            removed.insert(provider);
            steps.push(format!("{provider} removed: {distance} from the median"));
        }
    }
    removed
}

fn prices_of(classified: &[ClassifiedInput], wanted: impl Fn(ProviderId) -> bool) -> Vec<Decimal> {
    classified
        .iter()
        .filter(|j| j.excluded.is_none() && wanted(j.observation.provider))
        .filter_map(|j| j.usd_price)
        .collect()
}
