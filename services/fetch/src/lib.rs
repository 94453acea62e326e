//! Takes prices from providers, makes one price that can be trusted and explained.
//!
//! The modules stand in the order in which data passes through them, those that everything uses first.

pub mod assets;
pub mod metrics;
pub mod settings;

/// Numbers and times exactly as providers write them.
pub mod raw_number;
pub mod timestamp;

pub mod rejection;

/// Requests to providers and their responses: one folder per provider, decorators for what they share.
pub mod providers;

pub mod normalise;
pub mod validate;

/// One loop per provider, and how each of them is doing.
pub mod poll;
pub mod provider_registry;

/// From observations to published prices.
pub mod convert;
pub mod price_book;
pub mod pricing;
pub mod quote_store;

/// The listing of all tokens, with caps and supplies.
pub mod listing;

/// What took no part in a price: logged once, and stored for people to look at.
pub mod rejection_log;
pub mod rejection_tracker;
pub mod store;

/// Answers on request: how a price was made, past prices, and the price of any coin.
pub mod batch;
pub mod candles;
pub mod explanation;
pub mod history;
pub mod price_history;
pub mod routes;

pub mod provider_adapters;

pub mod app;
pub mod cli;
