//! Where a page of a list begins, and how long it is.

use contracts::api::alerts::PageQuery;
use contracts::problem::ProblemKind;

use crate::error::ApiError;
use crate::extract::parameters::Declare;
use crate::extract::rule;

/// Declares the parameters of a list that is followed by cursor; `limit` describes the parameter of that name.
pub fn page_query(parameters: &mut impl Declare, limit: &'static str) -> PageQuery {
    PageQuery {
        limit: parameters.optional("limit", rule::limit(), limit),
        cursor: parameters.optional("cursor", rule::cursor(), NEXT_PAGE),
    }
}

/// Describes the cursor of a list whose body is a bare array.
pub const NEXT_PAGE: &str = "`X-Next-Cursor` of the page before; valid for five minutes";

/// Describes the cursor of a list that always has one page.
pub const ONE_PAGE: &str = "Not needed: the list always has one page. Any cursor is refused";

/// Refuses a cursor on a list that always has one page, and so never gave one.
pub fn reject_cursor(cursor: Option<&str>) -> Result<(), ApiError> {
    match cursor {
        None => Ok(()),
        Some(_) => Err(ApiError::new(ProblemKind::InvalidCursor)),
    }
}
