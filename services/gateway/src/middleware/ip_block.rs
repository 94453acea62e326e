//! Refuses IP addresses that are blocked after failed authentications or by an administrator.

use std::net::IpAddr;

use actix_web::dev::ServiceRequest;

use super::authenticate;
use crate::error::ApiError;
use crate::route_policy::RoutePolicy;
use crate::state::AppState;

/// Refuses a blocked address. A valid key passes a block after failed authentications: who shares an address with a
/// guesser is none.
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
    let Some(block) = state.ip_blocker.find(address).await else {
        return Ok(());
    };
    let may_pass = !block.is_listed && policy.asks_for_credential();
    if may_pass && authenticate::has_valid_credential(state, request, address).await {
        return Ok(());
    }
    Err(block.refusal())
}
