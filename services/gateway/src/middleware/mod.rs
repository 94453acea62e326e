//! What every request passes on its way to a handler, and every response on its way back.
//!
//! [`handle`] is around the whole application. [`admit`] stands before each handler and knows its policy.

pub mod authenticate;
pub mod authorize;
pub mod catch_panic;
pub mod client_ip;
pub mod compression;
pub mod cors;
pub mod error_response;
pub mod idempotency;
pub mod ip_block;
pub mod metrics;
pub mod number_format;
mod outcome;
pub mod rate_limit;
pub mod reject_early;
pub mod request_body;
pub mod request_id;
pub mod security_headers;

use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::middleware::Next;
use actix_web::{Error, HttpMessage, ResponseError, web};

use self::outcome::edit_headers;
use crate::error::ApiError;
use crate::rate_limit::RateLimitOutcome;
use crate::request_context::{self, MatchedRoute};
use crate::route_policy::RoutePolicy;
use crate::state::AppState;

/// The layer around the application. It is one for all steps: each layer of its own would cost every request a boxed
/// future, and moves of the request and its response. What is done to the response stands below the call, in the
/// reverse order.
///
/// # Errors
///
/// Something outside all handlers failed: the error holds the finished response.
pub async fn handle<B: MessageBody + 'static>(
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let (id, start) = request_id::assign(&request);
    let method = request.method().clone();
    let origin = cors::Origin::of(&request);
    let rendering = error_response::RenderContext::of(&request, id.clone(), start);
    let response = catch_panic::catch(respond(request, origin.as_ref(), next));
    // Everything below logs with the request's id.
    let outcome = id.clone().scope(response).await;
    let outcome = edit_headers(rendering.render(outcome), |headers| {
        // Errors too: web pages have to be able to read them.
        if let Some(origin) = origin {
            origin.write_headers(headers);
        }
        security_headers::add_common_headers(headers);
        request_id::write_header(&id, headers);
    });
    metrics::record(&outcome, start, &method);
    outcome
}

/// Answers what needs no route, or lets the router find one.
async fn respond<B: MessageBody + 'static>(
    request: ServiceRequest,
    origin: Option<&cors::Origin>,
    next: Next<B>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    // The host before CORS, which takes a page at the request's own host for the dashboard.
    if let Some(refusal) = reject_early::check(&request) {
        return Ok(refuse(request, &refusal));
    }
    if let Some(preflight) = origin.and_then(|origin| origin.answer_preflight(&request)) {
        return Ok(request.into_response(preflight));
    }
    let encoding = match compression::negotiate(&request) {
        Ok(encoding) => encoding,
        Err(refusal) => return Ok(refuse(request, &refusal)),
    };
    Ok(compression::compress(
        next.call(request).await?.map_into_boxed_body(),
        encoding,
    ))
}

/// Lets a request pass to its handler, or answers in its place.
///
/// # Errors
///
/// Those of the handler. Refusals are responses.
pub async fn admit(
    path: &'static str,
    policy: &'static RoutePolicy,
    mut request: ServiceRequest,
    next: Next<BoxBody>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    request_context::update(&request, |info| {
        info.route = Some(MatchedRoute {
            path,
            format: policy.format,
        })
    });
    let Some(state) = request.app_data::<web::Data<AppState>>().cloned() else {
        return Ok(refuse(request, &ApiError::internal("the application has no state")));
    };
    let mut limit = None;
    let response = match check(policy, &state, &mut request, &mut limit).await {
        Err(refusal) => refuse(request, &refusal),
        Ok(None) => catch_panic::call_handler(request, next).await?,
        Ok(Some(keyed)) => idempotency::run_once(keyed, &state, request, next).await?,
    };
    let response = number_format::reject_pending(response);
    let mut response = error_response::apply_route_error_status(policy, response);
    if let Some(limit) = limit {
        limit.write_headers(response.headers_mut(), state.clock.now());
    }
    Ok(response)
}

/// The checks before a handler, in the order that docs/api.md promises: what comes first decides which error a
/// request gets that has several faults. They are functions and not layers, because each needs what the ones before
/// it found.
///
/// Gives the request's idempotency key, if it has one. `limit` is written as soon as it is known, since refusals carry
/// its headers too.
async fn check(
    policy: &'static RoutePolicy,
    state: &AppState,
    request: &mut ServiceRequest,
    limit: &mut Option<RateLimitOutcome>,
) -> Result<Option<idempotency::KeyedRequest>, ApiError> {
    let address = client_ip::resolve(request, &state.settings.trusted_proxies);
    request_context::update(request, |info| info.address = Some(address));
    ip_block::check(policy, state, request, address).await?;
    // Before the credential: a body that is too large or too slow is refused, whoever sends it.
    let body = request_body::read(policy, &state.settings, request).await?;
    let caller = authenticate::authenticate(policy, state, request, address).await?;
    rate_limit::take(policy, state, caller.as_ref(), address, limit).await?;
    authorize::check(policy, caller.as_ref())?;
    let keyed =
        idempotency::KeyedRequest::from_request(policy, &state.hasher, request, caller.as_ref(), address, &body)?;
    request_body::store(policy, request, body)?;
    number_format::read(policy, request);
    if let Some(caller) = caller {
        request.extensions_mut().insert(caller);
    }
    Ok(keyed)
}

fn refuse(request: ServiceRequest, refusal: &ApiError) -> ServiceResponse<BoxBody> {
    request.into_response(refusal.error_response())
}
