//! The webhook endpoints that alerts name: their secrets, tests and signatures.

use actix_web::web;
use contracts::api::Page;
use contracts::api::alerts::{
    DeliveryBody, EndpointBody, PageQuery, SecretBody, TestCreateRequest, VerifyBody, VerifyRequest,
};
use serde_json::json;
use uuid::Uuid;

use crate::auth::Scope;
use crate::error::ApiError;
use crate::extract::body::{Body, BodyFields, DeclareFields};
use crate::extract::caller::Caller;
use crate::extract::cursor::Cursors;
use crate::extract::pagination::page_query;
use crate::extract::parameters::{Declare, ParameterList, Parameters};
use crate::extract::{rule, validate};
use crate::rate_limit::policy::RateLimitPolicy;
use crate::request_context::CreationId;
use crate::response::{Json, PageJson};
use crate::route_policy::RoutePolicy;
use crate::state::AppState;

pub const READ: RoutePolicy = RoutePolicy::scoped(Scope::WebhooksRead).limited(RateLimitPolicy::Write);
pub const SECRET: RoutePolicy = RoutePolicy::scoped(Scope::WebhooksWrite).limited(RateLimitPolicy::Write);
pub const TEST: RoutePolicy = RoutePolicy::scoped(Scope::WebhooksWrite).limited(RateLimitPolicy::Write);
pub const VERIFY: RoutePolicy = RoutePolicy::scoped(Scope::WebhooksRead)
    .limited(RateLimitPolicy::Write)
    .json();

/// Longest secret that can be one.
const MAX_SECRET_CHARS: usize = 128;

/// The endpoint that a path names.
pub struct EndpointId(Uuid);

impl ParameterList for EndpointId {
    fn declare(parameters: &mut impl Declare) -> Option<Self> {
        parameters.path("id", rule::id(), "Id of the endpoint").map(Self)
    }
}

pub struct EndpointList(PageQuery);

impl ParameterList for EndpointList {
    fn declare(parameters: &mut impl Declare) -> Option<Self> {
        let page = page_query(parameters, "Maximum number of endpoints; 100 by default");
        Some(Self(page))
    }
}

/// Lists the user's webhook endpoints
///
/// Newest first. The first alert with a `webhook_url` creates its endpoint.
#[utoipa::path(get, path = "/api/v1/webhooks/endpoints", tag = "webhooks",
    responses((status = 200, description = "A page of endpoints", body = Vec<EndpointBody>)))]
pub async fn list(
    state: web::Data<AppState>,
    cursors: Cursors,
    caller: Caller,
    Parameters(EndpointList(mut query)): Parameters<EndpointList>,
) -> Result<PageJson<EndpointBody>, ApiError> {
    query.cursor = cursors.open(query.cursor)?;
    let alerts = state.upstreams.alerts.for_user(caller.user_id);
    let mut page: Page<EndpointBody> = alerts.get("webhooks/endpoints", &query).await?;
    page.next_cursor = cursors.seal(page.next_cursor);
    Ok(PageJson(page))
}

/// Returns a webhook endpoint
#[utoipa::path(get, path = "/api/v1/webhooks/endpoints/{id}", tag = "webhooks",
    responses(
        (status = 200, description = "The endpoint", body = EndpointBody),
        (status = 404, description = "The user has no endpoint with this id"),
    ))]
pub async fn get(
    state: web::Data<AppState>,
    caller: Caller,
    Parameters(EndpointId(id)): Parameters<EndpointId>,
) -> Result<Json<EndpointBody>, ApiError> {
    let alerts = state.upstreams.alerts.for_user(caller.user_id);
    let endpoint: EndpointBody = alerts.get(&format!("webhooks/endpoints/{id}"), &()).await?;
    Ok(Json::ok(endpoint))
}

/// Returns the secret of a webhook endpoint
///
/// Signatures of the webhooks to this endpoint are checked with it.
#[utoipa::path(get, path = "/api/v1/webhooks/endpoints/{id}/secret", tag = "webhooks",
    responses(
        (status = 200, description = "The signing secret", body = SecretBody),
        (status = 404, description = "The user has no endpoint with this id"),
    ))]
pub async fn secret(
    state: web::Data<AppState>,
    caller: Caller,
    Parameters(EndpointId(id)): Parameters<EndpointId>,
) -> Result<Json<SecretBody>, ApiError> {
    let alerts = state.upstreams.alerts.for_user(caller.user_id);
    let secret: SecretBody = alerts.get(&format!("webhooks/endpoints/{id}/secret"), &()).await?;
    Ok(Json::ok(secret))
}

/// Sends a test webhook
///
/// A message of type `test.ping`, signed, queued and retried like every webhook.
#[utoipa::path(post, path = "/api/v1/webhooks/endpoints/{id}/test", tag = "webhooks",
    responses(
        (status = 202, description = "The delivery, which is queued", body = DeliveryBody),
        (status = 404, description = "The user has no endpoint with this id"),
    ))]
pub async fn test(
    state: web::Data<AppState>,
    caller: Caller,
    creation: CreationId,
    Parameters(EndpointId(id)): Parameters<EndpointId>,
) -> Result<Json<DeliveryBody>, ApiError> {
    let alerts = state.upstreams.alerts.for_user(caller.user_id);
    let message = TestCreateRequest { id: Some(creation.0) };
    let delivery: DeliveryBody = alerts.post(&format!("webhooks/endpoints/{id}/test"), &message).await?;
    Ok(Json::accepted(delivery))
}

/// Enables a webhook endpoint
///
/// Its count of failures starts at zero. Messages that were held while it was disabled are sent at once.
#[utoipa::path(post, path = "/api/v1/webhooks/endpoints/{id}/enable", tag = "webhooks",
    responses(
        (status = 200, description = "The endpoint", body = EndpointBody),
        (status = 404, description = "The user has no endpoint with this id"),
    ))]
pub async fn enable(
    state: web::Data<AppState>,
    caller: Caller,
    Parameters(EndpointId(id)): Parameters<EndpointId>,
) -> Result<Json<EndpointBody>, ApiError> {
    let alerts = state.upstreams.alerts.for_user(caller.user_id);
    let nothing = serde_json::Map::new();
    let endpoint: EndpointBody = alerts
        .post(&format!("webhooks/endpoints/{id}/enable"), &nothing)
        .await?;
    Ok(Json::ok(endpoint))
}

/// A received webhook whose signature is to be checked.
pub struct Verification(VerifyRequest);

impl BodyFields for Verification {
    const SCHEMA: &'static str = "Verify";
    const DESCRIPTION: &'static str = "A received webhook whose signature is to be checked.";

    fn declare(fields: &mut impl DeclareFields) -> Option<Self> {
        let secret = fields.required(
            "secret",
            rule::string(rule::with_example(
                "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
                validate::text(1, MAX_SECRET_CHARS),
                || json!({"type": "string", "minLength": 1, "maxLength": MAX_SECRET_CHARS}),
            )),
            "The secret of the endpoint.",
        );
        let headers = fields.required(
            "headers",
            rule::string_map(),
            "The headers of the received request, at least `webhook-id`, `webhook-timestamp` and `webhook-signature`.",
        );
        let body = fields.required(
            "body",
            rule::string(rule::rule(
                |text: &str| Ok(text.to_owned()),
                || json!({"type": "string"}),
            )),
            "The body of the received request, unchanged.",
        );
        Some(Self(VerifyRequest {
            secret: secret?,
            headers: headers?,
            body: body?,
        }))
    }
}

/// Checks the signature of a webhook
///
/// Helps to find out why a signature is rejected. An invalid signature is a result and not an error.
#[utoipa::path(post, path = "/api/v1/webhooks/verify", tag = "webhooks",
    responses((status = 200, description = "Whether the signature is valid, and why not", body = VerifyBody)))]
pub async fn verify(
    state: web::Data<AppState>,
    caller: Caller,
    Body(Verification(question)): Body<Verification>,
) -> Result<Json<VerifyBody>, ApiError> {
    let alerts = state.upstreams.alerts.for_user(caller.user_id);
    let verdict: VerifyBody = alerts.post("webhooks/verify", &question).await?;
    Ok(Json::ok(verdict))
}
