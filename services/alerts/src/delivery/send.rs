//! One HTTP request to a receiver: guarded, bounded in time and size, never redirected, never through a proxy.

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use platform::tls;
use reqwest::header::{CONTENT_TYPE, HeaderMap, RETRY_AFTER};
use reqwest::{Client, Response, redirect};

use super::guard::{Blocked, Guard, GuardedResolver};

/// Most of an answer that is read.
const MAX_ANSWER_BYTES: usize = 4 * 1024;

/// Longest time to read an answer's body: the verdict is in its head.
const BODY_TIMEOUT: Duration = Duration::from_secs(2);

/// How long an idle connection to a receiver is kept.
const IDLE_TIMEOUT: Duration = Duration::from_secs(30);

/// What is posted.
#[derive(Debug)]
pub struct WebhookRequest<'a> {
    /// Where.
    pub url: &'a str,
    /// The `webhook-id`.
    pub message_id: String,
    /// Unix seconds of this attempt.
    pub timestamp: i64,
    /// Signature over the two above and the body.
    pub signature: String,
    /// Number of this attempt.
    pub attempt: u32,
    /// The trace.
    pub traceparent: String,
    /// JSON text.
    pub body: &'a str,
}

/// What came back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// Status code.
    pub status: u16,
    /// The header of that name.
    pub retry_after: Option<String>,
    /// The beginning of the body, as text.
    pub excerpt: String,
}

/// Why nothing came back. The text is shown to the receiver's owner.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SendError {
    /// The address is refused.
    #[error("{0}")]
    Blocked(Blocked),
    /// No connection in time.
    #[error("connection timed out")]
    ConnectTimeout,
    /// No answer in time.
    #[error("timed out")]
    Timeout,
    /// The name does not resolve.
    #[error("name not resolved")]
    Resolve,
    /// The certificate or the handshake is bad.
    #[error("TLS failed: {0}")]
    Tls(String),
    /// No connection.
    #[error("connection failed")]
    Connect,
    /// The answer is not HTTP, or the connection broke.
    #[error("invalid or broken answer")]
    Protocol,
    /// The stored secret cannot be read.
    #[error("the endpoint's secret is unreadable")]
    Secret,
    /// The receiver is not posted to any more.
    #[error("endpoint is disabled")]
    Disabled,
}

/// How requests are made.
#[derive(Debug, Clone)]
pub struct PosterSettings {
    /// Longest time of a whole attempt.
    pub timeout: Duration,
    /// Longest time to get a connection.
    pub connect_timeout: Duration,
    /// Whether certificates are checked.
    pub verify_tls: bool,
    /// Idle connections kept per receiver.
    pub idle_per_host: usize,
}

/// Posts webhooks.
#[derive(Debug, Clone)]
pub struct Poster {
    client: Client,
    guard: Arc<Guard>,
}

impl Poster {
    /// A poster to whatever `guard` admits.
    ///
    /// # Errors
    /// When the TLS stack cannot be set up.
    pub fn new(guard: Arc<Guard>, settings: &PosterSettings) -> anyhow::Result<Self> {
        tls::install_provider();
        let builder = Client::builder()
            .user_agent(concat!("CryptoLens-Webhooks/", env!("CARGO_PKG_VERSION")))
            .dns_resolver(GuardedResolver::new(Arc::clone(&guard)))
            .redirect(redirect::Policy::none())
            .no_proxy()
            .no_gzip()
            .no_brotli()
            .referer(false)
            .timeout(settings.timeout)
            .connect_timeout(settings.connect_timeout)
            .pool_idle_timeout(IDLE_TIMEOUT)
            .pool_max_idle_per_host(settings.idle_per_host);
        let builder = if settings.verify_tls {
            builder.tls_backend_preconfigured(tls::client_config())
        } else {
            builder.tls_danger_accept_invalid_certs(true)
        };
        Ok(Self {
            client: builder.build().context("webhook client")?,
            guard,
        })
    }

    /// Posts once.
    ///
    /// # Errors
    /// When there is no answer.
    pub async fn post(&self, request: &WebhookRequest<'_>) -> Result<Answer, SendError> {
        // The settings may have changed since the alert was created, and the client resolves names but not literals.
        let url = self.guard.check_url(request.url).map_err(SendError::Blocked)?;
        let response = self
            .client
            .post(url)
            .header(CONTENT_TYPE, "application/json")
            .header("webhook-id", &request.message_id)
            .header("webhook-timestamp", request.timestamp)
            .header("webhook-signature", &request.signature)
            .header("x-delivery-attempt", request.attempt)
            .header("traceparent", &request.traceparent)
            .body(request.body.to_owned())
            .send()
            .await
            .map_err(|error| classify(&error))?;
        let status = response.status().as_u16();
        let retry_after = retry_after(response.headers());
        Ok(Answer {
            status,
            retry_after,
            excerpt: excerpt(response).await,
        })
    }
}

fn retry_after(headers: &HeaderMap) -> Option<String> {
    headers.get(RETRY_AFTER)?.to_str().ok().map(ToOwned::to_owned)
}

/// Reads the beginning of the body; what comes too late or breaks off is left out.
async fn excerpt(mut response: Response) -> String {
    let mut bytes = Vec::new();
    let reading = async {
        while let Ok(Some(chunk)) = response.chunk().await {
            let room = MAX_ANSWER_BYTES - bytes.len();
            bytes.extend_from_slice(&chunk[..chunk.len().min(room)]);
            if bytes.len() == MAX_ANSWER_BYTES {
                break;
            }
        }
    };
    // Too late is as good as the end: what was read until then is kept.
    let _ = tokio::time::timeout(BODY_TIMEOUT, reading).await;
    // PostgreSQL's texts hold no NUL.
    String::from_utf8_lossy(&bytes).replace('\0', "\u{fffd}")
}

fn classify(error: &reqwest::Error) -> SendError {
    let sources = || std::iter::successors(error.source(), |&source| source.source());
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
    if let Some(tls) = sources().find_map(find_tls) {
        return SendError::Tls(tls.to_string());
    }
    if sources().any(|source| source.to_string().starts_with("dns error")) {
        return SendError::Resolve;
    }
    if error.is_connect() {
        SendError::Connect
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
