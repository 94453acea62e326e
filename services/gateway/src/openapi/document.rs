//! The OpenAPI document as it is served.

use crate::response::etag::{self, Tag};

/// A finished document. It is not part of `AppState`: it is made of all routes, whose handlers need the state.
#[derive(Debug, Clone)]
pub struct Document {
    pub text: String,
    pub tag: Tag,
}

impl Document {
    pub fn new(text: String) -> Self {
        let tag = etag::of_text(&text);
        Self { text, tag }
    }
}
