//! Successful responses: plain JSON, or market data in the envelope with an entity tag.

pub mod envelope;
pub mod etag;

use actix_web::body::BoxBody;
use actix_web::http::StatusCode;
use actix_web::http::header::{HeaderName, HeaderValue, LOCATION};
use actix_web::{HttpRequest, HttpResponse, Responder, ResponseError};
use bytes::Bytes;
use contracts::api::Page;
use contracts::number::{Float, with_rounded_prices, with_strings};
use contracts::time::Time;
use jiff::Timestamp;
use serde::Serialize;
use serde_json::value::RawValue;

use crate::error::ApiError;
use crate::request_context::{self, RequestInfo};
use crate::response::envelope::{Envelope, EnvelopeParts, Metadata, Status};
use crate::response::etag::Tag;

/// The header with the cursor of the next page.
pub const NEXT_CURSOR: HeaderName = HeaderName::from_static("x-next-cursor");

/// A client that keeps an answer keeps its cursor no longer than this.
const CURSOR_AGE_SECONDS: i64 = 120;

/// Marks an error response that has a body of its own: the health reports.
#[derive(Debug, Clone, Copy)]
pub struct SkipErrorRendering;

const JSON: HeaderValue = HeaderValue::from_static("application/json");

/// Whether the request wants decimals as strings.
pub fn wants_strings(request: &HttpRequest) -> bool {
    request_context::read(request, |info| info.numbers_as_strings).unwrap_or_default()
}

/// A body and its tag.
#[derive(Debug, Clone)]
pub struct Rendered {
    body: Bytes,
    tag: Tag,
}

/// The body itself, as the request wants its numbers.
fn to_json<T: Serialize>(request: &HttpRequest, body: &T) -> Result<String, ApiError> {
    let text = if wants_strings(request) {
        with_strings(|| serde_json::to_string(body))
    } else {
        with_rounded_prices(|| serde_json::to_string(body))
    };
    text.map_err(ApiError::internal)
}

fn or_error(response: Result<HttpResponse, ApiError>) -> HttpResponse {
    response.unwrap_or_else(|error| error.error_response())
}

/// The bare body, for data of one user. Nobody may store it.
#[derive(Debug)]
pub struct Json<T> {
    status: StatusCode,
    body: T,
    headers: Vec<(HeaderName, HeaderValue)>,
    keeps_body: bool,
}

impl<T> Json<T> {
    fn new(status: StatusCode, body: T) -> Self {
        Self {
            status,
            body,
            headers: Vec::new(),
            keeps_body: false,
        }
    }

    pub fn ok(body: T) -> Self {
        Self::new(StatusCode::OK, body)
    }

    pub fn created(body: T) -> Self {
        Self::new(StatusCode::CREATED, body)
    }

    pub fn accepted(body: T) -> Self {
        Self::new(StatusCode::ACCEPTED, body)
    }

    /// A health report: 200 or 503, with this body in both cases and never the error body.
    pub fn report(is_ready: bool, body: T) -> Self {
        let status = if is_ready {
            StatusCode::OK
        } else {
            StatusCode::SERVICE_UNAVAILABLE
        };
        Self {
            keeps_body: true,
            ..Self::new(status, body)
        }
    }

    /// Names the address of what was created.
    #[must_use]
    pub fn at(self, location: HeaderValue) -> Self {
        self.header(LOCATION, location)
    }

    /// Adds a header.
    #[must_use]
    pub fn header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.push((name, value));
        self
    }
}

impl<T: Serialize> Responder for Json<T> {
    type Body = BoxBody;

    fn respond_to(self, request: &HttpRequest) -> HttpResponse {
        let mut response = or_error(plain(request, self.status, &self.body));
        for (name, value) in self.headers {
            response.headers_mut().insert(name, value);
        }
        if self.keeps_body {
            response.extensions_mut().insert(SkipErrorRendering);
        }
        response
    }
}

/// A page of data of one user: the array as the body, the cursor of the next page in a header.
#[derive(Debug)]
pub struct PageJson<T>(pub Page<T>);

impl<T: Serialize> Responder for PageJson<T> {
    type Body = BoxBody;

    fn respond_to(self, request: &HttpRequest) -> HttpResponse {
        let mut response = or_error(plain(request, StatusCode::OK, &self.0.items));
        let cursor = self.0.next_cursor.as_deref();
        if let Some(cursor) = cursor.and_then(|cursor| HeaderValue::from_str(cursor).ok()) {
            response.headers_mut().insert(NEXT_CURSOR, cursor);
        }
        response
    }
}

fn plain<T: Serialize>(request: &HttpRequest, status: StatusCode, body: &T) -> Result<HttpResponse, ApiError> {
    let text = to_json(request, body)?;
    Ok(HttpResponse::build(status).content_type(JSON).body(text))
}

/// Renders market data without an envelope, as the request wants its numbers.
///
/// # Errors
///
/// They cannot be written as JSON.
pub fn render<T: Serialize>(request: &HttpRequest, body: &T) -> Result<Rendered, ApiError> {
    let text = to_json(request, body)?;
    Ok(Rendered {
        tag: etag::of_parts(&[text.as_bytes()]),
        body: text.into(),
    })
}

/// Market data without an envelope.
pub fn market_plain(request: &HttpRequest, rendered: Rendered, cache_control: HeaderValue) -> HttpResponse {
    conditional(request, &rendered.tag, cache_control, rendered.body)
}

/// Market data in the envelope.
#[derive(Debug)]
pub struct Enveloped<T> {
    pub parts: EnvelopeParts<T>,
    pub now: Timestamp,
    /// How long clients may keep them.
    pub cache_control: HeaderValue,
    /// What tells one state of the data from the next, if the data themselves do not: with their ages in them they
    /// differ in every response.
    pub version: Option<String>,
}

impl<T: Serialize> Responder for Enveloped<T> {
    type Body = BoxBody;

    fn respond_to(self, request: &HttpRequest) -> HttpResponse {
        or_error(enveloped(request, self))
    }
}

/// The entity tag is that of the data, of their state, and of the age of a cursor, which ends after five minutes: the
/// envelope's own times differ in every response.
fn enveloped<T: Serialize>(request: &HttpRequest, response: Enveloped<T>) -> Result<HttpResponse, ApiError> {
    let Enveloped {
        parts,
        now,
        cache_control,
        version,
    } = response;
    let EnvelopeParts {
        sourced,
        cache,
        ambiguous,
        pagination,
    } = parts;
    let data = to_json(request, &sourced.data)?;
    let has_more = pagination.as_ref().is_some_and(|page| page.next_cursor.is_some());
    // A page that has a next one is renewed in time, or a client would store a cursor that has expired.
    let around = format!(
        "{:?} {:?} {}",
        sourced.state,
        sourced.sources,
        if has_more {
            now.as_second() / CURSOR_AGE_SECONDS
        } else {
            0
        }
    );
    let tag = match version {
        Some(version) => etag::of_parts(&[version.as_bytes(), request.query_string().as_bytes(), around.as_bytes()]),
        None => etag::of_parts(&[data.as_bytes(), around.as_bytes()]),
    };
    let cursor = pagination.as_ref().and_then(|page| page.next_cursor.as_deref());
    let cursor = cursor.and_then(|cursor| HeaderValue::from_str(cursor).ok());
    let info = request_context::read(request, RequestInfo::clone);
    let elapsed = info.as_ref().map(|info| info.start.elapsed()).unwrap_or_default();
    let milliseconds = (elapsed.as_secs_f64() * 1e4).round() / 10.0;
    let request_id = info.map(|info| info.id.to_string()).unwrap_or_default();
    let age_ms = sourced
        .as_of
        .map(|at| u64::try_from(now.as_millisecond() - at.0.as_millisecond()).unwrap_or(0));
    let envelope = Envelope {
        status: Status {
            state: sourced.state.into(),
            timestamp: Time(now),
            error_code: 0,
            error_message: None,
            elapsed: u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX),
            credit_count: 1,
        },
        timestamp: Time(now),
        metadata: Metadata {
            source: sourced.sources.first().cloned().unwrap_or_else(|| "none".to_owned()),
            sources: sourced.sources,
            processing_time_ms: Float(milliseconds),
            data_as_of: sourced.as_of,
            age_ms,
            cache,
            estimated: sourced.estimated,
            ambiguous,
            request_id,
        },
        data: RawValue::from_string(data).map_err(ApiError::internal)?,
        pagination,
    };
    let text = to_json(request, &envelope)?;
    let mut response = conditional(request, &tag, cache_control, text.into());
    if let Some(cursor) = cursor {
        response.headers_mut().insert(NEXT_CURSOR, cursor);
    }
    Ok(response)
}

fn conditional(request: &HttpRequest, tag: &Tag, cache_control: HeaderValue, body: Bytes) -> HttpResponse {
    etag::respond(request, tag, cache_control, |response| {
        response.content_type(JSON).body(body)
    })
}
