//! Who sent a request, by the credential in its headers.

use std::net::IpAddr;

use actix_web::http::header::{AUTHORIZATION, HeaderMap, HeaderName, HeaderValue};
use contracts::keys;
use contracts::problem::ProblemKind;

use crate::error::ApiError;
use crate::extract::caller::Caller;
use crate::rate_limit::policy::Quota;
use crate::request_context::client_network;
use crate::route_policy::{Access, RoutePolicy};
use crate::state::AppState;

/// The header that carries a key.
pub const API_KEY_HEADER: &str = "x-api-key";

/// Finds out who sent a request, where the route wants to know. Failures count against the address.
///
/// # Errors
///
/// There is no credential, it is not valid, or it cannot be checked at the moment.
pub async fn authenticate(
    policy: &RoutePolicy,
    state: &AppState,
    headers: &HeaderMap,
    address: IpAddr,
) -> Result<Option<Caller>, ApiError> {
    let is_public = match policy.access {
        Access::Public => true,
        Access::PublicRates(_) => state.settings.rates_public,
        Access::Authenticated | Access::Scoped(_) => false,
    };
    if is_public {
        return Ok(None);
    }
    identify(state, headers, address).await.map(Some)
}

async fn identify(state: &AppState, headers: &HeaderMap, address: IpAddr) -> Result<Caller, ApiError> {
    let refusal = match (headers.get(API_KEY_HEADER), has_bearer_token(headers)) {
        (None, false) => return Err(ApiError::new(ProblemKind::MissingCredentials)),
        // The gateway issues no bearer tokens, so this one cannot belong to the key's user.
        (Some(_), true) => ProblemKind::CredentialsConflict,
        (None, true) => ProblemKind::InvalidToken,
        (Some(key), false) => match state.identities.find(key.to_str().unwrap_or_default(), address).await? {
            Some(identity) => return Ok(Caller(identity)),
            None => ProblemKind::InvalidApiKey,
        },
    };
    let sent = |name| headers.get(name).map(HeaderValue::as_bytes).unwrap_or_default();
    let credential = state
        .hasher
        .hash_parts(&[sent(&HeaderName::from_static(API_KEY_HEADER)), sent(&AUTHORIZATION)]);
    // A missing credential does not count (it returned above): a page that forgot its key is no guesser.
    state.ip_blocker.note_failure(address, &credential).await;
    Err(ApiError::new(refusal))
}

/// Key look-ups that a blocked address gets: enough for its valid keys, which are cached from then on, too few to
/// guess.
const BLOCKED_LOOKUP_QUOTA: Quota = Quota {
    limit: 10,
    window_seconds: 10,
};

/// Whether a request from a blocked address has a valid key: callers that share the address with a guesser may pass.
pub async fn has_valid_key(state: &AppState, headers: &HeaderMap, address: IpAddr) -> bool {
    let Some(key) = headers.get(API_KEY_HEADER).and_then(|key| key.to_str().ok()) else {
        return false;
    };
    if has_bearer_token(headers) {
        return false;
    }
    // A cached key costs nothing; any other look-up is a guess that PostgreSQL would have to answer.
    if !state.identities.is_cached(key).await {
        let bucket = keys::rate_bucket("blocked-look-up", &client_network(address).to_string());
        let (taken, _) = state.rate_limiter.take(&bucket, BLOCKED_LOOKUP_QUOTA).await;
        if !taken.allowed {
            return false;
        }
    }
    matches!(state.identities.find(key, address).await, Ok(Some(_)))
}

/// Whether a bearer token was sent.
fn has_bearer_token(headers: &HeaderMap) -> bool {
    let value = headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok());
    value
        .and_then(|value| value.split_whitespace().next())
        .is_some_and(|scheme| scheme.eq_ignore_ascii_case("bearer"))
}
