//! The error body services send one another, and what actix answers when a handler fails.
//!
//! The gateway looks up the remediation of its kind and wraps it into the public body. A 5xx reveals nothing about our
//! insides: its cause stays in this process, where the server logs it once, with the request it belongs to.

use std::fmt;

use actix_web::body::BoxBody;
use actix_web::http::StatusCode;
use actix_web::http::header::RETRY_AFTER;
use actix_web::{HttpResponse, ResponseError};
use contracts::problem::ProblemKind;
use serde::{Deserialize, Serialize};

use crate::postgres::StoreError;

/// One rejected field.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FieldError {
    /// Where it is, such as `["body", "target_price"]`.
    pub loc: Vec<String>,
    /// What is wrong, for a person.
    pub msg: String,
    /// What is wrong, for a program, such as `greater_than`.
    #[serde(rename = "type")]
    pub kind: String,
    /// The bounds it broke, such as `{"gt": 0}`.
    #[serde(default)]
    pub params: serde_json::Value,
}

impl FieldError {
    /// A rejected field without parameters.
    #[must_use]
    pub fn new(loc: &[&str], kind: &str, msg: impl Into<String>) -> Self {
        Self {
            loc: loc.iter().map(|part| (*part).to_owned()).collect(),
            msg: msg.into(),
            kind: kind.to_owned(),
            params: serde_json::Value::Object(serde_json::Map::new()),
        }
    }

    /// Adds the bounds the value broke.
    #[must_use]
    pub fn with_params(mut self, params: serde_json::Value) -> Self {
        self.params = params;
        self
    }
}

/// A failed request.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Problem {
    /// HTTP status; that of the kind, unless the server gave another by itself.
    pub status: u16,
    /// What callers branch on.
    #[serde(rename = "type")]
    pub kind: ProblemKind,
    /// One sentence for a person.
    pub detail: String,
    /// The rejected fields.
    #[serde(default)]
    pub errors: Vec<FieldError>,
    /// Seconds to wait before the next attempt.
    #[serde(default)]
    pub retry_after: Option<u64>,
    /// What led to it, for the log and never for the caller.
    #[serde(skip)]
    pub cause: Option<String>,
}

impl Problem {
    /// A problem of one sentence.
    #[must_use]
    pub fn new(kind: ProblemKind, detail: impl Into<String>) -> Self {
        Self {
            status: kind.status(),
            kind,
            detail: detail.into(),
            errors: Vec::new(),
            retry_after: None,
            cause: None,
        }
    }

    /// 422: fields that break their rules.
    #[must_use]
    pub fn validation(errors: Vec<FieldError>) -> Self {
        let detail = match errors.as_slice() {
            [only] => format!("{} {}", only.loc.join("."), only.msg),
            many => format!("{} fields are invalid", many.len()),
        };
        Self::new(ProblemKind::ValidationFailed, detail).with_errors(errors)
    }

    /// 503: something this service needs does not answer.
    #[must_use]
    pub fn unavailable(detail: impl Into<String>) -> Self {
        Self::new(ProblemKind::DependencyUnavailable, detail)
    }

    /// 500: a failure of our own.
    #[must_use]
    pub fn internal(error: impl Into<anyhow::Error>) -> Self {
        Self::new(ProblemKind::InternalError, "An internal error occurred.").caused_by(error)
    }

    /// Adds the rejected fields.
    #[must_use]
    pub fn with_errors(mut self, errors: Vec<FieldError>) -> Self {
        self.errors = errors;
        self
    }

    /// Adds the error behind it, with all its sources.
    #[must_use]
    pub fn caused_by(mut self, error: impl Into<anyhow::Error>) -> Self {
        self.cause = Some(format!("{:#}", error.into()));
        self
    }

    /// Adds the seconds to wait before the next attempt.
    #[must_use]
    pub fn with_retry_after(mut self, seconds: u64) -> Self {
        self.retry_after = Some(seconds);
        self
    }
}

impl From<anyhow::Error> for Problem {
    fn from(error: anyhow::Error) -> Self {
        Self::internal(error)
    }
}

/// A database that is away is 503; what it refuses, or holds and cannot be read, is a fault of ours.
impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        if error.is_outage() {
            Self::unavailable("The database does not answer. Please try again in a few seconds.")
                .with_retry_after(2)
                .caused_by(error)
        } else {
            Self::internal(error)
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}: {}", self.status, self.kind, self.detail)
    }
}

impl std::error::Error for Problem {}

impl ResponseError for Problem {
    fn status_code(&self) -> StatusCode {
        StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }

    fn error_response(&self) -> HttpResponse<BoxBody> {
        let mut response = HttpResponse::build(self.status_code());
        if let Some(seconds) = self.retry_after {
            response.insert_header((RETRY_AFTER, seconds.to_string()));
        }
        response.json(self)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_body_uses_the_public_field_names() {
        let field = FieldError::new(&["body", "target_price"], "greater_than", "must be greater than 0")
            .with_params(json!({"gt": 0}));
        let problem = Problem::validation(vec![field]).with_retry_after(3);
        let body = serde_json::to_value(&problem).unwrap();
        assert_eq!(
            body,
            json!({
                "status": 422,
                "type": "validation_failed",
                "detail": "body.target_price must be greater than 0",
                "errors": [{
                    "loc": ["body", "target_price"],
                    "msg": "must be greater than 0",
                    "type": "greater_than",
                    "params": {"gt": 0},
                }],
                "retry_after": 3,
            })
        );
        assert_eq!(serde_json::from_value::<Problem>(body).unwrap(), problem);
        let response = problem.error_response();
        assert_eq!(response.status(), 422);
        assert_eq!(response.headers().get("retry-after").unwrap(), "3");
    }

    #[test]
    fn an_internal_failure_tells_nothing_about_our_insides() {
        let problem = Problem::from(anyhow::anyhow!("password authentication failed"));
        assert_eq!(problem.status, 500);
        assert!(!serde_json::to_string(&problem).unwrap().contains("password"));
        assert_eq!(problem.cause.as_deref(), Some("password authentication failed"));
    }
}
