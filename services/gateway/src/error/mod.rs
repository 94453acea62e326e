//! Failures on their way to the one error body of the API.
//!
//! Handlers and layers answer with an `ApiError`; `crate::middleware::error_response` renders it, with the request id
//! and the time. What each kind tells its reader stands in one table, `catalogue`.

pub mod body;
pub mod catalogue;
pub mod violations;

use std::borrow::Cow;
use std::fmt;

use actix_web::http::StatusCode;
use actix_web::http::header::{HeaderName, HeaderValue};
use actix_web::{HttpResponse, ResponseError};
use contracts::problem::ProblemKind;
use platform::problem::FieldError;

use self::violations::Violations;

/// One refusal or failure, as a client will see it.
#[derive(Debug, Clone)]
pub struct ApiError {
    /// Its row in the catalogue.
    pub kind: ProblemKind,
    /// One sentence for people, without anything of our insides.
    pub detail: Cow<'static, str>,
    /// Every violation, when input was rejected.
    pub errors: Vec<FieldError>,
    /// Seconds after which it is worth trying again.
    pub retry_after: Option<u64>,
    /// Headers that belong to it, such as `Allow`.
    pub headers: Vec<(HeaderName, HeaderValue)>,
}

impl ApiError {
    /// A problem with the catalogue's own sentence.
    pub fn new(kind: ProblemKind) -> Self {
        Self {
            kind,
            detail: Cow::Borrowed(catalogue::entry(kind).detail),
            errors: Vec::new(),
            retry_after: None,
            headers: Vec::new(),
        }
    }

    #[must_use]
    pub fn detail(mut self, detail: impl Into<Cow<'static, str>>) -> Self {
        self.detail = detail.into();
        self
    }

    /// Lists what was rejected. One violation is named in the sentence too.
    #[must_use]
    pub fn violations(mut self, violations: impl Into<Violations>) -> Self {
        let violations = violations.into();
        if !violations.is_empty() {
            self.detail = Cow::Owned(violations.detail());
        }
        self.errors = violations.into_listed();
        self
    }

    /// Input that breaks a rule which only a handler can check.
    pub fn invalid_input(loc: &[&str], kind: &'static str, message: impl Into<String>) -> Self {
        let mut violations = Violations::default();
        violations.push(|| FieldError::new(loc, kind, message));
        Self::new(ProblemKind::ValidationFailed).violations(violations)
    }

    /// Tells when to come back.
    #[must_use]
    pub fn retry_after(mut self, seconds: u64) -> Self {
        self.retry_after = Some(seconds.max(1));
        self
    }

    /// Adds a header to the answer.
    #[must_use]
    pub fn header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.push((name, value));
        self
    }

    /// A fault of ours. The cause goes to the log, never to the client.
    pub fn internal(cause: impl fmt::Display) -> Self {
        tracing::error!(cause = %cause, "request failed");
        Self::new(ProblemKind::InternalError)
    }

    /// Something we need does not answer. The cause goes to the log, never to the client.
    pub fn unavailable(what: &'static str, cause: impl fmt::Display) -> Self {
        tracing::error!(dependency = what, cause = %cause, "dependency unavailable");
        Self::new(ProblemKind::DependencyUnavailable).retry_after(2)
    }

    /// The problem that a bare status stands for, when something answered without saying more.
    pub fn from_status(status: StatusCode) -> Self {
        Self::new(match status.as_u16() {
            401 => ProblemKind::MissingCredentials,
            404 => ProblemKind::NotFound,
            405 => ProblemKind::MethodNotAllowed,
            406 => ProblemKind::NotAcceptable,
            408 => ProblemKind::RequestTimeout,
            413 => ProblemKind::BodyTooLarge,
            414 => ProblemKind::UriTooLong,
            415 => ProblemKind::UnsupportedMediaType,
            421 => ProblemKind::MisdirectedRequest,
            503 => ProblemKind::DependencyUnavailable,
            400..=499 => ProblemKind::BadRequest,
            _ => ProblemKind::InternalError,
        })
    }
}

impl Violations {
    /// Nothing, or the refusal that lists them.
    pub fn into_result(self, kind: ProblemKind) -> Result<(), ApiError> {
        if self.is_empty() {
            Ok(())
        } else {
            Err(ApiError::new(kind).violations(self))
        }
    }
}

impl fmt::Display for ApiError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.kind.slug(), self.detail)
    }
}

impl std::error::Error for ApiError {}

impl ResponseError for ApiError {
    fn status_code(&self) -> StatusCode {
        StatusCode::from_u16(self.kind.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }

    /// The status and the problem itself; the body is rendered by `crate::middleware::error_response`, which knows the
    /// request.
    fn error_response(&self) -> HttpResponse {
        let mut response = HttpResponse::new(self.status_code());
        response.extensions_mut().insert(self.clone());
        response
    }
}

impl From<deadpool_postgres::PoolError> for ApiError {
    fn from(error: deadpool_postgres::PoolError) -> Self {
        Self::unavailable("postgres", error)
    }
}

impl From<tokio_postgres::Error> for ApiError {
    fn from(error: tokio_postgres::Error) -> Self {
        if platform::postgres::is_outage(&error) {
            Self::unavailable("postgres", describe(&error))
        } else {
            Self::internal(describe(&error))
        }
    }
}

impl From<redis::RedisError> for ApiError {
    fn from(error: redis::RedisError) -> Self {
        Self::unavailable("redis", error)
    }
}

/// The error with its chain, for the log.
fn describe(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    text
}
