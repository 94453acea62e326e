//! Talks to Binance.

use std::collections::HashSet;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use domain::asset::Asset;
use domain::ticker::ProviderId;
use futures_util::{StreamExt, TryStreamExt, stream};
use jiff::{SignedDuration, Timestamp};
use reqwest::header::HeaderMap;
use url::Url;

use super::decode::{Route, decode};
use crate::normalise;
use crate::providers::http::{Http, RawResponse, build_url};
use crate::providers::{CandlesRequest, Entry, ErrorKind, History, ParsedBatch, Provider, ProviderError, RawCandle};

/// Rows per page of candles.
const PAGE_ROWS: i64 = 1_000;

/// Pages asked for at the same time.
const PAGE_CONCURRENCY: usize = 3;

/// Weight used within the current minute.
const USED_WEIGHT: &str = "x-mbx-used-weight-1m";

/// History waits for the next minute from here on, so that prices always fit below the limit of 6000.
const HISTORY_WEIGHT: u32 = 4_000;

/// Pairs that Binance said it does not know are asked for again after so many polls.
const RECHECK_POLLS: u32 = 360;

#[derive(Debug)]
pub struct Binance {
    http: Http,
    base: Url,
    used_weight: AtomicU32,
    unknown: Mutex<Unknown>,
}

/// Pairs that are not asked for, because one unknown pair fails the whole request.
#[derive(Debug, Default)]
struct Unknown {
    symbols: HashSet<String>,
    polls: u32,
}

impl Binance {
    pub fn new(http: Http, base: Url) -> Self {
        Self {
            http,
            base,
            used_weight: AtomicU32::new(0),
            unknown: Mutex::default(),
        }
    }

    async fn get(&self, path: &str, query: &[(&str, &str)]) -> Result<RawResponse, ProviderError> {
        let response = self
            .http
            .get(build_url(&self.base, path, query)?, HeaderMap::new())
            .await?;
        let used = response
            .headers
            .get(USED_WEIGHT)
            .and_then(|value| value.to_str().ok()?.parse().ok());
        if let Some(used) = used {
            self.used_weight.store(used, Ordering::Relaxed);
        }
        Ok(response)
    }

    async fn tickers(&self, symbols: &[String]) -> Result<(Vec<Entry>, RawResponse), ProviderError> {
        // A JSON list; Binance refuses one with blanks after its commas.
        let list = serde_json::to_string(symbols).map_err(ProviderError::payload)?;
        let response = self.get("/api/v3/ticker/24hr", &[("symbols", &list)]).await?;
        let entries = decode(Route::Ticker24h, &response)?;
        Ok((entries, response))
    }

    /// Learns which of our pairs Binance does not know. Called after it refused a list of several.
    async fn find_unknown(&self, symbols: &[String]) -> Result<HashSet<String>, ProviderError> {
        let response = self.get("/api/v3/ticker/price", &[]).await?;
        let known: HashSet<String> = decode(Route::TickerPrice, &response)?
            .into_iter()
            .filter_map(|entry| match entry {
                Entry::Ticker(raw_ticker) => raw_ticker.symbol,
                Entry::Candle(_) | Entry::Malformed(_) => None,
            })
            .collect();
        Ok(symbols
            .iter()
            .filter(|symbol| !known.contains(*symbol))
            .cloned()
            .collect())
    }

    fn unknown<T>(&self, work: impl FnOnce(&mut Unknown) -> T) -> T {
        work(&mut self.unknown.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// The pairs to ask for now.
    fn wanted(&self, assets: &[Asset]) -> Vec<String> {
        self.unknown(|unknown| {
            unknown.polls += 1;
            if unknown.polls >= RECHECK_POLLS {
                *unknown = Unknown::default();
            }
            let symbols = assets.iter().filter_map(|asset| asset.symbol_at(ProviderId::Binance));
            symbols.filter(|symbol| !unknown.symbols.contains(symbol)).collect()
        })
    }

    async fn page(
        &self,
        request: &CandlesRequest,
        from: Timestamp,
        to: Timestamp,
    ) -> Result<Vec<RawCandle>, ProviderError> {
        if self.used_weight.load(Ordering::Relaxed) > HISTORY_WEIGHT {
            // Counted by the minute: whatever was used is forgotten when this one ends.
            self.used_weight.store(0, Ordering::Relaxed);
            let wait = Some(Duration::from_secs(60));
            return Err(ProviderError::refused(
                ErrorKind::RateLimited,
                "weight of this minute is kept for prices",
                wait,
            ));
        }
        let from = from.as_millisecond().to_string();
        // Binance counts `endTime` in; our ranges end before it.
        let to = (to.as_millisecond() - 1).to_string();
        let query = [
            ("symbol", request.symbol.as_str()),
            ("interval", request.interval.as_str()),
            ("startTime", &from),
            ("endTime", &to),
            ("limit", "1000"),
        ];
        let response = self.get("/api/v3/klines", &query).await?;
        let entries = decode(Route::Klines, &response)?;
        Ok(entries
            .into_iter()
            .filter_map(|entry| match entry {
                Entry::Candle(candle) => Some(*candle),
                Entry::Ticker(_) | Entry::Malformed(_) => None,
            })
            .collect())
    }
}

#[async_trait]
impl Provider for Binance {
    fn id(&self) -> ProviderId {
        ProviderId::Binance
    }

    async fn observations(&self, assets: &[Asset]) -> Result<ParsedBatch, ProviderError> {
        let symbols = self.wanted(assets);
        if symbols.is_empty() {
            return Ok(ParsedBatch::default());
        }
        let (entries, response) = match self.tickers(&symbols).await {
            Err(error) if error.kind() == ErrorKind::BadRequest => {
                let unknown = self.find_unknown(&symbols).await?;
                if unknown.is_empty() {
                    return Err(error);
                }
                tracing::warn!(provider = "binance", symbols = ?unknown, "provider does not know pairs, left out");
                let known: Vec<String> = symbols.into_iter().filter(|s| !unknown.contains(s)).collect();
                self.unknown(|kept| kept.symbols.extend(unknown));
                if known.is_empty() {
                    return Ok(ParsedBatch::default());
                }
                self.tickers(&known).await?
            }
            other => other?,
        };
        let simulated = response.is_simulated();
        Ok(normalise::batch(
            ProviderId::Binance,
            assets,
            &entries,
            None,
            simulated,
            response.received_at,
        ))
    }
}

#[async_trait]
impl History for Binance {
    fn id(&self) -> ProviderId {
        ProviderId::Binance
    }

    async fn candles(&self, request: &CandlesRequest) -> Result<Vec<RawCandle>, ProviderError> {
        let span = SignedDuration::from_secs(request.interval.seconds() * PAGE_ROWS);
        let mut windows = Vec::new();
        let mut from = request.from;
        while from < request.to {
            let to = from.checked_add(span).unwrap_or(request.to).min(request.to);
            windows.push((from, to));
            from = to;
        }
        let pages: Vec<Vec<RawCandle>> = stream::iter(windows)
            .map(|(from, to)| self.page(request, from, to))
            // In order, so that the pages follow one another in time.
            .buffered(PAGE_CONCURRENCY)
            .try_collect()
            .await?;
        Ok(pages.into_iter().flatten().collect())
    }
}
