//! Takes a token for each request from the buckets of its route's rate limit.

use std::net::IpAddr;

use crate::auth::Tier;
use crate::error::ApiError;
use crate::extract::caller::Caller;
use crate::rate_limit::RateLimitOutcome;
use crate::rate_limit::policy::Subject;
use crate::request_context::client_network;
use crate::route_policy::RoutePolicy;
use crate::state::AppState;

/// Takes a token from the caller's bucket, and from the one that all clients share where there is one.
pub async fn take(
    policy: &RoutePolicy,
    state: &AppState,
    caller: Option<&Caller>,
    address: IpAddr,
    limit: &mut Option<RateLimitOutcome>,
) -> Result<(), ApiError> {
    let Some(rate_limit) = policy.rate_limit else {
        return Ok(());
    };
    let tier = caller.map_or(Tier::Basic, |caller| caller.tier);
    let subject = match (rate_limit.subject(), caller) {
        (Subject::User, Some(caller)) => caller.user_id.to_string(),
        (Subject::User | Subject::Ip, _) => client_network(address).to_string(),
    };
    let outcome = state.rate_limiter.check(rate_limit, &subject, tier).await;
    *limit = Some(outcome);
    if let Some(refusal) = outcome.refusal() {
        return Err(refusal);
    }
    // Last, so that a client over its own limit takes nothing from the others.
    match state.rate_limiter.check_total(rate_limit).await {
        Some(refusal) => Err(refusal),
        None => Ok(()),
    }
}
