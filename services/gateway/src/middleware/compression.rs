//! Compression of bodies that are worth it.

use actix_http::encoding::Encoder;
use actix_web::body::{BodySize, BoxBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header::{ACCEPT_ENCODING, AcceptEncoding, CONTENT_ENCODING, ContentEncoding, Encoding, Header};
use contracts::problem::ProblemKind;

use crate::error::ApiError;

/// Below this size compression costs more than it saves.
const MIN_COMPRESSED_BYTES: u64 = 1024;

const SUPPORTED: [Encoding; 4] = [
    Encoding::identity(),
    Encoding::brotli(),
    Encoding::gzip(),
    Encoding::deflate(),
];

/// The encoding that the client prefers of those there are; `None` for the plain body.
///
/// # Errors
///
/// The client takes none of them.
pub fn negotiate(request: &ServiceRequest) -> Result<Option<ContentEncoding>, ApiError> {
    if !request.headers().contains_key(ACCEPT_ENCODING) {
        return Ok(None);
    }
    // What cannot be understood is ignored.
    let Ok(accepted) = AcceptEncoding::parse(request) else {
        return Ok(None);
    };
    match accepted.negotiate(SUPPORTED.iter()) {
        Some(Encoding::Known(ContentEncoding::Identity)) => Ok(None),
        Some(Encoding::Known(encoding)) => Ok(Some(encoding)),
        Some(Encoding::Unknown(_)) | None => Err(ApiError::new(ProblemKind::NotAcceptable)),
    }
}

/// Compresses a body that is worth it and has no encoding yet.
pub fn compress(response: ServiceResponse<BoxBody>, encoding: Option<ContentEncoding>) -> ServiceResponse<BoxBody> {
    let Some(encoding) = encoding else {
        return response;
    };
    let is_small = match response.response().body().size() {
        BodySize::None => true,
        BodySize::Sized(bytes) => bytes <= MIN_COMPRESSED_BYTES,
        BodySize::Stream => false,
    };
    if is_small || response.headers().contains_key(CONTENT_ENCODING) {
        return response;
    }
    response
        .map_body(|head, body| Encoder::response(encoding, head, body))
        .map_into_boxed_body()
}
