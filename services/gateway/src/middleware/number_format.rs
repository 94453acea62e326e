//! `?numbers=string`, which every GET takes.

use actix_web::body::BoxBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::Method;
use actix_web::{HttpMessage, HttpRequest, ResponseError};
use contracts::problem::ProblemKind;

use crate::error::ApiError;
use crate::extract::query::{Params, PendingViolations};
use crate::extract::validate;
use crate::request_context;
use crate::route_policy::RoutePolicy;

/// Finds out how decimals are wanted. A wrong value waits in the request, so that the handler can name it together with
/// violations of its own.
pub fn read(policy: &RoutePolicy, request: &ServiceRequest) {
    let strings = if matches!(*request.method(), Method::GET | Method::HEAD) {
        numbers_as_strings(request.request())
    } else {
        Ok(false)
    };
    let strings = strings.unwrap_or_else(|refusal| {
        // Health and the documentation answer whatever they are asked: a load balancer's probe is never malformed.
        if policy.rate_limit.is_some() {
            request.extensions_mut().insert(PendingViolations(refusal.errors));
        }
        false
    });
    request_context::update(request, |info| info.numbers_as_strings = strings);
}

/// Refuses what still waits: handlers without parameters of their own do not look.
pub fn reject_pending(response: ServiceResponse<BoxBody>) -> ServiceResponse<BoxBody> {
    let pending = response.request().extensions_mut().remove::<PendingViolations>();
    match pending {
        None => response,
        Some(PendingViolations(violations)) => {
            let refusal = ApiError::new(ProblemKind::InvalidParameter).violations(violations);
            response.into_response(refusal.error_response())
        }
    }
}

fn numbers_as_strings(request: &HttpRequest) -> Result<bool, ApiError> {
    // Asked of every GET, so it is not parsed where it cannot stand.
    if !request.query_string().contains("numbers") {
        return Ok(false);
    }
    let mut params = Params::of(request);
    let numbers = params.optional("numbers", validate::one_of(&["number", "string"]));
    params.finish()?;
    Ok(numbers.as_deref() == Some("string"))
}
