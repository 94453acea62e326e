//! Prices of any coin. Requests for one coin share one request to the provider.

use actix_web::body::BoxBody;
use actix_web::http::header::{HeaderName, HeaderValue};
use actix_web::{HttpRequest, HttpResponse, Responder, web};
use contracts::api::price::{
    BatchedPriceBody, PriceBody, PriceHistoryBody, PriceHistoryPage, PriceHistoryQuery, PriceQuery,
};
use domain::coin_id::CoinId;

use super::analytics::in_order;
use crate::auth::Scope;
use crate::error::ApiError;
use crate::extract::cursor::Cursors;
use crate::extract::pagination::NEXT_PAGE;
use crate::extract::parameters::{Declare, ParameterList, Parameters};
use crate::extract::rule;
use crate::rate_limit::policy::RateLimitPolicy;
use crate::response::{Json, NEXT_CURSOR};
use crate::route_policy::RoutePolicy;
use crate::state::AppState;

pub const READ: RoutePolicy = RoutePolicy::scoped(Scope::PriceRead).limited(RateLimitPolicy::Price);

/// The oldest stored price that a request may accept.
const MAX_AGE_MS: u32 = 60_000;
const MAX_LIMIT: u32 = 100;
const DEFAULT_LIMIT: u32 = 20;
const MAX_PAGE: u32 = 1_000_000;

const BATCH_ID: HeaderName = HeaderName::from_static("x-batch-id");
const BATCH_SIZE: HeaderName = HeaderName::from_static("x-batch-size");
const BATCH_TRIGGER: HeaderName = HeaderName::from_static("x-batch-trigger");
const BATCH_WAIT_MS: HeaderName = HeaderName::from_static("x-batch-wait-ms");
const PERSISTED: HeaderName = HeaderName::from_static("x-persisted");
const PROVIDER: HeaderName = HeaderName::from_static("x-price-provider");

const COIN_ID: &str = "Id of the coin at the listing provider, such as `bitcoin`; also of coins that are not watched";

/// The coin whose price is asked for.
pub struct PriceOf {
    coin_id: CoinId,
    query: PriceQuery,
}

impl ParameterList for PriceOf {
    fn declare(parameters: &mut impl Declare) -> Option<Self> {
        let coin_id = parameters.path("coin_id", rule::coin_id(), COIN_ID);
        let max_age_ms = parameters.optional(
            "max_age_ms",
            rule::integer(0, MAX_AGE_MS),
            "A stored price that is no older answers at once; with 0, the default, the request always joins a batch",
        );
        Some(Self {
            coin_id: coin_id?,
            query: PriceQuery {
                max_age_ms: max_age_ms.unwrap_or_default(),
            },
        })
    }
}

/// The history that is asked for.
pub struct HistoryOf {
    coin_id: CoinId,
    query: PriceHistoryQuery,
}

impl ParameterList for HistoryOf {
    fn declare(parameters: &mut impl Declare) -> Option<Self> {
        let coin_id = parameters.path("coin_id", rule::coin_id(), COIN_ID);
        let from = parameters.optional("from", rule::time(), "Fetched at this time or later");
        let to = parameters.optional("to", rule::time(), "Fetched before this time");
        let limit = parameters.optional(
            "limit",
            rule::integer(1, MAX_LIMIT),
            "Maximum number of prices of a page; 20 by default",
        );
        let page = parameters.optional(
            "page",
            rule::integer(1, MAX_PAGE),
            "Number of the page, from 1; it counts without `cursor` only",
        );
        let cursor = parameters.optional("cursor", rule::cursor(), NEXT_PAGE);
        Some(Self {
            coin_id: coin_id?,
            query: PriceHistoryQuery {
                from,
                to,
                limit: limit.unwrap_or(DEFAULT_LIMIT),
                page: page.unwrap_or(1),
                cursor,
            },
        })
    }
}

/// A price, with headers that tell how it came about.
pub struct BatchedPrice(BatchedPriceBody);

impl Responder for BatchedPrice {
    type Body = BoxBody;

    fn respond_to(self, request: &HttpRequest) -> HttpResponse {
        let Self(batched) = self;
        let mut response = Json::ok(&batched.price).respond_to(request);
        let headers = response.headers_mut();
        // A UUID is within what a header may hold.
        if let Ok(batch_id) = HeaderValue::try_from(batched.batch_id.to_string()) {
            headers.insert(BATCH_ID, batch_id);
        }
        headers.insert(BATCH_SIZE, HeaderValue::from(batched.batch_size));
        headers.insert(BATCH_TRIGGER, HeaderValue::from_static(batched.trigger.as_str()));
        headers.insert(BATCH_WAIT_MS, HeaderValue::from(batched.wait_ms));
        let persisted = if batched.is_persisted { "true" } else { "false" };
        headers.insert(PERSISTED, HeaderValue::from_static(persisted));
        headers.insert(PROVIDER, HeaderValue::from_static(batched.provider.as_str()));
        response
    }
}

/// A page of the history, with the cursor of the next one.
pub struct HistoryPage {
    body: PriceHistoryBody,
    next_cursor: Option<String>,
}

impl Responder for HistoryPage {
    type Body = BoxBody;

    fn respond_to(self, request: &HttpRequest) -> HttpResponse {
        let mut response = Json::ok(&self.body).respond_to(request);
        let cursor = self.next_cursor.and_then(|cursor| HeaderValue::try_from(cursor).ok());
        if let Some(cursor) = cursor {
            response.headers_mut().insert(NEXT_CURSOR, cursor);
        }
        response
    }
}

/// Returns the price of a coin
///
/// Requests for one coin are answered together: when enough of them have come or their window ends, one request to the
/// provider answers all, with the same price and time. So a single request takes as long as the window and the
/// provider's response. The headers tell of the batch.
#[utoipa::path(get, path = "/api/v1/price/{coin_id}", tag = "price",
    responses(
        (status = 200, description = "The price in US dollars", body = PriceBody,
            headers(
                ("X-Batch-Id" = String, description = "Id of the batch that fetched the price, a UUID"),
                ("X-Batch-Size" = u32, description = "Number of requests of that batch"),
                ("X-Batch-Trigger" = String,
                    description = "Why it was answered: `threshold`, `window`, or `cache` for a stored price"),
                ("X-Batch-Wait-Ms" = u64, description = "Milliseconds that the request waited"),
                ("X-Persisted" = String, description = "`false` while the price is missing in the history"),
                ("X-Price-Provider" = String, description = "The provider that reported the price")
            ),
            example = json!({"coinId": "bitcoin", "vsCurrency": "usd", "price": 67210.45,
                "fetchedAt": "2026-02-28T03:55:00.000Z"})),
        (status = 400, description = "The id is not spelled as ids are, or a parameter is invalid"),
        (status = 404, description = "No provider has a price of this coin"),
        (status = 429, description = "Too many requests, or the provider asks to wait"),
        (status = 502, description = "The provider does not answer, or not with a price"),
        (status = 503, description = "Requests cannot be counted or shared now"),
        (status = 504, description = "The batch had no result in time"),
    ))]
pub async fn get(
    state: web::Data<AppState>,
    Parameters(PriceOf { coin_id, query }): Parameters<PriceOf>,
) -> Result<BatchedPrice, ApiError> {
    let batched: BatchedPriceBody = state.upstreams.prices.get(&format!("price/{coin_id}"), &query).await?;
    Ok(BatchedPrice(batched))
}

/// Lists the prices of a coin that were fetched
///
/// One for each batch, newest first, by number of page or by cursor. A coin that was never fetched has an empty page.
#[utoipa::path(get, path = "/api/v1/price/{coin_id}/history", tag = "price",
    responses((status = 200, description = "A page of prices", body = PriceHistoryBody)))]
pub async fn history(
    state: web::Data<AppState>,
    cursors: Cursors,
    Parameters(HistoryOf { coin_id, mut query }): Parameters<HistoryOf>,
) -> Result<HistoryPage, ApiError> {
    in_order(query.from, query.to)?;
    query.cursor = cursors.open(query.cursor)?;
    let path = format!("price/{coin_id}/history");
    let PriceHistoryPage { body, next_cursor } = state.upstreams.fetch.get(&path, &query).await?;
    Ok(HistoryPage {
        body,
        next_cursor: cursors.seal(next_cursor),
    })
}
