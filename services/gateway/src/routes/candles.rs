//! Candles.

use actix_web::http::header::HeaderValue;
use actix_web::web;
use contracts::api::analytics::{CandleBody, CandlesQuery};
use contracts::api::{Page, WithProvenance};
use domain::ticker::Ticker;

use super::analytics::{in_order, require_supported};
use crate::auth::Scope;
use crate::error::ApiError;
use crate::extract::cursor::Cursors;
use crate::extract::parameters::{Declare, ParameterList, Parameters};
use crate::extract::rule;
use crate::rate_limit::policy::RateLimitPolicy;
use crate::response::Enveloped;
use crate::response::envelope::{CacheLevel, Envelope, EnvelopeParts, Pagination};
use crate::route_policy::RoutePolicy;
use crate::state::AppState;

pub const READ: RoutePolicy = RoutePolicy::scoped(Scope::MarketRead)
    .limited(RateLimitPolicy::Market)
    .enveloped();

/// Market data are for the client alone, who may keep them for so long.
const CACHE_CONTROL: HeaderValue = HeaderValue::from_static("private, max-age=2");

const DEFAULT_LIMIT: u32 = 500;

pub struct CandleList {
    ticker: Ticker,
    query: CandlesQuery,
}

impl ParameterList for CandleList {
    fn declare(parameters: &mut impl Declare) -> Option<Self> {
        let ticker = parameters.path("ticker", rule::ticker(), "Ticker of the asset, in any case");
        let interval = parameters.optional("interval", rule::interval(), "Length of a candle; 1h by default");
        let from = parameters.optional(
            "from",
            rule::time(),
            "First opening time: RFC 3339, or unix seconds or milliseconds",
        );
        let to = parameters.optional(
            "to",
            rule::time(),
            "End of the range, exclusive: RFC 3339, or unix seconds or milliseconds; now by default",
        );
        // There is one origin only, so its value is checked and not used.
        parameters.optional(
            "source",
            rule::one_of("CandleSource", &["aggregate"]),
            "Origin of the prices: `aggregate`, all providers together",
        );
        let limit = parameters.optional("limit", rule::limit(), "Maximum number of candles; 500 by default");
        let cursor = parameters.optional(
            "cursor",
            rule::cursor(),
            "`pagination.next_cursor` of the page before; valid for five minutes",
        );
        Some(Self {
            ticker: ticker?,
            query: CandlesQuery {
                interval,
                from,
                to,
                limit,
                cursor,
            },
        })
    }
}

/// Candles of one asset
///
/// In ascending order of their opening times. Without `from`, the newest candles.
#[utoipa::path(get, path = "/api/v1/candles/{ticker}", tag = "market",
    responses(
        (status = 200, description = "A page of candles", body = Envelope<Vec<CandleBody>>),
        (status = 304, description = "The client's copy is current"),
        (status = 404, description = "The asset is not offered"),
    ))]
pub async fn list(
    state: web::Data<AppState>,
    cursors: Cursors,
    Parameters(CandleList { ticker, mut query }): Parameters<CandleList>,
) -> Result<Enveloped<Vec<CandleBody>>, ApiError> {
    in_order(query.from, query.to)?;
    query.cursor = cursors.open(query.cursor)?;
    let ticker = require_supported(&state, ticker)?;

    let found: WithProvenance<Page<CandleBody>> = state
        .upstreams
        .analytics
        .get(&format!("candles/{ticker}"), &query)
        .await?;
    let Page { items, next_cursor } = found.data;
    let next_cursor = cursors.seal(next_cursor);
    let pagination = Pagination::by_cursor(u64::from(query.limit.unwrap_or(DEFAULT_LIMIT)), next_cursor);
    let sourced = WithProvenance {
        data: items,
        state: found.state,
        as_of: found.as_of,
        sources: found.sources,
        estimated: found.estimated,
    };
    let contents = EnvelopeParts::new(sourced, CacheLevel::Db).page(pagination);
    Ok(Enveloped {
        parts: contents,
        now: state.clock.now(),
        cache_control: CACHE_CONTROL,
        version: None,
    })
}
