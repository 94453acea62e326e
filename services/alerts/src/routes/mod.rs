//! Internal HTTP, under `/internal`. The gateway names the user in `X-User-Id`; an object of another user is not found.

use std::future::{Ready, ready};
use std::sync::Arc;

use actix_web::dev::Payload;
use actix_web::http::Method;
use actix_web::web::{self, ServiceConfig};
use actix_web::{FromRequest, HttpRequest};
use contracts::headers;
use contracts::problem::ProblemKind;
use deadpool_postgres::Pool;
use domain::monitor::Thresholds;
use domain::ticker::Ticker;
use platform::clock::SharedClock;
use platform::problem::{FieldError, Problem};
use platform::request_id::RequestId;
use platform::sealing::KeyRing;
use platform::server::resource;
use tokio::sync::Notify;
use uuid::Uuid;

use crate::delivery::dns::NameResolver;
use crate::delivery::ssrf::EgressPolicy;
use crate::index::AlertIndex;
use crate::price_data::PriceData;
use crate::store::StoreError;

mod alerts;
mod endpoints;
mod monitors;
mod webhooks;

/// What handlers need.
pub struct AppState {
    /// PostgreSQL.
    pub pool: Pool,
    /// The index in Redis.
    pub index: AlertIndex,
    /// What time it is.
    pub clock: SharedClock,
    /// Under what secrets are sealed.
    pub keys: Arc<KeyRing>,
    /// What may be posted to.
    pub egress_policy: Arc<EgressPolicy>,
    /// Looks up the names in addresses.
    pub names: NameResolver,
    /// Assets that alerts may name.
    pub supported: Vec<Ticker>,
    /// Which alerts no price reaches.
    pub price_data: PriceData,
    /// Where risk levels begin.
    pub thresholds: Thresholds,
    /// This process's relay.
    pub relay: Arc<Notify>,
    /// This process's comparison of the index.
    pub compare: Arc<Notify>,
}

/// Adds the routes.
pub fn configure(config: &mut ServiceConfig) {
    config
        .service(resource(
            "/alerts",
            [
                (Method::GET, web::get().to(alerts::list)),
                (Method::POST, web::post().to(alerts::create)),
            ],
        ))
        .service(resource(
            "/alerts/{id}",
            [
                (Method::GET, web::get().to(alerts::get)),
                (Method::DELETE, web::delete().to(alerts::delete)),
            ],
        ))
        .service(resource(
            "/alerts/{id}/events",
            [(Method::GET, web::get().to(alerts::events))],
        ))
        .service(resource(
            "/alerts/{id}/deliveries",
            [(Method::GET, web::get().to(alerts::deliveries))],
        ))
        .service(resource(
            "/webhooks/endpoints",
            [(Method::GET, web::get().to(endpoints::list))],
        ))
        .service(resource(
            "/webhooks/endpoints/{id}",
            [(Method::GET, web::get().to(endpoints::get))],
        ))
        .service(resource(
            "/webhooks/endpoints/{id}/secret",
            [(Method::GET, web::get().to(endpoints::secret))],
        ))
        .service(resource(
            "/webhooks/endpoints/{id}/test",
            [(Method::POST, web::post().to(endpoints::test))],
        ))
        .service(resource(
            "/webhooks/endpoints/{id}/enable",
            [(Method::POST, web::post().to(endpoints::enable))],
        ))
        .service(resource(
            "/webhooks/check",
            [(Method::POST, web::post().to(webhooks::check))],
        ))
        .service(resource(
            "/webhooks/verify",
            [(Method::POST, web::post().to(webhooks::verify))],
        ))
        .service(resource(
            "/risk/monitors",
            [(Method::GET, web::get().to(monitors::list))],
        ));
}

/// On whose behalf the gateway asks.
#[derive(Debug, Clone, Copy)]
pub struct UserId(pub Uuid);

impl FromRequest for UserId {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let header = request
            .headers()
            .get(headers::USER_ID)
            .and_then(|value| value.to_str().ok());
        let user = header.and_then(|text| text.parse().ok()).map(Self);
        ready(user.ok_or_else(|| problem(ProblemKind::BadRequest, "The header X-User-Id must hold a UUID.")))
    }
}

/// A problem of one sentence.
fn problem(kind: ProblemKind, detail: impl Into<String>) -> Problem {
    Problem::new(kind.status(), kind.slug(), detail)
}

/// An id in a path. What is no id names nothing, so it is as unknown as any other.
fn parse_id(text: &str, unknown: ProblemKind, detail: &str) -> Result<Uuid, Problem> {
    text.parse().map_err(|_| problem(unknown, detail))
}

/// Checks the length of a page.
fn page_limit(asked: Option<u32>, default: u32) -> Result<i64, Problem> {
    let limit = asked.unwrap_or(default);
    if (1..=1000).contains(&limit) {
        return Ok(i64::from(limit));
    }
    let error = FieldError::new(&["query", "limit"], "out_of_range", "must be from 1 to 1000")
        .with_params(serde_json::json!({"ge": 1, "le": 1000}));
    Err(problem(ProblemKind::InvalidParameter, "limit must be from 1 to 1000.").with_errors(vec![error]))
}

fn invalid_cursor() -> Problem {
    problem(
        ProblemKind::InvalidCursor,
        "The cursor is unknown. Start again without it.",
    )
}

/// Reads a cursor that is an id.
fn id_cursor(cursor: Option<&str>) -> Result<Option<Uuid>, Problem> {
    cursor
        .map(|text| text.parse().map_err(|_| invalid_cursor()))
        .transpose()
}

/// The id of the request that is being answered.
fn request_id() -> String {
    RequestId::current()
        .unwrap_or_else(RequestId::generate)
        .as_str()
        .to_owned()
}

/// A failure of PostgreSQL: away is 503, anything else is ours.
fn store_problem(error: StoreError) -> Problem {
    if error.is_outage() {
        tracing::warn!(
            error = format!("{:#}", anyhow::Error::new(error)),
            "PostgreSQL does not answer"
        );
        Problem::unavailable("The database does not answer. Please try again in a few seconds.").with_retry_after(2)
    } else {
        Problem::internal(&anyhow::Error::new(error))
    }
}

/// Cuts a list that was asked for with one item too many into a page and the cursor of the next.
fn to_page<T, B>(
    mut items: Vec<T>,
    limit: i64,
    cursor: impl Fn(&T) -> String,
    body: impl Fn(T) -> B,
) -> contracts::api::Page<B> {
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let has_more = items.len() > limit;
    items.truncate(limit);
    let next_cursor = items.last().filter(|_| has_more).map(cursor);
    contracts::api::Page {
        items: items.into_iter().map(body).collect(),
        next_cursor,
    }
}
