//! Answers over HTTP: bounded in time and size, never redirected, with what the headers say.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use contracts::headers::SIMULATED_MARKET;
use jiff::Timestamp;
use platform::clock::SharedClock;
use reqwest::header::{HeaderMap, RETRY_AFTER};
use reqwest::redirect::Policy;
use url::{Host, Url};

use super::error::ProviderError;
use super::retry_after;

#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Longest time for a whole answer.
    pub timeout: Duration,
    /// Largest body, after decompression.
    pub body_bytes: usize,
}

/// A client for one provider.
#[derive(Debug, Clone)]
pub struct Http {
    client: reqwest::Client,
    limits: Limits,
    clock: SharedClock,
}

/// A whole response: all that tells an error from an answer.
#[derive(Debug)]
pub struct RawResponse {
    pub status: u16,
    pub headers: HeaderMap,
    pub body: Bytes,
    /// What `Retry-After` asks for.
    pub retry_after: Option<Duration>,
    /// When the body was complete.
    pub received_at: Timestamp,
}

impl Http {
    /// A client of the provider at `base` within these limits. The proxy of the environment is used, but not for a
    /// provider on this machine.
    ///
    /// # Errors
    ///
    /// The TLS configuration cannot be used.
    pub fn new(base: &Url, limits: Limits, clock: SharedClock) -> Result<Self, reqwest::Error> {
        let builder = reqwest::Client::builder();
        let builder = if is_local(base) { builder.no_proxy() } else { builder };
        let client = builder
            .tls_backend_preconfigured(platform::tls::client_config())
            .user_agent(concat!("cryptolens/", env!("CARGO_PKG_VERSION")))
            .redirect(Policy::none())
            .connect_timeout(limits.timeout)
            .timeout(limits.timeout)
            .pool_idle_timeout(Duration::from_secs(90))
            .build()?;
        Ok(Self { client, limits, clock })
    }

    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Asks once.
    ///
    /// # Errors
    ///
    /// No answer, not in time, or too large. An answer of any status is none.
    pub async fn get(&self, url: Url, headers: HeaderMap) -> Result<RawResponse, ProviderError> {
        let mut response = self
            .client
            .get(url)
            .headers(headers)
            .send()
            .await
            .map_err(|error| self.failure(error))?;
        let limit = self.limits.body_bytes;
        let mut body = BytesMut::new();
        while let Some(chunk) = response.chunk().await.map_err(|error| self.failure(error))? {
            if body.len() + chunk.len() > limit {
                return Err(ProviderError::TooLarge { limit });
            }
            body.extend_from_slice(&chunk);
        }
        let received_at = self.clock.now();
        let retry_after = response
            .headers()
            .get(RETRY_AFTER)
            .and_then(|value| retry_after::parse(value.to_str().ok()?, received_at));
        Ok(RawResponse {
            status: response.status().as_u16(),
            headers: std::mem::take(response.headers_mut()),
            body: body.freeze(),
            retry_after,
            received_at,
        })
    }

    fn failure(&self, error: reqwest::Error) -> ProviderError {
        if error.is_timeout() {
            ProviderError::Timeout(self.limits.timeout)
        } else {
            // The address may hold a key.
            ProviderError::Transport(error.without_url())
        }
    }
}

impl RawResponse {
    /// A response that was recorded, so without headers.
    pub fn recorded(
        status: u16,
        body: impl Into<Bytes>,
        retry_after: Option<Duration>,
        received_at: Timestamp,
    ) -> Self {
        Self {
            status,
            headers: HeaderMap::new(),
            body: body.into(),
            retry_after,
            received_at,
        }
    }

    /// Whether the market simulator has answered.
    pub fn is_simulated(&self) -> bool {
        self.headers.contains_key(SIMULATED_MARKET)
    }
}

fn is_local(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

/// The address of a call below a base address.
///
/// # Errors
///
/// A base address that cannot carry a path; settings refuse those.
pub fn build_url(base: &Url, path: &str, query: &[(&str, &str)]) -> Result<Url, ProviderError> {
    let mut url = base.clone();
    url.path_segments_mut()
        .map_err(|()| ProviderError::payload("the base address cannot carry a path"))?
        .pop_if_empty()
        .extend(path.split('/').filter(|part| !part.is_empty()));
    if !query.is_empty() {
        url.query_pairs_mut().extend_pairs(query);
    }
    Ok(url)
}
