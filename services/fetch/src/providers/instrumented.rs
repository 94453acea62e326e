//! Every call to a provider is counted by its outcome and timed.

use async_trait::async_trait;
use domain::asset::Asset;
use domain::coin_id::CoinId;
use domain::ticker::ProviderId;
use tokio::time::Instant;

use super::{
    CandlesRequest, CoinPrices, CoinTickers, History, Listing, ParsedBatch, Provider, ProviderError, RawCandle,
    RawListingPage,
};
use crate::metrics::{REQUEST_SECONDS, REQUESTS};

/// A provider whose calls are counted and timed.
#[derive(Debug)]
pub struct Instrumented<P> {
    inner: P,
}

impl<P> Instrumented<P> {
    /// Counts and times the calls of `inner`.
    pub fn new(inner: P) -> Self {
        Self { inner }
    }
}

async fn measured<T>(
    provider: ProviderId,
    what: &'static str,
    call: impl Future<Output = Result<T, ProviderError>> + Send,
) -> Result<T, ProviderError> {
    let started = Instant::now();
    let result = call.await;
    let outcome = match &result {
        Ok(_) => "ok",
        Err(ProviderError::BreakerOpen { .. }) => "breaker_open",
        Err(error) => error.kind().as_str(),
    };
    metrics::counter!(REQUESTS, "provider" => provider.as_str(), "what" => what, "outcome" => outcome).increment(1);
    metrics::histogram!(REQUEST_SECONDS, "provider" => provider.as_str(), "what" => what)
        .record(started.elapsed().as_secs_f64());
    result
}

#[async_trait]
impl<P: Provider> Provider for Instrumented<P> {
    fn id(&self) -> ProviderId {
        self.inner.id()
    }

    async fn observations(&self, assets: &[Asset]) -> Result<ParsedBatch, ProviderError> {
        measured(self.id(), "prices", self.inner.observations(assets)).await
    }
}

#[async_trait]
impl<P: CoinPrices> CoinPrices for Instrumented<P> {
    fn id(&self) -> ProviderId {
        self.inner.id()
    }

    async fn coin_prices(&self, coins: &[CoinId]) -> Result<CoinTickers, ProviderError> {
        measured(self.id(), "coin prices", self.inner.coin_prices(coins)).await
    }
}

#[async_trait]
impl<P: History> History for Instrumented<P> {
    fn id(&self) -> ProviderId {
        self.inner.id()
    }

    async fn candles(&self, request: &CandlesRequest) -> Result<Vec<RawCandle>, ProviderError> {
        measured(self.id(), "history", self.inner.candles(request)).await
    }
}

#[async_trait]
impl<P: Listing> Listing for Instrumented<P> {
    fn id(&self) -> ProviderId {
        self.inner.id()
    }

    fn page_size(&self) -> usize {
        self.inner.page_size()
    }

    fn page_credits(&self, tokens: usize) -> u64 {
        self.inner.page_credits(tokens)
    }

    async fn listing_page(&self, page: usize, size: usize) -> Result<RawListingPage, ProviderError> {
        measured(self.id(), "listing", self.inner.listing_page(page, size)).await
    }
}
