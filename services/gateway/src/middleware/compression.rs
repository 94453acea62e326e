//! Bodies that are worth compressing.
//!
//! actix-web's compressor leaves a response alone whose `Content-Encoding` says `identity`: inside the compressor that
//! marker is put on small bodies, outside it is taken off again.

use actix_web::Error;
use actix_web::body::{BodySize, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header::{CONTENT_ENCODING, HeaderValue};
use actix_web::middleware::Next;

/// Below this size compression costs more than it saves.
const MIN_COMPRESSED_BYTES: u64 = 1024;

const MARKER: HeaderValue = HeaderValue::from_static("identity");

pub async fn skip_small_compression<B: MessageBody + 'static>(
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<B>, Error> {
    let mut response = next.call(request).await?;
    let is_small = match response.response().body().size() {
        BodySize::None => true,
        BodySize::Sized(bytes) => bytes <= MIN_COMPRESSED_BYTES,
        BodySize::Stream => false,
    };
    if is_small && !response.headers().contains_key(CONTENT_ENCODING) {
        response.headers_mut().insert(CONTENT_ENCODING, MARKER);
    }
    Ok(response)
}

pub async fn hide_marker<B: MessageBody + 'static>(
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<B>, Error> {
    let mut response = next.call(request).await?;
    if response.headers().get(CONTENT_ENCODING) == Some(&MARKER) {
        response.headers_mut().remove(CONTENT_ENCODING);
    }
    Ok(response)
}
