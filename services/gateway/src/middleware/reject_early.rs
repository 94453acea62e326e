//! Requests that are refused whatever their route is.

use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::middleware::Next;
use actix_web::{Error, ResponseError, web};
use contracts::problem::ProblemKind;

use crate::allowed_host;
use crate::error::ApiError;
use crate::state::AppState;

const MAX_URI_BYTES: usize = 8 * 1024;

/// Refuses requests to other hosts, and overlong addresses.
pub async fn reject_early<B: MessageBody + 'static>(
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    match refusal(&request) {
        Some(kind) => Ok(request.into_response(ApiError::new(kind).error_response())),
        None => Ok(next.call(request).await?.map_into_boxed_body()),
    }
}

fn refusal(request: &ServiceRequest) -> Option<ProblemKind> {
    let state = request.app_data::<web::Data<AppState>>();
    let allowed_hosts = state.map(|state| state.settings.allowed_hosts.as_slice());
    if !allowed_host::is_served(request, allowed_hosts.unwrap_or_default()) {
        return Some(ProblemKind::MisdirectedRequest);
    }
    let path_and_query = request.uri().path_and_query();
    let is_too_long = path_and_query.is_some_and(|text| text.as_str().len() > MAX_URI_BYTES);
    is_too_long.then_some(ProblemKind::UriTooLong)
}
