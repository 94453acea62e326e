//! Numbers and durations of requests, by route.

use std::cell::RefCell;
use std::collections::HashMap;
use std::time::Instant;

use actix_web::Error;
use actix_web::body::BoxBody;
use actix_web::dev::ServiceResponse;
use actix_web::http::Method;
use metrics::{Counter, Histogram};
use platform::metrics::{HTTP_REQUESTS, HTTP_SECONDS};

use crate::request_context;

/// The route of a request that has none.
const NO_ROUTE: &str = "none";

thread_local! {
    /// Looking a metric up by its labels costs more than counting. There are as many entries as combinations of labels.
    static HANDLES: RefCell<HashMap<Labels, (Counter, Histogram)>> = RefCell::default();
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Labels {
    route: &'static str,
    method: &'static str,
    status: u16,
}

/// Counts a request and its duration.
pub fn record(outcome: &Result<ServiceResponse<BoxBody>, Error>, start: Instant, method: &Method) {
    let (route, status) = match outcome {
        Ok(response) => {
            let route = request_context::read(response.request(), |info| info.route).flatten();
            (route.map_or(NO_ROUTE, |route| route.path), response.status())
        }
        // A panic took the request with it, and with the request its route.
        Err(error) => (NO_ROUTE, error.as_response_error().status_code()),
    };
    let labels = Labels {
        route,
        method: method_label(method),
        status: status.as_u16(),
    };
    HANDLES.with_borrow_mut(|handles| {
        let (requests, seconds) = handles.entry(labels).or_insert_with(|| labels.register());
        requests.increment(1);
        seconds.record(start.elapsed().as_secs_f64());
    });
}

impl Labels {
    fn register(self) -> (Counter, Histogram) {
        let status = self.status.to_string();
        (
            metrics::counter!(HTTP_REQUESTS, "route" => self.route, "method" => self.method, "status" => status),
            metrics::histogram!(HTTP_SECONDS, "route" => self.route),
        )
    }
}

/// Labels are bounded: methods that a client made up share one.
fn method_label(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::HEAD => "HEAD",
        Method::POST => "POST",
        Method::DELETE => "DELETE",
        Method::OPTIONS => "OPTIONS",
        Method::PUT => "PUT",
        Method::PATCH => "PATCH",
        _ => "other",
    }
}
