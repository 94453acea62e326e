//! What is remembered about one asset between two calls.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use rust_decimal::Decimal;

use crate::ticker::ProviderId;

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

/// A jump that was seen and is not believed yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pending {
    /// True if the price rose.
    pub up: bool,
    /// Who reported it, with the time and the price of that word.
    pub seen: BTreeMap<ProviderId, (Timestamp, Decimal)>,
}

/// An exchange whose newest word was left out as an outlier: a question to the sources whose words are older.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Contest {
    /// The exchange.
    pub provider: ProviderId,
    /// The time of its first contested word. Who has spoken since has answered.
    pub since: Timestamp,
    /// The time of its newest contested word.
    pub spoke_at: Timestamp,
    /// The price of that word.
    pub price: Decimal,
    /// Whether its own next word confirmed it.
    pub confirmed: bool,
}
