//! From headers to a caller.

use std::net::IpAddr;

use actix_web::http::header::{AUTHORIZATION, HeaderMap};
use contracts::problem::ProblemKind;

use crate::app::AppState;
use crate::extract::identity::Caller;
use crate::problem::ApiError;

/// The header that carries a key.
pub const API_KEY_HEADER: &str = "x-api-key";

/// Finds out who sent a request. Failures count against the address.
///
/// # Errors
///
/// There is no credential, it is not valid, or it cannot be checked at the moment.
pub async fn authenticate(state: &AppState, headers: &HeaderMap, address: IpAddr) -> Result<Caller, ApiError> {
    let refusal = match (headers.get(API_KEY_HEADER), bearer(headers)) {
        (None, false) => return Err(ApiError::new(ProblemKind::MissingCredentials)),
        // No token is issued yet, so none can belong to the key's user.
        (Some(_), true) => ProblemKind::CredentialsConflict,
        (None, true) => ProblemKind::InvalidToken,
        (Some(key), false) => match state.directory.find(key.to_str().unwrap_or_default()).await? {
            Some(identity) => return Ok(Caller(identity)),
            None => ProblemKind::InvalidApiKey,
        },
    };
    state.guard.note_failure(address).await;
    Err(ApiError::new(refusal))
}

/// Whether a bearer token was sent.
fn bearer(headers: &HeaderMap) -> bool {
    let value = headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok());
    value
        .and_then(|value| value.split_whitespace().next())
        .is_some_and(|scheme| scheme.eq_ignore_ascii_case("bearer"))
}
