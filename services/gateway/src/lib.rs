//! The only public service: REST API, documentation, dashboard.
//!
//! A request passes [`answer`] (id, headers, the one error body), [`gate`] (body, credential, limit, permission, repeats)
//! and its handler in [`routes`], which asks Redis or another service and answers through [`reply`].

/// What can be set from outside.
pub mod settings;

/// Puts the gateway together.
pub mod app;

/// What the gateway does besides answering.
pub mod tasks;

/// The outermost layer: ids, headers, errors.
pub mod answer;

/// Which web pages may call the API.
pub mod cors;

/// Which hosts are served.
pub mod hosts;

/// Networks, and who the client is.
pub mod net;

/// One path of the API with its methods.
pub mod endpoint;

/// What stands before every handler.
pub mod gate;

/// Token buckets.
pub mod limits;

/// Repeated POSTs.
pub mod idempotency;

/// Identity: users, their keys, and what a request may do.
pub mod accounts;

/// What handlers get.
pub mod extract;

/// The API, one resource per file.
pub mod routes;

/// The newest quotes.
pub mod quotes;

/// The other services.
pub mod services;

/// Whether the platform can be used.
pub mod health;

/// The envelope around market data.
pub mod envelope;

/// Successes.
pub mod reply;

/// Failures.
pub mod problem;

/// The OpenAPI document.
pub mod openapi;

/// Commands for operators.
pub mod cli;
