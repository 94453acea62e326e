//! Reads the body of a request within bounds of size and time.

use std::time::Duration;

use actix_web::HttpMessage;
use actix_web::dev::ServiceRequest;
use actix_web::http::header::{CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE};
use bytes::{Bytes, BytesMut};
use contracts::problem::ProblemKind;
use futures_util::StreamExt;
use platform::problem::FieldError;

use crate::error::ApiError;
use crate::extract::body::RawBody;
use crate::route_policy::RoutePolicy;
use crate::settings::Settings;

/// Largest body of any route there is.
pub const MAX_BODY_BYTES: usize = 64 * 1024;

/// As much is kept of a body that the route does not take: enough to tell that it is empty or an empty object.
const UNWANTED_BODY_BYTES: usize = 64;

/// Reads the body, which has to be JSON if there is one, and has to arrive in time. Of a body that the route does not
/// take only the beginning is kept.
///
/// # Errors
///
/// It is too large, too slow, cut off, or of another media type.
pub async fn read(policy: &RoutePolicy, settings: &Settings, request: &mut ServiceRequest) -> Result<Bytes, ApiError> {
    let timeout = Duration::from_millis(settings.body_timeout_ms);
    let announced = request
        .headers()
        .get(CONTENT_LENGTH)
        .and_then(|value| value.to_str().ok())
        .map(str::parse::<u64>);
    if matches!(announced, Some(Ok(bytes)) if bytes > MAX_BODY_BYTES as u64) {
        return Err(ApiError::new(ProblemKind::BodyTooLarge));
    }
    let mut payload = request.take_payload();
    if matches!(payload, actix_web::dev::Payload::None) {
        return Ok(Bytes::new());
    }
    let gather = async {
        let mut body = BytesMut::new();
        let (mut received, kept) = (
            0,
            if policy.takes_body {
                MAX_BODY_BYTES
            } else {
                UNWANTED_BODY_BYTES
            },
        );
        while let Some(chunk) = payload.next().await {
            let chunk = chunk.map_err(|_| ApiError::new(ProblemKind::BadRequest).detail("The body was cut off."))?;
            received += chunk.len();
            if received > MAX_BODY_BYTES {
                return Err(ApiError::new(ProblemKind::BodyTooLarge));
            }
            // The rest of an unwanted body is read and dropped, so that the connection stays usable.
            body.extend_from_slice(&chunk[..chunk.len().min(kept - body.len())]);
        }
        Ok(body.freeze())
    };
    let body = tokio::time::timeout(timeout, gather)
        .await
        .map_err(|_| ApiError::new(ProblemKind::RequestTimeout))??;
    if !body.is_empty() && !is_json(request) {
        return Err(ApiError::new(ProblemKind::UnsupportedMediaType));
    }
    Ok(body)
}

/// Leaves the body in the request for the handler. A route that takes none refuses one.
pub fn store(policy: &RoutePolicy, request: &ServiceRequest, body: Bytes) -> Result<(), ApiError> {
    if !policy.takes_body {
        refuse(&body)?;
    }
    request.extensions_mut().insert(RawBody(body));
    Ok(())
}

/// Refuses the body of a route that takes none; an empty object counts as none.
fn refuse(body: &[u8]) -> Result<(), ApiError> {
    let mut meaningful = body.iter().filter(|byte| !byte.is_ascii_whitespace());
    let is_none = match (meaningful.next(), meaningful.next(), meaningful.next()) {
        (None, _, _) => body.len() < UNWANTED_BODY_BYTES,
        (Some(b'{'), Some(b'}'), None) => true,
        _ => false,
    };
    if is_none {
        return Ok(());
    }
    let violation = FieldError::new(&["body"], "extra_forbidden", "this route takes no body");
    Err(ApiError::new(ProblemKind::ValidationFailed).violations(vec![violation]))
}

/// Whether the headers announce JSON in UTF-8 without content encoding.
fn is_json(request: &ServiceRequest) -> bool {
    if request
        .headers()
        .get(CONTENT_ENCODING)
        .is_some_and(|encoding| encoding != "identity")
    {
        return false;
    }
    let announced = request
        .headers()
        .get(CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    let mut parts = announced.split(';').map(str::trim);
    let is_json = parts
        .next()
        .is_some_and(|media| media.eq_ignore_ascii_case("application/json"));
    let is_utf8 = parts.all(|parameter| match parameter.split_once('=') {
        Some((name, value)) if name.trim().eq_ignore_ascii_case("charset") => {
            value.trim().trim_matches('"').eq_ignore_ascii_case("utf-8")
        }
        _ => true,
    });
    is_json && is_utf8
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("application/json", true)]
    #[case("Application/JSON; charset=UTF-8", true)]
    #[case("application/json; charset=\"utf-8\"", true)]
    #[case("application/json; charset=latin1", false)]
    #[case("text/plain", false)]
    #[case("application/jsonx", false)]
    #[case("", false)]
    fn only_json_in_utf_8_is_json(#[case] announced: &str, #[case] expected: bool) {
        let request = TestRequest::default()
            .insert_header((CONTENT_TYPE, announced))
            .to_srv_request();
        assert_eq!(is_json(&request), expected);
    }

    #[rstest]
    #[case("", true)]
    #[case("{}", true)]
    #[case(" { }\n", true)]
    #[case("{", false)]
    #[case("{}{}", false)]
    #[case("[]", false)]
    #[case("{\"a\":1}", false)]
    fn route_without_a_body_takes_nothing_or_an_empty_object(#[case] body: &str, #[case] expected: bool) {
        assert_eq!(refuse(body.as_bytes()).is_ok(), expected);
    }

    #[test]
    fn compressed_body_is_not_read() {
        let request = TestRequest::default()
            .insert_header((CONTENT_TYPE, "application/json"))
            .insert_header((CONTENT_ENCODING, "gzip"))
            .to_srv_request();
        assert!(!is_json(&request));
    }
}
