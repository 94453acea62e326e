//! Alerts, their events and deliveries. The alerts service decides; here the form is checked.

use actix_web::http::StatusCode;
use actix_web::http::header::{HeaderValue, LOCATION};
use actix_web::{HttpRequest, HttpResponse, web};
use contracts::api::Page;
use contracts::api::alerts::{AlertBody, AlertCreateRequest, AlertEventBody, AlertsQuery, DeliveryBody, PageQuery};
use contracts::number::{Number, parse_decimal};
use contracts::problem::ProblemKind;
use domain::rule::Condition;
use domain::ticker::Ticker;
use platform::problem::FieldError;
use rust_decimal::Decimal;
use serde::Deserialize;
use serde_json::json;
use serde_json::value::RawValue;
use url::Url;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::accounts::Scope;
use crate::app::AppState;
use crate::endpoint::Endpoint;
use crate::extract::identity::Caller;
use crate::extract::json::{Fields, RawBody, decimal_text, string};
use crate::extract::params::{Params, present};
use crate::extract::rules::{self, Broken};
use crate::gate::Gate;
use crate::limits::Policy;
use crate::openapi::words::{AlertCondition, AlertKind};
use crate::problem::ApiError;
use crate::reply;

const CREATE: Gate = Gate::scoped(Scope::AlertsWrite)
    .limited(Policy::AlertsCreate)
    .json()
    .unprocessable();
const READ: Gate = Gate::scoped(Scope::AlertsRead)
    .limited(Policy::AlertsRead)
    .unprocessable();
const DELETE: Gate = Gate::scoped(Scope::AlertsWrite)
    .limited(Policy::AlertsDelete)
    .unprocessable();

const URL_MAX_CHARS: usize = 2_048;
const DECIMALS_MAX: u32 = 18;
const CURSOR_MAX_CHARS: usize = 512;

/// The paths of this file.
pub fn endpoints() -> Vec<Endpoint> {
    vec![
        Endpoint::at("/api/v1/alerts/").get(&READ, list).post(&CREATE, create),
        Endpoint::at("/api/v1/alerts/{id}")
            .get(&READ, get)
            .delete(&DELETE, delete),
        Endpoint::at("/api/v1/alerts/{id}/events").get(&READ, events),
        Endpoint::at("/api/v1/alerts/{id}/deliveries").get(&READ, deliveries),
    ]
}

/// A price alert.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "describes a body that is read field by field")]
pub struct AlertCreate {
    /// The asset, in any case.
    #[schema(pattern = "^[A-Za-z0-9]{1,20}$", example = "BTC")]
    ticker: String,
    /// What is watched: the price, which is also the default.
    #[schema(nullable = false)]
    kind: Option<AlertKind>,
    /// `gt`: strictly above the target. `lt`: strictly below it.
    condition: AlertCondition,
    /// The target in USD, with at most 18 decimals.
    #[schema(exclusive_minimum = 0, maximum = 1e18, example = 70000.0)]
    target_price: f64,
    /// Where to post when it fires: http or https, without user and password.
    #[schema(
        min_length = 10,
        max_length = 2048,
        pattern = "^[Hh][Tt][Tt][Pp][Ss]?://[A-Za-z0-9]",
        example = "https://your-server.com/webhook"
    )]
    webhook_url: String,
}

/// Creates an alert
///
/// A condition that is already true fires at the next price.
#[utoipa::path(post, path = "/api/v1/alerts/", tag = "alerts", request_body = AlertCreate,
    responses(
        (status = 201, description = "The alert", body = AlertBody),
        (status = 409, description = "An equal alert is active"),
    ))]
pub async fn create(
    state: web::Data<AppState>,
    request: HttpRequest,
    caller: Caller,
    body: RawBody,
) -> Result<HttpResponse, ApiError> {
    let wanted = read(&body.0)?;
    check_offered(&state, &wanted.ticker)?;
    let alert: AlertBody = state
        .services
        .alerts
        .for_user(caller.user_id)
        .post("alerts", &wanted)
        .await?;
    let mut response = reply::plain(&request, StatusCode::CREATED, &alert)?;
    let location = HeaderValue::try_from(format!("/api/v1/alerts/{}", alert.id)).map_err(ApiError::internal)?;
    response.headers_mut().insert(LOCATION, location);
    Ok(response)
}

fn read(body: &[u8]) -> Result<AlertCreateRequest, ApiError> {
    let mut fields = Fields::parse(body)?;
    let ticker = fields.required("ticker", string(rules::ticker));
    fields.optional("kind", string(rules::one_of(&["price"])));
    let condition = fields.required("condition", string(condition));
    let target_price = fields.required("target_price", target);
    let webhook_url = fields.required("webhook_url", string(webhook_url));
    fields.finish()?;
    Ok(AlertCreateRequest {
        ticker: present(ticker)?,
        condition: present(condition)?,
        target_price: present(target_price)?,
        webhook_url: present(webhook_url)?,
    })
}

fn condition(text: &str) -> Result<Condition, Broken> {
    match text {
        "gt" => Ok(Condition::Gt),
        "lt" => Ok(Condition::Lt),
        _ => Err(Broken::new("enum", "must be one of gt, lt").params(json!({"expected": ["gt", "lt"]}))),
    }
}

fn target(raw: &RawValue) -> Result<Number, Broken> {
    let text = decimal_text(raw)?;
    let most = Decimal::from(1_000_000_000_000_000_000_u64);
    let too_large =
        || Broken::new("less_than_equal", "must be at most 10^18 with at most 18 decimals").params(json!({"le": 1e18}));
    if text.starts_with('-')
        || text
            .bytes()
            .take_while(|b| !matches!(b, b'e' | b'E'))
            .all(|b| matches!(b, b'0' | b'.'))
    {
        return Err(Broken::new("greater_than", "must be greater than 0").params(json!({"gt": 0})));
    }
    let price = parse_decimal(text).ok_or_else(too_large)?.normalize();
    if price > most {
        Err(too_large())
    } else if price.is_zero() || price.scale() > DECIMALS_MAX {
        Err(Broken::new("decimal_max_places", "must have at most 18 decimals")
            .params(json!({"decimal_places": DECIMALS_MAX})))
    } else {
        Ok(Number(price))
    }
}

fn webhook_url(text: &str) -> Result<String, Broken> {
    let text = rules::text(1, URL_MAX_CHARS)(text)?;
    let invalid = |msg: &str| Broken::new("url_parsing", msg);
    if text.chars().any(|c| c.is_whitespace() || c.is_control()) {
        return Err(invalid("must not contain blanks or control characters"));
    }
    let url = Url::parse(&text).map_err(|_| invalid("must be an absolute http or https address"))?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err(Broken::new("url_scheme", "must be http or https").params(json!({"expected": ["http", "https"]})));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(invalid("must not contain a user or a password"));
    }
    if url.host().is_none() {
        return Err(invalid("must name a host"));
    }
    Ok(text)
}

fn check_offered(state: &AppState, ticker: &Ticker) -> Result<(), ApiError> {
    if state.quotes.is_supported(ticker) {
        return Ok(());
    }
    let names: Vec<&str> = state.settings.supported_tickers.iter().map(Ticker::as_str).collect();
    let violation = FieldError::new(
        &["body", "ticker"],
        "enum",
        format!("must be one of {}", names.join(", ")),
    )
    .with_params(json!({"expected": names}));
    let mut error = ApiError::new(ProblemKind::UnsupportedTicker).detail(format!("{ticker} is not watched here."));
    error.errors = vec![violation];
    Err(error)
}

/// One's own alerts
///
/// Active and triggered ones, newest first.
#[utoipa::path(get, path = "/api/v1/alerts/", tag = "alerts",
    params(
        ("active" = Option<bool>, Query, description = "Only active, or only inactive ones"),
        ("ticker" = Option<String>, Query, description = "Only of this asset", pattern = "^[A-Za-z0-9]{1,20}$", example = "BTC"),
        ("kind" = Option<AlertKind>, Query, description = "Only of this kind"),
        ("limit" = Option<u32>, Query, description = "Most alerts in the answer; 500 by default", minimum = 1, maximum = 1000),
        ("cursor" = Option<String>, Query, description = "Where the last page ended", min_length = 1, max_length = 512),
    ),
    responses((status = 200, description = "Alerts", body = Vec<AlertBody>)))]
pub async fn list(state: web::Data<AppState>, request: HttpRequest, caller: Caller) -> Result<HttpResponse, ApiError> {
    let mut params = Params::of(&request);
    let query = AlertsQuery {
        active: params.optional("active", rules::boolean),
        ticker: params.optional("ticker", rules::ticker),
        kind: params.optional("kind", rules::one_of(&["price"])),
        limit: params.optional("limit", rules::integer(1, 1_000)),
        cursor: params.optional("cursor", rules::text(1, CURSOR_MAX_CHARS)),
    };
    params.finish()?;
    let page: Page<AlertBody> = state
        .services
        .alerts
        .for_user(caller.user_id)
        .get("alerts", &query)
        .await?;
    reply::plain_page(&request, &page)
}

/// One alert
#[utoipa::path(get, path = "/api/v1/alerts/{id}", tag = "alerts",
    params(("id" = Uuid, Path, description = "Id of the alert")),
    responses(
        (status = 200, description = "The alert", body = AlertBody),
        (status = 404, description = "No such alert of this user"),
    ))]
pub async fn get(state: web::Data<AppState>, request: HttpRequest, caller: Caller) -> Result<HttpResponse, ApiError> {
    let id = id_of(Params::of(&request))?;
    let alerts = state.services.alerts.for_user(caller.user_id);
    let alert: AlertBody = alerts.get(&format!("alerts/{id}"), &()).await?;
    reply::plain(&request, StatusCode::OK, &alert)
}

/// Deletes an alert
#[utoipa::path(delete, path = "/api/v1/alerts/{id}", tag = "alerts",
    params(("id" = Uuid, Path, description = "Id of the alert")),
    responses(
        (status = 204, description = "It is gone"),
        (status = 404, description = "No such alert of this user"),
    ))]
pub async fn delete(
    state: web::Data<AppState>,
    request: HttpRequest,
    caller: Caller,
) -> Result<HttpResponse, ApiError> {
    let id = id_of(Params::of(&request))?;
    state
        .services
        .alerts
        .for_user(caller.user_id)
        .delete(&format!("alerts/{id}"))
        .await?;
    Ok(HttpResponse::NoContent().finish())
}

/// What happened to an alert
///
/// Newest first.
#[utoipa::path(get, path = "/api/v1/alerts/{id}/events", tag = "alerts",
    params(
        ("id" = Uuid, Path, description = "Id of the alert"),
        ("limit" = Option<u32>, Query, description = "Most events in the answer; 100 by default", minimum = 1, maximum = 1000),
        ("cursor" = Option<String>, Query, description = "Where the last page ended", min_length = 1, max_length = 512),
    ),
    responses(
        (status = 200, description = "Events", body = Vec<AlertEventBody>),
        (status = 404, description = "No such alert of this user"),
    ))]
pub async fn events(
    state: web::Data<AppState>,
    request: HttpRequest,
    caller: Caller,
) -> Result<HttpResponse, ApiError> {
    let page: Page<AlertEventBody> = below(&state, &request, &caller, "events").await?;
    reply::plain_page(&request, &page)
}

/// Attempts to deliver an alert's webhook
///
/// One item per attempt, newest first.
#[utoipa::path(get, path = "/api/v1/alerts/{id}/deliveries", tag = "alerts",
    params(
        ("id" = Uuid, Path, description = "Id of the alert"),
        ("limit" = Option<u32>, Query, description = "Most attempts in the answer; 100 by default", minimum = 1, maximum = 1000),
        ("cursor" = Option<String>, Query, description = "Where the last page ended", min_length = 1, max_length = 512),
    ),
    responses(
        (status = 200, description = "Attempts", body = Vec<DeliveryBody>),
        (status = 404, description = "No such alert of this user"),
    ))]
pub async fn deliveries(
    state: web::Data<AppState>,
    request: HttpRequest,
    caller: Caller,
) -> Result<HttpResponse, ApiError> {
    let page: Page<DeliveryBody> = below(&state, &request, &caller, "deliveries").await?;
    reply::plain_page(&request, &page)
}

/// A page of a list below one alert.
async fn below<T: serde::de::DeserializeOwned>(
    state: &AppState,
    request: &HttpRequest,
    caller: &Caller,
    list: &str,
) -> Result<Page<T>, ApiError> {
    let mut params = Params::of(request);
    let query = page_query(&mut params);
    let id = id_of(params)?;
    state
        .services
        .alerts
        .for_user(caller.user_id)
        .get(&format!("alerts/{id}/{list}"), &query)
        .await
}

/// The parameters of every list that is followed by cursor.
pub fn page_query(params: &mut Params<'_>) -> PageQuery {
    PageQuery {
        limit: params.optional("limit", rules::integer(1, 1_000)),
        cursor: params.optional("cursor", rules::text(1, CURSOR_MAX_CHARS)),
    }
}

/// The path's id, after all other parameters.
///
/// # Errors
///
/// Every violation that was found.
pub fn id_of(mut params: Params<'_>) -> Result<Uuid, ApiError> {
    let id = params.path("id", rules::id);
    params.finish()?;
    present(id)
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    fn raw(text: &str) -> Box<RawValue> {
        RawValue::from_string(text.to_owned()).unwrap()
    }

    #[rstest]
    #[case("70000.00", Ok("70000"))]
    #[case("0.000000000000000001", Ok("0.000000000000000001"))]
    #[case("1e18", Ok("1000000000000000000"))]
    #[case("1.5e3", Ok("1500"))]
    #[case("1000000000000000000.000000001", Err("less_than_equal"))]
    #[case("1e400", Err("less_than_equal"))]
    #[case("0.0000000000000000001", Err("decimal_max_places"))]
    #[case("0", Err("greater_than"))]
    #[case("0.00e5", Err("greater_than"))]
    #[case("-1", Err("greater_than"))]
    #[case("\"70000\"", Err("decimal_type"))]
    #[case("null", Err("decimal_type"))]
    #[case("[1]", Err("decimal_type"))]
    fn targets_are_exact_and_bounded(#[case] text: &str, #[case] expected: Result<&str, &str>) {
        let found = target(&raw(text))
            .map(|number| number.to_string())
            .map_err(|broken| broken.kind);
        assert_eq!(found.as_deref().map_err(|kind| *kind), expected);
    }

    #[rstest]
    #[case("https://your-server.com/webhook", None)]
    #[case("http://127.0.0.1:9000/", None)]
    #[case("ftp://a.example/", Some("url_scheme"))]
    #[case("https://user:secret@a.example/", Some("url_parsing"))]
    #[case("https://", Some("url_parsing"))]
    #[case("/webhook", Some("url_parsing"))]
    #[case("https://a.example/a b", Some("url_parsing"))]
    #[case("https://a.example/\u{0}", Some("url_parsing"))]
    fn webhook_addresses_are_plain_http(#[case] text: &str, #[case] broken: Option<&str>) {
        assert_eq!(webhook_url(text).err().map(|broken| broken.kind), broken);
        let long = format!("https://a.example/{}", "x".repeat(2_048));
        assert_eq!(webhook_url(&long).unwrap_err().kind, "too_long");
    }

    #[test]
    fn every_violation_of_an_alert_is_named() {
        let error = read(br#"{"ticker": "B-TC", "condition": "above", "target_price": 0, "note": "x"}"#).unwrap_err();
        let found: Vec<_> = error
            .errors
            .iter()
            .map(|e| (e.loc[1].as_str(), e.kind.as_str()))
            .collect();
        assert_eq!(
            found,
            [
                ("ticker", "ticker"),
                ("condition", "enum"),
                ("target_price", "greater_than"),
                ("webhook_url", "missing"),
                ("note", "extra_forbidden"),
            ]
        );
    }
}
