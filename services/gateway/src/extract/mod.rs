//! What handlers take from a request.

pub mod body;
pub mod caller;
pub mod cursor;
pub mod pagination;
pub mod path;
pub mod query;
pub mod validate;
pub mod words;
