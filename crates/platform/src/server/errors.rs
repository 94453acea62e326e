//! One body for every failure, also for those no handler made: malformed JSON, wrong method,
//! unknown route, too large, wrong media type.

use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::error::{JsonPayloadError, PathError, QueryPayloadError};
use actix_web::http::header::{ALLOW, CONTENT_LENGTH, CONTENT_TYPE, HeaderValue};
use actix_web::http::{Method, StatusCode};
use actix_web::middleware::Next;
use actix_web::web::{self, ServiceConfig};
use actix_web::{HttpResponse, Resource, ResponseError, Route, guard};

use contracts::problem::ProblemKind;

use crate::problem::{FieldError, Problem};

/// Largest request body, unless a route says otherwise.
pub const BODY_LIMIT_BYTES: usize = 64 * 1024;

/// Makes the extractors for bodies, queries and paths fail with a [`Problem`].
pub fn configure_errors(config: &mut ServiceConfig) {
    config
        .app_data(
            web::JsonConfig::default()
                .limit(BODY_LIMIT_BYTES)
                .error_handler(|error, _| json_problem(&error).into()),
        )
        .app_data(web::PayloadConfig::new(BODY_LIMIT_BYTES))
        .app_data(web::QueryConfig::default().error_handler(|error, _| query_problem(&error).into()))
        .app_data(web::PathConfig::default().error_handler(|error, _| path_problem(&error).into()));
}

fn json_problem(error: &JsonPayloadError) -> Problem {
    match error {
        JsonPayloadError::OverflowKnownLength { .. } | JsonPayloadError::Overflow { .. } => {
            for_status(StatusCode::PAYLOAD_TOO_LARGE)
        }
        JsonPayloadError::ContentType => for_status(StatusCode::UNSUPPORTED_MEDIA_TYPE),
        JsonPayloadError::Deserialize(error) if error.is_data() => {
            Problem::validation(vec![FieldError::new(&["body"], "invalid", error.to_string())])
        }
        JsonPayloadError::Deserialize(error) => {
            Problem::new(ProblemKind::MalformedJson, format!("The body is not JSON: {error}."))
        }
        JsonPayloadError::Payload(_) | JsonPayloadError::Serialize(_) | _ => {
            Problem::new(ProblemKind::BadRequest, "The body could not be read.")
        }
    }
}

fn query_problem(error: &QueryPayloadError) -> Problem {
    invalid_parameter("query", &error.to_string())
}

fn path_problem(error: &PathError) -> Problem {
    invalid_parameter("path", &error.to_string())
}

fn invalid_parameter(place: &str, what: &str) -> Problem {
    Problem::new(
        ProblemKind::InvalidParameter,
        format!("The {place} is invalid: {what}."),
    )
    .with_errors(vec![FieldError::new(&[place], "invalid", what)])
}

/// The answer of unknown routes.
///
/// # Errors
///
/// Always.
pub async fn not_found() -> Result<HttpResponse, Problem> {
    Err(for_status(StatusCode::NOT_FOUND))
}

/// A path with a handler for each method; another method is answered with 405 and `Allow`.
///
/// Paths given to `cfg.route` directly answer another method with 404.
#[must_use]
pub fn resource<const N: usize>(path: &str, routes: [(Method, Route); N]) -> Resource {
    let allow = routes
        .iter()
        .map(|(method, _)| method.as_str())
        .collect::<Vec<_>>()
        .join(", ");
    let mut resource = web::resource(path);
    for (method, route) in routes {
        resource = resource.route(route.guard(guard::Method(method)));
    }
    resource.default_service(web::to(move || {
        let mut response = for_status(StatusCode::METHOD_NOT_ALLOWED).error_response();
        if let Ok(value) = HeaderValue::from_str(&allow) {
            response.headers_mut().insert(ALLOW, value);
        }
        std::future::ready(response)
    }))
}

/// Middleware that gives a problem body to failures that have none of their own, and logs the causes of problems.
pub async fn fill_problem_body(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, actix_web::Error> {
    let response = next.call(request).await?.map_into_boxed_body();
    log_cause(&response);
    let status = response.status();
    if !(status.is_client_error() || status.is_server_error()) || is_json(&response) {
        return Ok(response);
    }
    let (request, bare) = response.into_parts();
    let mut filled = for_status(status).error_response();
    for (name, value) in bare.headers() {
        // The bare body's own description does not fit the new body.
        if name != CONTENT_TYPE && name != CONTENT_LENGTH {
            filled.headers_mut().append(name.clone(), value.clone());
        }
    }
    Ok(ServiceResponse::new(request, filled))
}

/// Here and not where problems are made: one that is made and then not answered with is nobody's failure.
fn log_cause(response: &ServiceResponse<BoxBody>) {
    let error = response.response().error();
    let Some(problem) = error.and_then(|error| error.as_error::<Problem>()) else {
        return;
    };
    match &problem.cause {
        Some(cause) if problem.kind == ProblemKind::InternalError => tracing::error!(error = cause, "request failed"),
        Some(cause) => tracing::warn!(error = cause, kind = %problem.kind, "request failed for now"),
        None => {}
    }
}

fn is_json(response: &ServiceResponse<BoxBody>) -> bool {
    response
        .headers()
        .get(CONTENT_TYPE)
        .is_some_and(|value| value.as_bytes().starts_with(b"application/json"))
}

fn for_status(status: StatusCode) -> Problem {
    let (kind, detail) = match status.as_u16() {
        401 => (ProblemKind::MissingCredentials, "Credentials are missing."),
        403 => (ProblemKind::InsufficientScope, "This is not allowed."),
        404 => (ProblemKind::NotFound, "There is nothing at this address."),
        405 => (ProblemKind::MethodNotAllowed, "This address does not know that method."),
        406 => (
            ProblemKind::NotAcceptable,
            "None of the accepted media types is offered.",
        ),
        408 => (ProblemKind::RequestTimeout, "The request took too long to arrive."),
        413 => (ProblemKind::BodyTooLarge, "The body is too large."),
        414 => (ProblemKind::UriTooLong, "The address is too long."),
        415 => (ProblemKind::UnsupportedMediaType, "The body must be application/json."),
        429 => (ProblemKind::RateLimited, "Too many requests."),
        503 | 504 => (
            ProblemKind::DependencyUnavailable,
            "Something this service needs does not answer.",
        ),
        500..=599 => (ProblemKind::InternalError, "An internal error occurred."),
        _ => (ProblemKind::BadRequest, "The request is invalid."),
    };
    let mut problem = Problem::new(kind, detail);
    problem.status = status.as_u16();
    problem
}
