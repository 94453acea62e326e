//! Which symbols each venue's answers are refused for, so that a refusal is logged when it begins and not at every poll.

use std::collections::BTreeMap;

use domain::ticker::ProviderId;

use crate::providers::Batch;
use crate::validate::RejectReason;

/// The refusals of the last answer of each venue. Bounded: entries are of watched symbols only.
#[derive(Debug, Default)]
pub struct Refusals {
    current: BTreeMap<ProviderId, BTreeMap<String, RejectReason>>,
}

/// What is new in an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RefusalChange {
    /// A symbol is refused that was accepted before, or refused for another reason.
    Begins {
        /// The venue's name of the asset; empty when it does not tell.
        symbol: String,
        /// Why.
        reason: RejectReason,
    },
    /// A symbol is not refused any more.
    Ends {
        /// The venue's name of the asset.
        symbol: String,
    },
}

impl Refusals {
    /// Takes note of an answer. A failed poll brings no entries and changes nothing.
    pub fn update(&mut self, provider: ProviderId, batch: &Batch) -> Vec<RefusalChange> {
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
        let ended = ended.map(|symbol| RefusalChange::Ends { symbol: symbol.clone() });
        let begun = now
            .iter()
            .filter(|(symbol, reason)| before.get(*symbol) != Some(*reason));
        let begun = begun.map(|(symbol, reason)| RefusalChange::Begins {
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
    use crate::validate::Rejected;

    fn batch(refused: &[(&str, RejectReason)]) -> Batch {
        let rejected = |&(symbol, reason): &(&str, RejectReason)| Rejected {
            provider: ProviderId::Binance,
            ticker: None,
            symbol: symbol.to_owned(),
            reason,
            raw_price: None,
            quoted_at: None,
            received_at: Timestamp::UNIX_EPOCH,
        };
        Batch {
            rejected: refused.iter().map(rejected).collect(),
            ..Batch::default()
        }
    }

    #[test]
    fn refusal_is_reported_when_it_begins_changes_and_ends() {
        let mut refusals = Refusals::default();
        let mut update = |refused: &[(&str, RejectReason)]| refusals.update(ProviderId::Binance, &batch(refused));
        let begins = |symbol: &str, reason| RefusalChange::Begins {
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
        let ends = RefusalChange::Ends {
            symbol: other.0.to_owned(),
        };
        assert_eq!(update(&[changed]), [begins(changed.0, changed.1), ends]);
    }
}
