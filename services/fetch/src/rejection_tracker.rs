//! Which symbols each provider's answers are refused for, so that a refusal is logged when it begins and not at every
//! poll.

use std::collections::BTreeMap;

use domain::ticker::ProviderId;

use crate::providers::ParsedBatch;
use crate::rejection::RejectReason;

/// The refusals of the last answer of each provider. Bounded: entries are of watched symbols only.
#[derive(Debug, Default)]
pub struct RejectionTracker {
    current: BTreeMap<ProviderId, BTreeMap<String, RejectReason>>,
}

/// What is new in an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RejectionChange {
    /// A symbol is refused that was accepted before, or refused for another reason.
    Begins {
        /// The provider's name of the asset; empty when it is not reported.
        symbol: String,
        reason: RejectReason,
    },
    /// A symbol is not refused any more.
    Ends {
        /// The provider's name of the asset.
        symbol: String,
    },
}

impl RejectionTracker {
    /// Takes note of an answer. A failed poll brings no entries and changes nothing.
    pub fn update(&mut self, provider: ProviderId, batch: &ParsedBatch) -> Vec<RejectionChange> {
        if batch.observations.is_empty() && batch.rejected.is_empty() {
            return Vec::new();
        }
        let now: BTreeMap<String, RejectReason> = batch
            .rejected
            .iter()
            .map(|rejected| (rejected.symbol.clone(), rejected.reason))
            .collect();
        let before = self.current.insert(provider, now.clone()).unwrap_or_default();
        let ended = before.keys().filter(|symbol| !now.contains_key(*symbol));
        let ended = ended.map(|symbol| RejectionChange::Ends { symbol: symbol.clone() });
        let begun = now
            .iter()
            .filter(|(symbol, reason)| before.get(*symbol) != Some(*reason));
        let begun = begun.map(|(symbol, reason)| RejectionChange::Begins {
            symbol: symbol.clone(),
            reason: *reason,
        });
        begun.chain(ended).collect()
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;
    use crate::rejection::Rejected;

    fn batch(refused: &[(&str, RejectReason)]) -> ParsedBatch {
        let rejected = |&(symbol, reason): &(&str, RejectReason)| Rejected {
            provider: ProviderId::Binance,
            ticker: None,
            symbol: symbol.to_owned(),
            reason,
            raw_price: None,
            quoted_at: None,
            received_at: Timestamp::UNIX_EPOCH,
        };
        ParsedBatch {
            rejected: refused.iter().map(rejected).collect(),
            ..ParsedBatch::default()
        }
    }

    #[test]
    fn refusal_is_reported_when_it_begins_changes_and_ends() {
        let mut refusals = RejectionTracker::default();
        let mut update = |refused: &[(&str, RejectReason)]| refusals.update(ProviderId::Binance, &batch(refused));
        let begins = |symbol: &str, reason| RejectionChange::Begins {
            symbol: symbol.to_owned(),
            reason,
        };
        let old = ("BTCUSDT", RejectReason::Malformed);
        let other = ("ETHUSDT", RejectReason::Malformed);
        assert_eq!(update(&[old, other]), [begins(old.0, old.1), begins(other.0, other.1)]);
        for _ in 0..3 {
            assert_eq!(update(&[old, other]), []);
        }
        assert_eq!(update(&[]), [], "a failed poll says nothing");
        let changed = ("BTCUSDT", RejectReason::NotANumber);
        let ends = RejectionChange::Ends {
            symbol: other.0.to_owned(),
        };
        assert_eq!(update(&[changed]), [begins(changed.0, changed.1), ends]);
    }
}
