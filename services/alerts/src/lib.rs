//! Evaluates alerts on every published price, and delivers what they say as signed webhooks.
//!
//! PostgreSQL decides: an alert fires in one transaction that also writes its event and its message. Redis only finds
//! candidates and RabbitMQ only carries ids; either can lose everything at any moment.
//!
//! Imports point downwards. [`app`] puts everything together. A quote passes through [`quote_consumer`], [`evaluator`],
//! [`index`], [`fire`] and [`relay`], its message through [`delivery`]; [`routes`] answers the gateway. All SQL is in
//! [`store`].

#![allow(
    missing_docs,
    reason = "nobody else uses this crate: what a name says is not said again"
)]

pub mod app;
pub mod delivery;
pub mod error_chain;
pub mod evaluation;
pub mod evaluator;
pub mod fire;
pub mod index;
pub mod metrics;
pub mod missed_quotes;
pub mod monitors;
pub mod payload;
pub mod price_data;
pub mod quote_consumer;
pub mod relay;
pub mod retention;
pub mod routes;
pub mod secrets;
pub mod settings;
pub mod state;
pub mod store;
