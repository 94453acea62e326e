//! Numbers and durations of requests, by route.

use std::time::Instant;

use actix_web::body::MessageBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::StatusCode;
use actix_web::middleware::Next;
use actix_web::{Error, HttpMessage};
use platform::metrics::{HTTP_REQUESTS, HTTP_SECONDS};

use crate::request_context::RequestStart;

/// Counts a request and its duration.
pub async fn record<B: MessageBody + 'static>(
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<B>, Error> {
    let start = request.extensions().get::<RequestStart>().map(|start| start.0);
    let method = request.method().clone();
    let outcome = next.call(request).await;
    let (route, status) = match &outcome {
        Ok(response) => (response.request().match_pattern(), response.status()),
        // A panic took the request with it, and with the request its route.
        Err(error) => (None, error.as_response_error().status_code()),
    };
    record_metrics(route, status, start.unwrap_or_else(Instant::now), method.as_str());
    outcome
}

fn record_metrics(route: Option<String>, status: StatusCode, start: Instant, method: &str) {
    // Labels are bounded: unknown paths share one, and so do methods that a client made up.
    let route = route.unwrap_or_else(|| "none".to_owned());
    let status = status.as_u16().to_string();
    let method = if matches!(method, "GET" | "HEAD" | "POST" | "DELETE" | "OPTIONS" | "PUT" | "PATCH") {
        method
    } else {
        "other"
    };
    metrics::counter!(HTTP_REQUESTS, "route" => route.clone(), "method" => method.to_owned(), "status" => status)
        .increment(1);
    metrics::histogram!(HTTP_SECONDS, "route" => route).record(start.elapsed().as_secs_f64());
}
