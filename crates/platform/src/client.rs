//! The internal HTTP client: one per called service, with its address, credential and timeout.

use std::time::Duration;

use contracts::headers;
use reqwest::{Method, RequestBuilder, Response, StatusCode};
use secrecy::{ExposeSecret, SecretString};
use serde::Serialize;
use serde::de::DeserializeOwned;
use url::Url;

use crate::problem::Problem;
pub use crate::request_id::RequestContext;
use crate::server::INTERNAL_PREFIX;
use crate::tls;

/// Longest time to open a connection.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);
/// Largest answer that is read.
const ANSWER_LIMIT_BYTES: usize = 64 * 1024 * 1024;

/// Why a call gave no result.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// The service answered with a problem.
    #[error("the service answered {0}")]
    Problem(Problem),
    /// The service could not be reached, or the connection broke.
    #[error("the service cannot be reached")]
    Unreachable(#[source] reqwest::Error),
    /// No answer in time.
    #[error("the service did not answer in time")]
    Timeout,
    /// The answer is not what was agreed on.
    #[error("the service sent an invalid answer: {0}")]
    Invalid(String),
}

impl From<reqwest::Error> for ClientError {
    fn from(error: reqwest::Error) -> Self {
        if error.is_timeout() {
            Self::Timeout
        } else if error.is_builder() {
            Self::Invalid(error.to_string())
        } else {
            Self::Unreachable(error)
        }
    }
}

/// What a caller answers when a service it needs failed: the service's own problem, or 503.
impl From<ClientError> for Problem {
    fn from(error: ClientError) -> Self {
        match error {
            ClientError::Problem(problem) => problem,
            ClientError::Unreachable(_) | ClientError::Timeout => {
                Self::unavailable("A service this request needs does not answer. Please try again.").caused_by(error)
            }
            ClientError::Invalid(_) => Self::internal(error),
        }
    }
}

/// A client of one service; clones share their connections.
#[derive(Debug, Clone)]
pub struct InternalClient {
    http: reqwest::Client,
    base: Url,
    token: SecretString,
}

impl InternalClient {
    /// A client of the service at `base`, whose calls end after `timeout`.
    ///
    /// # Errors
    ///
    /// The TLS stack cannot be set up.
    pub fn new(base: Url, token: SecretString, timeout: Duration) -> anyhow::Result<Self> {
        tls::install_provider();
        let http = reqwest::Client::builder()
            .connect_timeout(CONNECT_TIMEOUT)
            .timeout(timeout)
            .tcp_nodelay(true)
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .build()?;
        Ok(Self { http, base, token })
    }

    /// `GET` of a path below `/internal`.
    ///
    /// # Errors
    ///
    /// See [`ClientError`].
    pub async fn get<Q, T>(&self, path: &str, query: &Q, context: &RequestContext) -> Result<T, ClientError>
    where
        Q: Serialize + ?Sized,
        T: DeserializeOwned,
    {
        self.send(self.request(Method::GET, path, context)?.query(query)).await
    }

    /// `POST` of a JSON body to a path below `/internal`.
    ///
    /// # Errors
    ///
    /// See [`ClientError`].
    pub async fn post<B, T>(&self, path: &str, body: &B, context: &RequestContext) -> Result<T, ClientError>
    where
        B: Serialize + ?Sized,
        T: DeserializeOwned,
    {
        self.send(self.request(Method::POST, path, context)?.json(body)).await
    }

    /// `DELETE` of a path below `/internal`.
    ///
    /// # Errors
    ///
    /// See [`ClientError`].
    pub async fn delete<Q, T>(&self, path: &str, query: &Q, context: &RequestContext) -> Result<T, ClientError>
    where
        Q: Serialize + ?Sized,
        T: DeserializeOwned,
    {
        self.send(self.request(Method::DELETE, path, context)?.query(query))
            .await
    }

    fn request(&self, method: Method, path: &str, context: &RequestContext) -> Result<RequestBuilder, ClientError> {
        let path = format!(
            "{}{INTERNAL_PREFIX}/{}",
            self.base.path().trim_end_matches('/'),
            path.trim_start_matches('/')
        );
        let url = self
            .base
            .join(&path)
            .map_err(|error| ClientError::Invalid(error.to_string()))?;
        let request = self
            .http
            .request(method, url)
            .header(headers::INTERNAL_TOKEN, self.token.expose_secret())
            .header(headers::REQUEST_ID, context.request_id.as_str());
        Ok(match context.user_id {
            Some(user_id) => request.header(headers::USER_ID, user_id.to_string()),
            None => request,
        })
    }

    async fn send<T: DeserializeOwned>(&self, request: RequestBuilder) -> Result<T, ClientError> {
        let response = request.send().await?;
        let status = response.status();
        let body = read_bounded(response).await?;
        if !status.is_success() {
            return Err(match serde_json::from_slice(&body) {
                Ok(problem) => ClientError::Problem(problem),
                Err(_) if is_passing(status) => ClientError::Problem(Problem::unavailable(
                    "A service this request needs is busy. Please try again.",
                )),
                Err(error) => {
                    ClientError::Invalid(format!("status {status} without a problem of the catalogue: {error}"))
                }
            });
        }
        // An answer without a body, such as 204, is read as `()` or `None`.
        let text: &[u8] = if body.is_empty() { b"null" } else { &body };
        serde_json::from_slice(text).map_err(|error| ClientError::Invalid(error.to_string()))
    }
}

/// Statuses that a server or proxy gives by itself when it is too busy, without any handler's body.
fn is_passing(status: StatusCode) -> bool {
    matches!(status.as_u16(), 408 | 502 | 503 | 504)
}

async fn read_bounded(mut response: Response) -> Result<Vec<u8>, ClientError> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await? {
        if body.len() + chunk.len() > ANSWER_LIMIT_BYTES {
            return Err(ClientError::Invalid("the answer is too large".to_owned()));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}
