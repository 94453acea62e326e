//! Medians and percentiles of exact decimals.

use rust_decimal::Decimal;

use super::input::PRICE_DECIMALS;

/// The middle of two values.
fn midpoint(low: Decimal, high: Decimal) -> Decimal {
    (low + (high - low) / Decimal::TWO).round_dp(PRICE_DECIMALS)
}

/// The middle value; of an even number, the middle of the two middle ones. `None` of nothing.
pub fn median(values: &[Decimal]) -> Option<Decimal> {
    let mut sorted = values.to_vec();
    sorted.sort_unstable();
    let upper = *sorted.get(sorted.len() / 2)?;
    if sorted.len() % 2 == 1 {
        return Some(upper);
    }
    Some(midpoint(sorted[sorted.len() / 2 - 1], upper))
}

/// The value at which half of the weight is reached; exactly half gives the middle with the next one.
///
/// `votes` are pairs of value and weight, in any order. Without any weight it is the plain median.
pub fn weighted_median(votes: &[(Decimal, Decimal)]) -> Option<Decimal> {
    let mut sorted = votes.to_vec();
    sorted.sort_unstable();
    let total: Decimal = sorted.iter().map(|(_, weight)| *weight).sum();
    if total <= Decimal::ZERO {
        return median(&sorted.iter().map(|(value, _)| *value).collect::<Vec<_>>());
    }
    let mut reached = Decimal::ZERO;
    for (i, (value, weight)) in sorted.iter().enumerate() {
        reached += weight;
        let twice = reached * Decimal::TWO;
        if twice > total {
            return Some(*value);
        }
        if twice == total {
            let next = sorted[i + 1..].iter().find(|(_, weight)| *weight > Decimal::ZERO);
            return Some(next.map_or(*value, |(next, _)| midpoint(*value, *next)));
        }
    }
    sorted.last().map(|(value, _)| *value)
}

/// The smallest value at which the fraction `at` of the weight is reached.
pub(super) fn weighted_percentile(votes: &[(Decimal, Decimal)], at: Decimal) -> Option<Decimal> {
    let mut sorted = votes.to_vec();
    sorted.sort_unstable();
    let total: Decimal = sorted.iter().map(|(_, weight)| *weight).sum();
    let mut reached = Decimal::ZERO;
    for (value, weight) in &sorted {
        reached += weight;
        if reached >= total * at {
            return Some(*value);
        }
    }
    sorted.last().map(|(value, _)| *value)
}
