//! Talks to CoinMarketCap.

use async_trait::async_trait;
use domain::asset::Asset;
use domain::ticker::ProviderId;
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use secrecy::{ExposeSecret, SecretString};
use url::Url;

use super::decode::{Route, decode};
use crate::normalise;
use crate::providers::http::{Http, build_url};
use crate::providers::{ParsedBatch, Provider, ProviderError};

/// The host of CoinMarketCap itself.
pub const OFFICIAL_HOST: &str = "pro-api.coinmarketcap.com";

#[derive(Debug)]
pub struct CoinMarketCap {
    http: Http,
    base: Url,
    path: String,
    key: SecretString,
}

impl CoinMarketCap {
    /// CoinMarketCap at this address; `path` is that of the quotes, in any version. The key may be empty.
    pub fn new(http: Http, base: Url, path: String, key: SecretString) -> Self {
        Self { http, base, path, key }
    }
}

#[async_trait]
impl Provider for CoinMarketCap {
    fn id(&self) -> ProviderId {
        ProviderId::CoinMarketCap
    }

    async fn observations(&self, assets: &[Asset]) -> Result<ParsedBatch, ProviderError> {
        let ids: Vec<String> = assets.iter().filter_map(|asset| asset.symbol_at(self.id())).collect();
        if ids.is_empty() {
            return Ok(ParsedBatch::default());
        }
        let mut headers = HeaderMap::new();
        let key = self.key.expose_secret();
        if let (false, Ok(mut value)) = (key.is_empty(), HeaderValue::from_str(key)) {
            value.set_sensitive(true);
            headers.insert(HeaderName::from_static("x-cmc_pro_api_key"), value);
        }
        let ids = ids.join(",");
        // Without skip_invalid one unknown id fails the whole call.
        let query = [("id", ids.as_str()), ("convert", "USD"), ("skip_invalid", "true")];
        let response = self
            .http
            .get(build_url(&self.base, &self.path, &query)?, headers)
            .await?;
        let entries = decode(Route::QuotesLatest, &response)?;
        let simulated = response.is_simulated();
        Ok(normalise::batch(
            self.id(),
            assets,
            &entries,
            Some("USD"),
            simulated,
            response.received_at,
        ))
    }
}
