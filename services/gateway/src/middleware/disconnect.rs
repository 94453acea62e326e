//! What becomes of a request whose client closes its connection: a read ends there and then, a write is finished.
//!
//! A read that waits, as for a batched price, waits for nobody then. A write that was cut off would keep its
//! `Idempotency-Key` from the client's next attempt.

use actix_web::Error;
use actix_web::body::MessageBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::middleware::Next;
use contracts::problem::ProblemKind;
use platform::request_id::RequestId;

use crate::error::ApiError;

/// Lets the router find the route. A write has a task of its own, which goes on when the connection's is gone.
pub async fn route<B: MessageBody + 'static>(
    request: ServiceRequest,
    id: &RequestId,
    next: Next<B>,
) -> Result<ServiceResponse<B>, Error> {
    if request.method().is_safe() {
        return next.call(request).await;
    }
    let write = id.clone().scope(async move { next.call(request).await });
    // A panic of a handler is answered inside; what is left is one of ours.
    let finished = actix_web::rt::spawn(write).await;
    finished.unwrap_or_else(|error| {
        tracing::error!(%error, "something outside the handlers panicked");
        Err(ApiError::new(ProblemKind::InternalError).into())
    })
}
