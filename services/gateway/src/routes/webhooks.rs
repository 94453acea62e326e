//! Receivers of webhooks: those that alerts made, their secrets, tests and signatures.

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};
use contracts::api::Page;
use contracts::api::alerts::{DeliveryBody, EndpointBody, SecretBody, TestCreateRequest, VerifyBody, VerifyRequest};
use serde::Deserialize;
use utoipa::ToSchema;

use crate::auth::Scope;
use crate::error::ApiError;
use crate::extract::body::{Fields, RawBody, string, string_map};
use crate::extract::caller::Caller;
use crate::extract::cursor::Cursors;
use crate::extract::pagination::page_query;
use crate::extract::path::path_id;
use crate::extract::query::{Params, expect_valid};
use crate::extract::validate;
use crate::rate_limit::policy::RateLimitPolicy;
use crate::request_context::CreationId;
use crate::response;
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

/// One's own receivers
///
/// Newest first. A `webhook_url` of an alert makes one.
#[utoipa::path(get, path = "/api/v1/webhooks/endpoints", tag = "webhooks",
    params(
        ("limit" = Option<u32>, Query, description = "Most receivers in the answer; 100 by default", minimum = 1, maximum = 1000),
        ("cursor" = Option<String>, Query, description = "Where the last page ended", min_length = 1, max_length = 512),
    ),
    responses((status = 200, description = "Receivers", body = Vec<EndpointBody>)))]
pub async fn list(state: web::Data<AppState>, request: HttpRequest, caller: Caller) -> Result<HttpResponse, ApiError> {
    let mut params = Params::of(&request);
    let mut query = page_query(&mut params);
    params.finish()?;
    let cursors = Cursors::of(&request, &state.hasher, state.clock.now());
    query.cursor = cursors.open(query.cursor)?;
    let alerts = state.upstreams.alerts.for_user(caller.user_id);
    let mut page: Page<EndpointBody> = alerts.get("webhooks/endpoints", &query).await?;
    page.next_cursor = cursors.seal(page.next_cursor);
    response::plain_page(&request, &page)
}

/// One receiver
#[utoipa::path(get, path = "/api/v1/webhooks/endpoints/{id}", tag = "webhooks",
    params(("id" = Uuid, Path, description = "Id of the receiver")),
    responses(
        (status = 200, description = "The receiver", body = EndpointBody),
        (status = 404, description = "No such receiver of this user"),
    ))]
pub async fn get(state: web::Data<AppState>, request: HttpRequest, caller: Caller) -> Result<HttpResponse, ApiError> {
    let id = path_id(Params::of(&request))?;
    let alerts = state.upstreams.alerts.for_user(caller.user_id);
    let endpoint: EndpointBody = alerts.get(&format!("webhooks/endpoints/{id}"), &()).await?;
    response::plain(&request, StatusCode::OK, &endpoint)
}

/// The secret of a receiver
///
/// Signatures are checked with it.
#[utoipa::path(get, path = "/api/v1/webhooks/endpoints/{id}/secret", tag = "webhooks",
    params(("id" = Uuid, Path, description = "Id of the receiver")),
    responses(
        (status = 200, description = "The secret", body = SecretBody),
        (status = 404, description = "No such receiver of this user"),
    ))]
pub async fn secret(
    state: web::Data<AppState>,
    request: HttpRequest,
    caller: Caller,
) -> Result<HttpResponse, ApiError> {
    let id = path_id(Params::of(&request))?;
    let alerts = state.upstreams.alerts.for_user(caller.user_id);
    let secret: SecretBody = alerts.get(&format!("webhooks/endpoints/{id}/secret"), &()).await?;
    response::plain(&request, StatusCode::OK, &secret)
}

/// Sends a test
///
/// A `test.ping` goes the same way as every webhook.
#[utoipa::path(post, path = "/api/v1/webhooks/endpoints/{id}/test", tag = "webhooks",
    params(("id" = Uuid, Path, description = "Id of the receiver")),
    responses(
        (status = 202, description = "The delivery, which is under way", body = DeliveryBody),
        (status = 404, description = "No such receiver of this user"),
    ))]
pub async fn test(
    state: web::Data<AppState>,
    request: HttpRequest,
    caller: Caller,
    creation: CreationId,
) -> Result<HttpResponse, ApiError> {
    let id = path_id(Params::of(&request))?;
    let alerts = state.upstreams.alerts.for_user(caller.user_id);
    let message = TestCreateRequest { id: Some(creation.0) };
    let delivery: DeliveryBody = alerts.post(&format!("webhooks/endpoints/{id}/test"), &message).await?;
    response::plain(&request, StatusCode::ACCEPTED, &delivery)
}

/// Enables a receiver
///
/// It counts as one that never failed. What was held while it was disabled is sent at once.
#[utoipa::path(post, path = "/api/v1/webhooks/endpoints/{id}/enable", tag = "webhooks",
    params(("id" = Uuid, Path, description = "Id of the receiver")),
    responses(
        (status = 200, description = "The receiver", body = EndpointBody),
        (status = 404, description = "No such receiver of this user"),
    ))]
pub async fn enable(
    state: web::Data<AppState>,
    request: HttpRequest,
    caller: Caller,
) -> Result<HttpResponse, ApiError> {
    let id = path_id(Params::of(&request))?;
    let alerts = state.upstreams.alerts.for_user(caller.user_id);
    let nothing = serde_json::Map::new();
    let endpoint: EndpointBody = alerts
        .post(&format!("webhooks/endpoints/{id}/enable"), &nothing)
        .await?;
    response::plain(&request, StatusCode::OK, &endpoint)
}

/// What was received.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "describes a body that is read field by field")]
pub struct Verify {
    /// The receiver's secret.
    #[schema(min_length = 1, max_length = 128, example = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")]
    secret: String,
    /// The headers that came with it, at least the three `webhook-*`.
    headers: std::collections::BTreeMap<String, String>,
    /// The body, to the byte.
    body: String,
}

/// Checks a signature
///
/// For receivers that want to know why theirs does not match. An invalid signature is an answer, not an error.
#[utoipa::path(post, path = "/api/v1/webhooks/verify", tag = "webhooks", request_body = Verify,
    responses((status = 200, description = "Whether it is valid", body = VerifyBody)))]
pub async fn verify(
    state: web::Data<AppState>,
    request: HttpRequest,
    caller: Caller,
    body: RawBody,
) -> Result<HttpResponse, ApiError> {
    let mut fields = Fields::parse(&body.0)?;
    let secret = fields.required("secret", string(validate::text(1, MAX_SECRET_CHARS)));
    let headers = fields.required("headers", string_map);
    let text = fields.required("body", string(|text: &str| Ok(text.to_owned())));
    fields.finish()?;
    let question = VerifyRequest {
        secret: expect_valid(secret)?,
        headers: expect_valid(headers)?,
        body: expect_valid(text)?,
    };
    let alerts = state.upstreams.alerts.for_user(caller.user_id);
    let verdict: VerifyBody = alerts.post("webhooks/verify", &question).await?;
    response::plain(&request, StatusCode::OK, &verdict)
}
