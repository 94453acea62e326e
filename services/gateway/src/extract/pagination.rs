//! Where a page of a list begins, and how long it is.

use contracts::api::Page;
use contracts::api::alerts::PageQuery;
use contracts::problem::ProblemKind;
use uuid::Uuid;

use crate::error::ApiError;
use crate::extract::cursor::Cursors;
use crate::extract::parameters::Declare;
use crate::extract::rule;

/// Declares the parameters of a list that is followed by cursor; `limit` describes the parameter of that name.
pub fn page_query(parameters: &mut impl Declare, limit: &'static str) -> PageQuery {
    PageQuery {
        limit: parameters.optional("limit", rule::limit(), limit),
        cursor: parameters.optional("cursor", rule::cursor(), NEXT_PAGE),
    }
}

/// Items of a page that is not asked to be longer or shorter.
const DEFAULT_LIMIT: u32 = 100;

/// Where a page of a list by id begins, and how many items it has.
pub fn id_position(cursors: &Cursors, page: PageQuery) -> Result<(Option<Uuid>, i64), ApiError> {
    let position = cursors.open(page.cursor)?;
    let before = position
        .map(|text| text.parse().map_err(|_| ApiError::new(ProblemKind::InvalidCursor)))
        .transpose()?;
    Ok((before, i64::from(page.limit.unwrap_or(DEFAULT_LIMIT))))
}

/// A page of `limit` items out of those that were found, of which one more was asked for.
pub fn to_page<T>(cursors: &Cursors, mut found: Vec<T>, limit: i64, id: impl Fn(&T) -> Uuid) -> Page<T> {
    let length = usize::try_from(limit).unwrap_or(usize::MAX);
    let has_more = found.len() > length;
    found.truncate(length);
    let last = found.last().filter(|_| has_more).map(|item| id(item).to_string());
    Page {
        items: found,
        next_cursor: cursors.seal(last),
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
