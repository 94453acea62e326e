//! Tokens: lists, search, velocity and history.

pub mod history;
pub mod list;
pub mod search;
pub mod show;
pub mod velocity;

use actix_web::http::header::HeaderValue;
use contracts::api::WithProvenance;
use contracts::api::tokens::TokenAnswer;

use crate::auth::Scope;
use crate::rate_limit::policy::RateLimitPolicy;
use crate::response::Enveloped;
use crate::response::envelope::{CacheLevel, EnvelopeParts, Pagination};
use crate::route_policy::RoutePolicy;
use crate::state::AppState;

pub const READ: RoutePolicy = RoutePolicy::scoped(Scope::MarketRead)
    .limited(RateLimitPolicy::Market)
    .enveloped();

/// Market data are for the client alone, who may keep them for so long.
const CACHE_CONTROL: HeaderValue = HeaderValue::from_static("private, max-age=5");

/// An answer of the same listing is the same for so long.
const TAG_SECONDS: i64 = 30;

const TOKEN: &str = "Id, slug or symbol of the token, tried in this order; of several with one symbol the largest";
pub const CONVERT: &str = "Currency of the amounts; USD by default";

/// Wraps what core-analytics answers; `page` is for lists.
pub fn enveloped<A, T>(
    state: &AppState,
    found: WithProvenance<TokenAnswer<A>>,
    data: impl FnOnce(A) -> (T, Option<Pagination>),
) -> Enveloped<T> {
    let answer = found.data;
    let cache = match answer.cache.as_str() {
        "process" => CacheLevel::Process,
        "redis" => CacheLevel::Redis,
        _ => CacheLevel::Db,
    };
    let (data, pagination) = data(answer.value);
    let sourced = WithProvenance {
        data,
        state: found.state,
        as_of: found.as_of,
        sources: found.sources,
        estimated: found.estimated,
    };
    let mut parts = EnvelopeParts::new(sourced, cache);
    parts.ambiguous = answer.ambiguous;
    parts.pagination = pagination;
    let now = state.clock.now();
    // Ages and means over trailing windows change with every millisecond, which makes no other answer of them.
    let version = format!("{} {}", answer.version, now.as_second() / TAG_SECONDS);
    Enveloped {
        parts,
        now,
        cache_control: CACHE_CONTROL,
        version: Some(version),
    }
}
