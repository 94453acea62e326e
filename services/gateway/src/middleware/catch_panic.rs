//! A panic is a fault of ours like any other and is answered like any other. Its message went to standard error when it
//! happened.

use std::panic::AssertUnwindSafe;

use actix_web::body::BoxBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::middleware::Next;
use actix_web::{Error, ResponseError};
use contracts::problem::ProblemKind;
use futures_util::FutureExt;

use crate::error::ApiError;

/// Makes an error of a panic outside the handlers. Panics of handlers do not come this far.
pub async fn catch(
    response: impl Future<Output = Result<ServiceResponse<BoxBody>, Error>>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    // The panic takes the request with it: a clone of the request, kept for the response, would make routing
    // impossible, which wants the request for itself.
    AssertUnwindSafe(response).catch_unwind().await.unwrap_or_else(|_| {
        tracing::error!("something outside the handlers panicked");
        Err(ApiError::new(ProblemKind::InternalError).into())
    })
}

/// Runs the handler. A panic in it is a response, so that limits are reported and an idempotency key is released.
pub async fn call_handler(request: ServiceRequest, next: Next<BoxBody>) -> Result<ServiceResponse<BoxBody>, Error> {
    // Routing is over, so the request may be cloned here.
    let kept = request.request().clone();
    let handler = AssertUnwindSafe(async { next.call(request).await });
    match handler.catch_unwind().await {
        Ok(outcome) => outcome,
        Err(_) => Ok(ServiceResponse::new(
            kept,
            ApiError::internal("a handler panicked").error_response(),
        )),
    }
}
