//! Which tokens a list has.

use std::collections::HashSet;

use rust_decimal::Decimal;

use crate::store::StoredToken;

/// Bounds of an amount, both inclusive. An unknown amount is within no bounds but absent ones.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Bounds<T> {
    pub min: Option<T>,
    pub max: Option<T>,
}

impl<T: PartialOrd + Copy> Bounds<T> {
    fn contain(&self, value: Option<T>) -> bool {
        match value {
            None => self.min.is_none() && self.max.is_none(),
            Some(value) => self.min.is_none_or(|min| value >= min) && self.max.is_none_or(|max| value <= max),
        }
    }

    /// Whether nothing lies within.
    pub fn are_empty(&self) -> bool {
        self.min.zip(self.max).is_some_and(|(min, max)| min > max)
    }
}

/// What a token must be to be in a list.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct TokenFilter {
    pub market_cap: Bounds<Decimal>,
    pub volume_24h: Bounds<Decimal>,
    pub velocity: Bounds<f64>,
    /// Any of them; `None` is any id.
    pub ids: Option<HashSet<i64>>,
    /// Any of them, upper case; `None` is any symbol.
    pub symbols: Option<HashSet<String>>,
}

impl TokenFilter {
    pub fn matches(&self, stored: &StoredToken) -> bool {
        let token = &stored.token;
        self.market_cap.contain(token.market_cap)
            && self.volume_24h.contain(token.volume_24h)
            && self.velocity.contain(stored.velocity)
            && self.ids.as_ref().is_none_or(|ids| ids.contains(&token.token_id))
            && self
                .symbols
                .as_ref()
                .is_none_or(|symbols| symbols.contains(&token.symbol))
    }
}
