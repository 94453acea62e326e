//! The only public service: REST API, documentation, dashboard.

/// What can be set from outside.
pub mod settings;

/// Puts the gateway together.
pub mod app;

/// What the gateway does besides answering.
pub mod background;

/// What every request passes.
pub mod middleware;

/// Which hosts are served.
pub mod allowed_host;

/// Networks, and who the client is.
pub mod network;

/// One path of the API with its methods.
pub mod route;

/// What a route asks of a request.
pub mod route_policy;

/// What is known about a request.
pub mod request_context;

/// Maps that do not grow for ever.
pub mod bounded_map;

/// Token buckets.
pub mod rate_limit;

/// Identity: users, their keys, and what a request may do.
pub mod auth;

/// All SQL.
pub mod store;

/// What handlers get.
pub mod extract;

/// The API, one resource per file.
pub mod routes;

/// The newest quotes.
pub mod quote_cache;

/// The other services.
pub mod upstream;

/// Whether the platform can be used.
pub mod health;

/// Successes.
pub mod response;

/// Failures.
pub mod error;

/// The OpenAPI document.
pub mod openapi;

/// Commands for operators.
pub mod cli;
