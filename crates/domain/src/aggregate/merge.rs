//! What the included inputs say together: weights, confidence, bid and ask, volume, caps.

use std::collections::BTreeSet;

use jiff::Timestamp;
use rust_decimal::{Decimal, RoundingStrategy};

use super::identity;
use super::input::ClassifiedInput;
use super::median::{median, weighted_percentile};
use crate::quote::{Flag, Method, Observation, Quality, Quote};
use crate::ticker::{ProviderId, Ticker};

/// Volumes above this are nonsense and count as unknown.
const LARGEST_VOLUME: i64 = 1_000_000_000_000_000_000;

/// Gives each included input its share of the volume, at most `cap`. An unknown volume counts as the smallest
/// known one; when none is known all shares are equal.
pub(super) fn share_volume(classified: &mut [ClassifiedInput], cap: Decimal) {
    let volumes: Vec<Option<Decimal>> = classified
        .iter()
        .filter(|j| j.excluded.is_none())
        .map(|j| j.to_usd(j.observation.volume_24h))
        .map(|v| v.filter(|v| *v > Decimal::ZERO && *v <= Decimal::from(LARGEST_VOLUME)))
        .collect();
    let smallest = volumes.iter().flatten().min().copied().unwrap_or(Decimal::ONE);
    let total: Decimal = volumes.iter().map(|v| v.unwrap_or(smallest)).sum();
    let included = classified.iter_mut().filter(|j| j.excluded.is_none());
    for (input, volume) in included.zip(&volumes) {
        let share = volume.unwrap_or(smallest) / total;
        input.volume_weight = Some(share.min(cap).round_dp(WEIGHT_DECIMALS));
    }
    cap_dominant_weight(classified);
}

/// Holds the heaviest of three or more inputs below the weight of all others together: whatever the volumes are,
/// a single source that lies cannot pull the weighted median out of the others' range. It is never held below the
/// second heaviest, which would otherwise decide alone in its place.
fn cap_dominant_weight(classified: &mut [ClassifiedInput]) {
    let mut weights: Vec<Decimal> = classified
        .iter()
        .filter(|j| j.excluded.is_none())
        .map(ClassifiedInput::weight)
        .collect();
    weights.sort_unstable_by(|a, b| b.cmp(a));
    let [heaviest, second, rest @ ..] = weights.as_slice() else {
        return;
    };
    if rest.is_empty() {
        return;
    }
    let others = second + rest.iter().sum::<Decimal>();
    let limit = (others * Decimal::new(9, 1)).max(*second);
    let input = classified
        .iter_mut()
        .filter(|j| j.excluded.is_none())
        .find(|j| j.weight() == *heaviest);
    if let Some(input) = input.filter(|j| j.weight() > limit && j.reliability > Decimal::ZERO) {
        let allowed = limit / input.reliability;
        input.volume_weight = Some(allowed.round_dp_with_strategy(WEIGHT_DECIMALS, RoundingStrategy::ToZero));
    }
}

/// Enough for a weight, and few enough that it is written and read back exactly.
const WEIGHT_DECIMALS: u32 = 12;

/// Half-width of the interval between the weighted 25th and 75th percentile, where each input votes at its price
/// and half a spread to each side. One source without a spread says nothing about its own error.
fn confidence(price: Decimal, method: Method, included: &[&ClassifiedInput]) -> Option<Decimal> {
    let mut votes = Vec::with_capacity(included.len() * 3);
    let mut spread_known = false;
    for input in included {
        let at = input.usd_price?;
        let weight = match method {
            Method::WeightedMedian => input.weight(),
            Method::Median => Decimal::ONE,
        };
        let spread = spread(input);
        spread_known |= spread.is_some();
        let half = spread.unwrap_or_default() / Decimal::TWO;
        votes.extend([(at - half, weight), (at, weight), (at + half, weight)]);
    }
    if included.len() < 2 && !spread_known {
        return None;
    }
    let low = weighted_percentile(&votes, Decimal::new(25, 2))?;
    let high = weighted_percentile(&votes, Decimal::new(75, 2))?;
    Some((price - low).abs().max((high - price).abs()))
}

fn spread(input: &ClassifiedInput) -> Option<Decimal> {
    let bid = input.to_usd(input.observation.bid)?;
    let ask = input.to_usd(input.observation.ask)?;
    (bid > Decimal::ZERO && ask >= bid).then(|| ask - bid)
}

/// How good a provider is at supplies, caps and market-wide volume; smaller is better, exchanges know none of it.
fn listing_rank(provider: ProviderId) -> Option<u8> {
    match provider {
        ProviderId::CoinMarketCap => Some(0),
        ProviderId::CoinGecko => Some(1),
        ProviderId::Binance => None,
    }
}

/// The quote of the included inputs at `price`.
pub(super) fn quote(
    ticker: &Ticker,
    price: Decimal,
    method: Method,
    quality: Quality,
    mut flags: BTreeSet<Flag>,
    classified: &[ClassifiedInput],
) -> Quote {
    let included: Vec<&ClassifiedInput> = classified.iter().filter(|j| j.excluded.is_none()).collect();
    if included.iter().any(|j| j.observation.simulated) {
        flags.insert(Flag::Simulated);
    }
    let mut listings: Vec<(u8, &ClassifiedInput)> = included
        .iter()
        .filter_map(|j| Some((listing_rank(j.observation.provider)?, *j)))
        .collect();
    listings.sort_by_key(|(rank, _)| *rank);
    let first = |pick: &dyn Fn(&ClassifiedInput) -> Option<Decimal>| listings.iter().find_map(|(_, j)| pick(j));
    let exchanges = || {
        let volumes: Vec<Decimal> = included
            .iter()
            .filter_map(|j| j.to_usd(j.observation.volume_24h))
            .collect();
        let sum = volumes
            .iter()
            .try_fold(Decimal::ZERO, |sum: Decimal, volume| sum.checked_add(*volume));
        sum.filter(|_| !volumes.is_empty())
    };
    let middle = |pick: &dyn Fn(&Observation) -> Option<Decimal>, money: bool| {
        let known: Vec<Decimal> = included
            .iter()
            .filter_map(|j| {
                let value = pick(&j.observation);
                if money { j.to_usd(value) } else { value }
            })
            .collect();
        median(&known)
    };
    let as_of = included
        .iter()
        .map(|j| j.observation.as_of())
        .max()
        .unwrap_or(Timestamp::UNIX_EPOCH);
    Quote {
        price_id: identity::price_id(ticker, price, as_of, &included),
        ticker: ticker.clone(),
        price,
        confidence: confidence(price, method, &included),
        bid: middle(&|o| o.bid, true),
        ask: middle(&|o| o.ask, true),
        volume_24h: first(&|j| j.to_usd(j.observation.volume_24h)).or_else(exchanges),
        market_cap: first(&|j| j.to_usd(j.observation.market_cap)),
        circulating_supply: first(&|j| j.observation.circulating_supply),
        total_supply: first(&|j| j.observation.total_supply),
        change_24h_percent: middle(&|o| o.change_24h_percent, false),
        sources: included.iter().map(|j| j.observation.provider).collect(),
        quality,
        flags,
        method,
        as_of,
    }
}
