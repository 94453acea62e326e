//! What handlers read of a request: the user, ids, pages and cursors.

use std::future::{Ready, ready};

use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpRequest};
use contracts::headers;
use contracts::problem::ProblemKind;
use platform::problem::{FieldError, Problem};
use platform::request_id::RequestId;
use uuid::Uuid;

/// The user on whose behalf the gateway asks.
#[derive(Debug, Clone, Copy)]
pub struct UserId(pub Uuid);

impl FromRequest for UserId {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let header = request
            .headers()
            .get(headers::USER_ID)
            .and_then(|value| value.to_str().ok());
        let user = header.and_then(|text| text.parse().ok()).map(Self);
        ready(user.ok_or_else(|| Problem::new(ProblemKind::BadRequest, "The header X-User-Id must hold a UUID.")))
    }
}

/// An id in a path. What is no id names nothing, so it is as unknown as any other.
pub(super) fn parse_id(text: &str, unknown: ProblemKind, detail: &str) -> Result<Uuid, Problem> {
    text.parse().map_err(|_| Problem::new(unknown, detail))
}

pub(super) fn page_limit(asked: Option<u32>, default: u32) -> Result<i64, Problem> {
    let limit = asked.unwrap_or(default);
    if (1..=1000).contains(&limit) {
        return Ok(i64::from(limit));
    }
    let error = FieldError::new(&["query", "limit"], "out_of_range", "must be from 1 to 1000")
        .with_params(serde_json::json!({"ge": 1, "le": 1000}));
    Err(Problem::new(ProblemKind::InvalidParameter, "limit must be from 1 to 1000.").with_errors(vec![error]))
}

pub(super) fn invalid_cursor() -> Problem {
    Problem::new(
        ProblemKind::InvalidCursor,
        "The cursor is unknown. Start again without it.",
    )
}

/// Reads a cursor that is an id.
pub(super) fn id_cursor(cursor: Option<&str>) -> Result<Option<Uuid>, Problem> {
    cursor
        .map(|text| text.parse().map_err(|_| invalid_cursor()))
        .transpose()
}

/// The id of the current request.
pub(super) fn request_id() -> String {
    RequestId::current()
        .unwrap_or_else(RequestId::generate)
        .as_str()
        .to_owned()
}
