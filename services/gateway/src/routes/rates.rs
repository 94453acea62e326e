//! The flat map of rates: ticker to price in USD, fresh ones only.

use std::time::Duration;

use actix_web::http::header::{HeaderName, HeaderValue};
use actix_web::{HttpRequest, HttpResponse, web};
use contracts::number::Price;
use contracts::problem::ProblemKind;
use domain::ticker::Ticker;
use jiff::Timestamp;
use serde::{Serialize, Serializer};

use crate::auth::Scope;
use crate::error::ApiError;
use crate::quote_cache::{self, QuoteSnapshot, RatesBody};
use crate::rate_limit::policy::RateLimitPolicy;
use crate::response;
use crate::route_policy::RoutePolicy;
use crate::state::AppState;

pub const RATES: RoutePolicy = RoutePolicy::public_rates(Scope::MarketRead)
    .limited(RateLimitPolicy::Rates)
    .unprocessable();

/// Market data are for the client alone, who may keep them for so long.
const CACHE_CONTROL: HeaderValue = HeaderValue::from_static("private, max-age=1");

/// Names the tickers that have no fresh price.
const MISSING: HeaderName = HeaderName::from_static("x-rates-missing");

/// Rates in the order in which the tickers are offered.
#[derive(Debug)]
struct Rates<'b>(Vec<(&'b Ticker, Price)>);

impl Serialize for Rates<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(ticker, price)| (ticker.as_str(), price)))
    }
}

/// Returns the newest prices
///
/// Aggregate prices in USD by ticker. A ticker without a fresh price is left out and named in `X-Rates-Missing`.
#[utoipa::path(get, path = "/api/v1/rates/", tag = "market",
    responses(
        (status = 200, description = "Price in USD by ticker", body = std::collections::BTreeMap<String, Price>,
            example = json!({"BTC": 65420.15, "ETH": 3100.5, "DOGE": 0.1423, "SOL": 142.8, "BNB": 580.0})),
        (status = 304, description = "The client's copy is current"),
        (status = 503, description = "No price is fresh, or a dependency is down"),
    ))]
pub async fn list(state: web::Data<AppState>, request: HttpRequest) -> Result<HttpResponse, ApiError> {
    let snapshot = state.quotes.snapshot().await?;
    let now = state.clock.now();
    let known = snapshot.rates.get().filter(|rates| now <= rates.fresh_until);
    let RatesBody { rendered, missing, .. } = match known {
        Some(rates) if !response::wants_strings(&request) => rates.clone(),
        _ => {
            let rates = render(&request, &snapshot, now, state.settings.rates_ttl())?;
            if !response::wants_strings(&request) {
                // Another request may have been quicker, with the same result.
                let _ = snapshot.rates.set(rates.clone());
            }
            rates
        }
    };
    let mut response = response::market_plain(&request, rendered, CACHE_CONTROL);
    if let Some(missing) = missing {
        response.headers_mut().insert(MISSING, missing);
    }
    Ok(response)
}

fn render(
    request: &HttpRequest,
    snapshot: &QuoteSnapshot,
    now: Timestamp,
    ttl: Duration,
) -> Result<RatesBody, ApiError> {
    let mut rates = Vec::with_capacity(snapshot.quotes.len());
    let mut missing = Vec::new();
    let mut fresh_until = Timestamp::MAX;
    for (ticker, quote) in &snapshot.quotes {
        match quote {
            Some(quote) if quote_cache::age(quote, now) <= ttl => {
                rates.push((ticker, Price(quote.price)));
                fresh_until = fresh_until.min(quote.as_of.saturating_add(ttl).unwrap_or(Timestamp::MAX));
            }
            Some(_) | None => missing.push(ticker.as_str()),
        }
    }
    if rates.is_empty() {
        return Err(ApiError::new(ProblemKind::RatesWarmingUp).retry_after(3));
    }
    let missing = if missing.is_empty() {
        None
    } else {
        Some(HeaderValue::try_from(missing.join(",")).map_err(ApiError::internal)?)
    };
    Ok(RatesBody {
        rendered: response::render(request, &Rates(rates))?,
        missing,
        fresh_until,
    })
}
