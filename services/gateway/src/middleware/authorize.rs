//! Checks that role and key permit what a route needs.

use contracts::problem::ProblemKind;
use jiff::Timestamp;
use platform::network::Network;
use platform::problem::FieldError;
use serde_json::json;

use crate::auth::{Identity, Role, Scope};
use crate::error::ApiError;
use crate::extract::caller::Caller;
use crate::route_policy::{Access, RoutePolicy};

/// Refuses a caller whose role does not permit the route's scope, or whose key lacks it. It comes after the rate limit,
/// so that trying out routes costs tokens.
pub fn check(policy: &RoutePolicy, caller: Option<&Caller>) -> Result<(), ApiError> {
    match (policy.access, caller) {
        (Access::Scoped(scope) | Access::PublicRates(scope), Some(caller)) => require_scope(caller, scope),
        _ => Ok(()),
    }
}

/// Refuses a caller whose role does not permit `scope`, or whose key lacks it.
pub fn require_scope(caller: &Identity, scope: Scope) -> Result<(), ApiError> {
    if !caller.role.permits(scope) {
        let role = Role::least_for(scope).as_str();
        let message = "is of a user whose role does not suffice";
        return Err(refusal(ProblemKind::InsufficientRole, message, role));
    }
    if !caller.may(scope) {
        return Err(refusal(ProblemKind::InsufficientScope, "lacks a scope", scope.as_str()));
    }
    Ok(())
}

/// Refuses a credential that is confined to scopes, networks or a time, where it could become one that is not.
pub fn require_unconfined(caller: &Identity) -> Result<(), ApiError> {
    if caller.scopes.is_none() && caller.is_valid_wherever(&[], None) {
        return Ok(());
    }
    let detail = "This needs a credential that is not confined to scopes, networks or a time.";
    Err(ApiError::new(ProblemKind::InsufficientScope).detail(detail))
}

/// Refuses to make a key that would be valid where or when the credential of the request is not.
pub fn require_validity(
    caller: &Identity,
    ip_allow: &[Network],
    expires_at: Option<Timestamp>,
) -> Result<(), ApiError> {
    if caller.is_valid_wherever(ip_allow, expires_at) {
        return Ok(());
    }
    let detail = "A key must not be valid where or when the credential of the request is not.";
    Err(ApiError::new(ProblemKind::InsufficientScope).detail(detail))
}

fn refusal(kind: ProblemKind, message: &str, required: &str) -> ApiError {
    let violation =
        FieldError::new(&["header", "x-api-key"], kind.slug(), message).with_params(json!({"required": [required]}));
    let mut error = ApiError::new(kind);
    error.errors = vec![violation];
    error
}
