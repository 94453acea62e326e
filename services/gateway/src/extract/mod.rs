//! What handlers take from a request.

pub mod body;
pub mod caller;
pub mod cursor;
pub mod fields;
pub mod pagination;
pub mod parameters;
pub mod query;
pub mod rule;
pub mod validate;
pub mod words;
