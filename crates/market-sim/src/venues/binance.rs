//! Binance spot: numbers are strings with eight decimals, times are whole milliseconds, one bad symbol fails the request.
//!
//! <https://github.com/binance/binance-spot-api-docs/blob/master/rest-api.md>

use super::{Reply, Request, klines};
use crate::assets::AssetId;
use crate::clock::DAY;
use crate::json::Json;
use crate::view::View;

/// Names for faults and counts.
pub const ENDPOINTS: &[&str] = &[
    "ticker/price",
    "ticker/24hr",
    "ticker/bookTicker",
    "klines",
    "exchangeInfo",
    "ping",
    "time",
    "other",
];

/// The part of the whole market's volume that is traded here.
pub(super) const SHARE: f64 = 0.22;
/// An average trade in dollars, for counts.
pub(super) const TRADE: f64 = 1_150.0;

/// Answers a request below `/binance`.
pub fn answer(view: &View<'_>, request: &Request<'_>) -> Reply {
    let path = request.path.strip_prefix("/api/v3/").unwrap_or_default();
    let outcome = match path {
        "ping" => Ok(Reply::ok(Json::Object(Vec::new()))),
        "time" => Ok(Reply::ok(Json::object([("serverTime", Json::Int(view.now()))]))),
        "ticker/price" => tickers(view, request, &["symbol", "symbols"], price_weight, price),
        "ticker/bookTicker" => tickers(view, request, &["symbol", "symbols"], price_weight, book),
        "ticker/24hr" => last_day(view, request),
        "klines" => klines::answer(view, request),
        "exchangeInfo" => exchange_info(view, request),
        _ => Ok(Reply::error(
            404,
            Json::object([("code", Json::Int(-1000)), ("msg", Json::text("Not found."))]),
        )),
    };
    outcome.unwrap_or_else(|refusal| refusal.reply())
}

/// An error of theirs.
#[derive(Debug, Clone)]
pub(super) struct Refusal {
    code: i64,
    message: String,
}

impl Refusal {
    pub(super) fn new(code: i64, message: impl Into<String>) -> Self {
        Self {
            code,
            message: message.into(),
        }
    }

    pub(super) fn missing(parameter: &str) -> Self {
        Self::new(
            -1102,
            format!("Mandatory parameter '{parameter}' was not sent, was empty/null, or malformed."),
        )
    }

    fn reply(self) -> Reply {
        Reply::error(
            400,
            Json::object([("code", Json::Int(self.code)), ("msg", Json::text(self.message))]),
        )
    }
}

/// The body of 429 and 418.
pub fn too_many(limit: u64) -> Json {
    let message = format!(
        "Too much request weight used; current limit is {limit} request weight per 1 MINUTE. Please use WebSocket Streams for live updates to avoid polling the API."
    );
    Json::object([("code", Json::Int(-1003)), ("msg", Json::text(message))])
}

/// Refuses parameters that the endpoint does not know.
pub(super) fn only(request: &Request<'_>, known: &[&str]) -> Result<(), Refusal> {
    let read = request
        .query
        .iter()
        .filter(|(name, _)| known.contains(&name.as_str()))
        .count();
    if read == request.query.len() {
        return Ok(());
    }
    let message = format!(
        "Not all sent parameters were read; read '{read}' parameter(s) but was sent '{}'.",
        request.query.len()
    );
    Err(Refusal::new(-1104, message))
}

/// A symbol that is traded and has a price.
pub(super) fn find(view: &View<'_>, symbol: &str) -> Result<AssetId, Refusal> {
    let legal = |c: char| c.is_ascii_uppercase() || c.is_ascii_digit() || matches!(c, '-' | '_' | '.');
    if symbol.len() > 20 || !symbol.chars().all(legal) {
        let message = "Illegal characters found in parameter 'symbol'; legal range is '^[A-Z0-9-_.]{1,20}$'.";
        return Err(Refusal::new(-1100, message));
    }
    view.catalogue()
        .iter()
        .find(|(_, asset)| asset.binance.as_deref() == Some(symbol))
        .map(|(id, _)| id)
        .filter(|id| view.price(*id).is_some())
        .ok_or_else(|| Refusal::new(-1121, "Invalid symbol."))
}

fn traded(view: &View<'_>) -> Vec<AssetId> {
    let listed = view.catalogue().iter().filter(|(_, asset)| asset.binance.is_some());
    listed
        .map(|(id, _)| id)
        .filter(|id| view.price(*id).is_some())
        .collect()
}

/// Which symbols were asked for: one, several, or all.
enum Wanted {
    One(AssetId),
    Several(Vec<AssetId>),
    All(Vec<AssetId>),
}

fn wanted(view: &View<'_>, request: &Request<'_>) -> Result<Wanted, Refusal> {
    match (request.get("symbol"), request.get("symbols")) {
        (Some(_), Some(_)) => Err(Refusal::new(-1128, "Combination of optional parameters invalid.")),
        (Some(symbol), None) => find(view, symbol).map(Wanted::One),
        (None, Some(text)) => {
            let symbols: Vec<String> = serde_json::from_str(text).map_err(|_| {
                let message = "Illegal characters found in parameter 'symbols'; legal range is '^\\[(\"[A-Z0-9-_.]{1,20}\"(,\"[A-Z0-9-_.]{1,20}\"){0,}){0,1}\\]$'.";
                Refusal::new(-1100, message)
            })?;
            symbols
                .iter()
                .map(|symbol| find(view, symbol))
                .collect::<Result<_, _>>()
                .map(Wanted::Several)
        }
        (None, None) => Ok(Wanted::All(traded(view))),
    }
}

fn price_weight(wanted: &Wanted) -> u64 {
    if matches!(wanted, Wanted::One(_)) { 2 } else { 4 }
}

fn day_weight(wanted: &Wanted) -> u64 {
    match wanted {
        Wanted::One(_) => 2,
        Wanted::Several(ids) if ids.len() <= 20 => 2,
        Wanted::Several(ids) if ids.len() <= 100 => 40,
        Wanted::Several(_) | Wanted::All(_) => 80,
    }
}

fn tickers(
    view: &View<'_>,
    request: &Request<'_>,
    parameters: &[&str],
    weight: impl Fn(&Wanted) -> u64,
    row: impl Fn(&View<'_>, AssetId) -> Json,
) -> Result<Reply, Refusal> {
    only(request, parameters)?;
    let wanted = wanted(view, request)?;
    let weight = weight(&wanted);
    let body = match wanted {
        Wanted::One(id) => row(view, id),
        Wanted::Several(ids) | Wanted::All(ids) => Json::Array(ids.into_iter().map(|id| row(view, id)).collect()),
    };
    Ok(Reply::ok(body).weighing(weight))
}

/// Eight decimals, rounded to the price step unless the price was nailed by hand.
pub(super) fn spell_price(view: &View<'_>, asset: AssetId, price: f64) -> Json {
    let decimals = if view.pinned(asset) {
        8
    } else {
        view.catalogue().get(asset).profile.decimals
    };
    Json::Price {
        asset,
        spelling: spell(price, decimals),
        quoted: true,
    }
}

/// A number rounded to `decimals` and filled up to eight.
pub(super) fn spell(value: f64, decimals: usize) -> String {
    let mut spelling = format!("{value:.decimals$}");
    if decimals == 0 {
        spelling.push('.');
    }
    spelling.extend(std::iter::repeat_n('0', 8_usize.saturating_sub(decimals)));
    spelling
}

fn amount(value: f64) -> Json {
    Json::text(spell(value, 5))
}

fn symbol_of(view: &View<'_>, asset: AssetId) -> Json {
    Json::text(view.catalogue().get(asset).binance.clone().unwrap_or_default())
}

fn price(view: &View<'_>, asset: AssetId) -> Json {
    let price = view.price(asset).unwrap_or_default();
    Json::object([
        ("symbol", symbol_of(view, asset)),
        ("price", spell_price(view, asset, price)),
    ])
}

/// Half the difference between bid and ask: about half a basis point, at least one price step.
fn half_spread(view: &View<'_>, asset: AssetId, price: f64) -> f64 {
    let step = 0.1_f64.powi(i32::try_from(view.catalogue().get(asset).profile.decimals).unwrap_or(2));
    (price * 0.5e-4).max(step / 2.0)
}

fn book(view: &View<'_>, asset: AssetId) -> Json {
    let price = view.price(asset).unwrap_or_default();
    let half = half_spread(view, asset, price);
    Json::object([
        ("symbol", symbol_of(view, asset)),
        ("bidPrice", spell_price(view, asset, price - half)),
        ("bidQty", amount(9_000.0 / price * (0.2 + view.detail(asset, "bid")))),
        ("askPrice", spell_price(view, asset, price + half)),
        ("askQty", amount(9_000.0 / price * (0.2 + view.detail(asset, "ask")))),
    ])
}

fn last_day(view: &View<'_>, request: &Request<'_>) -> Result<Reply, Refusal> {
    let parameters = ["symbol", "symbols", "type"];
    match request.get("type") {
        None | Some("FULL") => tickers(view, request, &parameters, day_weight, |view, id| day(view, id, true)),
        Some("MINI") => tickers(view, request, &parameters, day_weight, |view, id| day(view, id, false)),
        Some(_) => Err(Refusal::new(-1139, "Invalid ticker type.")),
    }
}

fn day(view: &View<'_>, asset: AssetId, full: bool) -> Json {
    let Some(last) = view.last_day(asset) else {
        return Json::Null;
    };
    let (bar, price) = (last.bar, last.price);
    let volume = bar.volume * SHARE;
    let turnover = bar.turnover * SHARE;
    let average = if volume > 0.0 {
        (turnover / volume).clamp(bar.low, bar.high)
    } else {
        price
    };
    let money = |value: f64| spell_price(view, asset, value);
    let half = half_spread(view, asset, price);
    let count = (turnover / TRADE) as i64;
    let last_id = (last.at / 40).max(count);
    let mut pairs = vec![("symbol", symbol_of(view, asset))];
    if full {
        let decimals = view.catalogue().get(asset).profile.decimals;
        pairs.extend([
            (
                "priceChange",
                Json::text(spell(price - bar.open, if view.pinned(asset) { 8 } else { decimals })),
            ),
            (
                "priceChangePercent",
                Json::text(format!("{:.3}", (price / bar.open - 1.0) * 100.0)),
            ),
            ("weightedAvgPrice", Json::text(spell(average, 8))),
            ("prevClosePrice", money(bar.open)),
            ("lastPrice", money(price)),
            ("lastQty", amount(TRADE / price * (0.1 + view.detail(asset, "last")))),
            ("bidPrice", money(price - half)),
            ("bidQty", amount(9_000.0 / price * (0.2 + view.detail(asset, "bid")))),
            ("askPrice", money(price + half)),
            ("askQty", amount(9_000.0 / price * (0.2 + view.detail(asset, "ask")))),
        ]);
    }
    pairs.extend([
        ("openPrice", money(bar.open)),
        ("highPrice", money(bar.high)),
        ("lowPrice", money(bar.low)),
    ]);
    if !full {
        pairs.push(("lastPrice", money(price)));
    }
    pairs.extend([
        ("volume", amount(volume)),
        ("quoteVolume", Json::text(spell(turnover, 8))),
        ("openTime", Json::Int(last.at - DAY)),
        ("closeTime", Json::Int(last.at)),
        ("firstId", Json::Int(last_id - count + 1)),
        ("lastId", Json::Int(last_id)),
        ("count", Json::Int(count)),
    ]);
    Json::object(pairs)
}

fn exchange_info(view: &View<'_>, request: &Request<'_>) -> Result<Reply, Refusal> {
    only(
        request,
        &["symbol", "symbols", "permissions", "showPermissionSets", "symbolStatus"],
    )?;
    let ids = match wanted(view, request)? {
        Wanted::One(id) => vec![id],
        Wanted::Several(ids) | Wanted::All(ids) => ids,
    };
    let limit = |kind: &str, interval: &str, number: i64, limit: i64| {
        Json::object([
            ("rateLimitType", Json::text(kind)),
            ("interval", Json::text(interval)),
            ("intervalNum", Json::Int(number)),
            ("limit", Json::Int(limit)),
        ])
    };
    Ok(Reply::ok(Json::object([
        ("timezone", Json::text("UTC")),
        ("serverTime", Json::Int(view.now())),
        (
            "rateLimits",
            Json::Array(vec![
                limit("REQUEST_WEIGHT", "MINUTE", 1, 6_000),
                limit("ORDERS", "SECOND", 10, 100),
                limit("ORDERS", "DAY", 1, 200_000),
                limit("RAW_REQUESTS", "MINUTE", 5, 300_000),
            ]),
        ),
        ("exchangeFilters", Json::Array(Vec::new())),
        (
            "symbols",
            Json::Array(ids.into_iter().map(|id| symbol(view, id)).collect()),
        ),
    ]))
    .weighing(20))
}

fn symbol(view: &View<'_>, id: AssetId) -> Json {
    let asset = view.catalogue().get(id);
    let texts = |values: &[&str]| Json::Array(values.iter().map(|value| Json::text(*value)).collect());
    let step = spell(
        0.1_f64.powi(i32::try_from(asset.profile.decimals).unwrap_or(2)),
        asset.profile.decimals,
    );
    Json::object([
        ("symbol", symbol_of(view, id)),
        ("status", Json::text("TRADING")),
        ("baseAsset", Json::text(asset.ticker.clone())),
        ("baseAssetPrecision", Json::Int(8)),
        ("quoteAsset", Json::text("USDT")),
        ("quotePrecision", Json::Int(8)),
        ("quoteAssetPrecision", Json::Int(8)),
        ("baseCommissionPrecision", Json::Int(8)),
        ("quoteCommissionPrecision", Json::Int(8)),
        (
            "orderTypes",
            texts(&["LIMIT", "LIMIT_MAKER", "MARKET", "STOP_LOSS_LIMIT", "TAKE_PROFIT_LIMIT"]),
        ),
        ("icebergAllowed", Json::Bool(true)),
        ("ocoAllowed", Json::Bool(true)),
        ("quoteOrderQtyMarketAllowed", Json::Bool(true)),
        ("isSpotTradingAllowed", Json::Bool(true)),
        ("isMarginTradingAllowed", Json::Bool(true)),
        (
            "filters",
            Json::Array(vec![
                Json::object([
                    ("filterType", Json::text("PRICE_FILTER")),
                    ("minPrice", Json::text(step.clone())),
                    ("maxPrice", Json::text("1000000.00000000")),
                    ("tickSize", Json::text(step)),
                ]),
                Json::object([
                    ("filterType", Json::text("LOT_SIZE")),
                    ("minQty", Json::text("0.00001000")),
                    ("maxQty", Json::text("9000.00000000")),
                    ("stepSize", Json::text("0.00001000")),
                ]),
            ]),
        ),
        ("permissions", texts(&["SPOT", "MARGIN"])),
    ])
}
