//! A large change that few sources report waits until something confirms it.

use std::collections::BTreeMap;

use jiff::Timestamp;
use rust_decimal::Decimal;

use super::input::ClassifiedInput;
use super::memory::{Memory, Pending};
use crate::ticker::ProviderId;

/// Whether a price made of few inputs is believed.
pub(super) enum Verdict {
    Believed,
    Unconfirmed(Pending),
}

/// Believes a jump when two sources report it, or when it is reported again: by another source, or by the same one
/// with a later word. A cached answer read twice is the same word. What confirms has to agree with what it confirms:
/// within `limit` of it, and not only in the direction.
pub(super) fn check(price: Decimal, classified: &[ClassifiedInput], memory: &Memory, limit: Decimal) -> Verdict {
    let Some(last) = memory.last.filter(|last| *last > Decimal::ZERO) else {
        return Verdict::Believed;
    };
    let up = price > last;
    let jumped = |value: &Decimal| (*value - last).abs() > limit * last && (*value > last) == up;
    if !jumped(&price) {
        return Verdict::Believed;
    }
    let reports: BTreeMap<ProviderId, (Timestamp, Decimal)> = classified
        .iter()
        .filter(|j| j.excluded.is_none())
        .filter_map(|j| Some((j, j.usd_price.filter(jumped)?)))
        .map(|(j, price)| (j.observation.provider, (j.observation.as_of(), price)))
        .collect();
    let prices = || reports.values().map(|(_, price)| *price);
    let agree = match (prices().min(), prices().max()) {
        (Some(low), Some(high)) => agrees(low, high, limit),
        _ => false,
    };
    let before = memory.pending.as_ref().filter(|pending| pending.up == up);
    let is_new = |(provider, (at, _)): (&ProviderId, &(Timestamp, Decimal))| {
        before.is_none_or(|pending| pending.seen.get(provider).is_none_or(|(seen, _)| at > seen))
    };
    let confirms = |price: Decimal| {
        before.is_some_and(|pending| pending.seen.values().any(|(_, seen)| agrees(price, *seen, limit)))
    };
    let again = reports
        .iter()
        .any(|(provider, report)| is_new((provider, report)) && confirms(report.1));
    if agree && (reports.len() >= 2 || again) {
        return Verdict::Believed;
    }
    // The newest words are what the next ones are compared with.
    let seen = match before {
        Some(pending) if !reports.iter().any(is_new) => pending.seen.clone(),
        Some(_) | None => reports,
    };
    Verdict::Unconfirmed(Pending { up, seen })
}

/// Whether two prices say the same, give or take `limit`.
pub(super) fn agrees(a: Decimal, b: Decimal, limit: Decimal) -> bool {
    (a - b).abs() <= limit * a.min(b)
}
