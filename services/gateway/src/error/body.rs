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

/// The body of every response that is not a success.
#[derive(Debug, Serialize, ToSchema)]
pub struct ErrorBody {
    /// `ValidationError` for rejected input, `HTTPException` for everything else.
    #[schema(example = "HTTPException")]
    pub error: &'static str,
    /// What went wrong, in one sentence for people.
    pub detail: String,
    /// The HTTP status code.
    #[schema(minimum = 400, maximum = 599)]
    pub code: u16,
    /// Kind of the error as a stable slug, such as `rate_limited`. Clients branch on it.
    #[serde(rename = "type")]
    pub kind: &'static str,
    /// What the caller can do about it.
    pub remediation: &'static str,
    /// Id of the request, as in the header `X-Request-Id`.
    pub request_id: String,
    /// Time of the response.
    pub timestamp: Time,
    /// All violations, at most 100, if input was rejected; otherwise empty.
    #[schema(value_type = Vec<Violation>)]
    pub errors: Vec<FieldError>,
    /// Seconds after which a repeat can succeed, as in the header `Retry-After`; `null` if none is given.
    #[schema(required, minimum = 1)]
    pub retry_after: Option<u64>,
    /// Path of the page that describes this kind of error.
    pub docs_url: String,
    /// Status as in the envelope, on routes whose successful responses have one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<Status>,
}

/// One rule that the input breaks.
#[derive(Debug, Serialize, ToSchema)]
pub struct Violation {
    /// Where the input is: `body`, `query`, `path` or `header`, then the names that lead to it.
    pub loc: Vec<String>,
    /// The rule in words, for people.
    pub msg: String,
    /// Name of the rule, for programs, such as `missing`.
    #[serde(rename = "type")]
    pub kind: String,
    /// Parameters of the rule, such as its bounds.
    #[schema(value_type = Object)]
    pub params: serde_json::Value,
}

impl ErrorBody {
    /// The body of `problem`, in the format of the route it happened on.
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
        ProblemKind::InvalidCoinId,
        ProblemKind::MalformedJson,
        ProblemKind::UnsupportedTicker,
        ProblemKind::WebhookUrlBlocked,
    ];
    by_kind.contains(&problem.kind)
}
