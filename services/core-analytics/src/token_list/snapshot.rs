//! All tokens at one moment: what pages of one list are cut from.

use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::filter::TokenFilter;
use super::order::{SortDirection, SortKey};
use super::search;
use crate::store::{ListingState, StoredToken};

/// Names of routes, which are never ids of tokens.
const RESERVED: [&str; 2] = ["live", "search"];

/// All tokens of one version of the listing. Two of one version are equal, whoever read them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TokenSnapshot {
    /// What became of the newest poll.
    pub state: Option<ListingState>,
    /// In the order of their ids.
    pub tokens: Vec<StoredToken>,
}

/// Which snapshot it is. Versions alone are not enough: a database that was restored counts the same ones again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SnapshotId {
    pub version: i64,
    /// The newest poll in it.
    pub poll_id: Uuid,
}

impl SnapshotId {
    /// That of the listing as it is.
    pub fn of(state: Option<&ListingState>) -> Self {
        Self {
            version: state.map_or(0, |state| state.version),
            poll_id: state.map_or(Uuid::nil(), |state| state.poll_id),
        }
    }
}

impl fmt::Display for SnapshotId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.version, self.poll_id.simple())
    }
}

impl FromStr for SnapshotId {
    type Err = UnknownSnapshot;

    fn from_str(text: &str) -> Result<Self, UnknownSnapshot> {
        let (version, poll_id) = text.split_once('-').ok_or(UnknownSnapshot)?;
        Ok(Self {
            version: version.parse().map_err(|_| UnknownSnapshot)?,
            poll_id: poll_id.parse().map_err(|_| UnknownSnapshot)?,
        })
    }
}

/// A text that names no snapshot.
#[derive(Debug, PartialEq, Eq)]
pub struct UnknownSnapshot;

/// A page of a list.
#[derive(Debug, Clone, PartialEq)]
pub struct Selection<'a> {
    pub tokens: Vec<&'a StoredToken>,
    /// How many the filter leaves.
    pub total: usize,
}

/// Whom a name stands for.
#[derive(Debug, Clone, PartialEq)]
pub struct Resolution<'a> {
    pub token: &'a StoredToken,
    /// The other tokens of the same symbol, largest first.
    pub others: Vec<&'a StoredToken>,
}

impl TokenSnapshot {
    pub fn id(&self) -> SnapshotId {
        SnapshotId::of(self.state.as_ref())
    }

    /// The tokens from place `skip` on, at most `limit`, of those that the filter leaves.
    pub fn select(
        &self,
        filter: &TokenFilter,
        (key, direction): (SortKey, SortDirection),
        skip: usize,
        limit: usize,
    ) -> Selection<'_> {
        let mut tokens: Vec<&StoredToken> = self.tokens.iter().filter(|token| filter.matches(token)).collect();
        let total = tokens.len();
        tokens.sort_unstable_by(|a, b| key.compare(direction, a, b));
        let tokens = tokens.into_iter().skip(skip).take(limit).collect();
        Selection { tokens, total }
    }

    /// The tokens that answer to what somebody typed, the best match first and the larger token first among equals.
    pub fn search(&self, query: &str, limit: usize) -> Vec<&StoredToken> {
        let query = query.trim().to_lowercase();
        let mut found: Vec<_> = self
            .tokens
            .iter()
            .filter_map(|token| Some((search::matches(&query, token)?, token)))
            .collect();
        found.sort_unstable_by(|(a, one), (b, other)| {
            let by_size = || SortKey::MarketCap.compare(SortDirection::Descending, one, other);
            a.cmp(b).then_with(by_size)
        });
        found.into_iter().take(limit).map(|(_, token)| token).collect()
    }

    /// The token of an id, slug or symbol, tried in this order.
    pub fn resolve(&self, name: &str) -> Option<Resolution<'_>> {
        let only = |token| Resolution {
            token,
            others: Vec::new(),
        };
        if RESERVED.iter().any(|word| name.eq_ignore_ascii_case(word)) {
            return None;
        }
        if let Ok(id) = name.parse::<i64>()
            && let Ok(place) = self.tokens.binary_search_by_key(&id, |stored| stored.token.token_id)
        {
            return Some(only(&self.tokens[place]));
        }
        let largest_first = |found: &mut Vec<&'_ StoredToken>| {
            found.sort_unstable_by(|a, b| SortKey::MarketCap.compare(SortDirection::Descending, a, b));
        };
        let slug = name.to_lowercase();
        let mut by_slug: Vec<_> = self.tokens.iter().filter(|stored| stored.token.slug == slug).collect();
        largest_first(&mut by_slug);
        if let Some(token) = by_slug.first() {
            return Some(only(token));
        }
        let symbol = name.to_uppercase();
        let mut by_symbol: Vec<_> = self
            .tokens
            .iter()
            .filter(|stored| stored.token.symbol == symbol)
            .collect();
        largest_first(&mut by_symbol);
        let token = by_symbol.first().copied()?;
        Some(Resolution {
            token,
            others: by_symbol.split_off(1),
        })
    }

    /// When the newest figures were made.
    pub fn newest(&self) -> Option<Timestamp> {
        self.tokens.iter().map(|stored| stored.token.quoted_at).max()
    }
}
