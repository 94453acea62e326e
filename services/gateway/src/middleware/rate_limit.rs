//! Takes a token for each request from the buckets of its route's rate limit, and counts it towards the month's quota.

use std::net::IpAddr;

use crate::error::ApiError;
use crate::extract::caller::Caller;
use crate::rate_limit::RateLimitOutcome;
use crate::route_policy::RoutePolicy;
use crate::state::AppState;

/// Takes a token from the caller's bucket, and from the one that all clients share where there is one. A request that
/// gets them counts as usage, unless the caller's quota is used up.
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
    let now = state.clock.now();
    let identity = caller.map(|caller| &*caller.0);
    let outcome = state.rate_limiter.check(rate_limit, identity, address, now).await;
    *limit = Some(outcome);
    if let Some(refusal) = outcome.refusal() {
        return Err(refusal);
    }
    // Last, so that a client over its own limit takes nothing from the others.
    if let Some(total) = state.rate_limiter.check_total(rate_limit).await
        && let Some(refusal) = total.refusal()
    {
        *limit = Some(total);
        return Err(refusal);
    }
    match identity {
        Some(identity) => {
            state
                .usage
                .count(identity, rate_limit.name(), policy.heeds_quota, now)
                .await
        }
        None => Ok(()),
    }
}
