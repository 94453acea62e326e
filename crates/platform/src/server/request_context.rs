//! Gives each request its id and its place in the metrics.

use std::time::Instant;

use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{Payload, ServiceRequest, ServiceResponse};
use actix_web::http::header::{HeaderName, HeaderValue};
use actix_web::middleware::Next;
use actix_web::{FromRequest, HttpMessage, HttpRequest};
use contracts::headers;

use crate::metrics::{HTTP_REQUESTS, HTTP_SECONDS};
use crate::request_id::{RequestContext, RequestId};

/// Route label of requests that matched none; a label per unknown path would be unbounded.
const UNMATCHED: &str = "unmatched";

/// Middleware that accepts or makes the request id, runs the handler as part of that request, returns the id in the
/// response, and counts and times the request by its route pattern.
pub(super) async fn with_request_context(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, actix_web::Error> {
    let id = request
        .headers()
        .get(headers::REQUEST_ID)
        .and_then(|value| value.to_str().ok())
        .and_then(|text| text.parse().ok())
        .unwrap_or_else(RequestId::generate);
    request.extensions_mut().insert(id.clone());
    let method = label(request.method().as_str());
    let started = Instant::now();

    let mut response = id.clone().scope(next.call(request)).await?.map_into_boxed_body();

    let seconds = started.elapsed().as_secs_f64();
    let status = response.status();
    let route = response
        .request()
        .match_pattern()
        .unwrap_or_else(|| UNMATCHED.to_owned());
    tracing::debug!(
        request_id = %id,
        method,
        path = response.request().path(),
        status = status.as_u16(),
        duration_ms = seconds * 1e3,
        "request answered"
    );
    ::metrics::histogram!(HTTP_SECONDS, "route" => route.clone()).record(seconds);
    ::metrics::counter!(
        HTTP_REQUESTS, "route" => route, "method" => method, "status" => status.as_u16().to_string()
    )
    .increment(1);
    if let Ok(value) = HeaderValue::from_str(id.as_str()) {
        response
            .headers_mut()
            .insert(HeaderName::from_static(headers::REQUEST_ID), value);
    }
    Ok(response)
}

/// A method as a bounded label: clients may invent names.
fn label(method: &str) -> &'static str {
    match method {
        "GET" => "GET",
        "HEAD" => "HEAD",
        "POST" => "POST",
        "PUT" => "PUT",
        "PATCH" => "PATCH",
        "DELETE" => "DELETE",
        "OPTIONS" => "OPTIONS",
        _ => "other",
    }
}

impl FromRequest for RequestId {
    type Error = actix_web::Error;
    type Future = std::future::Ready<Result<Self, Self::Error>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let id = request.extensions().get::<Self>().cloned();
        std::future::ready(Ok(id.unwrap_or_else(Self::generate)))
    }
}

impl FromRequest for RequestContext {
    type Error = actix_web::Error;
    type Future = std::future::Ready<Result<Self, Self::Error>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let id = request.extensions().get::<RequestId>().cloned();
        std::future::ready(Ok(id.unwrap_or_else(RequestId::generate).into()))
    }
}
