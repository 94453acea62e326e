//! Where a page of a list begins, and how long it is.

use contracts::api::alerts::PageQuery;
use contracts::problem::ProblemKind;

use super::query::Params;
use super::validate;
use crate::error::ApiError;

/// Longest cursor of any list.
pub const MAX_CURSOR_CHARS: usize = 512;

/// The parameters of every list that is followed by cursor.
pub fn page_query(params: &mut Params<'_>) -> PageQuery {
    PageQuery {
        limit: params.optional("limit", validate::integer(1, 1_000)),
        cursor: params.optional("cursor", validate::text(1, MAX_CURSOR_CHARS)),
    }
}

/// Refuses a cursor on a list that always has one page, and so never gave one.
pub fn reject_cursor(cursor: Option<&str>) -> Result<(), ApiError> {
    match cursor {
        None => Ok(()),
        Some(_) => Err(ApiError::new(ProblemKind::InvalidCursor)),
    }
}
