//! The adapters of the providers, each behind its breaker and its metrics.

use std::sync::Arc;

use anyhow::Context;
use domain::ticker::ProviderId;
use platform::clock::SharedClock;

use crate::providers::binance::Binance;
use crate::providers::circuit_breaker::{Breaker, Guarded};
use crate::providers::coingecko::CoinGecko;
use crate::providers::coinmarketcap::CoinMarketCap;
use crate::providers::http::{Http, Limits};
use crate::providers::instrumented::Instrumented;
use crate::providers::{CoinPrices, CreditMeter, History, Listing, Provider};
use crate::settings::Settings;
use crate::settings::providers::ProviderSettings;

/// What one provider is asked for: current prices and, where it has them, past ones, those of any coin, and the listing.
pub struct ProviderAdapters {
    pub prices: Arc<dyn Provider>,
    pub history: Option<Arc<dyn History>>,
    pub coins: Option<Arc<dyn CoinPrices>>,
    pub listing: Option<Arc<dyn Listing>>,
}

/// The one place where providers are built.
///
/// # Errors
///
/// The HTTP client cannot be made.
pub fn build(
    source: &ProviderSettings,
    settings: &Settings,
    limits: Limits,
    breaker: Breaker,
    meter: &CreditMeter,
    clock: &SharedClock,
) -> anyhow::Result<ProviderAdapters> {
    let http = Http::new(&source.base_url, limits, clock.clone()).context("HTTP client")?;
    let base = source.base_url.clone();
    // History has a breaker of its own: failed requests for the past must not cut off the current prices.
    let history_breaker = Breaker::new(settings.breaker());
    Ok(match source.provider {
        ProviderId::Binance => {
            let binance = Arc::new(Binance::new(http, base));
            ProviderAdapters {
                prices: decorated(binance.clone(), breaker),
                history: Some(decorated_history(binance, history_breaker)),
                coins: None,
                listing: None,
            }
        }
        ProviderId::CoinGecko => {
            let coingecko = Arc::new(CoinGecko::new(http, base, settings.coingecko_api_key.clone()));
            ProviderAdapters {
                prices: decorated(coingecko.clone(), breaker.clone()),
                history: Some(decorated_history(coingecko.clone(), history_breaker)),
                coins: Some(Arc::new(Instrumented::new(Guarded::new(
                    coingecko.clone(),
                    breaker.clone(),
                )))),
                listing: Some(Arc::new(Instrumented::new(Guarded::new(coingecko, breaker)))),
            }
        }
        ProviderId::CoinMarketCap => {
            let path = settings.cmc_quotes_path.clone();
            let coinmarketcap = CoinMarketCap::new(http, base, path, settings.cmc_api_key.clone())
                .with_listings_path(settings.listing.cmc_listings_path.clone())
                .with_meter(meter.clone());
            let coinmarketcap = Arc::new(coinmarketcap);
            ProviderAdapters {
                prices: decorated(coinmarketcap.clone(), breaker.clone()),
                history: None,
                coins: None,
                listing: Some(Arc::new(Instrumented::new(Guarded::new(coinmarketcap, breaker)))),
            }
        }
    })
}

fn decorated<P: Provider + 'static>(provider: Arc<P>, breaker: Breaker) -> Arc<dyn Provider> {
    Arc::new(Instrumented::new(Guarded::new(provider, breaker)))
}

fn decorated_history<P: History + 'static>(provider: Arc<P>, breaker: Breaker) -> Arc<dyn History> {
    Arc::new(Instrumented::new(Guarded::new(provider, breaker)))
}
