//! What a user has requested, and what is left.

use actix_web::web;
use contracts::problem::ProblemKind;
use contracts::time::Time;
use jiff::ToSpan;
use jiff::civil::Date;
use serde::Serialize;
use utoipa::ToSchema;

use crate::error::ApiError;
use crate::extract::caller::Caller;
use crate::extract::parameters::{Declare, ParameterList, Parameters};
use crate::extract::rule;
use crate::rate_limit::policy::{Quota, RateLimitPolicy};
use crate::request_context::ClientIp;
use crate::response::Json;
use crate::route_policy::RoutePolicy;
use crate::state::AppState;
use crate::store::usage::UsageRow;
use crate::usage::calendar::{Day, Month};

pub const READ: RoutePolicy = RoutePolicy::authenticated()
    .limited(RateLimitPolicy::Me)
    .beyond_quota()
    .unprocessable();

/// Days that are listed if nothing else is asked for.
const DEFAULT_DAYS: i32 = 30;

/// Days that are listed at most.
const MAX_DAYS: i32 = 366;

pub struct UsageRange {
    from: Option<Date>,
    to: Option<Date>,
}

impl ParameterList for UsageRange {
    fn declare(parameters: &mut impl Declare) -> Option<Self> {
        Some(Self {
            from: parameters.optional("from", rule::day(), "First day (UTC); by default 29 days before `to`"),
            to: parameters.optional("to", rule::day(), "Last day (UTC); today by default"),
        })
    }
}

impl UsageRange {
    /// The first and the last day.
    fn days(&self, today: Date) -> Result<(Date, Date), ApiError> {
        let to = self.to.unwrap_or(today);
        let from = self
            .from
            .unwrap_or_else(|| to.saturating_sub((DEFAULT_DAYS - 1).days()));
        if from > to {
            return Err(ApiError::new(ProblemKind::InvalidRange));
        }
        if from < to.saturating_sub((MAX_DAYS - 1).days()) {
            let message = format!("must be at most {} days before `to`", MAX_DAYS - 1);
            return Err(ApiError::invalid_input(&["query", "from"], "range_too_long", message));
        }
        Ok((from, to))
    }
}

/// The usage of a user.
#[derive(Serialize, ToSchema)]
pub struct UsageBody {
    /// The first day (UTC).
    #[schema(value_type = String, format = Date)]
    pub from: Date,
    /// The last day (UTC).
    #[schema(value_type = String, format = Date)]
    pub to: Date,
    /// Days with requests, newest first.
    pub days: Vec<DayUsageBody>,
    pub month: MonthUsageBody,
    /// The token buckets of the user or, where a limit is per IP address, of the address of this request.
    pub buckets: Vec<BucketBody>,
}

/// Requests of a day to the routes of one rate-limit policy.
#[derive(Debug, Serialize, ToSchema)]
pub struct DayUsageBody {
    /// The day (UTC).
    #[schema(value_type = String, format = Date)]
    pub day: Date,
    /// The name of the policy.
    #[schema(example = "market")]
    pub route_class: String,
    pub requests: i64,
}

impl From<UsageRow> for DayUsageBody {
    fn from(row: UsageRow) -> Self {
        Self {
            day: row.day,
            route_class: row.route_class,
            requests: row.requests,
        }
    }
}

/// The current month (UTC).
#[derive(Serialize, ToSchema)]
pub struct MonthUsageBody {
    #[schema(example = "2026-01", pattern = "^[0-9]{4}-[0-9]{2}$")]
    pub month: String,
    /// Requests so far.
    pub used: u64,
    /// The quota; null if there is none.
    pub limit: Option<u32>,
    /// When the next month begins.
    pub resets_at: Time,
}

/// The token bucket of a rate limit.
#[derive(Serialize, ToSchema)]
pub struct BucketBody {
    /// The policy; alerts have one bucket per method, such as `alerts-read`.
    #[schema(example = "market")]
    pub policy: &'static str,
    pub limit: u32,
    pub window_seconds: u32,
    /// Requests that are possible at once.
    pub remaining: u32,
}

/// Returns the user's usage
///
/// Requests per day and route class, the month's quota, and the current token buckets. A request counts once it has
/// passed its rate limit.
#[utoipa::path(get, path = "/api/v1/users/me/usage", tag = "users",
    responses(
        (status = 200, description = "The usage of the user that the credential belongs to", body = UsageBody),
        (status = 400, description = "The range ends before it starts, or the request is malformed"),
    ))]
pub async fn get(
    state: web::Data<AppState>,
    caller: Caller,
    ClientIp(address): ClientIp,
    Parameters(range): Parameters<UsageRange>,
) -> Result<Json<UsageBody>, ApiError> {
    let now = state.clock.now();
    let today = Day::of(now).date();
    let (from, to) = range.days(today)?;
    let usage = state.usage.usage_of(caller.user_id, from, to, now).await?;
    let policies = RateLimitPolicy::ALL
        .iter()
        .copied()
        .filter(|policy| policy.is_of_callers());
    let (names, buckets): (Vec<&str>, Vec<(String, Quota)>) = policies
        .map(|policy| {
            let bucket = state.rate_limiter.bucket_of(policy, Some(&*caller), address, now);
            (policy.bucket(), bucket)
        })
        .unzip();
    let remaining = state.rate_limiter.remaining(&buckets).await;
    let month = Month::of(today);
    let body = UsageBody {
        from,
        to,
        days: usage.days.into_iter().map(DayUsageBody::from).collect(),
        month: MonthUsageBody {
            month: month.to_string(),
            used: usage.used,
            limit: state.usage.quota_of(&caller, now),
            resets_at: Time(month.end()),
        },
        buckets: names
            .into_iter()
            .zip(buckets)
            .zip(remaining)
            .map(|((policy, (_, quota)), remaining)| BucketBody {
                policy,
                limit: quota.limit,
                window_seconds: quota.window_seconds,
                remaining,
            })
            .collect(),
    };
    Ok(Json::ok(body))
}
