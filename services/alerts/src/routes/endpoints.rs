//! `/internal/webhooks/endpoints`: list, get, secret, test, enable.

use actix_web::{HttpResponse, web};
use contracts::api::Page;
use contracts::api::alerts::{DeliveryBody, EndpointBody, PageQuery, SecretBody, TestCreateRequest};
use contracts::problem::ProblemKind;
use platform::problem::Problem;
use uuid::Uuid;

use super::request::{UserId, id_cursor, page_limit, parse_id, request_id};
use super::response::to_page;
use crate::payload;
use crate::state::AppState;
use crate::store::deliveries::{self, TestMessage};
use crate::store::endpoints::{self, Endpoint};
use crate::store::secrets;

const NOT_FOUND: &str = "Endpoint not found";

/// `GET /internal/webhooks/endpoints`: the user's endpoints, newest first.
pub async fn list(
    state: web::Data<AppState>,
    user: UserId,
    query: web::Query<PageQuery>,
) -> Result<web::Json<Page<EndpointBody>>, Problem> {
    let limit = page_limit(query.limit, 100)?;
    let before = id_cursor(query.cursor.as_deref())?;
    let found = endpoints::list(&state.pool, user.0, before, limit + 1).await?;
    Ok(web::Json(to_page(
        found,
        limit,
        |endpoint| endpoint.id.to_string(),
        to_body,
    )))
}

/// `GET /internal/webhooks/endpoints/{id}`.
pub async fn get(
    state: web::Data<AppState>,
    user: UserId,
    id: web::Path<String>,
) -> Result<web::Json<EndpointBody>, Problem> {
    let id = parse_id(&id, ProblemKind::EndpointNotFound, NOT_FOUND)?;
    let found = endpoints::find(&state.pool, user.0, id).await?;
    let endpoint = found.ok_or_else(|| Problem::new(ProblemKind::EndpointNotFound, NOT_FOUND))?;
    Ok(web::Json(to_body(endpoint)))
}

/// `GET /internal/webhooks/endpoints/{id}/secret`.
pub async fn secret(
    state: web::Data<AppState>,
    user: UserId,
    id: web::Path<String>,
) -> Result<web::Json<SecretBody>, Problem> {
    let id = parse_id(&id, ProblemKind::EndpointNotFound, NOT_FOUND)?;
    let stored = secrets::find(&state.pool, user.0, id).await?;
    let stored = stored.ok_or_else(|| Problem::new(ProblemKind::EndpointNotFound, NOT_FOUND))?;
    let secret = stored
        .open(id, &state.keys)
        .map_err(|error| Problem::internal(anyhow::Error::new(error).context(format!("secret of endpoint {id}"))))?;
    Ok(web::Json(SecretBody {
        secret: secret.expose(),
    }))
}

/// `POST /internal/webhooks/endpoints/{id}/test`: 202 with the delivery, which goes the same way as every other.
/// A repetition of the request answers the same and sends nothing.
pub async fn test(
    state: web::Data<AppState>,
    user: UserId,
    id: web::Path<String>,
    body: web::Json<TestCreateRequest>,
) -> Result<HttpResponse, Problem> {
    let endpoint_id = parse_id(&id, ProblemKind::EndpointNotFound, NOT_FOUND)?;
    let (message_id, now) = (body.id.unwrap_or_else(Uuid::now_v7), state.clock.now());
    let body = payload::test_ping(message_id, endpoint_id, now).map_err(Problem::internal)?;
    let test = TestMessage {
        id: message_id,
        user_id: user.0,
        endpoint_id,
        body,
        request_id: request_id(),
    };
    if !deliveries::create_test(&state.pool, &test, now).await? {
        return Err(Problem::new(ProblemKind::EndpointNotFound, NOT_FOUND));
    }
    state.relay.notify_one();
    Ok(HttpResponse::Accepted().json(DeliveryBody {
        id: message_id,
        alert_id: None,
        event_id: None,
        endpoint_id,
        attempt: 0,
        status: "pending".to_owned(),
        response_code: None,
        error_msg: None,
        latency_ms: None,
        dispatched_at: None,
        next_attempt_at: Some(now.into()),
        response_excerpt: None,
    }))
}

/// `POST /internal/webhooks/endpoints/{id}/enable`: the endpoint, which is posted to again.
pub async fn enable(
    state: web::Data<AppState>,
    user: UserId,
    id: web::Path<String>,
) -> Result<web::Json<EndpointBody>, Problem> {
    let id = parse_id(&id, ProblemKind::EndpointNotFound, NOT_FOUND)?;
    let enabled = endpoints::enable(&state.pool, user.0, id, state.clock.now()).await?;
    let endpoint = enabled.ok_or_else(|| Problem::new(ProblemKind::EndpointNotFound, NOT_FOUND))?;
    state.relay.notify_one();
    Ok(web::Json(to_body(endpoint)))
}

fn to_body(endpoint: Endpoint) -> EndpointBody {
    EndpointBody {
        id: endpoint.id,
        url: endpoint.url,
        implicit: endpoint.implicit,
        is_enabled: endpoint.disabled_reason.is_none(),
        disabled_reason: endpoint.disabled_reason,
        disabled_at: endpoint.disabled_at.map(Into::into),
        consecutive_failures: endpoint.consecutive_failures,
        created_at: endpoint.created_at.into(),
        last_success_at: endpoint.last_success_at.map(Into::into),
    }
}
