use actix_web::web;
use contracts::api::WithProvenance;
use contracts::api::tokens::{TokenAnswer, TokenPage, TokenRow, TokensQuery};

use super::{CONVERT, enveloped};
use crate::error::ApiError;
use crate::extract::cursor::Cursors;
use crate::extract::parameters::{Declare, ParameterList, Parameters};
use crate::extract::rule;
use crate::extract::words::TokenSort;
use crate::response::Enveloped;
use crate::response::envelope::{Envelope, Pagination};
use crate::state::AppState;

const DEFAULT_LIMIT: u32 = 100;
const MAX_START: u32 = 1_000_000;

pub struct TokenList(TokensQuery);

impl ParameterList for TokenList {
    fn declare(parameters: &mut impl Declare) -> Option<Self> {
        parameters.optional("convert", rule::currency(), CONVERT);
        Some(Self(TokensQuery {
            limit: parameters.optional("limit", rule::limit(), "Maximum number of tokens; 100 by default"),
            start: parameters
                .optional(
                    "start",
                    rule::integer(1, MAX_START),
                    "Position of the first token in the list, from 1; 1 by default",
                )
                .map(u64::from),
            sort: parameters.optional(
                "sort",
                rule::one_of("TokenSort", TokenSort::NAMES),
                "What the list is sorted by; market_cap by default. Unknown values come last",
            ),
            sort_dir: parameters.optional(
                "sort_dir",
                rule::one_of("SortDirection", &["asc", "desc"]),
                "Direction of the list; desc by default",
            ),
            min_market_cap: parameters.optional("min_market_cap", rule::amount(), "Smallest market capitalisation"),
            max_market_cap: parameters.optional("max_market_cap", rule::amount(), "Largest market capitalisation"),
            min_volume: parameters.optional("min_volume", rule::amount(), "Smallest volume of 24 hours"),
            max_volume: parameters.optional("max_volume", rule::amount(), "Largest volume of 24 hours"),
            min_velocity: parameters.optional("min_velocity", rule::amount(), "Smallest velocity"),
            max_velocity: parameters.optional("max_velocity", rule::amount(), "Largest velocity"),
            ids: parameters.optional("ids", rule::token_ids(), "Comma-separated list of at most 100 ids"),
            symbols: parameters.optional("symbols", rule::token_symbols(), "Comma-separated list of at most 100 symbols"),
            cursor: parameters.optional(
                "cursor",
                rule::cursor(),
                "`pagination.next_cursor` of the page before; valid for five minutes, in which the list stays as it was",
            ),
        }))
    }
}

/// Tokens with their market figures
///
/// Everything that the listing provider knows, with velocity. Pages that follow a cursor are cut from the list as it was
/// when the first page was taken.
#[utoipa::path(get, path = "/api/v1/tokens", tag = "tokens",
    responses(
        (status = 200, description = "A page of tokens", body = Envelope<Vec<TokenRow>>),
        (status = 304, description = "The client's copy is current"),
    ))]
pub async fn list(
    state: web::Data<AppState>,
    cursors: Cursors,
    Parameters(TokenList(mut query)): Parameters<TokenList>,
) -> Result<Enveloped<Vec<TokenRow>>, ApiError> {
    query.cursor = cursors.open(query.cursor)?;
    let limit = u64::from(query.limit.unwrap_or(DEFAULT_LIMIT));
    let found: WithProvenance<TokenAnswer<TokenPage>> = state.upstreams.analytics.get("tokens", &query).await?;
    Ok(enveloped(&state, found, |page| {
        let pagination = Pagination {
            total_count: Some(page.total),
            page: Some((page.start - 1) / limit + 1),
            per_page: limit,
            total_pages: Some(page.total.div_ceil(limit)),
            start: Some(page.start),
            limit,
            next_cursor: cursors.seal(page.next_cursor),
        };
        (page.items, Some(pagination))
    }))
}
