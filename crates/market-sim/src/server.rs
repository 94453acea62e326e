//! One port for all venues: finds the venue by its prefix, applies what is broken, answers in its words.

use std::time::Duration;

use actix_web::http::StatusCode;
use actix_web::http::header::{CONTENT_TYPE, RETRY_AFTER};
use actix_web::{HttpRequest, HttpResponse, HttpResponseBuilder, web};

use crate::clock::iso;
use crate::fault_effects::FaultEffects;
use crate::fault_kind::FaultKind;
use crate::json::Json;
use crate::state::State;
use crate::venue::Venue;
use crate::venue_view::VenueView;
use crate::venues::message::{Reply, Request};
use crate::venues::{self, binance, coingecko, coinmarketcap};

/// How long a hanging answer hangs before its connection is dropped.
const HANG: Duration = Duration::from_secs(600);

const PAGE: &str = "<!DOCTYPE html>\n<html lang=\"en-US\"><head><title>Just a moment...</title></head>\
<body><h1>Checking your browser before accessing the site.</h1>\
<p>Performance &amp; security by Cloudflare</p></body></html>\n";

/// Answers anything outside the control interface.
pub async fn venue(state: web::Data<State>, http: HttpRequest) -> HttpResponse {
    let path = http.path().trim_start_matches('/');
    let (prefix, rest) = path.split_at(path.find('/').unwrap_or(path.len()));
    let Some(venue) = Venue::find(prefix) else {
        let message = "no venue here; known are /binance, /coingecko, /coinmarketcap, and /_sim for control";
        return HttpResponse::NotFound().json(serde_json::json!({"error": message}));
    };
    let route = venues::route(venue, rest);
    state.count(venue, route);
    let effects = state.effects(venue, route);
    if effects.hang {
        tokio::time::sleep(HANG).await;
        return HttpResponse::GatewayTimeout().finish();
    }
    if let Some(ms) = effects.slow {
        tokio::time::sleep(Duration::from_millis(ms)).await;
    }
    if let Some(kind) = effects.instead {
        return broken(&state, venue, kind);
    }
    let header = |name: &str| {
        http.headers()
            .get(name)
            .and_then(|value| value.to_str().ok())
            .map(str::to_owned)
    };
    let Ok(query) = web::Query::<Vec<(String, String)>>::from_query(http.query_string()) else {
        return HttpResponse::BadRequest().finish();
    };
    let request = Request {
        path: rest,
        query: query.into_inner(),
        api_key: header("x-cmc_pro_api_key").filter(|key| !key.is_empty()),
        time_unit: header("x-mbx-time-unit"),
    };
    let view = VenueView::new(&state.feed, venue, state.clock.now(), state.refresh(venue), &effects);
    let reply = venues::reply(venue, &view, &request);
    let (usage, limit) = state.spend(venue, reply.weight);
    match usage.retry_after {
        Some(wait) => too_many(&state, venue, 429, wait, (usage.used, limit)),
        None => respond(venue, &reply, &effects, usage.used),
    }
}

fn respond(venue: Venue, reply: &Reply, effects: &FaultEffects, used: u64) -> HttpResponse {
    let mut text = reply.body.write(&|asset| effects.corrupt_price(asset));
    if effects.truncated {
        let mut middle = text.len() / 2;
        while !text.is_char_boundary(middle) {
            middle -= 1;
        }
        text.truncate(middle);
    }
    let mut response = start(venue, reply.status, used);
    for (name, value) in &reply.headers {
        response.insert_header((*name, value.as_str()));
    }
    response.body(text)
}

fn start(venue: Venue, status: u16, used: u64) -> HttpResponseBuilder {
    let mut response = HttpResponse::build(StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR));
    match venue {
        Venue::Binance => {
            response.insert_header((CONTENT_TYPE, "application/json;charset=UTF-8"));
            response.insert_header(("x-mbx-used-weight", used.to_string()));
            response.insert_header(("x-mbx-used-weight-1m", used.to_string()));
        }
        Venue::CoinGecko => {
            response.insert_header((CONTENT_TYPE, "application/json; charset=utf-8"));
            response.insert_header(("cache-control", "public, max-age=30"));
            response.insert_header(("access-control-expose-headers", "link, per-page, total"));
        }
        Venue::CoinMarketCap => {
            response.insert_header((CONTENT_TYPE, "application/json; charset=utf-8"));
        }
    }
    response
}

/// The venue's own words for too many requests.
fn too_many(state: &State, venue: Venue, status: u16, retry_after: u64, (used, limit): (u64, u64)) -> HttpResponse {
    let body = match venue {
        Venue::Binance => binance::too_many(limit),
        Venue::CoinGecko => coingecko::too_many(),
        Venue::CoinMarketCap => coinmarketcap::too_many(state.clock.now()),
    };
    let mut response = start(venue, status, used);
    response.insert_header((RETRY_AFTER, retry_after.to_string()));
    response.body(body.write(&|_| None))
}

fn broken(state: &State, venue: Venue, kind: FaultKind) -> HttpResponse {
    match kind {
        FaultKind::RateLimited { retry_after, status } => {
            let (usage, limit) = state.spend(venue, 1);
            too_many(
                state,
                venue,
                status.unwrap_or(429),
                retry_after,
                (usage.used.max(limit), limit),
            )
        }
        FaultKind::QuotaExhausted => {
            let body = match venue {
                Venue::Binance => binance::too_many(state.spend(venue, 0).1),
                Venue::CoinGecko => coingecko::quota_exhausted(),
                Venue::CoinMarketCap => coinmarketcap::quota_exhausted(state.clock.now()),
            };
            start(venue, 429, 1).body(body.write(&|_| None))
        }
        FaultKind::ServerError { status } => {
            let body = server_error(state, venue, status);
            start(venue, status, 1).body(body.write(&|_| None))
        }
        FaultKind::Html
        | FaultKind::Truncated
        | FaultKind::Absurd { .. }
        | FaultKind::Slow { .. }
        | FaultKind::Hang
        | FaultKind::PriceOffset { .. }
        | FaultKind::Freeze => HttpResponse::Ok()
            .insert_header((CONTENT_TYPE, "text/html; charset=UTF-8"))
            .body(PAGE),
    }
}

fn server_error(state: &State, venue: Venue, status: u16) -> Json {
    match venue {
        Venue::Binance => Json::object([
            ("code", Json::Int(-1001)),
            (
                "msg",
                Json::text("Internal error; unable to process your request. Please try again."),
            ),
        ]),
        Venue::CoinGecko => Json::object([
            ("status", Json::Int(i64::from(status))),
            ("error", Json::text("Internal Server Error")),
        ]),
        Venue::CoinMarketCap => Json::object([(
            "status",
            Json::object([
                ("timestamp", Json::text(iso(state.clock.now()))),
                ("error_code", Json::Int(i64::from(status))),
                ("error_message", Json::text("An internal server error occurred")),
                ("elapsed", Json::Int(10)),
                ("credit_count", Json::Int(0)),
            ]),
        )]),
    }
}
