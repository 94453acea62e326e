//! Talks to CoinGecko.

use std::time::Duration;

use async_trait::async_trait;
use domain::asset::Asset;
use domain::coin_id::CoinId;
use domain::interval::Interval;
use domain::ticker::ProviderId;
use jiff::{SignedDuration, Timestamp};
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use secrecy::{ExposeSecret, SecretString};
use url::Url;

use super::decode::{Route, decode};
use super::listing::{MAX_PAGE_SIZE, decode_listing};
use crate::candles;
use crate::normalise;
use crate::providers::http::{Http, RawResponse, build_url};
use crate::providers::{
    CandlesRequest, CoinPrices, CoinTickers, Entry, History, Listing, ParsedBatch, Provider, ProviderError, RawCandle,
    RawListingPage, RawTicker,
};

/// The hosts of CoinGecko itself: the public one, and the one for paid keys.
pub const OFFICIAL_HOSTS: [&str; 2] = ["api.coingecko.com", PRO_HOST];

const PRO_HOST: &str = "pro-api.coingecko.com";

/// Between two pages of a listing at CoinGecko's own hosts, which allow some 15 requests in a minute without a key.
const PAGE_PAUSE: Duration = Duration::from_secs(4);

/// How long to wait between two pages of a listing at this address.
pub fn page_pause(base: &Url) -> Duration {
    match base.host_str() {
        Some(host) if OFFICIAL_HOSTS.contains(&host) => PAGE_PAUSE,
        Some(_) | None => Duration::ZERO,
    }
}

/// The currency all prices are asked for in.
const CURRENCY: &str = "usd";

#[derive(Debug)]
pub struct CoinGecko {
    http: Http,
    base: Url,
    key: SecretString,
}

impl CoinGecko {
    /// CoinGecko at this address; the key may be empty.
    pub fn new(http: Http, base: Url, key: SecretString) -> Self {
        Self { http, base, key }
    }

    async fn get(&self, path: &str, query: &[(&str, &str)]) -> Result<RawResponse, ProviderError> {
        let mut headers = HeaderMap::new();
        let key = self.key.expose_secret();
        if let (false, Ok(mut value)) = (key.is_empty(), HeaderValue::from_str(key)) {
            value.set_sensitive(true);
            // A key on the host of the other kind is refused.
            let name = match self.base.host_str() {
                Some(PRO_HOST) => "x-cg-pro-api-key",
                Some(_) | None => "x-cg-demo-api-key",
            };
            headers.insert(HeaderName::from_static(name), value);
        }
        self.http.get(build_url(&self.base, path, query)?, headers).await
    }
}

#[async_trait]
impl Provider for CoinGecko {
    fn id(&self) -> ProviderId {
        ProviderId::CoinGecko
    }

    async fn observations(&self, assets: &[Asset]) -> Result<ParsedBatch, ProviderError> {
        // No blanks: one after a comma makes the id unknown.
        let ids: Vec<&str> = assets.iter().filter_map(|asset| asset.coingecko.as_deref()).collect();
        if ids.is_empty() {
            return Ok(ParsedBatch::default());
        }
        let ids = ids.join(",");
        let query = [
            ("vs_currency", CURRENCY),
            ("ids", &ids),
            ("per_page", "250"),
            ("precision", "full"),
        ];
        let response = self.get("/coins/markets", &query).await?;
        let entries = decode(Route::Markets, &response, Some(CURRENCY))?;
        let simulated = response.is_simulated();
        Ok(normalise::batch(
            ProviderId::CoinGecko,
            assets,
            &entries,
            Some("USD"),
            simulated,
            response.received_at,
        ))
    }
}

#[async_trait]
impl CoinPrices for CoinGecko {
    fn id(&self) -> ProviderId {
        ProviderId::CoinGecko
    }

    async fn coin_prices(&self, coins: &[CoinId]) -> Result<CoinTickers, ProviderError> {
        let ids: Vec<&str> = coins.iter().map(CoinId::as_str).collect();
        let ids = ids.join(",");
        let query = [
            ("ids", ids.as_str()),
            ("vs_currencies", CURRENCY),
            ("precision", "full"),
        ];
        let response = self.get("/simple/price", &query).await?;
        let mut found = CoinTickers {
            received_at: response.received_at,
            ..CoinTickers::default()
        };
        for entry in decode(Route::SimplePrice, &response, Some(CURRENCY))? {
            match entry {
                Entry::Ticker(ticker) if ticker.currency.as_deref() == Some(CURRENCY) => found.tickers.push(*ticker),
                Entry::Malformed(_) => found.has_malformed = true,
                Entry::Ticker(_) | Entry::Candle(_) => {}
            }
        }
        Ok(found)
    }
}

/// The windows that are asked for, with the distance of their points: 5 minutes up to a day, an hour up to 90 days, a
/// day beyond. <https://docs.coingecko.com/reference/coins-id-market-chart>
const WINDOWS: [(&str, SignedDuration); 3] = [
    ("1", SignedDuration::from_hours(24)),
    ("90", SignedDuration::from_hours(90 * 24)),
    ("365", SignedDuration::from_hours(365 * 24)),
];

/// The window to ask for. The shortest one that reaches back to the start has the densest points. One whose points are
/// further apart than the candles makes candles without neighbours, so a shorter window with complete ones is
/// preferred, as long as it reaches into the range at all.
fn days(request: &CandlesRequest, now: Timestamp) -> &'static str {
    let place = |age: SignedDuration| {
        WINDOWS
            .iter()
            .position(|(_, span)| age <= *span)
            .unwrap_or(WINDOWS.len() - 1)
    };
    // The start is aligned downwards, which must not cost a step of density.
    let length = SignedDuration::from_secs(request.interval.seconds());
    let reaching_start = place(now.duration_since(request.from) - length);
    let dense_enough = match request.interval {
        Interval::M1 | Interval::M5 | Interval::M15 => 0,
        Interval::H1 | Interval::H4 | Interval::H12 => 1,
        Interval::D1 => 2,
    };
    let touching_range = place(now.duration_since(request.to) + length);
    WINDOWS[reaching_start.min(dense_enough.max(touching_range))].0
}

#[async_trait]
impl History for CoinGecko {
    fn id(&self) -> ProviderId {
        ProviderId::CoinGecko
    }

    async fn candles(&self, request: &CandlesRequest) -> Result<Vec<RawCandle>, ProviderError> {
        let path = format!("/coins/{}/market_chart", request.symbol);
        let query = [("vs_currency", CURRENCY), ("days", days(request, self.http.now()))];
        let response = self.get(&path, &query).await?;
        let entries = decode(Route::MarketChart, &response, Some(CURRENCY))?;
        let points: Vec<RawTicker> = entries
            .into_iter()
            .filter_map(|entry| match entry {
                Entry::Ticker(raw_ticker) => Some(*raw_ticker),
                Entry::Candle(_) | Entry::Malformed(_) => None,
            })
            .collect();
        Ok(candles::from_points(&points, request.interval))
    }
}

#[async_trait]
impl Listing for CoinGecko {
    fn id(&self) -> ProviderId {
        ProviderId::CoinGecko
    }

    fn page_size(&self) -> usize {
        MAX_PAGE_SIZE
    }

    /// Requests are counted, however long their answer.
    fn page_credits(&self, _tokens: usize) -> u64 {
        1
    }

    async fn listing_page(&self, page: usize, size: usize) -> Result<RawListingPage, ProviderError> {
        let (page, size) = (page.to_string(), size.to_string());
        let query = [
            ("vs_currency", CURRENCY),
            ("order", "market_cap_desc"),
            ("per_page", &size),
            ("page", &page),
            ("price_change_percentage", "1h,24h,7d"),
            ("precision", "full"),
        ];
        decode_listing(&self.get("/coins/markets", &query).await?)
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case(Interval::M1, 24, "1")]
    #[case(Interval::M5, 24, "1")]
    #[case(Interval::M5, 8 * 24, "1")]
    #[case(Interval::H1, 24, "1")]
    #[case(Interval::H1, 90 * 24, "90")]
    #[case(Interval::H1, 200 * 24, "90")]
    #[case(Interval::D1, 90 * 24, "90")]
    #[case(Interval::D1, 365 * 24, "365")]
    fn window_is_the_densest_that_serves_the_candles(
        #[case] interval: Interval,
        #[case] hours: i64,
        #[case] days: &str,
    ) {
        let now: Timestamp = "2026-01-01T10:42:17Z".parse().unwrap();
        let request = CandlesRequest {
            ticker: "BTC".parse().unwrap(),
            symbol: "bitcoin".to_owned(),
            interval,
            // As core-analytics asks: from the aligned start of a whole span.
            from: interval.open_time(now - SignedDuration::from_hours(hours)),
            to: now,
        };
        assert_eq!(super::days(&request, now), days);
    }

    #[test]
    fn window_reaches_into_a_range_of_the_past() {
        let now: Timestamp = "2026-01-01T10:42:17Z".parse().unwrap();
        let request = CandlesRequest {
            ticker: "BTC".parse().unwrap(),
            symbol: "bitcoin".to_owned(),
            interval: Interval::M5,
            from: now - SignedDuration::from_hours(72),
            to: now - SignedDuration::from_hours(48),
        };
        assert_eq!(days(&request, now), "90");
    }
}
