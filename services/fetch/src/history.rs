//! Past prices on request: from Binance's candles, else from CoinGecko's chart.
//!
//! Nothing is kept: the same question gives the same answer while the provider does. Only a few requests run at a time,
//! so that current prices are never short of the providers' allowance. Prices are in the currency of the
//! provider's pair, which the answer names.

use std::sync::Arc;

use contracts::api::fetch::{HistoryBody, HistoryQuery};
use contracts::problem::ProblemKind;
use domain::asset::Asset;
use domain::ticker::{ProviderId, Ticker};
use jiff::Timestamp;
use platform::clock::SharedClock;
use platform::problem::Problem;
use tokio::sync::Semaphore;

use crate::candles;
use crate::providers::{CandlesRequest, ErrorKind, History, ProviderError, binance};

pub struct HistoryService {
    providers: Vec<Arc<dyn History>>,
    assets: Vec<Asset>,
    running: Semaphore,
    max_candles: usize,
    clock: SharedClock,
}

impl HistoryService {
    /// Asks these providers, in this order, for these assets.
    pub fn new(
        providers: Vec<Arc<dyn History>>,
        assets: Vec<Asset>,
        concurrency: usize,
        max_candles: usize,
        clock: SharedClock,
    ) -> Self {
        Self {
            providers,
            assets,
            running: Semaphore::new(concurrency),
            max_candles,
            clock,
        }
    }

    /// The candles asked for. A provider that has none is passed over as long as another one is left.
    ///
    /// # Errors
    ///
    /// A request that makes no sense, or no provider that answers.
    pub async fn find(&self, ticker: &Ticker, query: &HistoryQuery) -> Result<HistoryBody, Problem> {
        let now = self.clock.now();
        let (from, to) = (query.from.0, query.to.0.min(now));
        self.check(query, from, to)?;
        let asset = self
            .assets
            .iter()
            .find(|asset| asset.ticker == *ticker)
            .ok_or_else(|| Problem::new(ProblemKind::TokenNotFound, format!("{ticker} is not watched here.")))?;
        let _turn = self
            .running
            .acquire()
            .await
            .map_err(|_| Problem::new(ProblemKind::ShuttingDown, "The service is stopping."))?;
        let mut empty = None;
        let mut failure = None;
        for provider in &self.providers {
            if query.exchanges_only && !provider.id().is_exchange() {
                continue;
            }
            let Some(symbol) = asset.symbol_at(provider.id()) else {
                continue;
            };
            let currency = currency(provider.id(), &symbol);
            let request = CandlesRequest {
                ticker: ticker.clone(),
                symbol,
                interval: query.interval,
                from,
                to,
            };
            match provider.candles(&request).await {
                Ok(candles) => {
                    let body = HistoryBody {
                        ticker: ticker.clone(),
                        interval: query.interval,
                        source: provider.id(),
                        currency,
                        candles: candles::to_sorted_candles(&candles, &request, now),
                    };
                    if !body.candles.is_empty() {
                        return Ok(body);
                    }
                    empty.get_or_insert(body);
                }
                Err(error) => {
                    tracing::warn!(provider = %provider.id(), %ticker, %error, "history is not available");
                    failure = Some(error);
                }
            }
        }
        match (empty, failure) {
            (_, Some(error)) => Err(unavailable(&error)),
            (Some(body), None) => Ok(body),
            (None, None) => Err(Problem::unavailable(format!(
                "No provider has the history of {ticker}."
            ))),
        }
    }

    fn check(&self, query: &HistoryQuery, from: Timestamp, to: Timestamp) -> Result<(), Problem> {
        if query.from.0 >= query.to.0 {
            return Err(Problem::new(ProblemKind::InvalidRange, "`from` must be before `to`."));
        }
        let span = to.duration_since(from).as_secs().max(0);
        let candles = usize::try_from(span / query.interval.seconds()).unwrap_or(usize::MAX);
        if candles > self.max_candles {
            let detail = format!(
                "These are {candles} candles; one request may ask for {}.",
                self.max_candles
            );
            return Err(Problem::new(ProblemKind::InvalidRange, detail));
        }
        Ok(())
    }
}

/// The currency of a provider's history: an exchange's pair names it, aggregators are asked in USD.
fn currency(provider: ProviderId, symbol: &str) -> String {
    match provider {
        ProviderId::Binance => binance::quote_asset(symbol).unwrap_or("USD").to_owned(),
        ProviderId::CoinGecko | ProviderId::CoinMarketCap => "USD".to_owned(),
    }
}

fn unavailable(error: &ProviderError) -> Problem {
    let problem = Problem::unavailable("The providers do not answer with their history now.");
    match (error.kind(), error.retry().after_seconds()) {
        (_, Some(seconds)) => problem.with_retry_after(seconds.max(1)),
        (ErrorKind::RateLimited, None) => problem.with_retry_after(60),
        _ => problem,
    }
}
