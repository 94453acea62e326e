//! The id of a request: the client's own or a new one, in every log line, in requests to other services, in the
//! response.

use std::time::Instant;

use actix_web::body::MessageBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header::{HeaderName, HeaderValue};
use actix_web::middleware::Next;
use actix_web::{Error, HttpMessage};
use platform::request_id::RequestId;
use tracing::Instrument;

use super::outcome::edit_headers;
use crate::request_context::RequestStart;

const REQUEST_ID: HeaderName = HeaderName::from_static(contracts::headers::REQUEST_ID);

/// Gives a request its id, its start and its span.
pub async fn assign<B: MessageBody + 'static>(
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<B>, Error> {
    request.extensions_mut().insert(RequestStart(Instant::now()));
    let id = sent_or_new(&request);
    request.extensions_mut().insert(id.clone());
    let span = tracing::info_span!("request", request_id = %id, method = %request.method());
    let outcome = id.clone().scope(next.call(request).instrument(span)).await;
    edit_headers(outcome, |headers| {
        if let Ok(value) = HeaderValue::from_str(id.as_str()) {
            headers.insert(REQUEST_ID, value);
        }
    })
}

fn sent_or_new(request: &ServiceRequest) -> RequestId {
    let sent = request.headers().get(REQUEST_ID).and_then(|value| value.to_str().ok());
    sent.and_then(|id| id.parse().ok()).unwrap_or_else(RequestId::generate)
}
