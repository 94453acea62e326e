//! The id of a request: the client's own or a new one, in every log line, in requests to other services, in the
//! response.

use std::time::Instant;

use actix_web::HttpMessage;
use actix_web::dev::ServiceRequest;
use actix_web::http::header::{HeaderMap, HeaderName, HeaderValue};
use platform::request_id::RequestId;

use crate::request_context::RequestInfo;

const REQUEST_ID: HeaderName = HeaderName::from_static(contracts::headers::REQUEST_ID);

/// Gives a request its id and its start.
pub fn assign(request: &ServiceRequest) -> (RequestId, Instant) {
    let start = Instant::now();
    let id = sent_or_new(request);
    request.extensions_mut().insert(RequestInfo {
        id: id.clone(),
        start,
        route: None,
        address: None,
        numbers_as_strings: false,
    });
    (id, start)
}

pub fn write_header(id: &RequestId, headers: &mut HeaderMap) {
    if let Ok(value) = HeaderValue::from_str(id.as_str()) {
        headers.insert(REQUEST_ID, value);
    }
}

fn sent_or_new(request: &ServiceRequest) -> RequestId {
    let sent = request.headers().get(REQUEST_ID).and_then(|value| value.to_str().ok());
    sent.and_then(|id| id.parse().ok()).unwrap_or_else(RequestId::generate)
}
