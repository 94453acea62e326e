//! What handlers get: parsed and permitted, or not at all.

pub mod body;
pub mod caller;
pub mod cursor;
pub mod pagination;
pub mod path;
pub mod query;
pub mod validate;
pub mod words;
