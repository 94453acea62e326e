//! Pages for people: the dashboard, the documentation, the catalogue of errors.

use std::sync::Arc;

use actix_web::http::Method;
use actix_web::http::header::{ALLOW, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_SECURITY_POLICY, HeaderValue};
use actix_web::{HttpRequest, HttpResponse};
use contracts::problem::ProblemKind;
use rust_embed::{EmbeddedFile, RustEmbed};

use crate::error::{ApiError, catalogue};
use crate::response::etag;
use crate::route_policy::RoutePolicy;

pub const OPEN: RoutePolicy = RoutePolicy::public();

/// Nothing from elsewhere; styles may be inline, which charts need.
const PAGE_POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; frame-ancestors 'none'; \
     base-uri 'self'",
);

const HTML: &str = "text/html; charset=utf-8";

/// Files whose names change with their content.
const HASHED_FOLDER: &str = "assets/";

/// The built dashboard; empty until it is built.
#[derive(RustEmbed)]
#[folder = "dashboard/dist"]
#[allow_missing = true]
struct Dashboard;

fn page(body: String) -> HttpResponse {
    HttpResponse::Ok()
        .content_type(HTML)
        .insert_header((CONTENT_SECURITY_POLICY, PAGE_POLICY))
        .insert_header((CACHE_CONTROL, "no-cache"))
        .body(body)
}

/// `GET /docs`: the description of the API, to read and to try.
pub async fn docs() -> HttpResponse {
    page(include_str!("docs.html").to_owned())
}

/// `GET /docs/errors`: where every error body points to.
pub async fn errors() -> HttpResponse {
    page(catalogue::html())
}

/// `GET /docs/{file}`: the files behind the description.
pub async fn docs_file(request: HttpRequest) -> Result<HttpResponse, ApiError> {
    let name = request.match_info().query("file");
    let config = utoipa_swagger_ui::Config::from("/openapi.json")
        .persist_authorization(true)
        .try_it_out_enabled(true);
    let file = utoipa_swagger_ui::serve(name, Arc::new(config)).map_err(ApiError::internal)?;
    // Its own index page refers to its files by relative addresses and is not used.
    let file = file.filter(|_| !name.is_empty() && name != "index.html");
    let file = file.ok_or_else(|| ApiError::new(ProblemKind::NotFound))?;
    let mut response = HttpResponse::Ok();
    response
        .content_type(file.content_type)
        .insert_header((CACHE_CONTROL, "public, max-age=3600"));
    if file.gzpipped {
        response.insert_header((CONTENT_ENCODING, "gzip"));
    }
    Ok(response.body(file.bytes.into_owned()))
}

/// Answers every path that is no route: a file of the dashboard, or nothing.
pub async fn dashboard(request: HttpRequest) -> Result<HttpResponse, ApiError> {
    let path = request.path().trim_start_matches('/');
    let name = if path.is_empty() { "index.html" } else { path };
    let file = Dashboard::get(name);
    if file.is_none() && !path.is_empty() {
        return Err(ApiError::new(ProblemKind::NotFound));
    }
    match *request.method() {
        Method::GET | Method::HEAD => Ok(file.map_or_else(not_built, |file| file_response(&request, name, file))),
        Method::OPTIONS => Ok(HttpResponse::NoContent()
            .insert_header((ALLOW, "GET, HEAD, OPTIONS"))
            .finish()),
        _ => {
            let allow = HeaderValue::from_static("GET, HEAD, OPTIONS");
            Err(ApiError::new(ProblemKind::MethodNotAllowed).header(ALLOW, allow))
        }
    }
}

fn file_response(request: &HttpRequest, name: &str, file: EmbeddedFile) -> HttpResponse {
    let tag = etag::of_hash(&file.metadata.sha256_hash());
    let caching = HeaderValue::from_static(if name.starts_with(HASHED_FOLDER) {
        "public, max-age=31536000, immutable"
    } else {
        "no-cache"
    });
    let mut response = etag::respond(request, &tag, caching, |response| {
        response
            .content_type(file.metadata.mimetype())
            .body(file.data.into_owned())
    });
    // With 304 too: a browser takes the headers of a 304 for those of the page that it has.
    response.headers_mut().insert(CONTENT_SECURITY_POLICY, PAGE_POLICY);
    response
}

fn not_built() -> HttpResponse {
    page(include_str!("not_built.html").to_owned())
}
