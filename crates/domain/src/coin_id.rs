//! Ids of coins, as the aggregator that lists them spells them.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A coin's id, such as `bitcoin`: any coin that the listing provider knows, watched or not.
///
/// Invariant: 1 to 64 lower-case ASCII letters, digits and hyphens, with no hyphen first.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct CoinId(Box<str>);

/// Why a text is not the id of a coin.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a coin id has 1 to 64 lower-case letters, digits or hyphens, and begins with no hyphen")]
pub struct InvalidCoinId;

impl CoinId {
    /// What every id matches.
    pub const PATTERN: &str = "^[a-z0-9][a-z0-9-]{0,63}$";

    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for CoinId {
    type Err = InvalidCoinId;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let is_allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        let valid = (1..=64).contains(&text.len()) && !text.starts_with('-') && text.bytes().all(is_allowed);
        valid.then(|| Self(text.into())).ok_or(InvalidCoinId)
    }
}

impl TryFrom<String> for CoinId {
    type Error = InvalidCoinId;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<CoinId> for String {
    fn from(coin_id: CoinId) -> Self {
        coin_id.0.into()
    }
}

impl fmt::Display for CoinId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_lower_case_slugs() {
        for id in ["bitcoin", "0x", "avalanche-2", "a-", &"a".repeat(64)] {
            assert_eq!(id.parse::<CoinId>().unwrap().as_str(), id);
        }
        for text in ["", "-a", "Bitcoin", "bit coin", "bit,coin", "é", "a_b", &"a".repeat(65)] {
            assert_eq!(text.parse::<CoinId>(), Err(InvalidCoinId), "{text}");
        }
    }
}
