//! Refuses IP addresses that are blocked after failed authentications.

use std::net::IpAddr;

use actix_web::dev::ServiceRequest;

use super::authenticate;
use crate::error::ApiError;
use crate::route_policy::RoutePolicy;
use crate::state::AppState;

/// Refuses a blocked address, unless it shows a valid key: who shares an address with a guesser may pass.
pub async fn check(
    policy: &RoutePolicy,
    state: &AppState,
    request: &ServiceRequest,
    address: IpAddr,
) -> Result<(), ApiError> {
    // Probes and pages stay readable for everyone.
    if policy.rate_limit.is_none() && !policy.asks_for_credential() {
        return Ok(());
    }
    match state.ip_blocker.check(address).await {
        Err(_) if policy.asks_for_credential() && authenticate::has_valid_credential(state, request, address).await => {
            Ok(())
        }
        outcome => outcome,
    }
}
