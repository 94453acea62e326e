//! What the handlers share, and what they all do with it.

use std::collections::HashSet;

use contracts::problem::ProblemKind;
use deadpool_postgres::Object;
use domain::ticker::Ticker;
use jiff::SignedDuration;
use platform::clock::SharedClock;
use platform::postgres::StoreError;
use platform::problem::Problem;

use super::computation::Computations;
use crate::store::{Store, candles};
use crate::token_list::TokenCache;
use crate::token_list::cache::Found;

#[derive(Debug, Clone)]
pub struct AppState {
    pub store: Store,
    pub clock: SharedClock,
    /// Assets that exist even before their first candle.
    pub supported: HashSet<Ticker>,
    /// Bounds what is computed at once.
    pub computations: Computations,
    pub tokens: TokenCache,
    /// Age from which the figures of a token are stale.
    pub token_max_age: SignedDuration,
    /// How long a velocity holds until the next one, at most.
    pub velocity_max_hold: SignedDuration,
}

impl AppState {
    pub(super) async fn client(&self) -> Result<Object, StoreError> {
        self.store.client().await
    }

    /// All tokens as they are.
    pub(super) async fn newest_tokens(&self) -> Result<Found, Problem> {
        self.tokens.newest().await.map_err(to_problem)
    }

    /// The ticker of a path or list, if it is one at all.
    pub(super) fn parse_ticker(text: &str) -> Result<Ticker, Problem> {
        text.parse().map_err(|_| unknown_asset(text))
    }

    /// Nothing where something was expected: an asset that has no candles is unknown unless it is supported.
    pub(super) async fn require_known(&self, ticker: &Ticker) -> Result<(), Problem> {
        if self.supported.contains(ticker) || candles::has_candles(&self.client().await?, ticker).await? {
            return Ok(());
        }
        Err(unknown_asset(ticker.as_str()))
    }
}

/// Why tokens cannot be had.
pub(super) fn to_problem(error: anyhow::Error) -> Problem {
    match error.downcast::<StoreError>() {
        Ok(error) => error.into(),
        Err(error) => Problem::internal(error),
    }
}

fn unknown_asset(name: &str) -> Problem {
    Problem::new(ProblemKind::TokenNotFound, format!("There is no asset {name} here."))
}
