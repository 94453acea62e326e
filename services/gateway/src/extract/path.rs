//! The object that a path names.

use uuid::Uuid;

use super::query::{Params, expect_valid};
use super::validate;
use crate::error::ApiError;

/// The path's id, after all other parameters.
pub fn path_id(mut params: Params<'_>) -> Result<Uuid, ApiError> {
    let id = params.path("id", validate::id);
    params.finish()?;
    expect_valid(id)
}
