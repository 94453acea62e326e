//! How well a token answers to what somebody typed.

use crate::store::StoredToken;

/// Shorter words have too many others one typing error away.
const MIN_FUZZY_CHARS: usize = 4;
/// Words of this length may have two typing errors.
const TWO_ERRORS_CHARS: usize = 8;

/// How a token matches, best first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Match {
    /// The symbol, name or slug is what was typed.
    Exact,
    /// The symbol begins with it.
    SymbolPrefix,
    /// The name or slug begins with it.
    NamePrefix,
    /// A word of the name begins with it.
    WordPrefix,
    /// The name contains it.
    Substring,
    /// The symbol or a word of the name is so many typing errors away.
    Fuzzy(usize),
}

/// How `query`, in lower case, matches a token; `None` if it does not.
pub fn matches(query: &str, stored: &StoredToken) -> Option<Match> {
    let symbol = stored.token.symbol.to_lowercase();
    let (name, slug) = (stored.token.name.to_lowercase(), &stored.token.slug);
    if [symbol.as_str(), &name, slug].contains(&query) {
        return Some(Match::Exact);
    }
    if symbol.starts_with(query) {
        return Some(Match::SymbolPrefix);
    }
    if name.starts_with(query) || slug.starts_with(query) {
        return Some(Match::NamePrefix);
    }
    let words = || {
        name.split(|c: char| !c.is_alphanumeric())
            .filter(|word| !word.is_empty())
    };
    if words().any(|word| word.starts_with(query)) {
        return Some(Match::WordPrefix);
    }
    if name.contains(query) {
        return Some(Match::Substring);
    }
    let typed = query.chars().count();
    let allowed = match typed {
        0..MIN_FUZZY_CHARS => return None,
        MIN_FUZZY_CHARS..TWO_ERRORS_CHARS => 1,
        _ => 2,
    };
    let candidates = words().chain([symbol.as_str(), name.as_str()]);
    // Each error changes the length by one at most, and the distance costs the product of the lengths.
    let close = candidates.filter(|word| word.chars().count().abs_diff(typed) <= allowed);
    let errors = close.map(|word| strsim::osa_distance(query, word)).min();
    errors.filter(|errors| *errors <= allowed).map(Match::Fuzzy)
}
