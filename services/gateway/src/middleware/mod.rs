//! What every request passes on its way to a handler, and every response on its way back.
//!
//! [`wrap`] puts the layers around the whole application. [`admit`] stands before each handler and knows its policy.

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
use actix_web::dev::{ServiceFactory, ServiceRequest, ServiceResponse};
use actix_web::middleware::{Compress, Next, from_fn};
use actix_web::{App, Error, HttpMessage, ResponseError, web};

use crate::error::ApiError;
use crate::rate_limit::RateLimitOutcome;
use crate::route_policy::RoutePolicy;
use crate::state::AppState;

/// Wraps an application in layers that are listed outermost first; actix-web itself takes the outermost one last.
macro_rules! wrap_outermost_first {
    ($app:expr) => { $app };
    ($app:expr, $outermost:expr $(, $inner:expr)*) => {
        wrap_outermost_first!($app $(, $inner)*).wrap($outermost)
    };
}

/// The layers around the application, outermost first. A request passes them from top to bottom, its response from
/// bottom to top.
pub fn wrap<T>(
    app: App<T>,
) -> App<
    impl ServiceFactory<
        ServiceRequest,
        Config = (),
        Response = ServiceResponse<impl MessageBody>,
        Error = Error,
        InitError = (),
    >,
>
where
    T: ServiceFactory<ServiceRequest, Config = (), Response = ServiceResponse<BoxBody>, Error = Error, InitError = ()>
        + 'static,
{
    wrap_outermost_first!(
        app,
        // Everything below logs within the request's span.
        from_fn(request_id::assign),
        from_fn(metrics::record),
        from_fn(security_headers::add_common_headers),
        // Outside the error body, so that web pages can read errors too.
        from_fn(cors::add_headers),
        from_fn(error_response::render),
        from_fn(catch_panic::catch),
        // The host before CORS, which takes a page at the request's own host for the dashboard.
        from_fn(reject_early::reject_early),
        from_fn(cors::answer_preflight),
        from_fn(compression::hide_marker),
        Compress::default(),
        from_fn(compression::skip_small_compression)
    )
}

/// Lets a request pass to its handler, or answers in its place.
///
/// # Errors
///
/// Those of the handler. Refusals are responses.
pub async fn admit(
    policy: &'static RoutePolicy,
    mut request: ServiceRequest,
    next: Next<BoxBody>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    request.extensions_mut().insert(policy.format);
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

/// The checks before a handler, in the order of the contract: what comes first decides which error a request gets that
/// has several faults. They are functions and not layers, because each needs what the ones before it found.
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
    ip_block::check(policy, state, request.headers(), address).await?;
    // Before the credential: a body that is too large or too slow is refused, whoever sends it.
    let body = request_body::read(policy, &state.settings, request).await?;
    let caller = authenticate::authenticate(policy, state, request.headers(), address).await?;
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
