//! CORS: which web pages may call the API and read its responses.
//!
//! The dashboard's origin is always allowed: it is the origin that the request itself was sent to.

use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::Method;
use actix_web::http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE, ACCESS_CONTROL_REQUEST_METHOD, HOST, HeaderMap, HeaderValue,
    ORIGIN, VARY,
};
use actix_web::middleware::Next;
use actix_web::{Error, HttpMessage, HttpResponse, ResponseError, web};
use contracts::problem::ProblemKind;

use super::outcome::edit_headers;
use crate::error::ApiError;
use crate::settings::Settings;
use crate::state::AppState;

const ALLOWED_METHODS: HeaderValue = HeaderValue::from_static("GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS");
const ALLOWED_HEADERS: HeaderValue = HeaderValue::from_static(
    "Accept, Authorization, Content-Type, Idempotency-Key, If-None-Match, X-API-Key, X-Request-Id",
);
const EXPOSED_HEADERS: HeaderValue = HeaderValue::from_static(
    "X-Request-Id, RateLimit, RateLimit-Policy, X-RateLimit-Limit, X-RateLimit-Remaining, X-RateLimit-Reset, \
     X-RateLimit-Mode, Retry-After, ETag, Location, Idempotent-Replayed, X-Rates-Missing, X-Next-Cursor, X-Batch-Id, \
     X-Batch-Size, X-Batch-Trigger, X-Batch-Wait-Ms, X-Data-Quality",
);

/// The web page's origin behind a request.
#[derive(Debug, Clone)]
struct Origin {
    value: HeaderValue,
    is_allowed: bool,
}

impl Origin {
    /// The origin that `request` names, if it names one.
    fn of(request: &ServiceRequest, settings: &Settings) -> Option<Self> {
        let value = request.headers().get(ORIGIN)?;
        let text = value.to_str().unwrap_or_default();
        let host = request.headers().get(HOST).and_then(|host| host.to_str().ok());
        let is_own = text
            .split_once("://")
            .map(|(_, own)| own)
            .is_some_and(|own| Some(own) == host);
        let is_allowed = is_own || settings.cors_allowed_origins.iter().any(|allowed| allowed == text);
        Some(Self {
            value: value.clone(),
            is_allowed,
        })
    }

    /// Lets the page read the answer, if it may.
    fn write_headers(self, headers: &mut HeaderMap) {
        headers.append(VARY, HeaderValue::from_static("Origin"));
        if self.is_allowed {
            headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, self.value);
            headers.insert(ACCESS_CONTROL_EXPOSE_HEADERS, EXPOSED_HEADERS);
        }
    }
}

/// Lets web pages read the responses that they may read.
pub async fn add_headers<B: MessageBody + 'static>(
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<B>, Error> {
    let state = request.app_data::<web::Data<AppState>>();
    let Some(origin) = state.and_then(|state| Origin::of(&request, &state.settings)) else {
        return next.call(request).await;
    };
    request.extensions_mut().insert(origin.clone());
    edit_headers(next.call(request).await, |headers| origin.write_headers(headers))
}

/// Answers the question that a browser asks before a request, whatever the path.
pub async fn answer_preflight<B: MessageBody + 'static>(
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let is_preflight =
        request.method() == Method::OPTIONS && request.headers().contains_key(ACCESS_CONTROL_REQUEST_METHOD);
    let is_allowed = request.extensions().get::<Origin>().map(|origin| origin.is_allowed);
    match is_allowed.filter(|_| is_preflight) {
        None => Ok(next.call(request).await?.map_into_boxed_body()),
        Some(true) => Ok(request.into_response(preflight_response())),
        Some(false) => {
            let refusal = ApiError::new(ProblemKind::OriginNotAllowed);
            Ok(request.into_response(refusal.error_response()))
        }
    }
}

fn preflight_response() -> HttpResponse {
    HttpResponse::NoContent()
        .insert_header((ACCESS_CONTROL_ALLOW_METHODS, ALLOWED_METHODS))
        .insert_header((ACCESS_CONTROL_ALLOW_HEADERS, ALLOWED_HEADERS))
        .insert_header((ACCESS_CONTROL_MAX_AGE, 600))
        .finish()
}
