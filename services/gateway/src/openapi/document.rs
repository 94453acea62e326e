//! The OpenAPI document as it is served.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};

/// A finished document. It is not part of `AppState`: it is made of all routes, whose handlers need the state.
#[derive(Debug, Clone)]
pub struct Document {
    /// The JSON text.
    pub text: String,
    /// Its entity tag.
    pub tag: String,
}

impl Document {
    /// The document of this text.
    pub fn new(text: String) -> Self {
        let tag = format!(
            "W/\"{}\"",
            URL_SAFE_NO_PAD.encode(&Sha256::digest(text.as_bytes())[..12])
        );
        Self { text, tag }
    }
}
