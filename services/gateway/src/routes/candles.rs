//! Candles.

use actix_web::{HttpRequest, HttpResponse, web};
use contracts::api::analytics::{CandleBody, CandlesQuery};
use contracts::api::{Page, Sourced};

use super::analytics::{in_order, require_supported};
use crate::auth::Scope;
use crate::error::ApiError;
use crate::extract::cursor::Cursors;
use crate::extract::pagination::MAX_CURSOR_CHARS;
use crate::extract::query::{Params, expect_valid};
use crate::extract::validate;
use crate::extract::words::{BarLength, BarSource};
use crate::rate_limit::policy::RateLimitPolicy;
use crate::response;
use crate::response::envelope::{CacheLevel, Envelope, EnvelopeParts, Pagination};
use crate::route_policy::RoutePolicy;
use crate::state::AppState;

pub const READ: RoutePolicy = RoutePolicy::scoped(Scope::MarketRead)
    .limited(RateLimitPolicy::Market)
    .enveloped();

/// Seconds for which a client may keep candles: the last one changes with every price.
const MAX_AGE: u32 = 2;

const DEFAULT_LIMIT: u32 = 500;
const MAX_LIMIT: u32 = 1_000;

/// Candles of one asset
///
/// In ascending order of their opening times. Without `from`, the newest candles.
#[utoipa::path(get, path = "/api/v1/candles/{ticker}", tag = "market",
    params(
        ("ticker" = String, Path, description = "Ticker of the asset, in any case",
            pattern = "^[A-Za-z0-9]{1,20}$", example = "BTC"),
        ("interval" = Option<BarLength>, Query, description = "Length of a candle; 1h by default"),
        ("from" = Option<String>, Query, description = "First opening time: RFC 3339, or unix seconds or milliseconds",
            format = DateTime),
        ("to" = Option<String>, Query, description = "End of the range, exclusive: RFC 3339, or unix seconds or \
            milliseconds; now by default", format = DateTime),
        ("source" = Option<BarSource>, Query, description = "Origin of the prices: `aggregate`, all venues together"),
        ("limit" = Option<u32>, Query, description = "Maximum number of candles; 500 by default",
            minimum = 1, maximum = 1000),
        ("cursor" = Option<String>, Query,
            description = "`pagination.next_cursor` of the page before; valid for five minutes",
            min_length = 1, max_length = 512),
    ),
    responses(
        (status = 200, description = "A page of candles", body = Envelope<Vec<CandleBody>>),
        (status = 304, description = "The client's copy is current"),
        (status = 404, description = "The asset is not offered"),
    ))]
pub async fn list(state: web::Data<AppState>, request: HttpRequest) -> Result<HttpResponse, ApiError> {
    let mut params = Params::of(&request);
    let ticker = params.path("ticker", validate::ticker);
    let mut query = CandlesQuery {
        interval: params.optional("interval", validate::interval),
        from: params.optional("from", validate::time),
        to: params.optional("to", validate::time),
        limit: params.optional("limit", validate::integer(1, MAX_LIMIT)),
        cursor: params.optional("cursor", validate::text(1, MAX_CURSOR_CHARS)),
    };
    params.optional("source", validate::one_of(&["aggregate"]));
    params.finish()?;
    in_order(query.from, query.to)?;
    let cursors = Cursors::of(&request, &state.hasher, state.clock.now());
    query.cursor = cursors.open(query.cursor)?;
    let ticker = require_supported(&state, expect_valid(ticker)?)?;

    let found: Sourced<Page<CandleBody>> = state
        .upstreams
        .analytics
        .get(&format!("candles/{ticker}"), &query)
        .await?;
    let Page { items, next_cursor } = found.data;
    let next_cursor = cursors.seal(next_cursor);
    let pagination = Pagination::by_cursor(u64::from(query.limit.unwrap_or(DEFAULT_LIMIT)), next_cursor);
    let sourced = Sourced {
        data: items,
        state: found.state,
        as_of: found.as_of,
        sources: found.sources,
        estimated: found.estimated,
    };
    let contents = EnvelopeParts::new(sourced, CacheLevel::Db).page(pagination);
    response::market(&request, contents, state.clock.now(), MAX_AGE)
}
