//! Quotes with everything known about them.

use std::collections::BTreeSet;
use std::time::Duration;

use actix_web::http::header::HeaderValue;
use actix_web::web;
use contracts::api::{DataState, WithProvenance};
use contracts::messages::QuoteMessage;
use contracts::number::{Number, Price};
use contracts::problem::ProblemKind;
use contracts::time::Time;
use domain::quote::Quality;
use domain::ticker::Ticker;
use jiff::Timestamp;
use rust_decimal::Decimal;
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::auth::Scope;
use crate::error::ApiError;
use crate::extract::pagination::{ONE_PAGE, reject_cursor};
use crate::extract::parameters::{Declare, ParameterList, Parameters};
use crate::extract::rule;
use crate::extract::words::Currency;
use crate::quote_cache::age;
use crate::rate_limit::policy::RateLimitPolicy;
use crate::response::Enveloped;
use crate::response::envelope::{Envelope, EnvelopeParts, Pagination};
use crate::route_policy::RoutePolicy;
use crate::state::AppState;

pub const READ: RoutePolicy = RoutePolicy::scoped(Scope::MarketRead)
    .limited(RateLimitPolicy::Market)
    .enveloped();

/// Market data are for the client alone, who may keep them for so long.
const CACHE_CONTROL: HeaderValue = HeaderValue::from_static("private, max-age=1");

/// Most tickers in one request.
const MAX_TICKERS: usize = 100;

/// The aggregate price of one asset.
#[derive(Debug, Serialize, ToSchema)]
pub struct QuoteBody {
    /// Ticker of the asset.
    #[schema(value_type = String, example = "BTC")]
    pub ticker: Ticker,
    /// The price of one unit of the asset, in `currency`.
    pub price: Price,
    /// Currency of all amounts: `USD`.
    #[schema(value_type = Currency, example = "USD")]
    pub currency: String,
    /// Half-width of the confidence interval, in `currency`.
    #[schema(required)]
    pub confidence: Option<Price>,
    /// Half-width of the confidence interval in basis points, ten-thousandths of the price.
    #[schema(required)]
    pub confidence_bps: Option<Number>,
    /// Highest bid, in `currency`; absent if no provider reports one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bid: Option<Price>,
    /// Lowest ask, in `currency`; absent if no provider reports one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ask: Option<Price>,
    /// Volume of the last 24 hours, in `currency`.
    #[schema(required)]
    pub volume_24h: Option<Number>,
    /// Change of the price over the last 24 hours, in percent.
    #[schema(required)]
    pub change_24h: Option<Number>,
    /// Number of providers whose prices are part of the aggregate.
    #[schema(minimum = 0)]
    pub n_sources: u32,
    /// Quality of the price: `ok`, `degraded` (fewer providers than wanted) or `stale` (too old).
    #[schema(value_type = DataState)]
    pub quality: Quality,
    /// Time of the newest observation in the price.
    pub as_of: Time,
    /// Milliseconds since `as_of`.
    #[schema(minimum = 0)]
    pub age_ms: u64,
    /// Id of this price, as in webhooks and events of alerts.
    pub price_id: Uuid,
    /// Name and version of the method of aggregation.
    #[schema(example = "wmedian/1")]
    pub method: String,
    /// Flags such as `simulated`: the market is a simulation.
    pub flags: Vec<String>,
}

impl QuoteBody {
    fn new(quote: &QuoteMessage, now: Timestamp, ttl: Duration) -> Self {
        let age = age(quote, now);
        let bps = quote
            .confidence
            .and_then(|half| half.checked_mul(Decimal::from(10_000))?.checked_div(quote.price));
        Self {
            ticker: quote.ticker.clone(),
            price: Price(quote.price),
            currency: quote.currency.clone(),
            confidence: quote.confidence.map(Price),
            confidence_bps: bps.map(|bps| Number(bps.round_dp(4))),
            bid: quote.bid.map(Price),
            ask: quote.ask.map(Price),
            volume_24h: quote.volume_24h.map(Number),
            change_24h: quote.change_24h.map(Number),
            n_sources: quote.n_sources,
            quality: if age > ttl { Quality::Stale } else { quote.quality },
            as_of: Time(quote.as_of),
            age_ms: u64::try_from(age.as_millis()).unwrap_or(u64::MAX),
            price_id: quote.price_id,
            method: quote.method.clone(),
            flags: quote.flags.clone(),
        }
    }

    fn state(&self) -> DataState {
        match self.quality {
            Quality::Ok => DataState::Ok,
            Quality::Degraded => DataState::Degraded,
            Quality::Stale => DataState::Stale,
        }
    }
}

pub struct QuoteList {
    tickers: Option<Vec<Ticker>>,
    cursor: Option<String>,
}

impl ParameterList for QuoteList {
    fn declare(parameters: &mut impl Declare) -> Option<Self> {
        let tickers = parameters.optional(
            "tickers",
            rule::tickers(1, MAX_TICKERS),
            "Comma-separated list of at most 100 tickers; all offered ones by default",
        );
        parameters.optional("convert", rule::currency(), "Currency of the prices");
        let cursor = parameters.optional("cursor", rule::cursor(), ONE_PAGE);
        Some(Self { tickers, cursor })
    }
}

/// The asset that a path names.
pub struct QuoteTicker(Ticker);

impl ParameterList for QuoteTicker {
    fn declare(parameters: &mut impl Declare) -> Option<Self> {
        let ticker = parameters.path("ticker", rule::ticker(), "Ticker of the asset, in any case");
        parameters.optional("convert", rule::currency(), "Currency of the price");
        ticker.map(Self)
    }
}

/// Lists the newest quotes
///
/// The aggregate quote of each ticker. Tickers that never had a price are left out.
#[utoipa::path(get, path = "/api/v1/quotes", tag = "market",
    responses(
        (status = 200, description = "The quotes", body = Envelope<Vec<QuoteBody>>),
        (status = 304, description = "The client's copy is current"),
    ))]
pub async fn list(
    state: web::Data<AppState>,
    Parameters(parameters): Parameters<QuoteList>,
) -> Result<Enveloped<Vec<QuoteBody>>, ApiError> {
    reject_cursor(parameters.cursor.as_deref())?;
    let (snapshot, place) = state.quotes.snapshot_with_level().await?;
    let now = state.clock.now();
    let chosen: Vec<&QuoteMessage> = match &parameters.tickers {
        Some(tickers) => tickers.iter().filter_map(|ticker| snapshot.find(ticker)).collect(),
        None => snapshot.quotes.iter().filter_map(|(_, quote)| quote.as_ref()).collect(),
    };
    let bodies: Vec<_> = chosen
        .iter()
        .map(|quote| QuoteBody::new(quote, now, state.settings.rates_ttl()))
        .collect();
    let pagination = Pagination::whole(bodies.len());
    let version = version(&chosen, &bodies);
    let contents = EnvelopeParts::new(sourced(&chosen, worst(&bodies), bodies), place).page(pagination);
    Ok(Enveloped {
        parts: contents,
        now,
        cache_control: CACHE_CONTROL,
        version: Some(version),
    })
}

/// Returns the newest quote of one asset
#[utoipa::path(get, path = "/api/v1/quotes/{ticker}", tag = "market",
    responses(
        (status = 200, description = "The quote", body = Envelope<QuoteBody>),
        (status = 304, description = "The client's copy is current"),
        (status = 404, description = "The asset is not offered, or it never had a price"),
    ))]
pub async fn get(
    state: web::Data<AppState>,
    Parameters(QuoteTicker(ticker)): Parameters<QuoteTicker>,
) -> Result<Enveloped<QuoteBody>, ApiError> {
    let (snapshot, place) = state.quotes.snapshot_with_level().await?;
    let now = state.clock.now();
    let Some(quote) = snapshot.find(&ticker) else {
        return Err(ApiError::new(ProblemKind::TokenNotFound));
    };
    let body = QuoteBody::new(quote, now, state.settings.rates_ttl());
    let version = version(&[quote], std::slice::from_ref(&body));
    let contents = EnvelopeParts::new(sourced(&[quote], body.state(), body), place);
    Ok(Enveloped {
        parts: contents,
        now,
        cache_control: CACHE_CONTROL,
        version: Some(version),
    })
}

/// What tells one state of the quotes from the next, apart from their age.
fn version(quotes: &[&QuoteMessage], bodies: &[QuoteBody]) -> String {
    quotes
        .iter()
        .zip(bodies)
        .map(|(quote, body)| format!("{}{:?};", quote.price_id, body.quality))
        .collect()
}

fn worst(bodies: &[QuoteBody]) -> DataState {
    bodies.iter().map(QuoteBody::state).max().unwrap_or(DataState::Stale)
}

fn sourced<T>(quotes: &[&QuoteMessage], state: DataState, data: T) -> WithProvenance<T> {
    let mut sources = vec!["aggregate".to_owned()];
    let providers: BTreeSet<_> = quotes.iter().flat_map(|quote| &quote.sources).collect();
    sources.extend(providers.into_iter().map(|provider| provider.as_str().to_owned()));
    let as_of = quotes.iter().map(|quote| quote.as_of).max().map(Time);
    WithProvenance {
        data,
        state,
        as_of,
        sources,
        estimated: false,
    }
}
