//! The one error body: every response that is not a success gets it here.

use std::time::Instant;

use actix_web::body::BoxBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::error::InternalError;
use actix_web::http::StatusCode;
use actix_web::http::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderValue, RETRY_AFTER, WWW_AUTHENTICATE};
use actix_web::{Error, HttpResponse, ResponseError, web};
use contracts::problem::ProblemKind;
use platform::request_id::RequestId;

use crate::error::ApiError;
use crate::error::body::ErrorBody;
use crate::request_context;
use crate::response::SkipErrorRendering;
use crate::route_policy::{EnvelopedPaths, ResponseFormat, RoutePolicy};
use crate::state::AppState;

/// A wrong parameter is 422 on some routes and 400 on the others, wherever it was found.
pub fn apply_route_error_status(policy: &RoutePolicy, response: ServiceResponse<BoxBody>) -> ServiceResponse<BoxBody> {
    let Some(mut problem) = response.response().extensions().get::<ApiError>().cloned() else {
        return response;
    };
    let about_parameters = problem.kind == ProblemKind::InvalidParameter
        || (problem.kind == ProblemKind::ValidationFailed && !problem.errors.is_empty() && {
            let mut places = problem.errors.iter().filter_map(|error| error.loc.first());
            places.all(|place| place != "body")
        });
    if !about_parameters || problem.kind == policy.parameter_error {
        return response;
    }
    problem.kind = policy.parameter_error;
    response.into_response(problem.error_response())
}

/// What the body says about the request. It is taken before the request goes inside, because a panic does not give the
/// request back.
pub struct RenderContext {
    id: RequestId,
    start: Instant,
    state: Option<web::Data<AppState>>,
}

impl RenderContext {
    pub fn of(request: &ServiceRequest, id: RequestId, start: Instant) -> Self {
        Self {
            id,
            start,
            state: request.app_data::<web::Data<AppState>>().cloned(),
        }
    }

    /// Gives an error its body.
    ///
    /// # Errors
    ///
    /// Something outside all handlers failed: the error holds the finished response.
    pub fn render(&self, outcome: Result<ServiceResponse<BoxBody>, Error>) -> Result<ServiceResponse<BoxBody>, Error> {
        match outcome {
            Ok(response) => Ok(match problem_of(&response) {
                Some(problem) => render_problem(self, response, &problem),
                None => response,
            }),
            Err(error) => {
                let known = error.as_error::<ApiError>().cloned();
                let problem = known.unwrap_or_else(|| ApiError::from_status(error.as_response_error().status_code()));
                // The route is not known any more, so neither is its format.
                let response = self.respond(&problem, ResponseFormat::Plain);
                Err(InternalError::from_response(error, response).into())
            }
        }
    }

    fn respond(&self, problem: &ApiError, format: ResponseFormat) -> HttpResponse {
        let now = self.state.as_ref().map(|state| state.clock.now()).unwrap_or_default();
        let body = ErrorBody::new(problem, format, self.id.as_str(), now, self.start.elapsed());
        let text = serde_json::to_vec(&body).unwrap_or_default();
        let mut response = HttpResponse::build(problem.status_code());
        response.insert_header((CONTENT_TYPE, HeaderValue::from_static("application/json")));
        response.insert_header((CACHE_CONTROL, HeaderValue::from_static("no-store")));
        if let Some(seconds) = problem.retry_after {
            response.insert_header((RETRY_AFTER, seconds));
        }
        if problem.status_code() == StatusCode::UNAUTHORIZED {
            response.insert_header((WWW_AUTHENTICATE, HeaderValue::from_static("Bearer, ApiKey")));
        }
        for (name, value) in &problem.headers {
            response.insert_header((name.clone(), value.clone()));
        }
        response.body(text)
    }
}

/// The problem behind an error response that has not got its body yet.
fn problem_of(response: &ServiceResponse<BoxBody>) -> Option<ApiError> {
    let status = response.status();
    if !status.is_client_error() && !status.is_server_error() {
        return None;
    }
    let extensions = response.response().extensions();
    if extensions.contains::<SkipErrorRendering>() {
        return None;
    }
    Some(extensions.get::<ApiError>().cloned().unwrap_or_else(|| {
        if status.is_server_error() {
            tracing::error!(
                status = status.as_u16(),
                "a part of the server answered without a reason"
            );
        }
        ApiError::from_status(status)
    }))
}

fn render_problem(
    context: &RenderContext,
    response: ServiceResponse<BoxBody>,
    problem: &ApiError,
) -> ServiceResponse<BoxBody> {
    let format = format_of(&response);
    let (request, old) = response.into_parts();
    let mut new = context.respond(problem, format);
    // What was written about limits and repeats stays.
    for (name, value) in old.headers() {
        if name.as_str().contains("ratelimit") || name == "idempotent-replayed" {
            new.headers_mut().insert(name.clone(), value.clone());
        }
    }
    ServiceResponse::new(request, new)
}

fn format_of(response: &ServiceResponse<BoxBody>) -> ResponseFormat {
    let request = response.request();
    let known = request_context::read(request, |info| info.route).flatten();
    // What was refused before routing, such as a path that is too long, has no format yet.
    known.map(|route| route.format).unwrap_or_else(|| {
        let enveloped = request.app_data::<web::Data<EnvelopedPaths>>();
        enveloped.map_or(ResponseFormat::Plain, |paths| paths.format_of(request.path()))
    })
}
