//! Binance spot: numbers are strings with eight decimals, times are whole milliseconds, one bad symbol fails the
//! request.
//!
//! <https://github.com/binance/binance-spot-api-docs/blob/master/rest-api.md>

use super::binance_candles;
use super::binance_common::{Refusal, SHARE, TRADE, find, only, spell, spell_price};
use super::message::{Reply, Request};
use crate::assets::AssetId;
use crate::clock::DAY;
use crate::json::Json;
use crate::venue_view::VenueView;

/// Names for faults and counts.
pub const ROUTES: &[&str] = &[
    "ticker/price",
    "ticker/24hr",
    "ticker/bookTicker",
    "klines",
    "exchangeInfo",
    "ping",
    "time",
    "other",
];

/// Answers a request below `/binance`.
pub fn answer(view: &VenueView<'_>, request: &Request<'_>) -> Reply {
    let path = request.path.strip_prefix("/api/v3/").unwrap_or_default();
    let outcome = match path {
        "ping" => Ok(Reply::ok(Json::Object(Vec::new()))),
        "time" => Ok(Reply::ok(Json::object([("serverTime", Json::Int(view.now()))]))),
        "ticker/price" => tickers(view, request, &["symbol", "symbols"], price_weight, price),
        "ticker/bookTicker" => tickers(view, request, &["symbol", "symbols"], price_weight, book),
        "ticker/24hr" => last_day(view, request),
        "klines" => binance_candles::answer(view, request),
        "exchangeInfo" => exchange_info(view, request),
        _ => Ok(Reply::error(
            404,
            Json::object([("code", Json::Int(-1000)), ("msg", Json::text("Not found."))]),
        )),
    };
    outcome.unwrap_or_else(|refusal| refusal.reply())
}

/// The body of 429 and 418.
pub fn too_many(limit: u64) -> Json {
    let message = format!(
        "Too much request weight used; current limit is {limit} request weight per 1 MINUTE. Please use \
        WebSocket Streams for live updates to avoid polling the API."
    );
    Json::object([("code", Json::Int(-1003)), ("msg", Json::text(message))])
}

fn traded(view: &VenueView<'_>) -> Vec<AssetId> {
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

fn wanted(view: &VenueView<'_>, request: &Request<'_>) -> Result<Wanted, Refusal> {
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
    view: &VenueView<'_>,
    request: &Request<'_>,
    parameters: &[&str],
    weight: impl Fn(&Wanted) -> u64,
    row: impl Fn(&VenueView<'_>, AssetId) -> Json,
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

fn amount(value: f64) -> Json {
    Json::text(spell(value, 5))
}

fn symbol_of(view: &VenueView<'_>, asset: AssetId) -> Json {
    Json::text(view.catalogue().get(asset).binance.clone().unwrap_or_default())
}

fn price(view: &VenueView<'_>, asset: AssetId) -> Json {
    let price = view.price(asset).unwrap_or_default();
    Json::object([
        ("symbol", symbol_of(view, asset)),
        ("price", spell_price(view, asset, price)),
    ])
}

/// Half the difference between bid and ask: about half a basis point, at least one price step.
fn half_spread(view: &VenueView<'_>, asset: AssetId, price: f64) -> f64 {
    let step = 0.1_f64.powi(i32::try_from(view.catalogue().get(asset).profile.decimals).unwrap_or(2));
    (price * 0.5e-4).max(step / 2.0)
}

fn book(view: &VenueView<'_>, asset: AssetId) -> Json {
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

fn last_day(view: &VenueView<'_>, request: &Request<'_>) -> Result<Reply, Refusal> {
    let parameters = ["symbol", "symbols", "type"];
    match request.get("type") {
        None | Some("FULL") => tickers(view, request, &parameters, day_weight, |view, id| day(view, id, true)),
        Some("MINI") => tickers(view, request, &parameters, day_weight, |view, id| day(view, id, false)),
        Some(_) => Err(Refusal::new(-1139, "Invalid ticker type.")),
    }
}

fn day(view: &VenueView<'_>, asset: AssetId, full: bool) -> Json {
    let Some(last) = view.last_day(asset) else {
        return Json::Null;
    };
    let (candle, price) = (last.candle, last.price);
    let volume = candle.volume * SHARE;
    let turnover = candle.turnover * SHARE;
    let average = if volume > 0.0 {
        (turnover / volume).clamp(candle.low, candle.high)
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
                Json::text(spell(
                    price - candle.open,
                    if view.pinned(asset) { 8 } else { decimals },
                )),
            ),
            (
                "priceChangePercent",
                Json::text(format!("{:.3}", (price / candle.open - 1.0) * 100.0)),
            ),
            ("weightedAvgPrice", Json::text(spell(average, 8))),
            ("prevClosePrice", money(candle.open)),
            ("lastPrice", money(price)),
            ("lastQty", amount(TRADE / price * (0.1 + view.detail(asset, "last")))),
            ("bidPrice", money(price - half)),
            ("bidQty", amount(9_000.0 / price * (0.2 + view.detail(asset, "bid")))),
            ("askPrice", money(price + half)),
            ("askQty", amount(9_000.0 / price * (0.2 + view.detail(asset, "ask")))),
        ]);
    }
    pairs.extend([
        ("openPrice", money(candle.open)),
        ("highPrice", money(candle.high)),
        ("lowPrice", money(candle.low)),
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

fn exchange_info(view: &VenueView<'_>, request: &Request<'_>) -> Result<Reply, Refusal> {
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

fn symbol(view: &VenueView<'_>, id: AssetId) -> Json {
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
