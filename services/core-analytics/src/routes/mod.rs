//! The internal routes. A handler parses, asks one thing, answers.

mod candles;

mod computation;

mod correlation;

mod market;

/// From query texts to values, all that is wrong named at once.
mod params;

/// Where data come from and whether they are what they should be.
mod quality;

mod state;

/// The statistics of one asset.
mod stats;

mod timeseries;

mod tokens;

use actix_web::http::Method;
use actix_web::web::{self, ServiceConfig};
use platform::server::resource;

pub use computation::Computations;
pub use state::AppState;

/// Adds the routes to the scope `/internal`.
pub fn configure(config: &mut ServiceConfig) {
    // The fixed name first: `correlation` is also a possible symbol.
    config
        .service(resource(
            "/analytics/correlation",
            [(Method::GET, web::get().to(correlation::show))],
        ))
        .service(resource(
            "/analytics/{symbol}/stats",
            [(Method::GET, web::get().to(stats::show))],
        ))
        .service(resource(
            "/analytics/{symbol}/timeseries",
            [(Method::GET, web::get().to(timeseries::show))],
        ))
        .service(resource(
            "/candles/{ticker}",
            [(Method::GET, web::get().to(candles::list))],
        ))
        .service(resource(
            "/market/overview",
            [(Method::GET, web::get().to(market::overview))],
        ))
        .service(resource("/tokens", [(Method::GET, web::get().to(tokens::list::list))]))
        // Before the ids: `search` is never one.
        .service(resource(
            "/tokens/search",
            [(Method::GET, web::get().to(tokens::search::search))],
        ))
        .service(resource(
            "/tokens/{token_id}",
            [(Method::GET, web::get().to(tokens::show::show))],
        ))
        .service(resource(
            "/tokens/{token_id}/history",
            [(Method::GET, web::get().to(tokens::history::list))],
        ))
        .service(resource(
            "/tokens/{token_id}/velocity",
            [(Method::GET, web::get().to(tokens::velocity::show))],
        ));
}
