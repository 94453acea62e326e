//! The internal routes. A handler parses, asks one thing, answers.

mod candles;

mod computation;

mod correlation;

/// From query texts to values, all that is wrong named at once.
mod params;

/// Where data come from and whether they are what they should be.
mod quality;

/// The statistics of one asset.
mod stats;

mod timeseries;

use std::collections::HashSet;

use actix_web::http::Method;
use actix_web::web::{self, ServiceConfig};
use contracts::problem::ProblemKind;
use deadpool_postgres::{Object, PoolError};
use domain::ticker::Ticker;
use platform::clock::SharedClock;
use platform::problem::Problem;
use platform::server::resource;

pub use computation::Computations;

use crate::store::{Store, candles as stored};

#[derive(Debug, Clone)]
pub struct AppState {
    pub store: Store,
    pub clock: SharedClock,
    /// Assets that exist even before their first candle.
    pub supported: HashSet<Ticker>,
    /// Bounds what is computed at once.
    pub computations: Computations,
}

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
        ));
}

impl AppState {
    async fn client(&self) -> Result<Object, Problem> {
        self.store.client().await.map_err(unavailable)
    }

    /// The ticker of a path or list, if it is one at all.
    fn parse_ticker(text: &str) -> Result<Ticker, Problem> {
        text.parse().map_err(|_| unknown_asset(text))
    }

    /// Nothing where something was expected: an asset that has no candles is unknown unless it is supported.
    async fn require_known(&self, ticker: &Ticker) -> Result<(), Problem> {
        if self.supported.contains(ticker)
            || stored::has_candles(&self.client().await?, ticker)
                .await
                .map_err(unavailable)?
        {
            return Ok(());
        }
        Err(unknown_asset(ticker.as_str()))
    }
}

fn unknown_asset(name: &str) -> Problem {
    problem(ProblemKind::TokenNotFound, format!("There is no asset {name} here."))
}

fn problem(kind: ProblemKind, detail: impl Into<String>) -> Problem {
    Problem::new(kind.status(), kind.slug(), detail)
}

/// A statement that PostgreSQL refuses is our fault; anything else means that it is not there for us.
fn unavailable(error: anyhow::Error) -> Problem {
    let no_connection = error.chain().any(|cause| cause.is::<PoolError>());
    let refused = error
        .chain()
        .filter_map(|cause| cause.downcast_ref::<tokio_postgres::Error>())
        .any(|error| error.code().is_some() && !platform::postgres::is_outage(error));
    if refused && !no_connection {
        return Problem::internal(&error);
    }
    tracing::warn!(error = format!("{error:#}"), "history cannot be read");
    Problem::unavailable("The history is not available right now. Please try again.")
}
