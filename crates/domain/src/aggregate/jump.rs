//! A large change that few sources report waits until something confirms it.

use std::collections::BTreeMap;

use jiff::Timestamp;
use rust_decimal::Decimal;

use super::{Judged, Memory};
use crate::ticker::ProviderId;

/// A jump that was seen and is not believed yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pending {
    /// True if the price rose.
    pub up: bool,
    /// Who reported it, and the time of that word.
    pub seen: BTreeMap<ProviderId, Timestamp>,
}

/// Whether a price made of few inputs is believed.
pub(super) enum Verdict {
    Believed,
    Unconfirmed(Pending),
}

/// Believes a jump when two sources report it, or when it is reported again: by another source, or by the same
/// one with a later word. A cached answer read twice is the same word.
pub(super) fn check(price: Decimal, judged: &[Judged], memory: &Memory, limit: Decimal) -> Verdict {
    let Some(last) = memory.last.filter(|last| *last > Decimal::ZERO) else {
        return Verdict::Believed;
    };
    let up = price > last;
    let jumped = |value: Decimal| (value - last).abs() > limit * last && (value > last) == up;
    if !jumped(price) {
        return Verdict::Believed;
    }
    let reports: BTreeMap<ProviderId, Timestamp> = judged
        .iter()
        .filter(|j| j.excluded.is_none() && j.usd_price.is_some_and(jumped))
        .map(|j| (j.observation.provider, j.observation.source_time()))
        .collect();
    let before = memory.pending.as_ref().filter(|pending| pending.up == up);
    let again = before.is_some_and(|pending| {
        reports
            .iter()
            .any(|(provider, at)| pending.seen.get(provider).is_none_or(|seen| at > seen))
    });
    if reports.len() >= 2 || again {
        return Verdict::Believed;
    }
    Verdict::Unconfirmed(before.cloned().unwrap_or(Pending { up, seen: reports }))
}
