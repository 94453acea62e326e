//! One path with its methods, their policies and handlers. Paths are the same with and without a slash at the end.

use actix_web::dev::Handler;
use actix_web::guard;
use actix_web::http::Method;
use actix_web::http::header::{ALLOW, HeaderValue};
use actix_web::middleware::from_fn;
use actix_web::web::{self, ServiceConfig};
use actix_web::{FromRequest, HttpRequest, HttpResponse, Responder};
use contracts::problem::ProblemKind;
use domain::ticker::Ticker;
use serde_json::Value;

use crate::error::ApiError;
use crate::extract::body::BodySchema;
use crate::extract::parameters::Describe;
use crate::middleware;
use crate::request_context::{self, MatchedRoute};
use crate::route_policy::{ResponseFormat, RoutePolicy};

/// One method of one path, as the documentation has to list it.
#[derive(Debug, Clone, Copy)]
pub struct RouteDoc {
    /// The path as it is documented, which may end in a slash.
    pub path: &'static str,
    pub method: &'static str,
    /// What stands before its handler.
    pub policy: &'static RoutePolicy,
    /// Its parameters, as its handler declares them.
    pub parameters: fn() -> Vec<Value>,
    /// Its body, where these tickers are offered.
    pub body: fn(&[Ticker]) -> Option<BodySchema>,
}

/// One path. With and without a slash at the end it is the same.
pub struct Route {
    path: &'static str,
    /// Makes the handler of one method, with what stands before it.
    methods: Vec<Box<dyn Fn() -> actix_web::Route>>,
    docs: Vec<RouteDoc>,
}

impl Route {
    /// The path as it is documented.
    pub fn at(path: &'static str) -> Self {
        Self {
            path,
            methods: Vec::new(),
            docs: Vec::new(),
        }
    }

    /// Answers GET, and HEAD with it.
    #[must_use]
    pub fn get<F, Args>(self, policy: &'static RoutePolicy, handler: F) -> Self
    where
        F: Handler<Args>,
        Args: FromRequest + Describe + 'static,
        F::Output: Responder + 'static,
    {
        let route = move || {
            let methods = guard::Any(guard::Get()).or(guard::Head());
            web::route().guard(methods).to(handler.clone())
        };
        self.add("GET", policy, Args::parameters, Args::body, route)
    }

    #[must_use]
    pub fn post<F, Args>(self, policy: &'static RoutePolicy, handler: F) -> Self
    where
        F: Handler<Args>,
        Args: FromRequest + Describe + 'static,
        F::Output: Responder + 'static,
    {
        self.add("POST", policy, Args::parameters, Args::body, move || {
            web::post().to(handler.clone())
        })
    }

    #[must_use]
    pub fn patch<F, Args>(self, policy: &'static RoutePolicy, handler: F) -> Self
    where
        F: Handler<Args>,
        Args: FromRequest + Describe + 'static,
        F::Output: Responder + 'static,
    {
        self.add("PATCH", policy, Args::parameters, Args::body, move || {
            web::patch().to(handler.clone())
        })
    }

    #[must_use]
    pub fn delete<F, Args>(self, policy: &'static RoutePolicy, handler: F) -> Self
    where
        F: Handler<Args>,
        Args: FromRequest + Describe + 'static,
        F::Output: Responder + 'static,
    {
        self.add("DELETE", policy, Args::parameters, Args::body, move || {
            web::delete().to(handler.clone())
        })
    }

    fn add(
        mut self,
        method: &'static str,
        policy: &'static RoutePolicy,
        parameters: fn() -> Vec<Value>,
        body: fn(&[Ticker]) -> Option<BodySchema>,
        route: impl Fn() -> actix_web::Route + 'static,
    ) -> Self {
        let path = self.path;
        self.methods.push(Box::new(move || {
            route().wrap(from_fn(move |request, next| {
                middleware::admit(path, policy, request, next)
            }))
        }));
        self.docs.push(RouteDoc {
            path: self.path,
            method,
            policy,
            parameters,
            body,
        });
        self
    }

    /// Its methods as the documentation has to list them.
    pub fn docs(&self) -> &[RouteDoc] {
        &self.docs
    }

    /// Adds the path to the application, with an answer for every other method.
    pub fn register(self, config: &mut ServiceConfig) {
        let format = self.docs.first().map_or(ResponseFormat::Plain, |doc| doc.policy.format);
        let mut methods: Vec<&str> = self.docs.iter().map(|doc| doc.method).collect();
        // HEAD is answered wherever GET is.
        if let Some(at) = methods.iter().position(|method| *method == "GET") {
            methods.insert(at + 1, "HEAD");
        }
        methods.push("OPTIONS");
        let (allow, path) = (methods.join(", "), self.path);
        let other = move |request: HttpRequest| {
            let allow = HeaderValue::try_from(allow.as_str());
            async move {
                let allow = allow.map_err(ApiError::internal)?;
                if request.method() == Method::OPTIONS {
                    return Ok(HttpResponse::NoContent().insert_header((ALLOW, allow)).finish());
                }
                request_context::update(&request, |info| info.route = Some(MatchedRoute { path, format }));
                Err(ApiError::new(ProblemKind::MethodNotAllowed).header(ALLOW, allow))
            }
        };
        let bare = path.trim_end_matches('/');
        // Two resources and not one of two patterns, for which the router would run a regular expression.
        for pattern in [bare.to_owned(), format!("{bare}/")] {
            let resource = web::resource(pattern).default_service(web::to(other.clone()));
            let resource = self
                .methods
                .iter()
                .fold(resource, |resource, method| resource.route(method()));
            config.service(resource);
        }
    }
}
