//! `/internal/alerts`: create, list, get, delete; events and deliveries.

use actix_web::{HttpResponse, web};
use contracts::api::Page;
use contracts::api::alerts::{AlertBody, AlertCreateRequest, AlertEventBody, AlertsQuery, DeliveryBody, PageQuery};
use contracts::number::Price;
use contracts::problem::ProblemKind;
use domain::rule::Condition;
use domain::ticker::Ticker;
use platform::problem::{FieldError, Problem};
use rust_decimal::Decimal;
use uuid::Uuid;

use super::request::{UserId, id_cursor, invalid_cursor, page_limit, parse_id, request_id};
use super::response::{delivery_body, to_page};
use super::webhook_url::check_webhook_url;
use crate::delivery::signature::SigningSecret;
use crate::error_chain::error_chain;
use crate::index::Entry;
use crate::secrets::StoredSecret;
use crate::state::AppState;
use crate::store::alerts::{Alert, Creation, Filter, NewAlert};
use crate::store::events::AlertEvent;
use crate::store::{alerts, armed_alerts, attempts, events};

const NOT_FOUND: &str = "Alert not found";

/// Most digits behind the point of a target.
const MAX_SCALE: u32 = 18;

/// Most significant digits of a target.
const MAX_DIGITS: u32 = 28;

/// `POST /internal/alerts`: 201 with the alert, also when the same request made it before; 409 when an equal one is
/// active.
pub async fn create(
    state: web::Data<AppState>,
    user: UserId,
    body: web::Json<AlertCreateRequest>,
) -> Result<HttpResponse, Problem> {
    let new = validate(&state, user, body.into_inner()).await?;
    let entry = Entry {
        alert_id: new.id,
        target: new.target_price,
    };
    // Before the row and after it: from the moment at which the row is there, every price finds it, also when this
    // process dies in between. A price that comes before the row removes the entry, hence the second time.
    add_to_index(&state, &new.ticker, new.condition, &entry).await;
    let created = match alerts::create(&state.pool, &new, state.clock.now()).await {
        Ok(created) => created,
        Err(error) => {
            // The row may be there all the same, if only the answer to its commit was lost.
            state.index.note_unconfirmed((new.ticker, new.condition, entry));
            return Err(error.into());
        }
    };
    let alert = match created {
        Creation::Made(alert) => *alert,
        refused @ (Creation::Duplicate | Creation::TooManyAlerts { .. } | Creation::TooManyEndpoints { .. }) => {
            unindex(&state, &new.ticker, new.condition, entry).await;
            return Err(refusal(&refused));
        }
    };
    if alert.is_active {
        add_to_index(&state, &alert.ticker, alert.condition, &entry).await;
    }
    Ok(HttpResponse::Created().json(with_price_data(&state, alert).await))
}

fn refusal(refused: &Creation) -> Problem {
    let (limit, count, what) = match refused {
        Creation::TooManyAlerts { limit, count } => (limit, count, "active alerts"),
        Creation::TooManyEndpoints { limit, count } => (limit, count, "webhook endpoints of active alerts"),
        Creation::Made(_) | Creation::Duplicate => {
            return Problem::new(
                ProblemKind::AlertDuplicate,
                "You already have an active alert with exactly the same parameters.",
            );
        }
    };
    Problem::new(
        ProblemKind::PlanLimitReached,
        format!("Your plan has room for {limit} {what}, and you have {count}."),
    )
}

/// Puts an alert into the index. If that fails, the comparison of the index is called, which brings what is missing.
async fn add_to_index(state: &AppState, ticker: &Ticker, condition: Condition, entry: &Entry) {
    if let Err(error) = state.index.add(ticker, condition, std::slice::from_ref(entry)).await {
        tracing::warn!(
            alert_id = %entry.alert_id,
            error = error_chain(&error),
            "alert not indexed yet"
        );
        state.reconcile.notify_one();
    }
}

/// Takes the entry of a refused alert out of the index, unless an alert of that id is armed. What fails here costs a
/// query.
async fn unindex(state: &AppState, ticker: &Ticker, condition: Condition, entry: Entry) {
    let done = async {
        if armed_alerts::still_armed(&state.pool, &[entry.alert_id])
            .await?
            .is_empty()
        {
            state.index.remove(ticker, condition, &[entry]).await?;
        }
        anyhow::Ok(())
    };
    if let Err(error) = done.await {
        tracing::debug!(error = format!("{error:#}"), "superfluous entry stays a while");
    }
}

async fn validate(state: &AppState, user: UserId, request: AlertCreateRequest) -> Result<NewAlert, Problem> {
    let target_price = check_target(request.target_price.0)?;
    if !state.supported.contains(&request.ticker) {
        let supported: Vec<&str> = state.supported.iter().map(Ticker::as_str).collect();
        return Err(Problem::new(
            ProblemKind::UnsupportedTicker,
            format!(
                "{} is not supported. Supported: {}.",
                request.ticker,
                supported.join(", ")
            ),
        ));
    }
    let url = check_webhook_url(state, &request.webhook_url).await?;
    let (secret, endpoint_id) = (SigningSecret::generate(), Uuid::now_v7());
    let secret = secret.map_err(Problem::internal)?;
    let endpoint_secret = StoredSecret::seal(&secret, endpoint_id, &state.keys).map_err(Problem::internal)?;
    Ok(NewAlert {
        id: request.id,
        user_id: user.0,
        ticker: request.ticker,
        condition: request.condition,
        target_price,
        webhook_url: request.webhook_url,
        endpoint_url: url.into(),
        endpoint_id,
        endpoint_secret,
        limits: request.limits,
        request_id: request_id(),
    })
}

fn check_target(target: Decimal) -> Result<Decimal, Problem> {
    let target = target.normalize();
    let most = Decimal::from(1_000_000_000_000_000_000_u64);
    let (kind, message, params) = if target <= Decimal::ZERO {
        ("greater_than", "must be greater than 0", serde_json::json!({"gt": 0}))
    } else if target > most {
        (
            "less_than_equal",
            "must be at most 10^18",
            serde_json::json!({"le": 1_000_000_000_000_000_000_u64}),
        )
    } else if target.scale() > MAX_SCALE {
        (
            "decimal_max_places",
            "must have at most 18 decimals",
            serde_json::json!({"decimal_places": MAX_SCALE}),
        )
    } else if target.mantissa() >= 10_i128.pow(MAX_DIGITS) {
        (
            "decimal_max_digits",
            "must have at most 28 significant digits",
            serde_json::json!({"max_digits": MAX_DIGITS}),
        )
    } else {
        return Ok(target);
    };
    Err(Problem::validation(vec![
        FieldError::new(&["body", "target_price"], kind, message).with_params(params),
    ]))
}

/// `GET /internal/alerts`: the user's alerts, newest first.
pub async fn list(
    state: web::Data<AppState>,
    user: UserId,
    query: web::Query<AlertsQuery>,
) -> Result<web::Json<Page<AlertBody>>, Problem> {
    let query = query.into_inner();
    let limit = page_limit(query.limit, 500)?;
    let before = id_cursor(query.cursor.as_deref())?;
    if query.kind.as_deref().is_some_and(|kind| kind != "price") {
        // There are no alerts of other kinds.
        return Ok(web::Json(Page {
            items: Vec::new(),
            next_cursor: None,
        }));
    }
    let filter = Filter {
        active: query.active,
        ticker: query.ticker,
        before,
    };
    let found = alerts::list(&state.pool, user.0, &filter, limit + 1).await?;
    let mut page = to_page(found, limit, |alert| alert.id.to_string(), to_body);
    state.price_data.mark(&mut page.items, state.clock.now()).await;
    Ok(web::Json(page))
}

/// `GET /internal/alerts/{id}`.
pub async fn get(
    state: web::Data<AppState>,
    user: UserId,
    id: web::Path<String>,
) -> Result<web::Json<AlertBody>, Problem> {
    let alert = find(&state, user, &id).await?;
    Ok(web::Json(with_price_data(&state, alert).await))
}

/// `DELETE /internal/alerts/{id}`: 204.
pub async fn delete(state: web::Data<AppState>, user: UserId, id: web::Path<String>) -> Result<HttpResponse, Problem> {
    let id = parse_id(&id, ProblemKind::AlertNotFound, NOT_FOUND)?;
    let deleted = alerts::delete(&state.pool, user.0, id).await?;
    let alert = deleted.ok_or_else(|| Problem::new(ProblemKind::AlertNotFound, NOT_FOUND))?;
    let entry = Entry {
        alert_id: alert.id,
        target: alert.target_price,
    };
    if let Err(error) = state.index.remove(&alert.ticker, alert.condition, &[entry]).await {
        // It cannot fire any more: rows decide, not the index.
        tracing::warn!(alert_id = %id, error = error_chain(&error), "alert still indexed");
    }
    Ok(HttpResponse::NoContent().finish())
}

/// `GET /internal/alerts/{id}/events`: newest first.
pub async fn events(
    state: web::Data<AppState>,
    user: UserId,
    id: web::Path<String>,
    query: web::Query<PageQuery>,
) -> Result<web::Json<Page<AlertEventBody>>, Problem> {
    let limit = page_limit(query.limit, 100)?;
    let before = id_cursor(query.cursor.as_deref())?;
    let alert = find(&state, user, &id).await?;
    let found = events::list(&state.pool, alert.id, before, limit + 1).await?;
    Ok(web::Json(to_page(
        found,
        limit,
        |event| event.id.to_string(),
        event_body,
    )))
}

/// `GET /internal/alerts/{id}/deliveries`: one item per attempt, newest first.
pub async fn deliveries(
    state: web::Data<AppState>,
    user: UserId,
    id: web::Path<String>,
    query: web::Query<PageQuery>,
) -> Result<web::Json<Page<DeliveryBody>>, Problem> {
    let limit = page_limit(query.limit, 100)?;
    let before = query.cursor.as_deref().map(attempt_cursor).transpose()?;
    let alert = find(&state, user, &id).await?;
    let found = attempts::list_of_alert(&state.pool, alert.id, before, limit + 1).await?;
    Ok(web::Json(to_page(
        found,
        limit,
        |a| format!("{}.{}", a.delivery_id, a.attempt),
        delivery_body,
    )))
}

async fn find(state: &AppState, user: UserId, id: &str) -> Result<Alert, Problem> {
    let id = parse_id(id, ProblemKind::AlertNotFound, NOT_FOUND)?;
    let found = alerts::find(&state.pool, user.0, id).await?;
    found.ok_or_else(|| Problem::new(ProblemKind::AlertNotFound, NOT_FOUND))
}

fn attempt_cursor(text: &str) -> Result<(Uuid, u32), Problem> {
    let (id, attempt) = text.split_once('.').ok_or_else(invalid_cursor)?;
    let id = id.parse().map_err(|_| invalid_cursor())?;
    Ok((id, attempt.parse().map_err(|_| invalid_cursor())?))
}

/// An alert as the API shows it.
async fn with_price_data(state: &AppState, alert: Alert) -> AlertBody {
    let mut body = to_body(alert);
    state
        .price_data
        .mark(std::slice::from_mut(&mut body), state.clock.now())
        .await;
    body
}

fn to_body(alert: Alert) -> AlertBody {
    AlertBody {
        id: alert.id,
        user_id: alert.user_id,
        ticker: alert.ticker,
        kind: alert.kind,
        target_price: alert.target_price.into(),
        condition: alert.condition,
        webhook_url: alert.webhook_url,
        webhook_endpoint_id: alert.endpoint_id,
        is_active: alert.is_active,
        state: alert.state,
        no_data: None,
        last_value: alert.last_value.map(Price),
        fires: alert.fires,
        created_at: alert.created_at.into(),
        updated_at: alert.updated_at.into(),
        triggered_at: alert.triggered_at.map(Into::into),
    }
}

fn event_body(event: AlertEvent) -> AlertEventBody {
    AlertEventBody {
        id: event.id,
        alert_id: event.alert_id,
        at: event.at.into(),
        from_state: event.from_state,
        to_state: event.to_state,
        value: event.value.into(),
        price_id: event.price_id,
        reason: event.reason,
        late: event.late,
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("0", "greater_than")]
    #[case("-1", "greater_than")]
    #[case("1000000000000000000.1", "less_than_equal")]
    #[case("0.0000000000000000001", "decimal_max_places")]
    #[case("12345678901.123456789012345678", "decimal_max_digits")]
    fn target_out_of_bounds_names_its_bound(#[case] target: &str, #[case] kind: &str) {
        let problem = check_target(target.parse().unwrap()).unwrap_err();
        assert_eq!((problem.status, problem.errors[0].kind.as_str()), (422, kind));
    }

    #[rstest]
    #[case("1000000000000000000")]
    #[case("0.000000000000000001")]
    #[case("70000.0000000000000000000")]
    #[case("1234567890.123456789012345678")]
    fn bounds_themselves_are_allowed(#[case] target: &str) {
        assert!(check_target(target.parse().unwrap()).is_ok());
    }

    #[test]
    fn invalid_cursor_is_refused() {
        for text in ["", "x", "01933f4e-7a00-7000-8000-000000000005", "x.1"] {
            assert_eq!(
                attempt_cursor(text).unwrap_err().kind,
                ProblemKind::InvalidCursor,
                "{text:?}"
            );
        }
        assert!(attempt_cursor("01933f4e-7a00-7000-8000-000000000005.3").is_ok());
    }
}
