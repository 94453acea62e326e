//! The outermost layer: gives every request its id, and every answer its headers and, if it is an error, the one body.

use std::panic::AssertUnwindSafe;
use std::time::Instant;

use actix_web::body::{BodySize, BoxBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::StatusCode;
use actix_web::http::header::{
    CACHE_CONTROL, CONTENT_ENCODING, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue,
    REFERRER_POLICY, RETRY_AFTER, WWW_AUTHENTICATE, X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
};
use actix_web::middleware::Next;
use actix_web::{Error, HttpMessage, HttpResponse, web};
use contracts::problem::ProblemKind;
use futures_util::FutureExt;
use platform::metrics::{HTTP_REQUESTS, HTTP_SECONDS};
use platform::request_id::RequestId;
use tracing::Instrument;

use crate::allowed_host::{self, AllowedHost};
use crate::app::AppState;
use crate::error::ApiError;
use crate::error::body::ErrorBody;
use crate::middleware::cors;
use crate::route_policy::ResponseFormat;
use crate::routes;

/// Longest path and query.
const MAX_URI_BYTES: usize = 8 * 1024;

/// Smallest body that is worth compressing.
const MIN_COMPRESSED_BYTES: u64 = 1024;

const REQUEST_ID: HeaderName = HeaderName::from_static(contracts::headers::REQUEST_ID);

/// When the first byte of the request was looked at.
#[derive(Debug, Clone, Copy)]
pub struct RequestStart(pub Instant);

/// Marks an error response that has a body of its own: the health reports.
#[derive(Debug, Clone, Copy)]
pub struct SkipErrorRendering;

/// Answers a request, whatever happens inside.
///
/// # Errors
///
/// Something outside all handlers panicked: the error is the finished response.
pub async fn answer(
    mut request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let started = Instant::now();
    let id = request_id(&request);
    let state = request.app_data::<web::Data<AppState>>().cloned();
    request.extensions_mut().insert(RequestStart(started));
    request.extensions_mut().insert(id.clone());
    let origin = state
        .as_ref()
        .and_then(|state| cors::Origin::of(&request, &state.settings));
    let method = request.method().clone();
    let span = tracing::info_span!("request", request_id = %id, method = %method);

    let allowed_hosts = state.as_ref().map(|state| state.settings.allowed_hosts.as_slice());
    let refusal = reject_early(&mut request, allowed_hosts.unwrap_or_default(), origin.as_ref());
    let mut response = if let Some(refusal) = refusal {
        request.into_response(refusal)
    } else {
        let inner = AssertUnwindSafe(next.call(request)).catch_unwind();
        match id.clone().scope(inner.instrument(span.clone())).await {
            Ok(Ok(response)) => response.map_into_boxed_body(),
            Ok(Err(error)) => return Err(error),
            Err(_) => {
                let mut response = panic_response(&id, state.as_ref().map(|state| state.get_ref()), started);
                add_common_headers(response.headers_mut(), &id);
                if let Some(origin) = origin {
                    origin.write_headers(response.headers_mut());
                }
                record_metrics(None, response.status(), started, method.as_str());
                return Err(actix_web::error::InternalError::from_response("panic", response).into());
            }
        }
    };

    let now = state.as_ref().map(|state| state.clock.now()).unwrap_or_default();
    if let Some(problem) = problem_of(&response) {
        let _entered = span.enter();
        let format = response.request().extensions().get::<ResponseFormat>().copied();
        // What was refused before routing, such as a path that is too long, has no family yet.
        let format = format.unwrap_or_else(|| routes::family_of(response.request().path()));
        let body = ErrorBody::new(&problem, format, id.as_str(), now, started.elapsed());
        response = render(response, &problem, &body);
    }
    add_common_headers(response.headers_mut(), &id);
    if let Some(origin) = origin {
        origin.write_headers(response.headers_mut());
    }
    let route = response.request().match_pattern();
    record_metrics(route, response.status(), started, method.as_str());
    Ok(response)
}

fn request_id(request: &ServiceRequest) -> RequestId {
    let sent = request.headers().get(REQUEST_ID).and_then(|value| value.to_str().ok());
    sent.and_then(|id| id.parse().ok()).unwrap_or_else(RequestId::generate)
}

/// What is answered without looking for a route.
fn reject_early(
    request: &mut ServiceRequest,
    allowed_hosts: &[AllowedHost],
    origin: Option<&cors::Origin>,
) -> Option<HttpResponse> {
    use actix_web::ResponseError;

    // Before CORS, which takes a page at the host of the request for the dashboard itself.
    if !allowed_host::is_served(request, allowed_hosts) {
        return Some(ApiError::new(ProblemKind::MisdirectedRequest).error_response());
    }
    let uri = request.uri();
    if uri.path_and_query().map_or(0, |whole| whole.as_str().len()) > MAX_URI_BYTES {
        return Some(ApiError::new(ProblemKind::UriTooLong).error_response());
    }
    cors::preflight(request, origin)
}

/// The problem behind an error response that has not got its body yet.
fn problem_of(response: &ServiceResponse<BoxBody>) -> Option<ApiError> {
    let status = response.status();
    if !status.is_client_error() && !status.is_server_error() {
        return None;
    }
    let extensions = response.response().extensions();
    if extensions.contains::<SkipErrorRendering>() {
        return None;
    }
    Some(extensions.get::<ApiError>().cloned().unwrap_or_else(|| {
        if status.is_server_error() {
            tracing::error!(
                status = status.as_u16(),
                "a part of the server answered without a reason"
            );
        }
        ApiError::from_status(status)
    }))
}

fn render(response: ServiceResponse<BoxBody>, problem: &ApiError, body: &ErrorBody) -> ServiceResponse<BoxBody> {
    let (request, old) = response.into_parts();
    let status = StatusCode::from_u16(problem.kind.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut new = error_response(status, problem, body);
    // What the gate wrote about limits and repeats stays.
    for (name, value) in old.headers() {
        if name.as_str().contains("ratelimit") || name == "idempotent-replayed" {
            new.headers_mut().insert(name.clone(), value.clone());
        }
    }
    ServiceResponse::new(request, new)
}

fn error_response(status: StatusCode, problem: &ApiError, body: &ErrorBody) -> HttpResponse {
    let text = serde_json::to_vec(body).unwrap_or_default();
    let mut response = HttpResponse::build(status);
    response.insert_header((CONTENT_TYPE, HeaderValue::from_static("application/json")));
    response.insert_header((CACHE_CONTROL, HeaderValue::from_static("no-store")));
    if let Some(seconds) = problem.retry_after {
        response.insert_header((RETRY_AFTER, seconds));
    }
    if status == StatusCode::UNAUTHORIZED {
        response.insert_header((WWW_AUTHENTICATE, HeaderValue::from_static("Bearer, ApiKey")));
    }
    for (name, value) in &problem.headers {
        response.insert_header((name.clone(), value.clone()));
    }
    response.body(text)
}

/// A panic in a handler is caught at the gate. One that is not took the request with it, and what it was about.
fn panic_response(id: &RequestId, state: Option<&AppState>, started: Instant) -> HttpResponse {
    tracing::error!(request_id = %id, "something outside the handlers panicked");
    let now = state.map(|state| state.clock.now()).unwrap_or_default();
    let problem = ApiError::new(ProblemKind::InternalError);
    let body = ErrorBody::new(&problem, ResponseFormat::Plain, id.as_str(), now, started.elapsed());
    error_response(StatusCode::INTERNAL_SERVER_ERROR, &problem, &body)
}

fn add_common_headers(headers: &mut HeaderMap, id: &RequestId) {
    if let Ok(value) = HeaderValue::from_str(id.as_str()) {
        headers.insert(REQUEST_ID, value);
    }
    // The compressor is told by `identity` to leave small bodies alone; clients need not see it.
    if headers
        .get(CONTENT_ENCODING)
        .is_some_and(|encoding| encoding == "identity")
    {
        headers.remove(CONTENT_ENCODING);
    }
    for (name, value) in [
        (CACHE_CONTROL, "no-store"),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (X_FRAME_OPTIONS, "DENY"),
        (REFERRER_POLICY, "no-referrer"),
        (CONTENT_SECURITY_POLICY, "default-src 'none'; frame-ancestors 'none'"),
    ] {
        if !headers.contains_key(&name) {
            headers.insert(name, HeaderValue::from_static(value));
        }
    }
}

fn record_metrics(route: Option<String>, status: StatusCode, started: Instant, method: &str) {
    let route = route.unwrap_or_else(|| "none".to_owned());
    let status = status.as_u16().to_string();
    let method = if matches!(method, "GET" | "HEAD" | "POST" | "DELETE" | "OPTIONS" | "PUT" | "PATCH") {
        method
    } else {
        "other"
    };
    metrics::counter!(HTTP_REQUESTS, "route" => route.clone(), "method" => method.to_owned(), "status" => status)
        .increment(1);
    metrics::histogram!(HTTP_SECONDS, "route" => route).record(started.elapsed().as_secs_f64());
}

/// Tells the compressor, which stands between this and [`answer`], to leave small bodies alone.
///
/// # Errors
///
/// Those of the layers inside.
pub async fn skip_small_compression(
    request: ServiceRequest,
    next: Next<impl MessageBody>,
) -> Result<ServiceResponse<impl MessageBody>, Error> {
    let mut response = next.call(request).await?;
    let is_small = match response.response().body().size() {
        BodySize::None => true,
        BodySize::Sized(bytes) => bytes <= MIN_COMPRESSED_BYTES,
        BodySize::Stream => false,
    };
    if is_small && !response.headers().contains_key(CONTENT_ENCODING) {
        response
            .headers_mut()
            .insert(CONTENT_ENCODING, HeaderValue::from_static("identity"));
    }
    Ok(response)
}
