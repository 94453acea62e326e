//! Risk levels.

use actix_web::{HttpRequest, HttpResponse, web};
use contracts::api::alerts::{MonitorBody, MonitorsQuery};
use contracts::api::{DataState, Sourced};

use super::analytics::offered;
use crate::accounts::Scope;
use crate::app::AppState;
use crate::endpoint::Endpoint;
use crate::envelope::{CacheLevel, Contents, Envelope, Pagination};
use crate::extract::identity::Caller;
use crate::extract::params::Params;
use crate::extract::rules;
use crate::gate::Gate;
use crate::limits::Policy;
use crate::problem::ApiError;
use crate::reply;

const READ: Gate = Gate::scoped(Scope::AnalyticsRead)
    .limited(Policy::Analytics)
    .enveloped();

/// Seconds for which a client may keep levels.
const MAX_AGE: u32 = 2;

/// The paths of this file.
pub fn endpoints() -> Vec<Endpoint> {
    vec![Endpoint::at("/api/v1/risk/monitors").get(&READ, list)]
}

/// Risk levels
///
/// Price drop over 24 hours, volatility spike and drawdown over 30 days, each OK, Warning or Alert.
#[utoipa::path(get, path = "/api/v1/risk/monitors", tag = "analytics",
    params(
        ("symbols" = Option<String>, Query, description = "Comma list of at most 100 tickers; all by default",
            pattern = "^[A-Za-z0-9]{1,20}(,[A-Za-z0-9]{1,20}){0,99}$", example = "BTC,ETH"),
    ),
    responses(
        (status = 200, description = "Levels", body = Envelope<Vec<MonitorBody>>),
        (status = 304, description = "The client has them"),
        (status = 404, description = "One of the assets does not exist"),
    ))]
pub async fn list(state: web::Data<AppState>, request: HttpRequest, caller: Caller) -> Result<HttpResponse, ApiError> {
    let mut params = Params::of(&request);
    let symbols = params.optional("symbols", rules::tickers(1, 100));
    params.finish()?;
    let mut names = Vec::new();
    for symbol in symbols.unwrap_or_default() {
        names.push(offered(&state, symbol)?.to_string());
    }
    let query = MonitorsQuery {
        symbols: (!names.is_empty()).then(|| names.join(",")),
    };
    let alerts = state.services.alerts.for_user(caller.user_id);
    let monitors: Vec<MonitorBody> = alerts.get("risk/monitors", &query).await?;
    let is_known = monitors.iter().all(|monitor| monitor.level.is_some());
    let pagination = Pagination::whole(monitors.len());
    let sourced = Sourced {
        data: monitors,
        state: if is_known { DataState::Ok } else { DataState::Degraded },
        as_of: None,
        sources: vec!["aggregate".to_owned()],
        estimated: false,
    };
    let contents = Contents::new(sourced, CacheLevel::Db).page(pagination);
    reply::market(&request, contents, state.clock.now(), MAX_AGE)
}
