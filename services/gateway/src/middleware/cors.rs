//! CORS: which web pages may call the API and read its responses.
//!
//! The dashboard's origin is always allowed: it is the origin that the request itself was sent to.

use actix_web::dev::ServiceRequest;
use actix_web::http::Method;
use actix_web::http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE, ACCESS_CONTROL_REQUEST_METHOD, HOST, HeaderMap, HeaderValue,
    ORIGIN, VARY,
};
use actix_web::{HttpResponse, ResponseError, web};
use contracts::problem::ProblemKind;

use crate::error::ApiError;
use crate::state::AppState;

const ALLOWED_METHODS: HeaderValue = HeaderValue::from_static("GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS");
const ALLOWED_HEADERS: HeaderValue = HeaderValue::from_static(
    "Accept, Authorization, Content-Type, Idempotency-Key, If-None-Match, X-API-Key, X-Request-Id",
);
const EXPOSED_HEADERS: HeaderValue = HeaderValue::from_static(
    "X-Request-Id, RateLimit, RateLimit-Policy, X-RateLimit-Limit, X-RateLimit-Remaining, X-RateLimit-Reset, \
     X-RateLimit-Mode, Retry-After, ETag, Location, Idempotent-Replayed, X-Rates-Missing, X-Next-Cursor, X-Batch-Id, \
     X-Batch-Size, X-Batch-Trigger, X-Batch-Wait-Ms, X-Persisted, X-Price-Provider, X-Data-Quality",
);

/// The web page's origin behind a request.
#[derive(Debug)]
pub struct Origin {
    value: HeaderValue,
    is_allowed: bool,
}

impl Origin {
    /// The origin that `request` names, if it names one.
    pub fn of(request: &ServiceRequest) -> Option<Self> {
        let value = request.headers().get(ORIGIN)?;
        let state = request.app_data::<web::Data<AppState>>()?;
        let text = value.to_str().unwrap_or_default();
        let host = request.headers().get(HOST).and_then(|host| host.to_str().ok());
        let is_own = text
            .split_once("://")
            .map(|(_, own)| own)
            .is_some_and(|own| Some(own) == host);
        let allowed_origins = &state.settings.cors_allowed_origins;
        let is_allowed = is_own || allowed_origins.iter().any(|allowed| allowed == text);
        Some(Self {
            value: value.clone(),
            is_allowed,
        })
    }

    /// Answers the question that a browser asks before a request, whatever the path.
    pub fn answer_preflight(&self, request: &ServiceRequest) -> Option<HttpResponse> {
        let is_preflight =
            request.method() == Method::OPTIONS && request.headers().contains_key(ACCESS_CONTROL_REQUEST_METHOD);
        is_preflight.then(|| {
            if self.is_allowed {
                preflight_response()
            } else {
                ApiError::new(ProblemKind::OriginNotAllowed).error_response()
            }
        })
    }

    /// Lets the page read the answer, if it may.
    pub fn write_headers(self, headers: &mut HeaderMap) {
        headers.append(VARY, HeaderValue::from_static("Origin"));
        if self.is_allowed {
            headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, self.value);
            headers.insert(ACCESS_CONTROL_EXPOSE_HEADERS, EXPOSED_HEADERS);
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
