//! Which token of another provider is meant: pure rules over names.
//!
//! Symbols are not unique, and anybody may take any name, so a token is taken for another provider's only if nothing
//! speaks against it. In doubt it gets an id of its own: two ids for one token are a nuisance, two tokens under one id
//! cannot be told apart. A line in the file of assets decides, if it is there before the token is seen: ids that were
//! given are not joined later.

use std::collections::{HashMap, HashSet};

use domain::asset::Asset;
use domain::ticker::ProviderId;

use crate::listing::identity::Identity;
use crate::store::tokens::Token;

/// Ids of one asset at both listing providers, from the file of assets.
#[derive(Debug, Clone, Default)]
pub struct KnownPairs {
    coinmarketcap_by_coingecko: HashMap<String, String>,
    coingecko_by_coinmarketcap: HashMap<String, String>,
}

impl KnownPairs {
    pub fn of(assets: &[Asset]) -> Self {
        let pairs = assets.iter().filter_map(|asset| {
            let at = |provider| asset.symbol_at(provider);
            Some((at(ProviderId::CoinGecko)?, at(ProviderId::CoinMarketCap)?))
        });
        let coinmarketcap_by_coingecko: HashMap<String, String> = pairs.collect();
        let turned = coinmarketcap_by_coingecko.iter();
        Self {
            coingecko_by_coinmarketcap: turned.map(|(ours, theirs)| (theirs.clone(), ours.clone())).collect(),
            coinmarketcap_by_coingecko,
        }
    }

    /// What the other listing provider calls the token that `provider` calls `id`.
    pub fn counterpart(&self, provider: ProviderId, id: &str) -> Option<&str> {
        let known = match provider {
            ProviderId::CoinGecko => &self.coinmarketcap_by_coingecko,
            ProviderId::CoinMarketCap => &self.coingecko_by_coinmarketcap,
            ProviderId::Binance => return None,
        };
        known.get(id).map(String::as_str)
    }
}

/// The other of the two providers that list tokens.
pub fn other(provider: ProviderId) -> ProviderId {
    match provider {
        ProviderId::CoinMarketCap => ProviderId::CoinGecko,
        ProviderId::CoinGecko | ProviderId::Binance => ProviderId::CoinMarketCap,
    }
}

/// By which rule a token was found.
pub const BY_ASSETS_FILE: &str = "assets_file";
pub const BY_SLUG: &str = "slug";
pub const BY_NAME: &str = "name";

/// Which known token each of `unknown` is, and by which rule; `None` for one that is new. `candidates` are the tokens
/// that share a symbol or a counterpart with any of them.
pub fn match_tokens(
    provider: ProviderId,
    unknown: &[&Identity],
    candidates: &[Token],
    pairs: &KnownPairs,
) -> Vec<Option<(i64, &'static str)>> {
    let rules: [(&'static str, &Rule<'_>); 3] = [
        (BY_ASSETS_FILE, &|identity, token| {
            let counterpart = pairs.counterpart(provider, &identity.provider_id);
            counterpart.is_some() && token.id_at(other(provider)).as_deref() == counterpart
        }),
        (BY_SLUG, &|identity, token| {
            identity.slug == token.slug && identity.symbol == token.symbol
        }),
        (BY_NAME, &|identity, token| {
            identity.symbol == token.symbol && identity.name.to_lowercase() == token.name.to_lowercase()
        }),
    ];
    let mut by_symbol: HashMap<&str, Vec<&Token>> = HashMap::new();
    let mut by_counterpart: HashMap<String, &Token> = HashMap::new();
    for token in candidates {
        by_symbol.entry(&token.symbol).or_default().push(token);
        if let Some(id) = token.id_at(other(provider)) {
            by_counterpart.insert(id, token);
        }
    }
    let mut named: HashMap<(&str, String), usize> = HashMap::new();
    for identity in unknown {
        *named
            .entry((&identity.symbol, identity.name.to_lowercase()))
            .or_default() += 1;
    }
    let mut taken: HashSet<i64> = HashSet::new();
    let mut matched = vec![None; unknown.len()];
    // The surest rule goes first for all of them, so that no guess takes what a certainty needs.
    for (rule, applies) in rules {
        for (identity, place) in unknown.iter().zip(&mut matched).filter(|(_, place)| place.is_none()) {
            let counterpart = pairs.counterpart(provider, &identity.provider_id);
            let near = by_symbol.get(identity.symbol.as_str()).into_iter().flatten().copied();
            let paired = counterpart.and_then(|id| by_counterpart.get(id)).copied();
            let mut found: Vec<&Token> = near.filter(|token| applies(identity, token)).collect();
            if let Some(token) = paired.filter(|token| applies(identity, token) && !found.contains(token)) {
                found.push(token);
            }
            // Several that are called the same, on either side, are not told apart by that.
            let is_ambiguous =
                rule == BY_NAME && named.get(&(identity.symbol.as_str(), identity.name.to_lowercase())) != Some(&1);
            let [token] = found.as_slice() else { continue };
            let is_refused = is_ambiguous || contradicts(pairs, provider, identity, token);
            if !is_refused && token.id_at(provider).is_none() && taken.insert(token.token_id) {
                *place = Some((token.token_id, rule));
            }
        }
    }
    matched
}

/// Whether the file of assets pairs the identity with another token, or the token with another identity.
fn contradicts(pairs: &KnownPairs, provider: ProviderId, identity: &Identity, token: &Token) -> bool {
    let theirs = token.id_at(other(provider));
    match pairs.counterpart(provider, &identity.provider_id) {
        Some(paired) => theirs.as_deref() != Some(paired),
        // A token that is paired is paired with another identity: this one has no pair.
        None => theirs.is_some_and(|id| pairs.counterpart(other(provider), &id).is_some()),
    }
}

type Rule<'a> = dyn Fn(&Identity, &Token) -> bool + 'a;

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    fn identity(id: &str, symbol: &str, name: &str) -> Identity {
        Identity {
            provider_id: id.to_owned(),
            slug: id.to_owned(),
            symbol: symbol.to_owned(),
            name: name.to_owned(),
        }
    }

    fn token(id: i64, slug: &str, symbol: &str, name: &str) -> Token {
        Token {
            token_id: id,
            coinmarketcap: Some(id),
            coingecko: None,
            slug: slug.to_owned(),
            symbol: symbol.to_owned(),
            name: name.to_owned(),
        }
    }

    fn pairs() -> KnownPairs {
        KnownPairs::of(&crate::assets::load("").unwrap())
    }

    fn known() -> Vec<Token> {
        vec![
            token(1, "bitcoin", "BTC", "Bitcoin"),
            token(1839, "bnb", "BNB", "BNB"),
            token(20, "first-abc", "ABC", "Abc"),
            token(21, "second-abc", "ABC", "Abc"),
            token(22, "solo", "SOLO", "Solo Coin"),
            token(23, "mine", "MINE", "Mine"),
        ]
    }

    #[rstest]
    #[case::in_the_file("binancecoin", "BNB", "Binance Coin", Some((1839, BY_ASSETS_FILE)))]
    #[case::slug("solo", "SOLO", "Another name", Some((22, BY_SLUG)))]
    #[case::slug_of_another_symbol("solo", "OLOS", "Solo Coin", None)]
    #[case::name_in_any_case("sologenic", "SOLO", "SOLO COIN", Some((22, BY_NAME)))]
    #[case::other_name("sologenic", "SOLO", "Sologenic", None)]
    #[case::name_of_two("abc", "ABC", "Abc", None)]
    #[case::slug_among_two("second-abc", "ABC", "Abc", Some((21, BY_SLUG)))]
    #[case::new("newcoin", "NEW", "Newcoin", None)]
    // The file pairs `binancecoin` with 1839 and `ethereum` with 1027.
    #[case::token_of_another_identity("bnb", "BNB", "BNB", None)]
    #[case::identity_of_another_token("ethereum", "SOLO", "Solo Coin", None)]
    fn rules(
        #[case] id: &str,
        #[case] symbol: &str,
        #[case] name: &str,
        #[case] expected: Option<(i64, &'static str)>,
    ) {
        let identity = identity(id, symbol, name);
        let matched = match_tokens(ProviderId::CoinGecko, &[&identity], &known(), &pairs());
        assert_eq!(matched, [expected]);
    }

    #[test]
    fn token_is_never_taken_twice() {
        let mut known = known();
        // Two of one page with the same name: neither, though only one token has it.
        let twins = [identity("mine-1", "MINE", "Mine"), identity("mine-2", "MINE", "Mine")];
        let twins: Vec<&Identity> = twins.iter().collect();
        assert_eq!(
            match_tokens(ProviderId::CoinGecko, &twins, &known, &pairs()),
            [None, None]
        );
        // One of them by its slug.
        let pair = [identity("mine-1", "MINE", "Mine"), identity("mine", "MINE", "Mine")];
        let pair: Vec<&Identity> = pair.iter().collect();
        let matched = match_tokens(ProviderId::CoinGecko, &pair, &known, &pairs());
        assert_eq!(matched, [None, Some((23, BY_SLUG))]);
        // One that another coin has already.
        known[5].coingecko = Some("mine".to_owned());
        let late = identity("mine-1", "MINE", "Mine");
        assert_eq!(match_tokens(ProviderId::CoinGecko, &[&late], &known, &pairs()), [None]);
    }

    #[test]
    fn token_with_our_own_id_is_recognised_later() {
        let own = Token {
            token_id: 1_000_000_007,
            coinmarketcap: None,
            coingecko: Some("solo".to_owned()),
            ..token(0, "solo", "SOLO", "Solo Coin")
        };
        let mut late = identity("9999", "SOLO", "Solo Coin");
        late.slug = "solo-coin".to_owned();
        let matched = match_tokens(ProviderId::CoinMarketCap, &[&late], &[own], &pairs());
        assert_eq!(matched, [Some((1_000_000_007, BY_NAME))]);
    }
}
