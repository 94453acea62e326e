//! Where the prices of batches come from: the provider whose ids clients use, or one that stands in for it.
//!
//! Another provider is asked only while the breaker of the first is open, and only for coins that the file of assets
//! names for both: the same slug is another coin elsewhere (docs/adr/0017-second-provider-of-batched-prices.md).

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use domain::asset::Asset;
use domain::coin_id::CoinId;
use domain::quote::Observation;
use domain::ticker::{ProviderId, Ticker};
use jiff::SignedDuration;
use platform::clock::SharedClock;
use rust_decimal::Decimal;
use tokio::time::{Instant, timeout_at};

use super::outcome::{Failure, FetchedPrice};
use crate::providers::{CoinPrices, CoinTickers, ErrorKind, Provider, ProviderError};
use crate::quote_store::QuoteStore;
use crate::validate;

/// What one coin's request to a provider gave.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CoinAnswer {
    pub price: Result<FetchedPrice, Failure>,
    /// The same request may succeed a moment later.
    pub may_be_retried: bool,
}

impl CoinAnswer {
    pub fn failed(failure: Failure) -> Self {
        Self {
            price: Err(failure),
            may_be_retried: false,
        }
    }

    fn found(price: FetchedPrice) -> Self {
        Self {
            price: Ok(price),
            may_be_retried: false,
        }
    }

    fn of_error(error: &ProviderError) -> Self {
        let is_passing = matches!(error.kind(), ErrorKind::Unavailable | ErrorKind::InvalidPayload);
        Self {
            price: Err(error.into()),
            may_be_retried: is_passing && !matches!(error, ProviderError::BreakerOpen { .. }),
        }
    }
}

pub struct PriceSources {
    /// The provider whose ids clients use, if it is asked at all.
    pub listing: Option<Arc<dyn CoinPrices>>,
    /// Those that stand in for it, in this order.
    pub fallbacks: Vec<Arc<dyn Provider>>,
    /// Every known asset, watched or not.
    pub assets: Vec<Asset>,
    /// Rates of the currencies that exchanges quote in.
    pub quote_store: QuoteStore,
    /// Older rates are not used.
    pub rate_max_age: SignedDuration,
    /// Longest time of one request.
    pub upstream_timeout: Duration,
    pub clock: SharedClock,
}

impl PriceSources {
    /// An answer for each of these coins.
    pub async fn prices(&self, coins: &[CoinId]) -> BTreeMap<CoinId, CoinAnswer> {
        let Some(listing) = &self.listing else {
            // That a coin is unknown, only the provider whose ids clients use can say.
            return self.ask_fallbacks(coins, CoinAnswer::failed(Failure::UPSTREAM)).await;
        };
        match listing.coin_prices(coins).await {
            Ok(found) => coins
                .iter()
                .map(|coin| (coin.clone(), answer_for(coin, &found, listing.id())))
                .collect(),
            Err(error @ ProviderError::BreakerOpen { .. }) => {
                self.ask_fallbacks(coins, CoinAnswer::of_error(&error)).await
            }
            Err(error) => {
                tracing::warn!(provider = %listing.id(), %error, coins = coins.len(), "prices are not available");
                let answer = CoinAnswer::of_error(&error);
                coins.iter().map(|coin| (coin.clone(), answer)).collect()
            }
        }
    }

    /// Asks one provider after the other for the coins it has names for; `otherwise` is the answer where none has.
    async fn ask_fallbacks(&self, coins: &[CoinId], otherwise: CoinAnswer) -> BTreeMap<CoinId, CoinAnswer> {
        let mut answers: BTreeMap<CoinId, CoinAnswer> = coins.iter().map(|coin| (coin.clone(), otherwise)).collect();
        let mut open: BTreeMap<&str, &CoinId> = coins.iter().map(|coin| (coin.as_str(), coin)).collect();
        // All of them together have the time of one request, or the flush would outlast its lease.
        let until = Instant::now() + self.upstream_timeout;
        for provider in &self.fallbacks {
            let assets: Vec<Asset> = self
                .assets
                .iter()
                .filter(|asset| asset.coingecko.as_deref().is_some_and(|id| open.contains_key(id)))
                .filter(|asset| asset.symbol_at(provider.id()).is_some())
                .cloned()
                .collect();
            if assets.is_empty() {
                continue;
            }
            let asked = timeout_at(until, provider.observations(&assets)).await;
            let batch = match asked.unwrap_or(Err(ProviderError::Timeout(self.upstream_timeout))) {
                Ok(batch) => batch,
                Err(ProviderError::BreakerOpen { .. }) => continue,
                Err(error) => {
                    tracing::warn!(provider = %provider.id(), %error, "fallback has no prices");
                    // Another provider would exceed the time that one request may take.
                    let answer = CoinAnswer::of_error(&error);
                    for coin in assets.iter().filter_map(|asset| open.get(asset.coingecko.as_deref()?)) {
                        answers.insert((*coin).clone(), answer);
                    }
                    break;
                }
            };
            let rates = timeout_at(until, self.rates(&batch.observations)).await;
            let rates = rates.unwrap_or_default();
            for observation in &batch.observations {
                let asset = assets.iter().find(|asset| asset.ticker == observation.ticker);
                let id = asset.and_then(|asset| asset.coingecko.as_deref());
                let price = in_dollars(observation, &rates);
                if let (Some(id), Some(price)) = (id, price)
                    && let Some(coin) = open.remove(id)
                {
                    answers.insert(coin.clone(), CoinAnswer::found(price));
                }
            }
            if open.is_empty() {
                break;
            }
        }
        answers
    }

    /// Dollars per unit of the currencies of these observations, as far as they are known and young.
    async fn rates(&self, observations: &[Observation]) -> BTreeMap<Ticker, Decimal> {
        let is_dollar = |currency: &Ticker| currency.as_str() == "USD";
        let currencies: BTreeSet<Ticker> = observations
            .iter()
            .map(|observation| observation.quote_currency.clone())
            .filter(|currency| !is_dollar(currency))
            .collect();
        if currencies.is_empty() {
            return BTreeMap::new();
        }
        let known = match self.quote_store.load(&currencies).await {
            Ok(known) => known.published,
            Err(error) => {
                tracing::warn!(error = format!("{error:#}"), "no rates to convert with");
                BTreeMap::new()
            }
        };
        let now = self.clock.now();
        known
            .into_iter()
            .filter(|(_, published)| now.duration_since(published.as_of) <= self.rate_max_age)
            .map(|(currency, published)| (currency, published.price))
            .collect()
    }
}

fn in_dollars(observation: &Observation, rates: &BTreeMap<Ticker, Decimal>) -> Option<FetchedPrice> {
    let rate = if observation.quote_currency.as_str() == "USD" {
        Decimal::ONE
    } else {
        *rates.get(&observation.quote_currency)?
    };
    let price = observation.price.checked_mul(rate)?;
    FetchedPrice::storable(price, observation.received_at, observation.provider)
}

/// What the provider said about one of the coins it was asked for.
fn answer_for(coin: &CoinId, found: &CoinTickers, provider: ProviderId) -> CoinAnswer {
    let mut tickers = found.tickers.iter();
    let Some(ticker) = tickers.find(|ticker| ticker.symbol.as_deref() == Some(coin.as_str())) else {
        return CoinAnswer::failed(if found.has_malformed {
            Failure::INVALID_RESPONSE
        } else {
            Failure::UNKNOWN_COIN
        });
    };
    let price = validate::price(ticker).ok();
    match price.and_then(|price| FetchedPrice::storable(price, found.received_at, provider)) {
        Some(price) => CoinAnswer::found(price),
        None => CoinAnswer {
            price: Err(Failure::INVALID_RESPONSE),
            may_be_retried: true,
        },
    }
}
