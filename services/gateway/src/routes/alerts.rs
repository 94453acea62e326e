//! Alerts, their events and deliveries. The alerts service decides; here the form is checked.

pub mod form;

use actix_web::http::header::HeaderValue;
use actix_web::{HttpResponse, web};
use contracts::api::Page;
use contracts::api::alerts::{AddressCheckRequest, AlertBody, AlertEventBody, AlertsQuery, DeliveryBody, PageQuery};
use platform::problem::FieldError;
use serde::de::IgnoredAny;
use uuid::Uuid;

use self::form::AlertForm;
use crate::auth::Scope;
use crate::error::ApiError;
use crate::extract::body::Draft;
use crate::extract::caller::Caller;
use crate::extract::cursor::Cursors;
use crate::extract::pagination::{NEXT_PAGE, page_query};
use crate::extract::parameters::{Declare, ParameterList, Parameters};
use crate::extract::rule;
use crate::extract::words::ListedKind;
use crate::rate_limit::policy::RateLimitPolicy;
use crate::request_context::CreationId;
use crate::response::{Json, PageJson};
use crate::route_policy::RoutePolicy;
use crate::state::AppState;
use crate::upstream::Upstream;

pub const CREATE: RoutePolicy = RoutePolicy::scoped(Scope::AlertsWrite)
    .limited(RateLimitPolicy::AlertsCreate)
    .json()
    .unprocessable();
pub const READ: RoutePolicy = RoutePolicy::scoped(Scope::AlertsRead)
    .limited(RateLimitPolicy::AlertsRead)
    .unprocessable();
pub const DELETE: RoutePolicy = RoutePolicy::scoped(Scope::AlertsWrite)
    .limited(RateLimitPolicy::AlertsDelete)
    .unprocessable();

const ID: &str = "Id of the alert";

/// The alert that a path names.
pub struct AlertId(Uuid);

impl ParameterList for AlertId {
    fn declare(parameters: &mut impl Declare) -> Option<Self> {
        parameters.path("id", rule::id(), ID).map(Self)
    }
}

pub struct AlertList(AlertsQuery);

impl ParameterList for AlertList {
    fn declare(parameters: &mut impl Declare) -> Option<Self> {
        let active = "`true` for active alerts only, `false` for inactive ones only";
        let kind = rule::one_of("ListedKind", &ListedKind::NAMES);
        Some(Self(AlertsQuery {
            active: parameters.optional("active", rule::boolean(), active),
            ticker: parameters.optional("ticker", rule::ticker(), "Alerts on this ticker only"),
            kind: parameters.optional("kind", kind, "Alerts of this kind only"),
            limit: parameters.optional("limit", rule::limit(), "Maximum number of alerts; 500 by default"),
            cursor: parameters.optional("cursor", rule::cursor(), NEXT_PAGE),
        }))
    }
}

pub struct EventList {
    id: Uuid,
    page: PageQuery,
}

impl ParameterList for EventList {
    fn declare(parameters: &mut impl Declare) -> Option<Self> {
        let page = page_query(parameters, "Maximum number of events; 100 by default");
        let id = parameters.path("id", rule::id(), ID)?;
        Some(Self { id, page })
    }
}

pub struct DeliveryList {
    id: Uuid,
    page: PageQuery,
}

impl ParameterList for DeliveryList {
    fn declare(parameters: &mut impl Declare) -> Option<Self> {
        let page = page_query(parameters, "Maximum number of attempts; 100 by default");
        let id = parameters.path("id", rule::id(), ID)?;
        Some(Self { id, page })
    }
}

/// Creates an alert
///
/// An alert whose condition is already true fires at the next price. The tier limits the number of active alerts and of
/// webhook endpoints. A request beyond a limit is refused with `plan_limit_reached`, which names the limit and the
/// number.
#[utoipa::path(post, path = "/api/v1/alerts/", tag = "alerts",
    responses(
        (status = 201, description = "The created alert", body = AlertBody),
        (status = 403, description = "The client's IP address is blocked, the credential lacks the scope, or the limit \
            of the plan is reached"),
        (status = 409, description = "The user has an active alert with the same parameters"),
    ))]
pub async fn create(
    state: web::Data<AppState>,
    caller: Caller,
    creation: CreationId,
    Draft { form, mut violations }: Draft<AlertForm>,
) -> Result<Json<AlertBody>, ApiError> {
    let alerts = state.upstreams.alerts.for_user(caller.user_id);
    if !violations.is_empty() {
        if let Some(webhook_url) = form.webhook_url {
            violations.extend(violations_of_address(&alerts, webhook_url).await);
        }
        return Err(form::refusal(violations));
    }
    let wanted = form.into_request(creation.0, state.settings.plans.limits(caller.tier))?;
    let alert: AlertBody = alerts.post("alerts", &wanted).await?;
    let location = HeaderValue::try_from(format!("/api/v1/alerts/{}", alert.id)).map_err(ApiError::internal)?;
    Ok(Json::created(alert).at(location))
}

/// What is wrong with the webhook URL of an alert that is refused anyway, so that the error lists all violations.
/// It does without these if the alerts service does not answer.
async fn violations_of_address(alerts: &Upstream, webhook_url: String) -> Vec<FieldError> {
    let checked: Result<Option<IgnoredAny>, ApiError> = alerts
        .post("webhooks/check", &AddressCheckRequest { webhook_url })
        .await;
    checked.err().map(|error| error.errors).unwrap_or_default()
}

/// Lists the user's alerts
///
/// Active and triggered alerts, newest first.
#[utoipa::path(get, path = "/api/v1/alerts/", tag = "alerts",
    responses((status = 200, description = "A page of alerts", body = Vec<AlertBody>)))]
pub async fn list(
    state: web::Data<AppState>,
    cursors: Cursors,
    caller: Caller,
    Parameters(AlertList(mut query)): Parameters<AlertList>,
) -> Result<PageJson<AlertBody>, ApiError> {
    query.cursor = cursors.open(query.cursor)?;
    let mut page: Page<AlertBody> = state
        .upstreams
        .alerts
        .for_user(caller.user_id)
        .get("alerts", &query)
        .await?;
    page.next_cursor = cursors.seal(page.next_cursor);
    Ok(PageJson(page))
}

/// Returns an alert
#[utoipa::path(get, path = "/api/v1/alerts/{id}", tag = "alerts",
    responses(
        (status = 200, description = "The alert", body = AlertBody),
        (status = 404, description = "The user has no alert with this id"),
    ))]
pub async fn get(
    state: web::Data<AppState>,
    caller: Caller,
    Parameters(AlertId(id)): Parameters<AlertId>,
) -> Result<Json<AlertBody>, ApiError> {
    let alerts = state.upstreams.alerts.for_user(caller.user_id);
    let alert: AlertBody = alerts.get(&format!("alerts/{id}"), &()).await?;
    Ok(Json::ok(alert))
}

/// Deletes an alert
#[utoipa::path(delete, path = "/api/v1/alerts/{id}", tag = "alerts",
    responses(
        (status = 204, description = "The alert is deleted"),
        (status = 404, description = "The user has no alert with this id"),
    ))]
pub async fn delete(
    state: web::Data<AppState>,
    caller: Caller,
    Parameters(AlertId(id)): Parameters<AlertId>,
) -> Result<HttpResponse, ApiError> {
    state
        .upstreams
        .alerts
        .for_user(caller.user_id)
        .delete(&format!("alerts/{id}"))
        .await?;
    Ok(HttpResponse::NoContent().finish())
}

/// Lists the events of an alert
///
/// Changes of its state, newest first.
#[utoipa::path(get, path = "/api/v1/alerts/{id}/events", tag = "alerts",
    responses(
        (status = 200, description = "A page of events", body = Vec<AlertEventBody>),
        (status = 404, description = "The user has no alert with this id"),
    ))]
pub async fn events(
    state: web::Data<AppState>,
    cursors: Cursors,
    caller: Caller,
    Parameters(EventList { id, page }): Parameters<EventList>,
) -> Result<PageJson<AlertEventBody>, ApiError> {
    let page: Page<AlertEventBody> = below(&state, &cursors, &caller, &format!("alerts/{id}/events"), page).await?;
    Ok(PageJson(page))
}

/// Lists the attempts to deliver an alert's webhook
///
/// One item per attempt, newest first.
#[utoipa::path(get, path = "/api/v1/alerts/{id}/deliveries", tag = "alerts",
    responses(
        (status = 200, description = "A page of attempts", body = Vec<DeliveryBody>),
        (status = 404, description = "The user has no alert with this id"),
    ))]
pub async fn deliveries(
    state: web::Data<AppState>,
    cursors: Cursors,
    caller: Caller,
    Parameters(DeliveryList { id, page }): Parameters<DeliveryList>,
) -> Result<PageJson<DeliveryBody>, ApiError> {
    let page: Page<DeliveryBody> = below(&state, &cursors, &caller, &format!("alerts/{id}/deliveries"), page).await?;
    Ok(PageJson(page))
}

/// A page of a list below one alert.
async fn below<T: serde::de::DeserializeOwned>(
    state: &AppState,
    cursors: &Cursors,
    caller: &Caller,
    path: &str,
    mut query: PageQuery,
) -> Result<Page<T>, ApiError> {
    query.cursor = cursors.open(query.cursor)?;
    let alerts = state.upstreams.alerts.for_user(caller.user_id);
    let mut page: Page<T> = alerts.get(path, &query).await?;
    page.next_cursor = cursors.seal(page.next_cursor);
    Ok(page)
}
