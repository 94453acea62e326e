//! A circuit breaker per provider.
//!
//! Only failures of the provider count (down, silent, nonsense); a refusal of our request does not. A probe that is
//! dropped half way counts as failed, so the breaker never waits for an answer that nobody awaits.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use async_trait::async_trait;
use domain::asset::Asset;
use domain::coin_id::CoinId;
use domain::ticker::ProviderId;
use platform::circuit_breaker::{Admission, CircuitBreaker};
pub use platform::circuit_breaker::{BreakerSettings, BreakerState};

use super::{
    CandlesRequest, CoinPrices, CoinTickers, History, Listing, ParsedBatch, Provider, ProviderError, RawCandle,
    RawListingPage,
};

/// The breaker of one provider, shared by all that ask it.
#[derive(Debug, Clone)]
pub struct Breaker {
    machine: Arc<Mutex<CircuitBreaker>>,
}

/// Tests may stop the runtime's clock.
fn now() -> Instant {
    tokio::time::Instant::now().into_std()
}

/// A call that is under way; one that is dropped has failed.
struct Call<'a> {
    breaker: &'a Breaker,
    settled: bool,
}

impl Call<'_> {
    fn settle(mut self, success: bool) {
        self.settled = true;
        self.breaker.lock(|machine| machine.settle(success, now()));
    }
}

impl Drop for Call<'_> {
    fn drop(&mut self) {
        if !self.settled {
            self.breaker.lock(|machine| machine.settle(false, now()));
        }
    }
}

impl Breaker {
    pub fn new(settings: BreakerSettings) -> Self {
        Self {
            machine: Arc::new(Mutex::new(CircuitBreaker::new(settings))),
        }
    }

    pub fn state(&self) -> BreakerState {
        self.lock(|machine| machine.state())
    }

    fn lock<T>(&self, work: impl FnOnce(&mut CircuitBreaker) -> T) -> T {
        work(&mut self.machine.lock().unwrap_or_else(PoisonError::into_inner))
    }

    async fn guard<T>(&self, call: impl Future<Output = Result<T, ProviderError>> + Send) -> Result<T, ProviderError> {
        match self.lock(|machine| machine.admit(now())) {
            Admission::Refuse { probe_in } => return Err(ProviderError::BreakerOpen { probe_in }),
            Admission::Pass => {}
        }
        let under_way = Call {
            breaker: self,
            settled: false,
        };
        let result = call.await;
        under_way.settle(!result.as_ref().is_err_and(ProviderError::is_provider_failure));
        result
    }
}

/// A provider behind its breaker.
#[derive(Debug)]
pub struct Guarded<P> {
    inner: P,
    breaker: Breaker,
}

impl<P> Guarded<P> {
    pub fn new(inner: P, breaker: Breaker) -> Self {
        Self { inner, breaker }
    }
}

#[async_trait]
impl<P: Provider> Provider for Guarded<P> {
    fn id(&self) -> ProviderId {
        self.inner.id()
    }

    async fn observations(&self, assets: &[Asset]) -> Result<ParsedBatch, ProviderError> {
        self.breaker.guard(self.inner.observations(assets)).await
    }
}

#[async_trait]
impl<P: CoinPrices> CoinPrices for Guarded<P> {
    fn id(&self) -> ProviderId {
        self.inner.id()
    }

    async fn coin_prices(&self, coins: &[CoinId]) -> Result<CoinTickers, ProviderError> {
        self.breaker.guard(self.inner.coin_prices(coins)).await
    }
}

#[async_trait]
impl<P: History> History for Guarded<P> {
    fn id(&self) -> ProviderId {
        self.inner.id()
    }

    async fn candles(&self, request: &CandlesRequest) -> Result<Vec<RawCandle>, ProviderError> {
        self.breaker.guard(self.inner.candles(request)).await
    }
}

#[async_trait]
impl<P: Listing> Listing for Guarded<P> {
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
        self.breaker.guard(self.inner.listing_page(page, size)).await
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::providers::ErrorKind;

    const SETTINGS: BreakerSettings = BreakerSettings {
        failures: 3,
        open_for: Duration::from_secs(30),
    };

    async fn fail(breaker: &Breaker) -> ProviderError {
        let failure = async { Err::<(), _>(ProviderError::payload("nonsense")) };
        breaker.guard(failure).await.unwrap_err()
    }

    /// Opens after three failures, and may be probed at once.
    const IMPATIENT: BreakerSettings = BreakerSettings {
        failures: 3,
        open_for: Duration::ZERO,
    };

    #[tokio::test]
    async fn an_open_breaker_asks_nobody() {
        let breaker = Breaker::new(SETTINGS);
        for _ in 0..3 {
            fail(&breaker).await;
        }
        assert_eq!(breaker.state(), BreakerState::Open);
        let refused = breaker.guard(async { Ok(()) }).await.unwrap_err();
        assert!(matches!(refused, ProviderError::BreakerOpen { .. }), "{refused}");
    }

    #[tokio::test]
    async fn one_probe_at_a_time_closes_it() {
        let breaker = Breaker::new(IMPATIENT);
        for _ in 0..3 {
            fail(&breaker).await;
        }
        let probe = breaker.guard(async {
            assert_eq!(breaker.state(), BreakerState::HalfOpen);
            let second = breaker.guard(async { Ok(()) }).await.unwrap_err();
            assert!(matches!(second, ProviderError::BreakerOpen { .. }));
            Ok(())
        });
        probe.await.unwrap();
        assert_eq!(breaker.state(), BreakerState::Closed);
    }

    #[tokio::test]
    async fn a_probe_that_nobody_awaits_any_more_has_failed() {
        let breaker = Breaker::new(IMPATIENT);
        for _ in 0..3 {
            fail(&breaker).await;
        }
        let hanging = breaker.guard(std::future::pending::<Result<(), _>>());
        assert!(tokio::time::timeout(Duration::ZERO, hanging).await.is_err());
        assert_eq!(breaker.state(), BreakerState::Open);
    }

    #[tokio::test]
    async fn refusals_of_our_requests_do_not_open_it() {
        let breaker = Breaker::new(SETTINGS);
        for _ in 0..10 {
            let refusal = async { Err::<(), _>(ProviderError::refused(ErrorKind::RateLimited, "", None)) };
            breaker.guard(refusal).await.unwrap_err();
        }
        assert_eq!(breaker.state(), BreakerState::Closed);
    }
}
