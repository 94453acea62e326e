//! What every request passes.

/// From headers to a caller.
pub mod authenticate;

/// Which web pages may call the API.
pub mod cors;

/// The outermost layer: ids, headers, errors.
pub mod error_response;

/// Repeated POSTs.
pub mod idempotency;

/// Reading the body within its bounds.
pub mod request_body;
