//! Health, the OpenAPI document, the demonstration's account.

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};
use contracts::problem::ProblemKind;
use serde::Serialize;
use utoipa::ToSchema;

use crate::error::ApiError;
use crate::health::{self, HealthBody};
use crate::openapi::document::Document;
use crate::response::{self, SkipErrorRendering, etag};
use crate::route_policy::RoutePolicy;
use crate::state::AppState;

pub const OPEN: RoutePolicy = RoutePolicy::public();

/// Whether the platform can be used
///
/// Really asks PostgreSQL, Redis and RabbitMQ, and names what is down.
#[utoipa::path(get, path = "/health", tag = "system",
    responses(
        (status = 200, description = "It can; `degraded` if prices are old", body = HealthBody),
        (status = 503, description = "Something required is down", body = HealthBody),
    ))]
pub async fn health(state: web::Data<AppState>, request: HttpRequest) -> Result<HttpResponse, ApiError> {
    let (is_ready, body) = health::report(&state).await;
    report(&request, is_ready, &body)
}

/// The state of a process.
#[derive(Debug, Serialize, ToSchema)]
pub struct ProbeBody {
    /// `ok` or `unavailable`.
    #[schema(value_type = ProbeState)]
    pub status: &'static str,
}

/// The answer of a probe.
#[derive(ToSchema)]
#[schema(rename_all = "lowercase")]
pub enum ProbeState {
    /// The process can do its work.
    Ok,
    /// It cannot now.
    Unavailable,
}

/// Whether the process turns
#[utoipa::path(get, path = "/health/live", tag = "system",
    responses((status = 200, description = "It does", body = ProbeBody)))]
pub async fn live(request: HttpRequest) -> Result<HttpResponse, ApiError> {
    response::plain(&request, StatusCode::OK, &ProbeBody { status: "ok" })
}

/// Whether requests may be sent here
#[utoipa::path(get, path = "/health/ready", tag = "system",
    responses(
        (status = 200, description = "They may", body = ProbeBody),
        (status = 503, description = "Not now: starting, stopping, or something required is down", body = ProbeBody),
    ))]
pub async fn ready(state: web::Data<AppState>, request: HttpRequest) -> Result<HttpResponse, ApiError> {
    let is_ready = state.readiness.report().await.is_ready();
    report(
        &request,
        is_ready,
        &ProbeBody {
            status: if is_ready { "ok" } else { "unavailable" },
        },
    )
}

/// Health reports keep their own body when they are failures.
fn report<T: Serialize>(request: &HttpRequest, is_ready: bool, body: &T) -> Result<HttpResponse, ApiError> {
    let status = if is_ready {
        StatusCode::OK
    } else {
        StatusCode::SERVICE_UNAVAILABLE
    };
    let mut response = response::plain(request, status, body)?;
    response.extensions_mut().insert(SkipErrorRendering);
    Ok(response)
}

/// This document
#[utoipa::path(get, path = "/openapi.json", tag = "system",
    responses((status = 200, description = "OpenAPI 3.1", body = Object), (status = 304, description = "The client has it")))]
pub async fn openapi(document: web::Data<Document>, request: HttpRequest) -> HttpResponse {
    etag::respond(&request, document.tag.clone(), "no-cache", |response| {
        response.content_type("application/json").body(document.text.clone())
    })
}

/// This document, under its other name
#[utoipa::path(get, path = "/docs-json", tag = "system",
    responses((status = 200, description = "OpenAPI 3.1", body = Object), (status = 304, description = "The client has it")))]
pub async fn openapi_alias(document: web::Data<Document>, request: HttpRequest) -> HttpResponse {
    openapi(document, request).await
}

/// The account that everyone may use.
#[derive(Serialize, ToSchema)]
pub struct DemoAccountBody {
    /// Its address.
    pub email: String,
    /// Its key.
    pub api_key: String,
}

/// The demonstration's account
///
/// Only on installations that hand one out.
#[utoipa::path(get, path = "/demo/account", tag = "system",
    responses(
        (status = 200, description = "The account and its key", body = DemoAccountBody),
        (status = 404, description = "There is none here"),
    ))]
pub async fn demo_account(state: web::Data<AppState>, request: HttpRequest) -> Result<HttpResponse, ApiError> {
    let Some(key) = state.settings.demo_key() else {
        return Err(ApiError::new(ProblemKind::NotFound).detail("This installation has no demonstration account."));
    };
    let body = DemoAccountBody {
        email: state.settings.demo_email.clone(),
        api_key: key.to_owned(),
    };
    response::plain(&request, StatusCode::OK, &body)
}
