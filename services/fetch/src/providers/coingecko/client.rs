//! Talks to CoinGecko.

use async_trait::async_trait;
use domain::asset::Asset;
use domain::ticker::ProviderId;
use jiff::Timestamp;
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use secrecy::{ExposeSecret, SecretString};
use url::Url;

use super::map::{Endpoint, decode};
use crate::bars;
use crate::normalise;
use crate::providers::http::{Answer, Http, call};
use crate::providers::{BarsRequest, Batch, Candle, Entry, History, Provider, ProviderError, Reading};

/// The hosts of CoinGecko itself: the public one, and the one for paid keys.
pub const OFFICIAL_HOSTS: [&str; 2] = ["api.coingecko.com", PRO_HOST];

const PRO_HOST: &str = "pro-api.coingecko.com";

/// The currency all prices are asked for in.
const CURRENCY: &str = "usd";

/// CoinGecko.
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

    async fn get(&self, path: &str, query: &[(&str, &str)]) -> Result<Answer, ProviderError> {
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
        self.http.get(call(&self.base, path, query)?, headers).await
    }
}

#[async_trait]
impl Provider for CoinGecko {
    fn id(&self) -> ProviderId {
        ProviderId::CoinGecko
    }

    async fn observations(&self, assets: &[Asset]) -> Result<Batch, ProviderError> {
        // No blanks: one after a comma makes the id unknown.
        let ids: Vec<&str> = assets.iter().filter_map(|asset| asset.coingecko.as_deref()).collect();
        if ids.is_empty() {
            return Ok(Batch::default());
        }
        let ids = ids.join(",");
        let query = [
            ("vs_currency", CURRENCY),
            ("ids", &ids),
            ("per_page", "250"),
            ("precision", "full"),
        ];
        let answer = self.get("/coins/markets", &query).await?;
        let entries = decode(Endpoint::Markets, &answer.reply(), Some(CURRENCY))?;
        let simulated = answer.is_simulated();
        Ok(normalise::batch(
            ProviderId::CoinGecko,
            assets,
            &entries,
            Some("USD"),
            simulated,
            answer.received_at,
        ))
    }
}

/// The window to ask for: it decides the distance of the points (5 minutes, an hour, a day).
fn days(from: Timestamp, now: Timestamp) -> &'static str {
    match now.duration_since(from).as_hours() {
        ..24 => "1",
        24..=2_159 => "90",
        _ => "365",
    }
}

#[async_trait]
impl History for CoinGecko {
    fn id(&self) -> ProviderId {
        ProviderId::CoinGecko
    }

    async fn bars(&self, request: &BarsRequest) -> Result<Vec<Candle>, ProviderError> {
        let path = format!("/coins/{}/market_chart", request.symbol);
        let query = [("vs_currency", CURRENCY), ("days", days(request.from, self.http.now()))];
        let answer = self.get(&path, &query).await?;
        let entries = decode(Endpoint::MarketChart, &answer.reply(), Some(CURRENCY))?;
        let points: Vec<Reading> = entries
            .into_iter()
            .filter_map(|entry| match entry {
                Entry::Reading(reading) => Some(*reading),
                Entry::Candle(_) | Entry::Spoiled(_) => None,
            })
            .collect();
        Ok(bars::from_points(&points, request.interval))
    }
}
