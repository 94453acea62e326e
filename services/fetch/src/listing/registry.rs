//! The registry of tokens: one id for each, whichever provider lists it, kept for good in PostgreSQL.
//!
//! The id is CoinMarketCap's number, or one of our own for what only CoinGecko lists; one that was given never changes.
//! Almost always all tokens of a page are known, and one query says so. Only for new ones and new names the table is
//! locked, so that any number of processes give one id to one token.

use std::collections::{HashMap, HashSet};

use deadpool_postgres::{GenericClient, Pool};
use domain::ticker::ProviderId;
use jiff::Timestamp;
use platform::postgres::StoreError;

use crate::listing::identity::{Identity, Names, Registered};
use crate::listing::matching::{BY_ASSETS_FILE, KnownPairs, match_tokens, other};
use crate::store::tokens::{self, Link, NewToken, Token};

/// A token that came by a listing of its own.
const BY_LISTING: &str = "listing";

#[derive(Clone)]
pub struct TokenRegistry {
    postgres: Pool,
    pairs: KnownPairs,
}

/// Tokens by the provider's own ids.
pub type RegisteredTokens = HashMap<String, Registered>;

/// The known tokens of a page, by the provider's ids.
type KnownTokens = HashMap<String, Token>;

impl TokenRegistry {
    pub fn new(postgres: Pool, pairs: KnownPairs) -> Self {
        Self { postgres, pairs }
    }

    /// The ids and names of these tokens of a provider. New ones are written down.
    ///
    /// # Errors
    ///
    /// PostgreSQL does not answer. Then nothing was written.
    pub async fn register(
        &self,
        provider: ProviderId,
        identities: &[Identity],
        now: Timestamp,
    ) -> Result<RegisteredTokens, StoreError> {
        let mut client = self.postgres.get().await?;
        let known = find_known(&client, provider, identities).await?;
        if !identities.iter().all(|identity| is_current(provider, identity, &known)) {
            let transaction = client.transaction().await?;
            tokens::lock(&transaction).await?;
            let registered = self.write(&transaction, provider, identities, now).await?;
            transaction.commit().await?;
            return Ok(registered);
        }
        Ok(registered(provider, known))
    }

    async fn write(
        &self,
        client: &impl GenericClient,
        provider: ProviderId,
        identities: &[Identity],
        now: Timestamp,
    ) -> Result<RegisteredTokens, StoreError> {
        // Read again: another process may have written them before we had the lock.
        let known = find_known(client, provider, identities).await?;
        let renamed: Vec<Token> = identities
            .iter()
            .filter(|identity| known.contains_key(&identity.provider_id) && !is_current(provider, identity, &known))
            .filter_map(|identity| {
                Some(Token {
                    slug: identity.slug.clone(),
                    symbol: identity.symbol.clone(),
                    name: identity.name.clone(),
                    ..known.get(&identity.provider_id)?.clone()
                })
            })
            .collect();
        if !renamed.is_empty() {
            tokens::rename(client, &renamed, now).await?;
        }
        let mut published = registered(provider, known);
        // A provider may send a row twice.
        let mut seen = HashSet::new();
        let unknown: Vec<&Identity> = identities
            .iter()
            .filter(|identity| !published.contains_key(&identity.provider_id) && seen.insert(&identity.provider_id))
            .collect();
        if unknown.is_empty() {
            return Ok(published);
        }
        let candidates = self.find_candidates(client, provider, &unknown).await?;
        let matched = match_tokens(provider, &unknown, &candidates, &self.pairs);
        let mut links = Vec::new();
        let mut new: Vec<NewToken> = Vec::new();
        for (identity, matched) in unknown.into_iter().zip(matched) {
            let (coinmarketcap, coingecko) = provider_ids(provider, &identity.provider_id);
            match matched {
                Some((token_id, matched_by)) => {
                    let token = candidates.iter().find(|token| token.token_id == token_id);
                    let names = token.and_then(|token| names(provider, token));
                    published.insert(identity.provider_id.clone(), Registered { token_id, names });
                    links.push(Link {
                        token_id,
                        coinmarketcap,
                        coingecko,
                        matched_by,
                    });
                }
                None => {
                    let token = self.new_token(provider, identity, |number| {
                        let has_number = candidates.iter().any(|token| token.coinmarketcap == Some(number));
                        has_number || new.iter().any(|token| token.coinmarketcap == Some(number))
                    });
                    new.push(token);
                }
            }
        }
        if !links.is_empty() {
            tokens::link(client, &links, now).await?;
        }
        if !new.is_empty() {
            let inserted = tokens::insert(client, &new, now).await?;
            tracing::info!(%provider, tokens = inserted.len(), "new tokens in the registry");
            let inserted = inserted
                .into_iter()
                .filter_map(|token| Some((token.id_at(provider)?, token)));
            published.extend(registered(provider, inserted.collect()));
        }
        Ok(published)
    }

    /// A token that nobody listed before. One that the file of assets pairs with a number of CoinMarketCap has that
    /// number from the beginning.
    fn new_token(&self, provider: ProviderId, identity: &Identity, is_taken: impl Fn(i64) -> bool) -> NewToken {
        let (mut coinmarketcap, coingecko) = provider_ids(provider, &identity.provider_id);
        let mut matched_by = BY_LISTING;
        if coinmarketcap.is_none()
            && let Some(number) = self.pairs.counterpart(provider, &identity.provider_id)
            && let Ok(number) = number.parse::<i64>()
            && !is_taken(number)
        {
            coinmarketcap = Some(number);
            matched_by = BY_ASSETS_FILE;
        }
        NewToken {
            token_id: coinmarketcap,
            coinmarketcap,
            coingecko,
            slug: identity.slug.clone(),
            symbol: identity.symbol.clone(),
            name: identity.name.clone(),
            matched_by,
        }
    }

    async fn find_candidates(
        &self,
        client: &impl GenericClient,
        provider: ProviderId,
        unknown: &[&Identity],
    ) -> Result<Vec<Token>, StoreError> {
        let counterparts = unknown
            .iter()
            .filter_map(|identity| self.pairs.counterpart(provider, &identity.provider_id));
        let (coinmarketcap, coingecko) = columns(other(provider), counterparts);
        let symbols: Vec<String> = unknown.iter().map(|identity| identity.symbol.clone()).collect();
        tokens::find(client, &coinmarketcap, &coingecko, &symbols).await
    }
}

async fn find_known(
    client: &impl GenericClient,
    provider: ProviderId,
    identities: &[Identity],
) -> Result<KnownTokens, StoreError> {
    let wanted = identities.iter().map(|identity| identity.provider_id.as_str());
    let (coinmarketcap, coingecko) = columns(provider, wanted);
    let found = tokens::find(client, &coinmarketcap, &coingecko, &[]).await?;
    Ok(found
        .into_iter()
        .filter_map(|token| Some((token.id_at(provider)?, token)))
        .collect())
}

/// Whether a token is known under the names it has now. Those that CoinGecko gives count only while CoinMarketCap does
/// not list it, or the two would rename it in turns.
fn is_current(provider: ProviderId, identity: &Identity, known: &KnownTokens) -> bool {
    let Some(token) = known.get(&identity.provider_id) else {
        return false;
    };
    is_named_by_other(provider, token)
        || (token.slug == identity.slug && token.symbol == identity.symbol && token.name == identity.name)
}

fn is_named_by_other(provider: ProviderId, token: &Token) -> bool {
    provider == ProviderId::CoinGecko && token.coinmarketcap.is_some()
}

/// What a token is called whatever `provider` calls it; `None` if its names count.
fn names(provider: ProviderId, token: &Token) -> Option<Names> {
    is_named_by_other(provider, token).then(|| Names {
        slug: token.slug.clone(),
        symbol: token.symbol.clone(),
        name: token.name.clone(),
    })
}

fn registered(provider: ProviderId, known: KnownTokens) -> RegisteredTokens {
    let register = |token: Token| Registered {
        token_id: token.token_id,
        names: names(provider, &token),
    };
    known.into_iter().map(|(id, token)| (id, register(token))).collect()
}

/// A provider's id in the column of that provider.
fn provider_ids(provider: ProviderId, id: &str) -> (Option<i64>, Option<String>) {
    match provider {
        ProviderId::CoinMarketCap => (id.parse().ok(), None),
        ProviderId::CoinGecko | ProviderId::Binance => (None, Some(id.to_owned())),
    }
}

fn columns<'a>(provider: ProviderId, ids: impl Iterator<Item = &'a str>) -> (Vec<i64>, Vec<String>) {
    let (numbers, texts): (Vec<_>, Vec<_>) = ids.map(|id| provider_ids(provider, id)).unzip();
    (
        numbers.into_iter().flatten().collect(),
        texts.into_iter().flatten().collect(),
    )
}

#[cfg(test)]
mod tests {
    use contracts::listing::FIRST_OWN_TOKEN_ID;
    use domain::asset::Asset;

    use super::*;

    fn identity(id: &str, slug: &str, symbol: &str, name: &str) -> Identity {
        Identity {
            provider_id: id.to_owned(),
            slug: slug.to_owned(),
            symbol: symbol.to_owned(),
            name: name.to_owned(),
        }
    }

    fn coin(id: &str, symbol: &str, name: &str) -> Identity {
        identity(id, id, symbol, name)
    }

    fn now() -> Timestamp {
        "2026-01-01T00:00:00Z".parse().unwrap()
    }

    fn registry(pool: Pool) -> TokenRegistry {
        TokenRegistry::new(pool, KnownPairs::of(&crate::assets::load("").unwrap()))
    }

    async fn ids(registry: &TokenRegistry, provider: ProviderId, identities: &[Identity]) -> HashMap<String, i64> {
        let tokens = registry.register(provider, identities, now()).await.unwrap();
        tokens.into_iter().map(|(id, token)| (id, token.token_id)).collect()
    }

    #[tokio::test]
    async fn names_of_coinmarketcap_are_published_whoever_lists() {
        let database = testkit::database().await;
        let registry = registry(database.pool.clone());
        let listed = [identity("1839", "bnb", "BNB", "BNB")];
        let tokens = registry
            .register(ProviderId::CoinMarketCap, &listed, now())
            .await
            .unwrap();
        assert_eq!(tokens["1839"].names, None);
        let coins = [coin("binancecoin", "BNB", "Binance Coin"), coin("own", "OWN", "Own")];
        // Matched the first time, known the second time.
        for _ in 0..2 {
            let tokens = registry.register(ProviderId::CoinGecko, &coins, now()).await.unwrap();
            let names = tokens["binancecoin"].names.as_ref().unwrap();
            assert_eq!((names.slug.as_str(), names.name.as_str()), ("bnb", "BNB"));
            assert_eq!(tokens["own"].names, None);
        }
    }

    #[tokio::test]
    async fn tokens_of_both_providers_have_one_id() {
        let database = testkit::database().await;
        let registry = registry(database.pool.clone());
        let listed = [
            identity("1", "bitcoin", "BTC", "Bitcoin"),
            identity("1839", "bnb", "BNB", "BNB"),
            identity("20", "abc", "ABC", "Abc"),
        ];
        let found = ids(&registry, ProviderId::CoinMarketCap, &listed).await;
        assert_eq!((found["1"], found["1839"], found["20"]), (1, 1839, 20));
        let coins = [
            coin("bitcoin", "BTC", "Bitcoin"),
            coin("binancecoin", "BNB", "Binance Coin"),
            coin("abc-2", "ABC", "Another Abc"),
            coin("ethereum", "ETH", "Ethereum"),
        ];
        let found = ids(&registry, ProviderId::CoinGecko, &coins).await;
        assert_eq!(
            (found["bitcoin"], found["binancecoin"], found["ethereum"]),
            (1, 1839, 1027)
        );
        assert!(found["abc-2"] >= FIRST_OWN_TOKEN_ID);
        // Asked again, also by another process and with CoinGecko's own names.
        let again = ids(&registry, ProviderId::CoinGecko, &coins).await;
        assert_eq!(again, found);
        let client = database.pool.get().await.unwrap();
        let name: String = client
            .query_one("SELECT name FROM market.tokens WHERE token_id = 1839", &[])
            .await
            .unwrap()
            .get(0);
        assert_eq!(name, "BNB");
    }

    #[tokio::test]
    async fn own_id_is_kept_when_coinmarketcap_lists_the_token_later() {
        let database = testkit::database().await;
        let registry = registry(database.pool.clone());
        let coins = [coin("solo", "SOLO", "Solo")];
        let own = ids(&registry, ProviderId::CoinGecko, &coins).await["solo"];
        assert!(own >= FIRST_OWN_TOKEN_ID);
        let listed = [identity("777", "solo-coin", "SOLO", "Solo")];
        let found = ids(&registry, ProviderId::CoinMarketCap, &listed).await;
        assert_eq!(found["777"], own);
        // It is renamed, and keeps its id.
        let renamed = [identity("777", "sologenic", "SLG", "Sologenic")];
        let found = ids(&registry, ProviderId::CoinMarketCap, &renamed).await;
        assert_eq!(found["777"], own);
        let coins = [coin("solo", "SLG", "Sologenic")];
        assert_eq!(ids(&registry, ProviderId::CoinGecko, &coins).await["solo"], own);
    }

    #[tokio::test]
    async fn rows_and_numbers_that_come_twice_do_no_harm() {
        let database = testkit::database().await;
        let asset = |coingecko: &str| Asset {
            coingecko: Some(coingecko.to_owned()),
            ..crate::assets::load("").unwrap().remove(0)
        };
        let pairs = KnownPairs::of(&[asset("one"), asset("two")]);
        let registry = TokenRegistry::new(database.pool.clone(), pairs);
        let coins = [
            coin("one", "ONE", "One"),
            coin("two", "TWO", "Two"),
            coin("one", "ONE", "One"),
        ];
        let found = ids(&registry, ProviderId::CoinGecko, &coins).await;
        assert_eq!((found.len(), found["one"]), (2, 1));
        assert!(found["two"] >= FIRST_OWN_TOKEN_ID);
    }

    #[tokio::test]
    async fn processes_that_write_at_once_give_one_id() {
        let database = testkit::database().await;
        let coins: Vec<Identity> = (0..200)
            .map(|n| coin(&format!("coin-{n}"), "SAME", &format!("Coin {}", n / 2)))
            .collect();
        let work = || {
            let (registry, coins) = (registry(database.pool.clone()), coins.clone());
            async move { ids(&registry, ProviderId::CoinGecko, &coins).await }
        };
        let (first, second, third) = tokio::join!(work(), work(), work());
        assert_eq!((first.len(), &first), (200, &second));
        assert_eq!(first, third);
    }
}
