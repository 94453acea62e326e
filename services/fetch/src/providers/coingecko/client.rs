//! Talks to CoinGecko.

use async_trait::async_trait;
use domain::asset::Asset;
use domain::interval::Interval;
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

/// The window to ask for: it decides the distance of the points (one day: 5 minutes, up to 90 days: an hour, beyond: a day). Points
/// further apart than the candles asked for would leave most of these empty, so then the newest part is asked for.
fn days(from: Timestamp, interval: Interval, now: Timestamp) -> &'static str {
    const DAY: i64 = 86_400;
    // A request for exactly a day is a moment older when it is sent.
    let window = now.duration_since(from).as_secs() - 3_600;
    if window < DAY || interval.seconds() < 3_600 {
        "1"
    } else if window < 90 * DAY || interval.seconds() < DAY {
        "90"
    } else {
        "365"
    }
}

#[async_trait]
impl History for CoinGecko {
    fn id(&self) -> ProviderId {
        ProviderId::CoinGecko
    }

    async fn bars(&self, request: &BarsRequest) -> Result<Vec<Candle>, ProviderError> {
        let path = format!("/coins/{}/market_chart", request.symbol);
        let query = [
            ("vs_currency", CURRENCY),
            ("days", days(request.from, request.interval, self.http.now())),
        ];
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

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case(24, Interval::M1, "1")]
    #[case(24, Interval::H1, "1")]
    #[case(7 * 24, Interval::M5, "1")]
    #[case(26, Interval::H1, "90")]
    #[case(90 * 24, Interval::H1, "90")]
    #[case(365 * 24, Interval::H1, "90")]
    #[case(90 * 24, Interval::D1, "90")]
    #[case(92 * 24, Interval::D1, "365")]
    fn window_gives_points_as_fine_as_the_candles(
        #[case] hours: i64,
        #[case] interval: Interval,
        #[case] days_asked: &str,
    ) {
        let now = Timestamp::from_second(1_767_225_600).unwrap();
        assert_eq!(days(now - SignedDuration::from_hours(hours), interval, now), days_asked);
    }
}
