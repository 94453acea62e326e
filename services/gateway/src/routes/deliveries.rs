//! Deliveries of webhooks: what became of each message, and sending one again.

use actix_web::web;
use contracts::api::Page;
use contracts::api::deliveries::{DeliveriesQuery, DeliveryDetailBody, DeliverySummaryBody, ReplayBody, ReplayRequest};
use uuid::Uuid;

use crate::auth::Scope;
use crate::error::ApiError;
use crate::extract::body::{Body, BodyFields, DeclareFields};
use crate::extract::caller::Caller;
use crate::extract::cursor::Cursors;
use crate::extract::pagination::NEXT_PAGE;
use crate::extract::parameters::{Declare, ParameterList, Parameters};
use crate::extract::rule;
use crate::rate_limit::policy::RateLimitPolicy;
use crate::response::{Json, PageJson};
use crate::route_policy::RoutePolicy;
use crate::state::AppState;

pub const READ: RoutePolicy = RoutePolicy::scoped(Scope::WebhooksRead).limited(RateLimitPolicy::AlertsRead);
pub const REPLAY: RoutePolicy = RoutePolicy::scoped(Scope::WebhooksWrite).limited(RateLimitPolicy::Write);
pub const REPLAY_FAILED: RoutePolicy = RoutePolicy::scoped(Scope::WebhooksWrite)
    .limited(RateLimitPolicy::Write)
    .json();

/// States of a delivery, which are those of the schema `DeliveryStatus`.
const STATUSES: [&str; 3] = ["success", "failed", "pending"];

pub struct DeliveryList(DeliveriesQuery);

impl ParameterList for DeliveryList {
    fn declare(parameters: &mut impl Declare) -> Option<Self> {
        let status = rule::one_of("DeliveryStatus", &STATUSES);
        Some(Self(DeliveriesQuery {
            status: parameters.optional("status", status, "Deliveries in this state only"),
            endpoint_id: parameters.optional("endpoint_id", rule::id(), "Deliveries to this endpoint only"),
            alert_id: parameters.optional("alert_id", rule::id(), "Deliveries about this alert only"),
            from: parameters.optional("from", rule::time(), "Created at this time or later"),
            to: parameters.optional("to", rule::time(), "Created before this time"),
            limit: parameters.optional("limit", rule::limit(), "Maximum number of deliveries; 100 by default"),
            cursor: parameters.optional("cursor", rule::cursor(), NEXT_PAGE),
        }))
    }
}

/// The delivery that a path names.
pub struct DeliveryId(Uuid);

impl ParameterList for DeliveryId {
    fn declare(parameters: &mut impl Declare) -> Option<Self> {
        parameters.path("id", rule::id(), "Id of the delivery").map(Self)
    }
}

/// Which failed deliveries are sent again.
pub struct ReplayForm(ReplayRequest);

impl BodyFields for ReplayForm {
    const SCHEMA: &'static str = "ReplayRequest";
    const DESCRIPTION: &'static str = "Which failed deliveries are sent again.";

    fn declare(fields: &mut impl DeclareFields) -> Option<Self> {
        let endpoint_id = fields.required("endpoint_id", rule::string(rule::id()), "Id of the endpoint.");
        let from = fields.required(
            "from",
            rule::string(rule::timestamp()),
            "Created at this time or later.",
        );
        let to = fields.required("to", rule::string(rule::timestamp()), "Created before this time.");
        fields.optional(
            "status",
            rule::string(rule::word("failed")),
            "The state of the deliveries: `failed`, which is also the default.",
        );
        Some(Self(ReplayRequest {
            endpoint_id: endpoint_id?,
            from: from?,
            to: to?,
        }))
    }
}

/// Lists the user's deliveries
///
/// One item per message and endpoint, newest first, with its newest attempt. With a filter that few deliveries pass a
/// page may be short or empty and still have a next one: a page looks at 1000 deliveries at most.
#[utoipa::path(get, path = "/api/v1/deliveries", tag = "webhooks",
    responses((status = 200, description = "A page of deliveries", body = Vec<DeliverySummaryBody>)))]
pub async fn list(
    state: web::Data<AppState>,
    cursors: Cursors,
    caller: Caller,
    Parameters(DeliveryList(mut query)): Parameters<DeliveryList>,
) -> Result<PageJson<DeliverySummaryBody>, ApiError> {
    query.cursor = cursors.open(query.cursor)?;
    let alerts = state.upstreams.alerts.for_user(caller.user_id);
    let mut page: Page<DeliverySummaryBody> = alerts.get("deliveries", &query).await?;
    page.next_cursor = cursors.seal(page.next_cursor);
    Ok(PageJson(page))
}

/// Returns a delivery
///
/// With the body that is posted and every attempt.
#[utoipa::path(get, path = "/api/v1/deliveries/{id}", tag = "webhooks",
    responses(
        (status = 200, description = "The delivery", body = DeliveryDetailBody),
        (status = 404, description = "The user has no delivery with this id"),
    ))]
pub async fn get(
    state: web::Data<AppState>,
    caller: Caller,
    Parameters(DeliveryId(id)): Parameters<DeliveryId>,
) -> Result<Json<DeliveryDetailBody>, ApiError> {
    let alerts = state.upstreams.alerts.for_user(caller.user_id);
    let delivery: DeliveryDetailBody = alerts.get(&format!("deliveries/{id}"), &()).await?;
    Ok(Json::ok(delivery))
}

/// Sends a delivery again
///
/// The same bytes under the same `webhook-id`, signed anew, with as many attempts as a new message has. A delivery that
/// is under way is left as it is.
#[utoipa::path(post, path = "/api/v1/deliveries/{id}/replay", tag = "webhooks",
    responses(
        (status = 202, description = "The delivery, which is queued", body = DeliverySummaryBody),
        (status = 404, description = "The user has no delivery with this id"),
    ))]
pub async fn replay(
    state: web::Data<AppState>,
    caller: Caller,
    Parameters(DeliveryId(id)): Parameters<DeliveryId>,
) -> Result<Json<DeliverySummaryBody>, ApiError> {
    let alerts = state.upstreams.alerts.for_user(caller.user_id);
    let nothing = serde_json::Map::new();
    let delivery: DeliverySummaryBody = alerts.post(&format!("deliveries/{id}/replay"), &nothing).await?;
    Ok(Json::accepted(delivery))
}

/// Sends the failed deliveries of an endpoint again
///
/// Those that were created in a range of time, oldest first, at most 1000 in one request.
#[utoipa::path(post, path = "/api/v1/deliveries/replay", tag = "webhooks",
    responses(
        (status = 202, description = "How many deliveries are sent again", body = ReplayBody),
        (status = 404, description = "The user has no endpoint with this id"),
    ))]
pub async fn replay_failed(
    state: web::Data<AppState>,
    caller: Caller,
    Body(ReplayForm(request)): Body<ReplayForm>,
) -> Result<Json<ReplayBody>, ApiError> {
    let alerts = state.upstreams.alerts.for_user(caller.user_id);
    let replayed: ReplayBody = alerts.post("deliveries/replay", &request).await?;
    Ok(Json::accepted(replayed))
}
