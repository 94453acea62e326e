//! The only public service: REST API, documentation, dashboard.
//!
//! Imports point downwards: [`app`] puts everything together; [`router`] has every route; [`routes`] has the handlers,
//! which [`middleware`] guards, [`extract`] feeds and [`response`] answers for; they work with the [`state`], which is
//! made of [`upstream`], [`auth`], [`rate_limit`], [`usage`], [`store`] and [`quote_cache`].

#![allow(
    missing_docs,
    reason = "nobody else uses this crate: what a name says is not said again"
)]

pub mod allowed_host;
pub mod app;
pub mod auth;
pub mod background;
pub mod bounded_map;
pub mod cli;
pub mod error;
pub mod extract;
pub mod health;
pub mod middleware;
pub mod openapi;
pub mod quote_cache;
pub mod rate_limit;
pub mod request_context;
pub mod response;
pub mod route;
pub mod route_policy;
pub mod router;
pub mod routes;
pub mod settings;
pub mod shared_calls;
pub mod state;
pub mod store;
pub mod upstream;
pub mod usage;
