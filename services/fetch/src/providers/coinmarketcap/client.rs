//! Talks to CoinMarketCap.

use async_trait::async_trait;
use domain::asset::Asset;
use domain::ticker::ProviderId;
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use secrecy::{ExposeSecret, SecretString};
use url::Url;

use super::decode::{Route, decode};
use super::listing::{CURRENCY, decode_listing, listing_credits, quotes_credits};
use crate::normalise;
use crate::providers::http::{Http, RawResponse, build_url};
use crate::providers::{CreditMeter, Listing, ParsedBatch, Provider, ProviderError, RawListingPage};

/// The host of CoinMarketCap itself.
pub const OFFICIAL_HOST: &str = "pro-api.coinmarketcap.com";

/// Coins of a page. A call may ask for 5 000, which is several megabytes, and all is lost when one answer is; a page of
/// a multiple of 200 costs the same.
const PAGE_SIZE: usize = 1_000;

#[derive(Debug)]
pub struct CoinMarketCap {
    http: Http,
    base: Url,
    path: String,
    listings_path: String,
    key: SecretString,
    credits: CreditMeter,
}

impl CoinMarketCap {
    /// CoinMarketCap at this address; `path` is that of the quotes, in any version. The key may be empty.
    pub fn new(http: Http, base: Url, path: String, key: SecretString) -> Self {
        Self {
            http,
            base,
            path,
            listings_path: "/v3/cryptocurrency/listings/latest".to_owned(),
            key,
            credits: CreditMeter::default(),
        }
    }

    /// With another path of the listings, in any version.
    #[must_use]
    pub fn with_listings_path(self, listings_path: String) -> Self {
        Self { listings_path, ..self }
    }

    /// Says there what quotes cost. Listings say so themselves.
    #[must_use]
    pub fn with_meter(self, credits: CreditMeter) -> Self {
        Self { credits, ..self }
    }

    async fn get(&self, path: &str, query: &[(&str, &str)]) -> Result<RawResponse, ProviderError> {
        let mut headers = HeaderMap::new();
        let key = self.key.expose_secret();
        if let (false, Ok(mut value)) = (key.is_empty(), HeaderValue::from_str(key)) {
            value.set_sensitive(true);
            headers.insert(HeaderName::from_static("x-cmc_pro_api_key"), value);
        }
        self.http.get(build_url(&self.base, path, query)?, headers).await
    }
}

#[async_trait]
impl Provider for CoinMarketCap {
    fn id(&self) -> ProviderId {
        ProviderId::CoinMarketCap
    }

    async fn observations(&self, assets: &[Asset]) -> Result<ParsedBatch, ProviderError> {
        let ids: Vec<String> = assets
            .iter()
            .filter_map(|asset| asset.symbol_at(ProviderId::CoinMarketCap))
            .collect();
        if ids.is_empty() {
            return Ok(ParsedBatch::default());
        }
        let coins = ids.len();
        let ids = ids.join(",");
        // Without skip_invalid one unknown id fails the whole call.
        let query = [("id", ids.as_str()), ("convert", CURRENCY), ("skip_invalid", "true")];
        let response = self.get(&self.path, &query).await?;
        self.credits.add(quotes_credits(&response, coins));
        let entries = decode(Route::QuotesLatest, &response)?;
        let simulated = response.is_simulated();
        Ok(normalise::batch(
            ProviderId::CoinMarketCap,
            assets,
            &entries,
            Some(CURRENCY),
            simulated,
            response.received_at,
        ))
    }
}

#[async_trait]
impl Listing for CoinMarketCap {
    fn id(&self) -> ProviderId {
        ProviderId::CoinMarketCap
    }

    fn page_size(&self) -> usize {
        PAGE_SIZE
    }

    fn page_credits(&self, tokens: usize) -> u64 {
        listing_credits(tokens)
    }

    async fn listing_page(&self, page: usize, size: usize) -> Result<RawListingPage, ProviderError> {
        let start = (page.saturating_sub(1) * size + 1).to_string();
        let limit = size.to_string();
        let query = [
            ("start", start.as_str()),
            ("limit", limit.as_str()),
            ("convert", CURRENCY),
            ("sort", "market_cap"),
        ];
        decode_listing(&self.get(&self.listings_path, &query).await?)
    }
}
