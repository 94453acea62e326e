//! Who sent a request, by the credentials in its headers: an API key, an access token, or both.

use std::net::IpAddr;
use std::sync::Arc;

use actix_web::dev::ServiceRequest;
use actix_web::http::Method;
use actix_web::http::header::{AUTHORIZATION, COOKIE, HeaderMap, HeaderValue};
use contracts::keys;
use contracts::problem::ProblemKind;

use crate::auth::Identity;
use crate::error::ApiError;
use crate::extract::caller::Caller;
use crate::rate_limit::policy::Quota;
use crate::request_context::client_network;
use crate::route_policy::{Access, RoutePolicy};
use crate::state::AppState;

/// The header that carries a key.
pub const API_KEY_HEADER: &str = "x-api-key";

/// The cookie of the dashboard, which holds an access token.
pub const ACCESS_COOKIE: &str = "cryptolens_access";

/// The credentials of a request.
#[derive(Debug, Clone, Copy, Default)]
struct Credentials<'r> {
    key: Option<&'r str>,
    token: Option<&'r str>,
}

impl<'r> Credentials<'r> {
    /// The cookie counts where nothing else was sent, and for reading only: another site could make a browser send it,
    /// but not read the answer.
    fn of(method: &Method, headers: &'r HeaderMap) -> Self {
        let key = headers.get(API_KEY_HEADER).map(as_text);
        let token = headers.get(AUTHORIZATION).and_then(bearer_token);
        let is_read = matches!(*method, Method::GET | Method::HEAD);
        let cookie = (key.is_none() && token.is_none() && is_read)
            .then(|| access_cookie(headers))
            .flatten();
        Self {
            key,
            token: token.or(cookie),
        }
    }
}

/// Why a request has no identity.
enum Refusal {
    /// What was sent is not valid.
    Invalid(ProblemKind),
    /// Nothing was sent, or it cannot be checked at the moment.
    Other(ApiError),
}

impl From<ApiError> for Refusal {
    fn from(error: ApiError) -> Self {
        Self::Other(error)
    }
}

/// Finds out who sent a request, where the route wants to know. Failures count against the address.
///
/// # Errors
///
/// There is no credential, it is not valid, or it cannot be checked at the moment.
pub async fn authenticate(
    policy: &RoutePolicy,
    state: &AppState,
    request: &ServiceRequest,
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
    let sent = Credentials::of(request.method(), request.headers());
    let kind = match identify(state, sent, address).await {
        Ok(identity) => return Ok(Some(Caller(identity))),
        Err(Refusal::Other(error)) => return Err(error),
        Err(Refusal::Invalid(kind)) => kind,
    };
    // A missing credential does not count: a page that forgot its key is no guesser. Nor does one that has expired.
    if kind != ProblemKind::TokenExpired {
        let parts = [sent.key, sent.token].map(|part| part.unwrap_or_default().as_bytes());
        let credential = state.hasher.hash_parts(&parts);
        state.ip_blocker.note_failure(address, &credential).await;
    }
    Err(ApiError::new(kind))
}

async fn identify(state: &AppState, sent: Credentials<'_>, address: IpAddr) -> Result<Arc<Identity>, Refusal> {
    match (sent.key, sent.token) {
        (None, None) => Err(ApiError::new(ProblemKind::MissingCredentials).into()),
        (Some(key), None) => identify_key(state, key, address).await,
        (None, Some(token)) => identify_token(state, token, address).await,
        (Some(key), Some(token)) => {
            let by_key = require_agreement(identify_key(state, key, address).await)?;
            let by_token = require_agreement(identify_token(state, token, address).await)?;
            if by_key.user_id != by_token.user_id {
                return Err(Refusal::Invalid(ProblemKind::CredentialsConflict));
            }
            Ok(Arc::new(by_key.intersect(&by_token)))
        }
    }
}

/// Of two credentials each has to be valid.
fn require_agreement(outcome: Result<Arc<Identity>, Refusal>) -> Result<Arc<Identity>, Refusal> {
    outcome.map_err(|refusal| match refusal {
        Refusal::Invalid(_) => Refusal::Invalid(ProblemKind::CredentialsConflict),
        other @ Refusal::Other(_) => other,
    })
}

async fn identify_key(state: &AppState, key: &str, address: IpAddr) -> Result<Arc<Identity>, Refusal> {
    let found = state.identities.find(key, address).await?;
    found.ok_or(Refusal::Invalid(ProblemKind::InvalidApiKey))
}

async fn identify_token(state: &AppState, token: &str, address: IpAddr) -> Result<Arc<Identity>, Refusal> {
    let verified = state.access_tokens.verify(token, state.clock.now());
    let claims = verified.map_err(Refusal::Invalid)?;
    let found = state.identities.find_session(claims.sid, address).await?;
    found
        .filter(|identity| identity.user_id == claims.sub)
        .ok_or(Refusal::Invalid(ProblemKind::InvalidToken))
}

/// Look-ups that a blocked address gets: enough for its valid credentials, which are cached from then on, too few to
/// guess.
const BLOCKED_LOOKUP_QUOTA: Quota = Quota {
    limit: 10,
    window_seconds: 10,
};

/// Whether a request from a blocked address has a valid credential: callers that share the address with a guesser may
/// pass.
pub async fn has_valid_credential(state: &AppState, request: &ServiceRequest, address: IpAddr) -> bool {
    let sent = Credentials::of(request.method(), request.headers());
    // A cached credential costs nothing; any other look-up is a guess that PostgreSQL would have to answer.
    let is_cached = match (sent.key, sent.token) {
        (Some(key), None) => state.identities.is_cached(key).await,
        (None, Some(token)) => match state.access_tokens.verify(token, state.clock.now()) {
            Ok(claims) => state.identities.is_session_cached(claims.sid).await,
            Err(_) => return false,
        },
        (None, None) | (Some(_), Some(_)) => return false,
    };
    if !is_cached {
        let bucket = keys::rate_bucket("blocked-look-up", &client_network(address).to_string());
        let (taken, _) = state.rate_limiter.take(&bucket, BLOCKED_LOOKUP_QUOTA).await;
        if !taken.allowed {
            return false;
        }
    }
    identify(state, sent, address).await.is_ok()
}

/// A header as text; what is no text is no credential, but it was sent.
fn as_text(value: &HeaderValue) -> &str {
    value.to_str().unwrap_or_default()
}

/// The token of `Bearer <token>`; `None` for another scheme.
fn bearer_token(value: &HeaderValue) -> Option<&str> {
    let text = as_text(value).trim();
    let (scheme, token) = text.split_once(char::is_whitespace).unwrap_or((text, ""));
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

fn access_cookie(headers: &HeaderMap) -> Option<&str> {
    let pairs = headers.get_all(COOKIE).flat_map(|line| as_text(line).split(';'));
    pairs
        .filter_map(|pair| pair.trim().split_once('='))
        .find_map(|(name, value)| (name == ACCESS_COOKIE).then_some(value))
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case(&[], None, None)]
    #[case(&[("x-api-key", "k")], Some("k"), None)]
    #[case(&[("authorization", "Bearer t")], None, Some("t"))]
    #[case(&[("authorization", "bearer   t ")], None, Some("t"))]
    #[case(&[("authorization", "Bearer")], None, Some(""))]
    #[case(&[("authorization", "Basic t")], None, None)]
    #[case(&[("x-api-key", "k"), ("authorization", "Bearer t")], Some("k"), Some("t"))]
    #[case(&[("cookie", "a=b; cryptolens_access=c")], None, Some("c"))]
    #[case(&[("cookie", "xcryptolens_access=c")], None, None)]
    #[case(&[("x-api-key", "k"), ("cookie", "cryptolens_access=c")], Some("k"), None)]
    #[case(&[("authorization", "Bearer t"), ("cookie", "cryptolens_access=c")], None, Some("t"))]
    fn credentials_are_read_from_headers(
        #[case] headers: &[(&str, &str)],
        #[case] key: Option<&str>,
        #[case] token: Option<&str>,
    ) {
        let mut request = TestRequest::get();
        for header in headers {
            request = request.append_header(*header);
        }
        let request = request.to_srv_request();
        let found = Credentials::of(request.method(), request.headers());
        assert_eq!((found.key, found.token), (key, token));
    }

    #[test]
    fn cookie_does_not_write() {
        for method in [Method::POST, Method::PATCH, Method::DELETE] {
            let request = TestRequest::with_uri("/").method(method);
            let request = request
                .append_header(("cookie", "cryptolens_access=c"))
                .to_srv_request();
            assert_eq!(Credentials::of(request.method(), request.headers()).token, None);
        }
    }
}
