//! `/internal/deliveries`: list, get, send again.

use actix_web::{HttpResponse, web};
use contracts::api::Page;
use contracts::api::deliveries::{DeliveriesQuery, DeliveryDetailBody, DeliverySummaryBody, ReplayBody, ReplayRequest};
use contracts::problem::ProblemKind;
use jiff::Timestamp;
use platform::problem::Problem;

use super::request::{UserId, invalid_cursor, page_limit, parse_id};
use super::response::delivery_body;
use crate::state::AppState;
use crate::store::delivery_history::{self, DeliveryStatus, Filter, Position, Summary};
use crate::store::replay::{self, ReplayRange};
use crate::store::{self, attempts};

const NOT_FOUND: &str = "Delivery not found";

/// Most attempts that are shown of one delivery.
const MAX_ATTEMPTS_SHOWN: i64 = 1_000;

/// `GET /internal/deliveries`: newest first. A page may have fewer items than its limit, or none, and still have a next
/// one.
pub async fn list(
    state: web::Data<AppState>,
    user: UserId,
    query: web::Query<DeliveriesQuery>,
) -> Result<web::Json<Page<DeliverySummaryBody>>, Problem> {
    let query = query.into_inner();
    let limit = page_limit(query.limit, 100)?;
    let filter = Filter {
        status: query.status.as_deref().map(DeliveryStatus::parse).transpose()?,
        endpoint_id: query.endpoint_id,
        alert_id: query.alert_id,
        from: query.from.map(|time| time.0),
        to: query.to.map(|time| time.0),
        before: query.cursor.as_deref().map(parse_position).transpose()?,
    };
    let found = delivery_history::list(&state.pool, user.0, &filter, limit).await?;
    Ok(web::Json(Page {
        items: found.items.into_iter().map(|item| to_body(&state, item)).collect(),
        next_cursor: found
            .last
            .map(|last| format!("{}.{}", last.created_at.as_microsecond(), last.id)),
    }))
}

/// `GET /internal/deliveries/{id}`.
pub async fn get(
    state: web::Data<AppState>,
    user: UserId,
    id: web::Path<String>,
) -> Result<web::Json<DeliveryDetailBody>, Problem> {
    let id = parse_id(&id, ProblemKind::DeliveryNotFound, NOT_FOUND)?;
    let client = store::connection(&state.pool).await?;
    let found = delivery_history::find(&client, user.0, id).await?;
    let (delivery, body) = found.ok_or_else(|| Problem::new(ProblemKind::DeliveryNotFound, NOT_FOUND))?;
    let attempts = attempts::list_of_delivery(&client, id, MAX_ATTEMPTS_SHOWN).await?;
    Ok(web::Json(DeliveryDetailBody {
        delivery: to_body(&state, delivery),
        body,
        attempts: attempts.into_iter().map(delivery_body).collect(),
    }))
}

/// `POST /internal/deliveries/{id}/replay`: 202 with the delivery, which is under way again, or still.
pub async fn replay(state: web::Data<AppState>, user: UserId, id: web::Path<String>) -> Result<HttpResponse, Problem> {
    let id = parse_id(&id, ProblemKind::DeliveryNotFound, NOT_FOUND)?;
    let found = replay::replay_one(&state.pool, user.0, id, state.clock.now()).await?;
    let delivery = found.ok_or_else(|| Problem::new(ProblemKind::DeliveryNotFound, NOT_FOUND))?;
    state.relay.notify_one();
    Ok(HttpResponse::Accepted().json(to_body(&state, delivery)))
}

/// `POST /internal/deliveries/replay`: 202 with the number of failed deliveries that are sent again.
pub async fn replay_failed(
    state: web::Data<AppState>,
    user: UserId,
    body: web::Json<ReplayRequest>,
) -> Result<HttpResponse, Problem> {
    let range = ReplayRange {
        endpoint_id: body.endpoint_id,
        from: body.from.0,
        to: body.to.0,
    };
    let count = replay::replay_failed(&state.pool, user.0, range, state.clock.now()).await?;
    let count = count.ok_or_else(|| Problem::new(ProblemKind::EndpointNotFound, "Endpoint not found"))?;
    state.relay.notify_one();
    Ok(HttpResponse::Accepted().json(ReplayBody { count }))
}

impl DeliveryStatus {
    fn parse(text: &str) -> Result<Self, Problem> {
        [Self::Pending, Self::Success, Self::Failed]
            .into_iter()
            .find(|status| status.as_str() == text)
            .ok_or_else(|| {
                Problem::new(
                    ProblemKind::InvalidParameter,
                    "status must be success, failed or pending.",
                )
            })
    }
}

fn parse_position(text: &str) -> Result<Position, Problem> {
    let (created_at, id) = text.split_once('.').ok_or_else(invalid_cursor)?;
    let created_at = created_at.parse().map_err(|_| invalid_cursor())?;
    Ok(Position {
        created_at: Timestamp::from_microsecond(created_at).map_err(|_| invalid_cursor())?,
        id: id.parse().map_err(|_| invalid_cursor())?,
    })
}

fn to_body(state: &AppState, delivery: Summary) -> DeliverySummaryBody {
    let is_pending = delivery.status == DeliveryStatus::Pending;
    DeliverySummaryBody {
        id: delivery.id,
        kind: delivery.kind,
        alert_id: delivery.alert_id,
        event_id: delivery.event_id,
        endpoint_id: delivery.endpoint_id,
        created_at: delivery.created_at.into(),
        status: delivery.status.as_str().to_owned(),
        attempt: delivery.attempt,
        max_attempts: is_pending.then(|| delivery.attempts_before.saturating_add(state.max_attempts)),
        response_code: delivery.response_code,
        error_msg: delivery.error_msg,
        latency_ms: delivery.latency_ms,
        dispatched_at: delivery.dispatched_at.map(Into::into),
        next_attempt_at: delivery.next_attempt_at.map(Into::into),
        response_excerpt: delivery.response_excerpt,
        failure_reason: delivery.failure_reason,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn position_is_a_time_and_an_id() {
        let id = "01933f4e-7a00-7000-8000-000000000005";
        let position = parse_position(&format!("1700000000000001.{id}")).unwrap();
        assert_eq!(position.created_at.as_microsecond(), 1_700_000_000_000_001);
        assert_eq!(position.id.to_string(), id);
        for text in [
            "",
            "x",
            id,
            "1700000000000001.x",
            &format!("x.{id}"),
            &format!("99999999999999999999.{id}"),
        ] {
            assert_eq!(
                parse_position(text).unwrap_err().kind,
                ProblemKind::InvalidCursor,
                "{text:?}"
            );
        }
    }
}
