//! Checks that role and key permit what a route needs.

use contracts::problem::ProblemKind;
use platform::problem::FieldError;
use serde_json::json;

use crate::auth::{Identity, Scope};
use crate::error::ApiError;
use crate::extract::caller::Caller;
use crate::route_policy::{Access, RoutePolicy};

/// Refuses a caller whose role or key lacks the route's scope. It comes after the rate limit, so that trying out routes
/// costs tokens.
pub fn check(policy: &RoutePolicy, caller: Option<&Caller>) -> Result<(), ApiError> {
    match (policy.access, caller) {
        (Access::Scoped(scope) | Access::PublicRates(scope), Some(caller)) if !caller.may(scope) => {
            Err(missing_scope(scope))
        }
        _ => Ok(()),
    }
}

/// Refuses a credential that is confined to some scopes, where it could become one that is not.
pub fn require_unconfined(caller: &Identity) -> Result<(), ApiError> {
    if caller.scopes.is_none() {
        return Ok(());
    }
    let detail = "This needs a credential that is not confined to some scopes.";
    Err(ApiError::new(ProblemKind::InsufficientScope).detail(detail))
}

pub fn missing_scope(scope: Scope) -> ApiError {
    let violation = FieldError::new(&["header", "x-api-key"], "insufficient_scope", "lacks a scope")
        .with_params(json!({"required": [scope.as_str()]}));
    let mut error = ApiError::new(ProblemKind::InsufficientScope);
    error.errors = vec![violation];
    error
}
