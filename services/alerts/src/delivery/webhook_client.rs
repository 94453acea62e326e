//! One HTTP request to an endpoint: guarded, bounded in time and size, never redirected, never through a proxy.

use std::error::Error;
use std::io::ErrorKind;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use platform::tls::{self, Verification};
use reqwest::header::{CONTENT_TYPE, HeaderMap, RETRY_AFTER};
use reqwest::{Client, ClientBuilder, Response, redirect};
use tokio::time::Instant;
use url::Url;

use super::connection_reuse;
use super::dns::NameResolver;
use super::ssrf::{Blocked, EgressPolicy, EgressResolver};

/// A longer response is cut off here.
const MAX_RESPONSE_BYTES: usize = 4 * 1024;

/// Longest time to read a response's body: its head decides.
const BODY_TIMEOUT: Duration = Duration::from_secs(2);

/// How long an idle connection to an endpoint is kept.
const IDLE_TIMEOUT: Duration = Duration::from_secs(30);

#[derive(Debug)]
pub struct WebhookRequest<'a> {
    pub url: &'a str,
    /// The `webhook-id`.
    pub message_id: String,
    /// Unix seconds of this attempt.
    pub timestamp: i64,
    /// Signature over id, timestamp and body.
    pub signature: String,
    pub attempt: u32,
    /// Whether the endpoint has taken a message before.
    pub is_known: bool,
    pub traceparent: String,
    pub body: &'a str,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WebhookResponse {
    pub status: u16,
    /// How long the head of the response took.
    pub latency: Duration,
    pub retry_after: Option<String>,
    pub excerpt: String,
}

/// Why nothing came back. The text is shown to the endpoint's owner.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SendError {
    #[error("{0}")]
    Blocked(Blocked),
    #[error("connection timed out")]
    ConnectTimeout,
    #[error("timed out")]
    Timeout,
    #[error("name not resolved")]
    Resolve,
    #[error("TLS failed: {0}")]
    Tls(String),
    #[error("connection failed")]
    Connect,
    #[error("connection closed without an answer")]
    Closed,
    #[error("invalid or broken answer")]
    Protocol,
    #[error("the endpoint's secret is unreadable")]
    Secret,
    #[error("endpoint is disabled")]
    Disabled,
}

#[derive(Debug, Clone)]
pub struct WebhookClientSettings {
    /// Longest time of a whole attempt.
    pub timeout: Duration,
    /// Longest time of the first attempt to an endpoint that has not taken a message yet: many that hang hold slots for
    /// less long.
    pub first_timeout: Duration,
    pub connect_timeout: Duration,
    pub verification: Verification,
    /// Idle connections kept per endpoint.
    pub idle_per_host: usize,
}

#[derive(Debug, Clone)]
pub struct WebhookClient {
    client: Client,
    /// Keeps no connection, so each request has its own.
    fresh: Client,
    egress_policy: Arc<EgressPolicy>,
    timeout: Duration,
    first_timeout: Duration,
}

impl WebhookClient {
    /// A client that posts where `egress_policy` admits it.
    ///
    /// # Errors
    /// When the TLS stack cannot be set up.
    pub fn new(
        egress_policy: Arc<EgressPolicy>,
        names: &NameResolver,
        settings: &WebhookClientSettings,
    ) -> anyhow::Result<Self> {
        let tls = tls::client_config_with(&settings.verification);
        let builder = || {
            Client::builder()
                .user_agent(concat!("CryptoLens-Webhooks/", env!("CARGO_PKG_VERSION")))
                .dns_resolver(EgressResolver::new(Arc::clone(&egress_policy), names.clone()))
                .redirect(redirect::Policy::none())
                .no_proxy()
                .no_gzip()
                .no_brotli()
                .referer(false)
                .connect_timeout(settings.connect_timeout)
                .tls_backend_preconfigured(tls.clone())
        };
        let build = |builder: ClientBuilder| builder.build().context("webhook client");
        let pooled = builder()
            .pool_idle_timeout(IDLE_TIMEOUT)
            .pool_max_idle_per_host(settings.idle_per_host);
        Ok(Self {
            client: build(connection_reuse::watched(pooled))?,
            fresh: build(builder().pool_max_idle_per_host(0))?,
            egress_policy,
            timeout: settings.timeout,
            first_timeout: settings.first_timeout.min(settings.timeout),
        })
    }

    /// Posts once. A kept connection that the endpoint closes just then is no failure of the endpoint: the request is
    /// sent again at once on a new one, and the `webhook-id` tells the endpoint if it got both.
    ///
    /// # Errors
    /// When there is no response.
    pub async fn post(&self, request: &WebhookRequest<'_>) -> Result<WebhookResponse, SendError> {
        // The settings may have changed since the alert was created, and the client resolves names but not literals.
        let url = self.egress_policy.check_url(request.url).map_err(SendError::Blocked)?;
        let started = Instant::now();
        let timeout = if request.attempt == 1 && !request.is_known {
            self.first_timeout
        } else {
            self.timeout
        };
        let sending = send(&self.client, url.clone(), request, timeout);
        let response = match connection_reuse::watch(sending).await {
            (Err(error), true) if is_closed(&error) => {
                tracing::debug!(id = request.message_id, "kept connection was closed, sending again");
                let left = timeout.saturating_sub(started.elapsed());
                send(&self.fresh, url, request, left).await
            }
            (sent, _) => sent,
        };
        let response = response.map_err(|error| classify(&error))?;
        let latency = started.elapsed();
        let status = response.status().as_u16();
        let retry_after = retry_after(response.headers());
        Ok(WebhookResponse {
            status,
            latency,
            retry_after,
            excerpt: excerpt(response).await,
        })
    }
}

async fn send(client: &Client, url: Url, request: &WebhookRequest<'_>, timeout: Duration) -> reqwest::Result<Response> {
    client
        .post(url)
        .timeout(timeout)
        .header(CONTENT_TYPE, "application/json")
        .header("webhook-id", &request.message_id)
        .header("webhook-timestamp", request.timestamp)
        .header("webhook-signature", &request.signature)
        .header("x-delivery-attempt", request.attempt)
        .header("traceparent", &request.traceparent)
        .body(request.body.to_owned())
        .send()
        .await
}

fn retry_after(headers: &HeaderMap) -> Option<String> {
    headers.get(RETRY_AFTER)?.to_str().ok().map(ToOwned::to_owned)
}

/// Reads the beginning of the body; what comes too late or breaks off is left out.
async fn excerpt(mut response: Response) -> String {
    let mut bytes = Vec::new();
    let reading = async {
        while let Ok(Some(chunk)) = response.chunk().await {
            let room = MAX_RESPONSE_BYTES - bytes.len();
            bytes.extend_from_slice(&chunk[..chunk.len().min(room)]);
            if bytes.len() == MAX_RESPONSE_BYTES {
                break;
            }
        }
    };
    // Too late is as good as the end: what was read until then is kept.
    let _ = tokio::time::timeout(BODY_TIMEOUT, reading).await;
    // PostgreSQL's texts hold no NUL.
    String::from_utf8_lossy(&bytes).replace('\0', "\u{fffd}")
}

fn sources(error: &reqwest::Error) -> impl Iterator<Item = &(dyn Error + 'static)> {
    std::iter::successors(error.source(), |&source| source.source())
}

/// Says whether the connection was closed or reset before the response was complete.
fn is_closed(error: &reqwest::Error) -> bool {
    let is_end = |source: &(dyn Error + 'static)| {
        if let Some(error) = source.downcast_ref::<hyper::Error>() {
            return error.is_incomplete_message() || error.is_canceled();
        }
        source.downcast_ref::<std::io::Error>().is_some_and(|error| {
            matches!(
                error.kind(),
                ErrorKind::ConnectionReset
                    | ErrorKind::ConnectionAborted
                    | ErrorKind::BrokenPipe
                    | ErrorKind::NotConnected
                    | ErrorKind::UnexpectedEof
            )
        })
    };
    !error.is_timeout() && !error.is_connect() && sources(error).any(is_end)
}

fn classify(error: &reqwest::Error) -> SendError {
    let sources = || sources(error);
    if let Some(blocked) = sources().find_map(|source| source.downcast_ref::<Blocked>()) {
        return SendError::Blocked(blocked.clone());
    }
    if error.is_timeout() {
        return if error.is_connect() {
            SendError::ConnectTimeout
        } else {
            SendError::Timeout
        };
    }
    if let Some(failure) = sources().find_map(find_tls) {
        return SendError::Tls(tls::explain(failure));
    }
    if sources().any(|source| source.to_string().starts_with("dns error")) {
        return SendError::Resolve;
    }
    if error.is_connect() {
        SendError::Connect
    } else if is_closed(error) {
        SendError::Closed
    } else {
        SendError::Protocol
    }
}

/// TLS errors hide inside I/O errors inside I/O errors, whose `source` skips what they hold.
fn find_tls<'a>(source: &'a (dyn Error + 'static)) -> Option<&'a rustls::Error> {
    let mut current = source;
    loop {
        if let Some(tls) = current.downcast_ref() {
            return Some(tls);
        }
        current = current.downcast_ref::<std::io::Error>()?.get_ref()?;
    }
}
