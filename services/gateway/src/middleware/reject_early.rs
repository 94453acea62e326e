//! Requests that are refused whatever their route is.

use actix_web::dev::ServiceRequest;
use actix_web::web;
use contracts::problem::ProblemKind;

use crate::allowed_host;
use crate::error::ApiError;
use crate::state::AppState;

const MAX_URI_BYTES: usize = 8 * 1024;

/// The refusal of a request to another host, or with an overlong address.
pub fn check(request: &ServiceRequest) -> Option<ApiError> {
    let state = request.app_data::<web::Data<AppState>>();
    let allowed_hosts = state.map(|state| state.settings.allowed_hosts.as_slice());
    if !allowed_host::is_served(request, allowed_hosts.unwrap_or_default()) {
        return Some(ApiError::new(ProblemKind::MisdirectedRequest));
    }
    let path_and_query = request.uri().path_and_query();
    let is_too_long = path_and_query.is_some_and(|text| text.as_str().len() > MAX_URI_BYTES);
    is_too_long.then(|| ApiError::new(ProblemKind::UriTooLong))
}
