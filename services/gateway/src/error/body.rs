//! The error body.

use std::time::Duration;

use contracts::problem::ProblemKind;
use contracts::time::Time;
use jiff::Timestamp;
use platform::problem::FieldError;
use serde::Serialize;
use utoipa::ToSchema;

use super::{ApiError, catalogue};
use crate::response::envelope::{Status, StatusState};
use crate::route_policy::ResponseFormat;

/// With what else it holds, an error body is at most 64 KiB.
const MAX_ERRORS_BYTES: usize = 48 * 1024;

const MAX_DETAIL_CHARS: usize = 1_000;

/// What every answer that is not a success says.
#[derive(Debug, Serialize, ToSchema)]
pub struct ErrorBody {
    /// `ValidationError` for rejected input, `HTTPException` for everything else.
    #[schema(example = "HTTPException")]
    pub error: &'static str,
    /// One sentence for people.
    pub detail: String,
    /// The HTTP status.
    #[schema(minimum = 400, maximum = 599)]
    pub code: u16,
    /// Stable slug; clients branch on it.
    #[serde(rename = "type")]
    pub kind: &'static str,
    /// What to do next.
    pub remediation: &'static str,
    /// Id of the request.
    pub request_id: String,
    /// When it was answered.
    pub timestamp: Time,
    /// Every violation, when input was rejected.
    #[schema(value_type = Vec<Violation>)]
    pub errors: Vec<FieldError>,
    /// Seconds until it is worth trying again, as in the header `Retry-After`.
    #[schema(required, minimum = 1)]
    pub retry_after: Option<u64>,
    /// Where this kind is described.
    pub docs_url: String,
    /// Only on routes whose successes have an envelope.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<Status>,
}

/// One broken rule.
#[derive(Debug, Serialize, ToSchema)]
pub struct Violation {
    /// Where: `body`, `query`, `path` or `header`, then the name.
    pub loc: Vec<String>,
    /// The rule in words.
    pub msg: String,
    /// The rule's name.
    #[serde(rename = "type")]
    pub kind: String,
    /// The rule's parameters.
    #[schema(value_type = Object)]
    pub params: serde_json::Value,
}

impl ErrorBody {
    /// The body of `problem`, for the family of routes it happened on.
    pub fn new(
        problem: &ApiError,
        format: ResponseFormat,
        request_id: &str,
        now: Timestamp,
        elapsed: Duration,
    ) -> Self {
        let code = problem.kind.status();
        let detail: String = problem.detail.chars().take(MAX_DETAIL_CHARS).collect();
        let status = (format == ResponseFormat::Enveloped).then(|| Status {
            state: StatusState::Error,
            timestamp: Time(now),
            error_code: code,
            error_message: Some(detail.clone()),
            elapsed: u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX),
            credit_count: 0,
        });
        Self {
            error: if is_validation(problem) {
                "ValidationError"
            } else {
                "HTTPException"
            },
            detail,
            code,
            kind: problem.kind.slug(),
            remediation: catalogue::entry(problem.kind).remediation,
            request_id: request_id.to_owned(),
            timestamp: Time(now),
            errors: within_limit(&problem.errors),
            retry_after: problem.retry_after,
            docs_url: catalogue::docs_url(problem.kind),
            status,
        }
    }
}

/// The first violations, as many as fit into the limit.
fn within_limit(errors: &[FieldError]) -> Vec<FieldError> {
    let mut left = MAX_ERRORS_BYTES;
    let fits = |error: &&FieldError| {
        let bytes = serde_json::to_vec(error).map_or(usize::MAX, |text| text.len() + 1);
        match left.checked_sub(bytes) {
            Some(rest) => {
                left = rest;
                true
            }
            None => false,
        }
    };
    errors.iter().take_while(fits).cloned().collect()
}

/// Whether the input was rejected, as opposed to what was asked for being impossible.
fn is_validation(problem: &ApiError) -> bool {
    let by_kind = [
        ProblemKind::ValidationFailed,
        ProblemKind::InvalidParameter,
        ProblemKind::InvalidRange,
        ProblemKind::InvalidCursor,
        ProblemKind::MalformedJson,
        ProblemKind::UnsupportedTicker,
        ProblemKind::WebhookUrlBlocked,
    ];
    by_kind.contains(&problem.kind)
}
