//! What lists and single objects share: where a page begins, and which object a path names.

use contracts::api::alerts::PageQuery;
use contracts::problem::ProblemKind;
use uuid::Uuid;

use super::query::{Params, expect_valid};
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

/// Refuses a cursor on a list that is always given whole: it never gave one.
///
/// # Errors
///
/// There is a cursor.
pub fn reject_cursor(cursor: Option<&str>) -> Result<(), ApiError> {
    match cursor {
        None => Ok(()),
        Some(_) => Err(ApiError::new(ProblemKind::InvalidCursor)),
    }
}

/// The path's id, after all other parameters.
///
/// # Errors
///
/// Every violation that was found.
pub fn path_id(mut params: Params<'_>) -> Result<Uuid, ApiError> {
    let id = params.path("id", validate::id);
    params.finish()?;
    expect_valid(id)
}
