//! What handlers get: parsed and permitted, or not at all.

/// The id of what a request makes.
pub mod creation;

/// Where a page begins, sealed.
pub mod cursor;

/// Who asks.
pub mod identity;

/// Bodies, read field by field so that every violation is found at once.
pub mod json;

/// Query and path parameters, read the same way.
pub mod params;

/// Pages of lists, and the object that a path names.
pub mod page;

/// The rules that values are read by.
pub mod rules;
