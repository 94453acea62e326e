//! One path with its methods, their policies and handlers. Paths are the same with and without a slash at the end.

use actix_web::dev::Handler;
use actix_web::guard;
use actix_web::http::Method;
use actix_web::http::header::{ALLOW, HeaderValue};
use actix_web::middleware::from_fn;
use actix_web::web::{self, ServiceConfig};
use actix_web::{FromRequest, HttpMessage, HttpRequest, HttpResponse, Resource, Responder};
use contracts::problem::ProblemKind;
use domain::ticker::Ticker;
use serde_json::Value;

use crate::error::ApiError;
use crate::extract::body::BodySchema;
use crate::extract::parameters::Describe;
use crate::middleware;
use crate::middleware::metrics::RoutePath;
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
    resource: Resource,
    docs: Vec<RouteDoc>,
}

impl Route {
    /// The path as it is documented.
    pub fn at(path: &'static str) -> Self {
        let bare = path.trim_end_matches('/').to_owned();
        let slashed = format!("{bare}/");
        Self {
            path,
            resource: web::resource(vec![bare, slashed]),
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
        let route = web::route().guard(guard::Any(guard::Get()).or(guard::Head()));
        self.add("GET", policy, Args::parameters, Args::body, route.to(handler))
    }

    #[must_use]
    pub fn post<F, Args>(self, policy: &'static RoutePolicy, handler: F) -> Self
    where
        F: Handler<Args>,
        Args: FromRequest + Describe + 'static,
        F::Output: Responder + 'static,
    {
        self.add("POST", policy, Args::parameters, Args::body, web::post().to(handler))
    }

    #[must_use]
    pub fn delete<F, Args>(self, policy: &'static RoutePolicy, handler: F) -> Self
    where
        F: Handler<Args>,
        Args: FromRequest + Describe + 'static,
        F::Output: Responder + 'static,
    {
        self.add("DELETE", policy, Args::parameters, Args::body, web::delete().to(handler))
    }

    fn add(
        mut self,
        method: &'static str,
        policy: &'static RoutePolicy,
        parameters: fn() -> Vec<Value>,
        body: fn(&[Ticker]) -> Option<BodySchema>,
        route: actix_web::Route,
    ) -> Self {
        let path = self.path;
        self.resource = self.resource.route(route.wrap(from_fn(move |request, next| {
            middleware::admit(path, policy, request, next)
        })));
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
                {
                    let mut extensions = request.extensions_mut();
                    extensions.insert(format);
                    extensions.insert(RoutePath(path));
                }
                Err(ApiError::new(ProblemKind::MethodNotAllowed).header(ALLOW, allow))
            }
        };
        config.service(self.resource.default_service(web::to(other)));
    }
}
