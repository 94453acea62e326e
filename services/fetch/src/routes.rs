//! The internal HTTP routes of this service.

use std::time::Duration;

use actix_web::http::Method;
use actix_web::web::{self, Data, Json, Path, Query, ServiceConfig};
use contracts::api::fetch::{ExplanationBody, HistoryBody, HistoryQuery, ProviderBody};
use contracts::api::price::{BatchedPriceBody, PriceHistoryPage, PriceHistoryQuery, PriceQuery};
use contracts::problem::ProblemKind;
use domain::coin_id::CoinId;
use domain::ticker::{ProviderId, Ticker};
use platform::clock::SharedClock;
use platform::problem::Problem;
use platform::server::resource;

use crate::batch::Batcher;
use crate::explanation::Explainer;
use crate::history::HistoryService;
use crate::price_history::PriceHistory;
use crate::provider_registry::ProviderRegistry;
use crate::quote_store::QuoteStore;

pub struct AppState {
    pub history: HistoryService,
    pub batcher: Batcher,
    pub price_history: PriceHistory,
    /// The state of the providers that this process asks.
    pub registry: ProviderRegistry,
    pub explainer: Explainer,
    /// What other processes wrote down.
    pub quote_store: QuoteStore,
    pub clock: SharedClock,
}

pub fn routes(config: &mut ServiceConfig) {
    config
        .service(resource("/history/{ticker}", [(Method::GET, web::get().to(history))]))
        .service(resource("/sources", [(Method::GET, web::get().to(sources))]))
        .service(resource("/explain/{ticker}", [(Method::GET, web::get().to(explain))]))
        .service(resource("/price/{coin_id}", [(Method::GET, web::get().to(price))]))
        .service(resource(
            "/price/{coin_id}/history",
            [(Method::GET, web::get().to(price_history))],
        ));
}

fn ticker(text: &str) -> Result<Ticker, Problem> {
    text.parse()
        .map_err(|error| Problem::new(ProblemKind::InvalidParameter, format!("ticker: {error}.")))
}

/// `GET /internal/history/{ticker}`: candles of a provider's own history.
async fn history(
    state: Data<AppState>,
    path: Path<String>,
    query: Query<HistoryQuery>,
) -> Result<Json<HistoryBody>, Problem> {
    let ticker = ticker(&path)?;
    Ok(Json(state.history.find(&ticker, &query).await?))
}

/// `GET /internal/sources`: how each provider is doing, whichever process asks it.
async fn sources(state: Data<AppState>) -> Json<Vec<ProviderBody>> {
    let mut bodies = Vec::new();
    for provider in state.registry.providers() {
        bodies.extend(source(&state, provider).await);
    }
    Json(bodies)
}

/// The newer of what this process knows and what the asking one wrote down.
async fn source(state: &AppState, provider: ProviderId) -> Option<ProviderBody> {
    let own = state.registry.find(provider)?;
    let written = match state.quote_store.find_provider_state(provider).await {
        Ok(written) => written,
        Err(error) => {
            tracing::debug!(error = format!("{error:#}"), "state of the provider is not shared now");
            None
        }
    };
    let newest = match written {
        Some(written) if own.body.state == "starting" || written.last_good_at > own.last_good_at => written,
        Some(_) | None => own,
    };
    Some(newest.at(state.clock.now()))
}

/// `GET /internal/explain/{ticker}`: how the newest price was made.
async fn explain(state: Data<AppState>, path: Path<String>) -> Result<Json<ExplanationBody>, Problem> {
    let ticker = ticker(&path)?;
    let none = || {
        let detail = format!("There is no price of {ticker} yet.");
        Problem::new(ProblemKind::TokenNotFound, detail)
    };
    state.explainer.find(&ticker).await.map(Json).ok_or_else(none)
}

fn coin_id(text: &str) -> Result<CoinId, Problem> {
    text.parse()
        .map_err(|error| Problem::new(ProblemKind::InvalidCoinId, format!("coin_id: {error}.")))
}

/// `GET /internal/price/{coin_id}`: the price of any coin, from a batch. The handler is dropped when the caller goes.
async fn price(
    state: Data<AppState>,
    path: Path<String>,
    query: Query<PriceQuery>,
) -> Result<Json<BatchedPriceBody>, Problem> {
    let max_age = Duration::from_millis(query.max_age_ms.into());
    Ok(Json(state.batcher.price(&coin_id(&path)?, max_age).await?))
}

/// `GET /internal/price/{coin_id}/history`: what batches fetched before.
async fn price_history(
    state: Data<AppState>,
    path: Path<String>,
    query: Query<PriceHistoryQuery>,
) -> Result<Json<PriceHistoryPage>, Problem> {
    Ok(Json(state.price_history.page(&coin_id(&path)?, &query).await?))
}
