//! What handlers get: parsed and permitted, or not at all.

/// Where a page begins, sealed.
pub mod cursor;

/// Who asks.
pub mod caller;

/// Bodies, read field by field so that every violation is found at once.
pub mod body;

/// Query and path parameters, read the same way.
pub mod query;

/// Where a page of a list begins.
pub mod pagination;

/// The object that a path names.
pub mod path;

/// The rules that values are read by.
pub mod validate;

/// The words that parameters may have.
pub mod words;
