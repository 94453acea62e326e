//! The control interface under `/_sim`: look at the market, break venues, move and nail prices.

use std::collections::BTreeMap;
use std::time::Duration;

use actix_web::{HttpResponse, web};
use serde::{Deserialize, Serialize};

use crate::clock::iso;
use crate::faults::{FaultRequest, Refused};
use crate::state::State;
use crate::venue::Venue;

/// `POST /_sim/moves`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct MoveRequest {
    ticker: String,
    percent: f64,
    #[serde(default)]
    seconds: f64,
    /// How long the move stays before the price goes back in the same time; for good when not given.
    recover_after: Option<f64>,
}

/// `POST /_sim/prices`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct PinRequest {
    ticker: String,
    price: f64,
}

#[derive(Debug, Deserialize)]
struct Which {
    ticker: Option<String>,
}

#[derive(Serialize)]
struct StateBody {
    market: &'static str,
    now: String,
    faults: Vec<FaultRequest>,
    prices: BTreeMap<String, PriceBody>,
}

#[derive(Serialize)]
struct PriceBody {
    pinned: bool,
    binance_usdt: Option<f64>,
    coingecko_usd: Option<f64>,
    coinmarketcap_usd: Option<f64>,
}

pub fn routes(config: &mut web::ServiceConfig) {
    for path in ["/health/live", "/health/ready"] {
        config.route(path, web::get().to(health));
    }
    config.service(
        web::scope("/_sim")
            .route("/state", web::get().to(state))
            .route("/requests", web::get().to(requests))
            .service(
                web::resource("/faults")
                    .route(web::get().to(faults))
                    .route(web::post().to(add_fault))
                    .route(web::delete().to(clear_faults)),
            )
            .service(
                web::resource("/moves")
                    .route(web::post().to(add_move))
                    .route(web::delete().to(forget)),
            )
            .service(
                web::resource("/prices")
                    .route(web::post().to(pin))
                    .route(web::delete().to(unpin)),
            ),
    );
}

fn settle<T: Serialize>(outcome: Result<T, Refused>) -> HttpResponse {
    match outcome {
        Ok(body) => HttpResponse::Ok().json(body),
        Err(refused) => HttpResponse::BadRequest().json(serde_json::json!({"error": refused.to_string()})),
    }
}

async fn health() -> HttpResponse {
    HttpResponse::Ok().json(serde_json::json!({"status": "ok"}))
}

async fn state(state: web::Data<State>) -> HttpResponse {
    let now = state.clock.now();
    let prices = state.feed.catalogue().iter().map(|(id, asset)| {
        let price = |venue| state.feed.price(venue, id, now);
        let body = PriceBody {
            pinned: state.feed.pinned(id, now).is_some(),
            binance_usdt: asset.binance.as_ref().and_then(|_| price(Venue::Binance)),
            coingecko_usd: asset.coingecko.as_ref().and_then(|_| price(Venue::CoinGecko)),
            coinmarketcap_usd: asset.coinmarketcap.and_then(|_| price(Venue::CoinMarketCap)),
        };
        (asset.ticker.clone(), body)
    });
    let prices = prices.collect();
    HttpResponse::Ok().json(StateBody {
        market: state.feed.kind(),
        now: iso(now),
        faults: state.faults(),
        prices,
    })
}

async fn requests(state: web::Data<State>) -> HttpResponse {
    HttpResponse::Ok().json(state.counts())
}

async fn faults(state: web::Data<State>) -> HttpResponse {
    HttpResponse::Ok().json(state.faults())
}

async fn add_fault(state: web::Data<State>, request: web::Json<FaultRequest>) -> HttpResponse {
    settle(state.add_fault(request.into_inner()).map(|()| state.faults()))
}

async fn clear_faults(state: web::Data<State>) -> HttpResponse {
    HttpResponse::Ok().json(serde_json::json!({"lifted": state.clear_faults()}))
}

async fn add_move(state: web::Data<State>, request: web::Json<MoveRequest>) -> HttpResponse {
    let done = start_move(&state, &request);
    settle(done.map(|()| serde_json::json!({"moving": request.ticker})))
}

fn start_move(state: &State, request: &MoveRequest) -> Result<(), Refused> {
    let length = read_seconds("seconds", request.seconds)?;
    let stays = request
        .recover_after
        .map(|seconds| read_seconds("recover_after", seconds))
        .transpose()?;
    state.move_price(&request.ticker, request.percent, length, stays)
}

fn read_seconds(name: &str, seconds: f64) -> Result<Duration, Refused> {
    Duration::try_from_secs_f64(seconds).map_err(|_| Refused(format!("{name} must be a number from 0 on")))
}

async fn forget(state: web::Data<State>) -> HttpResponse {
    state.forget_overrides();
    HttpResponse::Ok().json(serde_json::json!({"forgotten": true}))
}

async fn pin(state: web::Data<State>, request: web::Json<PinRequest>) -> HttpResponse {
    let done = state.pin(&request.ticker, request.price);
    settle(done.map(|()| serde_json::json!({"pinned": request.ticker, "price": request.price})))
}

async fn unpin(state: web::Data<State>, which: web::Query<Which>) -> HttpResponse {
    settle(
        state
            .unpin(which.ticker.as_deref())
            .map(|freed| serde_json::json!({"freed": freed})),
    )
}
