//! One path of the API with its methods: routed, guarded, and known to the documentation's test.

use actix_web::dev::Handler;
use actix_web::guard;
use actix_web::http::Method;
use actix_web::http::header::{ALLOW, HeaderValue};
use actix_web::middleware::from_fn;
use actix_web::web::{self, ServiceConfig};
use actix_web::{FromRequest, HttpMessage, HttpRequest, HttpResponse, Resource, Responder, Route};
use contracts::problem::ProblemKind;

use crate::error::ApiError;
use crate::route_policy::{self, Family, Gate};

/// One method of one path, as the documentation has to list it.
#[derive(Debug, Clone, Copy)]
pub struct Operation {
    /// The path as it is documented, which may end in a slash.
    pub path: &'static str,
    /// The method.
    pub method: &'static str,
    /// What stands before its handler.
    pub gate: &'static Gate,
}

/// One path. With and without a slash at the end it is the same.
pub struct Endpoint {
    path: &'static str,
    resource: Resource,
    operations: Vec<Operation>,
}

impl Endpoint {
    /// The path as it is documented.
    pub fn at(path: &'static str) -> Self {
        let bare = path.trim_end_matches('/').to_owned();
        let slashed = format!("{bare}/");
        Self {
            path,
            resource: web::resource(vec![bare, slashed]),
            operations: Vec::new(),
        }
    }

    /// Answers GET, and HEAD with it.
    #[must_use]
    pub fn get<F, Args>(self, gate: &'static Gate, handler: F) -> Self
    where
        F: Handler<Args>,
        Args: FromRequest + 'static,
        F::Output: Responder + 'static,
    {
        let route = web::route().guard(guard::Any(guard::Get()).or(guard::Head()));
        self.add("GET", gate, route.to(handler))
    }

    /// Answers POST.
    #[must_use]
    pub fn post<F, Args>(self, gate: &'static Gate, handler: F) -> Self
    where
        F: Handler<Args>,
        Args: FromRequest + 'static,
        F::Output: Responder + 'static,
    {
        self.add("POST", gate, web::post().to(handler))
    }

    /// Answers DELETE.
    #[must_use]
    pub fn delete<F, Args>(self, gate: &'static Gate, handler: F) -> Self
    where
        F: Handler<Args>,
        Args: FromRequest + 'static,
        F::Output: Responder + 'static,
    {
        self.add("DELETE", gate, web::delete().to(handler))
    }

    fn add(mut self, method: &'static str, gate: &'static Gate, route: Route) -> Self {
        self.resource = self
            .resource
            .route(route.wrap(from_fn(move |request, next| route_policy::pass(gate, request, next))));
        self.operations.push(Operation {
            path: self.path,
            method,
            gate,
        });
        self
    }

    /// Its operations.
    pub fn operations(&self) -> &[Operation] {
        &self.operations
    }

    /// Adds the path to the application, with an answer for every other method.
    pub fn register(self, config: &mut ServiceConfig) {
        let family = self
            .operations
            .first()
            .map_or(Family::Plain, |operation| operation.gate.family);
        let mut methods: Vec<&str> = self.operations.iter().map(|operation| operation.method).collect();
        if let Some(at) = methods.iter().position(|method| *method == "GET") {
            methods.insert(at + 1, "HEAD");
        }
        methods.push("OPTIONS");
        let allow = methods.join(", ");
        let other = move |request: HttpRequest| {
            let allow = HeaderValue::try_from(allow.as_str());
            async move {
                let allow = allow.map_err(ApiError::internal)?;
                if request.method() == Method::OPTIONS {
                    return Ok(HttpResponse::NoContent().insert_header((ALLOW, allow)).finish());
                }
                request.extensions_mut().insert(family);
                Err(ApiError::new(ProblemKind::MethodNotAllowed).header(ALLOW, allow))
            }
        };
        config.service(self.resource.default_service(web::to(other)));
    }
}
