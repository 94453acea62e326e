//! In which order a list has them.

use std::cmp::Ordering;
use std::fmt;
use std::str::FromStr;

use crate::store::StoredToken;

/// What a list is sorted by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum SortKey {
    #[default]
    MarketCap,
    Volume24h,
    Velocity,
    Price,
    Name,
    PercentChange24h,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum SortDirection {
    Ascending,
    #[default]
    Descending,
}

/// A text that names none of them.
#[derive(Debug, PartialEq, Eq)]
pub struct UnknownOrder(&'static str);

impl fmt::Display for UnknownOrder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

impl SortKey {
    pub const ALL: [(&str, Self); 6] = [
        ("market_cap", Self::MarketCap),
        ("volume_24h", Self::Volume24h),
        ("velocity", Self::Velocity),
        ("price", Self::Price),
        ("name", Self::Name),
        ("percent_change_24h", Self::PercentChange24h),
    ];

    /// Compares two tokens. Unknown values come last in either direction, and ids decide between equals, so that the
    /// order is the same however the tokens lay before.
    pub fn compare(self, direction: SortDirection, a: &StoredToken, b: &StoredToken) -> Ordering {
        let known_first = |a: Option<Ordering>, has_a: bool, has_b: bool| match (a, direction) {
            (Some(order), SortDirection::Ascending) => order,
            (Some(order), SortDirection::Descending) => order.reverse(),
            (None, _) => has_b.cmp(&has_a),
        };
        fn both<T: PartialOrd>(a: Option<T>, b: Option<T>) -> (Option<Ordering>, bool, bool) {
            let (has_a, has_b) = (a.is_some(), b.is_some());
            (a.zip(b).and_then(|(a, b)| a.partial_cmp(&b)), has_a, has_b)
        }
        let (order, has_a, has_b) = match self {
            Self::MarketCap => both(a.token.market_cap, b.token.market_cap),
            Self::Volume24h => both(a.token.volume_24h, b.token.volume_24h),
            Self::Velocity => both(a.velocity, b.velocity),
            Self::Price => both(a.token.price, b.token.price),
            Self::Name => {
                fn lower(name: &str) -> impl Iterator<Item = char> + '_ {
                    name.chars().flat_map(char::to_lowercase)
                }
                // Compared as they are lowered: a sort compares each name many times.
                let order = lower(&a.token.name).cmp(lower(&b.token.name));
                (Some(order), true, true)
            }
            Self::PercentChange24h => both(a.token.percent_change_24h, b.token.percent_change_24h),
        };
        known_first(order, has_a, has_b).then_with(|| a.token.token_id.cmp(&b.token.token_id))
    }
}

impl FromStr for SortKey {
    type Err = UnknownOrder;

    fn from_str(text: &str) -> Result<Self, UnknownOrder> {
        let found = Self::ALL.into_iter().find(|(name, _)| *name == text);
        found.map(|(_, key)| key).ok_or(UnknownOrder(
            "must be one of market_cap, volume_24h, velocity, price, name, percent_change_24h",
        ))
    }
}

impl FromStr for SortDirection {
    type Err = UnknownOrder;

    fn from_str(text: &str) -> Result<Self, UnknownOrder> {
        match text {
            "asc" => Ok(Self::Ascending),
            "desc" => Ok(Self::Descending),
            _ => Err(UnknownOrder("must be asc or desc")),
        }
    }
}
