//! Health, the OpenAPI document, the demonstration's account.

use actix_web::http::header::HeaderValue;
use actix_web::{HttpRequest, HttpResponse, web};
use contracts::problem::ProblemKind;
use serde::Serialize;
use utoipa::ToSchema;

use crate::error::ApiError;
use crate::health::{self, HealthBody};
use crate::openapi::document::Document;
use crate::response::{Json, etag};
use crate::route_policy::RoutePolicy;
use crate::state::AppState;

pub const OPEN: RoutePolicy = RoutePolicy::public();

/// Reports whether the platform works
///
/// Tests PostgreSQL, Redis and RabbitMQ, and names those that are down.
#[utoipa::path(get, path = "/health", tag = "system",
    responses(
        (status = 200, description = "The platform works; `degraded` if prices are old", body = HealthBody),
        (status = 503, description = "A required dependency is down", body = HealthBody),
    ))]
pub async fn health(state: web::Data<AppState>) -> Json<HealthBody> {
    let (is_ready, body) = health::report(&state).await;
    Json::report(is_ready, body)
}

/// The state of this process.
#[derive(Debug, Serialize, ToSchema)]
pub struct ProbeBody {
    /// `ok` or `unavailable`.
    #[schema(value_type = ProbeState)]
    pub status: &'static str,
}

/// Whether this process can serve.
#[derive(ToSchema)]
#[schema(rename_all = "lowercase")]
pub enum ProbeState {
    /// The process can serve requests.
    Ok,
    /// The process cannot serve requests at the moment.
    Unavailable,
}

/// Reports whether the process is alive
#[utoipa::path(get, path = "/health/live", tag = "system",
    responses((status = 200, description = "The process is alive", body = ProbeBody)))]
pub async fn live() -> Json<ProbeBody> {
    Json::ok(ProbeBody { status: "ok" })
}

/// Reports whether the process accepts requests
#[utoipa::path(get, path = "/health/ready", tag = "system",
    responses(
        (status = 200, description = "The process accepts requests", body = ProbeBody),
        (status = 503, description = "The process is starting or stopping, or a required dependency is down",
            body = ProbeBody),
    ))]
pub async fn ready(state: web::Data<AppState>) -> Json<ProbeBody> {
    let is_ready = state.readiness.report().await.is_ready();
    let status = if is_ready { "ok" } else { "unavailable" };
    Json::report(is_ready, ProbeBody { status })
}

/// Returns the OpenAPI document
#[utoipa::path(get, path = "/openapi.json", tag = "system",
    responses(
        (status = 200, description = "The OpenAPI 3.1 document", body = Object),
        (status = 304, description = "The client's copy is current"),
    ))]
pub async fn openapi(document: web::Data<Document>, request: HttpRequest) -> HttpResponse {
    etag::respond(
        &request,
        &document.tag,
        HeaderValue::from_static("no-cache"),
        |response| response.content_type("application/json").body(document.text.clone()),
    )
}

/// Returns the OpenAPI document, as `/openapi.json` does
#[utoipa::path(get, path = "/docs-json", tag = "system",
    responses(
        (status = 200, description = "The OpenAPI 3.1 document", body = Object),
        (status = 304, description = "The client's copy is current"),
    ))]
pub async fn openapi_alias(document: web::Data<Document>, request: HttpRequest) -> HttpResponse {
    openapi(document, request).await
}

/// The demonstration account, which everyone may use.
#[derive(Serialize, ToSchema)]
pub struct DemoAccountBody {
    /// The e-mail address of the account.
    pub email: String,
    /// The API key of the account.
    pub api_key: String,
}

/// Returns the demonstration account
///
/// Only installations for demonstration have one.
#[utoipa::path(get, path = "/demo/account", tag = "system",
    responses(
        (status = 200, description = "The account and its API key", body = DemoAccountBody),
        (status = 404, description = "This installation has no demonstration account"),
    ))]
pub async fn demo_account(state: web::Data<AppState>) -> Result<Json<DemoAccountBody>, ApiError> {
    let Some(key) = state.settings.demo_key() else {
        return Err(ApiError::new(ProblemKind::NotFound).detail("This installation has no demonstration account."));
    };
    let body = DemoAccountBody {
        email: state.settings.demo_email.clone(),
        api_key: key.to_owned(),
    };
    Ok(Json::ok(body))
}
