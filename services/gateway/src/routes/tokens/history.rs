use actix_web::web;
use contracts::api::tokens::{HistoryPoint, HistoryQuery, TokenAnswer};
use contracts::api::{Page, WithProvenance};

use super::super::analytics::in_order;
use super::{CONVERT, TOKEN, enveloped};
use crate::error::ApiError;
use crate::extract::cursor::Cursors;
use crate::extract::parameters::{Declare, ParameterList, Parameters};
use crate::extract::rule;
use crate::extract::words::TokenInterval;
use crate::response::Enveloped;
use crate::response::envelope::{Envelope, Pagination};
use crate::state::AppState;

const DEFAULT_LIMIT: u32 = 500;

pub struct TokenHistory {
    token_id: String,
    query: HistoryQuery,
}

impl ParameterList for TokenHistory {
    fn declare(parameters: &mut impl Declare) -> Option<Self> {
        let token_id = parameters.path("token_id", rule::token_name(), TOKEN);
        parameters.optional("convert", rule::currency(), CONVERT);
        let time_start = parameters.optional(
            "time_start",
            rule::time(),
            "Start of the range: RFC 3339, or unix seconds or milliseconds; so that the newest cells fill a page by default",
        );
        let time_end = parameters.optional(
            "time_end",
            rule::time(),
            "End of the range, exclusive: RFC 3339, or unix seconds or milliseconds; now by default",
        );
        let interval = parameters.optional(
            "interval",
            rule::one_of("TokenInterval", TokenInterval::NAMES),
            "Length of a cell; 1d by default",
        );
        let limit = parameters.optional("limit", rule::limit(), "Maximum number of cells; 500 by default");
        let cursor = parameters.optional(
            "cursor",
            rule::cursor(),
            "`pagination.next_cursor` of the page before; valid for five minutes",
        );
        Some(Self {
            token_id: token_id?,
            query: HistoryQuery {
                time_start,
                time_end,
                interval,
                limit,
                cursor,
            },
        })
    }
}

/// The history of a token
///
/// In ascending order of time. Cells of which nothing is known are left out.
#[utoipa::path(get, path = "/api/v1/tokens/{token_id}/history", tag = "tokens",
    responses(
        (status = 200, description = "A page of the history", body = Envelope<Vec<HistoryPoint>>),
        (status = 304, description = "The client's copy is current"),
        (status = 404, description = "No listing has the token"),
    ))]
pub async fn history(
    state: web::Data<AppState>,
    cursors: Cursors,
    Parameters(TokenHistory { token_id, mut query }): Parameters<TokenHistory>,
) -> Result<Enveloped<Vec<HistoryPoint>>, ApiError> {
    in_order(query.time_start, query.time_end)?;
    query.cursor = cursors.open(query.cursor)?;
    let limit = u64::from(query.limit.unwrap_or(DEFAULT_LIMIT));
    let path = format!("tokens/{token_id}/history");
    let found: WithProvenance<TokenAnswer<Page<HistoryPoint>>> = state.upstreams.analytics.get(&path, &query).await?;
    Ok(enveloped(&state, found, |page| {
        let pagination = Pagination::by_cursor(limit, cursors.seal(page.next_cursor));
        (page.items, Some(pagination))
    }))
}
