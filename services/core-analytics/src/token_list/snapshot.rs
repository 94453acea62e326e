//! All tokens at one moment: what pages of one list are cut from.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::filter::TokenFilter;
use super::order::{SortDirection, SortKey};
use super::search;
use crate::store::{ListingState, StoredToken};

/// All tokens of one version of the listing. Two of one version are equal, whoever read them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TokenSnapshot {
    /// Counts the changes of the listing.
    pub version: i64,
    /// What became of the newest poll.
    pub state: Option<ListingState>,
    /// In the order of their ids.
    pub tokens: Vec<StoredToken>,
}

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
