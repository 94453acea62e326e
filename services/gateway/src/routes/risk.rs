//! Risk levels.

use actix_web::http::header::HeaderValue;
use actix_web::web;
use contracts::api::alerts::{MonitorBody, MonitorsQuery};
use contracts::api::{DataState, WithProvenance};
use contracts::time::Time;
use domain::ticker::Ticker;
use jiff::{SignedDuration, Timestamp};

use super::analytics::require_supported;
use crate::auth::Scope;
use crate::error::ApiError;
use crate::extract::caller::Caller;
use crate::extract::pagination::{ONE_PAGE, reject_cursor};
use crate::extract::parameters::{Declare, ParameterList, Parameters};
use crate::extract::rule;
use crate::rate_limit::policy::RateLimitPolicy;
use crate::response::Enveloped;
use crate::response::envelope::{CacheLevel, Envelope, EnvelopeParts, Pagination};
use crate::route_policy::RoutePolicy;
use crate::state::AppState;

pub const READ: RoutePolicy = RoutePolicy::scoped(Scope::AnalyticsRead)
    .limited(RateLimitPolicy::Analytics)
    .enveloped();

/// Market data are for the client alone, who may keep them for so long.
const CACHE_CONTROL: HeaderValue = HeaderValue::from_static("private, max-age=2");

/// Levels are computed on every price, and every poll of a provider brings one: levels that are this old mean that a
/// part of the platform has stopped.
const STALE_AFTER: SignedDuration = SignedDuration::from_mins(5);

pub struct MonitorList {
    symbols: Option<Vec<Ticker>>,
    cursor: Option<String>,
}

impl ParameterList for MonitorList {
    fn declare(parameters: &mut impl Declare) -> Option<Self> {
        let symbols = parameters.optional(
            "symbols",
            rule::tickers(1, 100),
            "Comma-separated list of at most 100 tickers; all offered ones by default",
        );
        let cursor = parameters.optional("cursor", rule::cursor(), ONE_PAGE);
        Some(Self { symbols, cursor })
    }
}

/// Lists risk levels
///
/// Price drop over 24 hours, volatility spike and drawdown over 30 days, each OK, Warning or Alert.
#[utoipa::path(get, path = "/api/v1/risk/monitors", tag = "analytics",
    responses(
        (status = 200, description = "The risk levels of each asset", body = Envelope<Vec<MonitorBody>>),
        (status = 304, description = "The client's copy is current"),
        (status = 404, description = "One of the assets is not offered"),
    ))]
pub async fn list(
    state: web::Data<AppState>,
    caller: Caller,
    Parameters(parameters): Parameters<MonitorList>,
) -> Result<Enveloped<Vec<MonitorBody>>, ApiError> {
    reject_cursor(parameters.cursor.as_deref())?;
    let mut names = Vec::new();
    for symbol in parameters.symbols.unwrap_or_default() {
        names.push(require_supported(&state, symbol)?.to_string());
    }
    let query = MonitorsQuery {
        symbols: (!names.is_empty()).then(|| names.join(",")),
    };
    let alerts = state.upstreams.alerts.for_user(caller.user_id);
    let monitors: Vec<MonitorBody> = alerts.get("risk/monitors", &query).await?;
    let pagination = Pagination::whole(monitors.len());
    let (as_of, now) = (oldest(&monitors), state.clock.now());
    let sourced = WithProvenance {
        state: data_state(&monitors, as_of, now),
        data: monitors,
        as_of,
        sources: vec!["aggregate".to_owned()],
        estimated: false,
    };
    let contents = EnvelopeParts::new(sourced, CacheLevel::Db).page(pagination);
    Ok(Enveloped {
        parts: contents,
        now,
        cache_control: CACHE_CONTROL,
        version: None,
    })
}

/// The time of the oldest price behind these levels.
fn oldest(monitors: &[MonitorBody]) -> Option<Time> {
    monitors
        .iter()
        .filter_map(|monitor| monitor.as_of)
        .min_by_key(|at| at.0)
}

fn data_state(monitors: &[MonitorBody], as_of: Option<Time>, now: Timestamp) -> DataState {
    if as_of.is_some_and(|at| now.duration_since(at.0) > STALE_AFTER) {
        DataState::Stale
    } else if monitors.iter().all(|monitor| monitor.level.is_some()) {
        DataState::Ok
    } else {
        DataState::Degraded
    }
}
