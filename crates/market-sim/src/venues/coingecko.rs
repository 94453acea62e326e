//! CoinGecko: numbers are bare and rounded, unknown ids vanish without a word, a blank after a comma makes an id
//! unknown.
//!
//! <https://docs.coingecko.com/reference/endpoint-overview>

use super::coingecko_charts;
use super::coingecko_common::{find, needed, refusal};
use super::coingecko_tail;
use super::figures::{per_dollar, ranked};
use super::message::{Reply, Request, list};
use crate::assets::{Asset, AssetId};
use crate::clock::{DAY, HOUR, SECOND, iso};
use crate::json::{Json, shorten};
use crate::long_tail::TailToken;
use crate::venue_view::VenueView;

/// Names for faults and counts.
pub const ROUTES: &[&str] = &[
    "simple/price",
    "coins/markets",
    "coins/market_chart",
    "coins/market_chart/range",
    "coins/ohlc",
    "coins/list",
    "ping",
    "other",
];

/// The route's name of a path below `/coingecko`, the coin's id left out.
pub fn route(path: &str) -> String {
    let path = path.strip_prefix("/api/v3/").unwrap_or_default();
    match coin_path(path) {
        Some((_, rest)) => format!("coins/{rest}"),
        None => path.to_owned(),
    }
}

/// Splits `coins/{id}/rest`.
fn coin_path(path: &str) -> Option<(&str, &str)> {
    path.strip_prefix("coins/")?.split_once('/')
}

/// Answers a request below `/coingecko`.
pub fn answer(view: &VenueView<'_>, request: &Request<'_>) -> Reply {
    let path = request.path.strip_prefix("/api/v3/").unwrap_or_default();
    let outcome = match path {
        "ping" => Ok(Reply::ok(Json::object([(
            "gecko_says",
            Json::text("(V3) To the Moon!"),
        )]))),
        "simple/price" => simple_price(view, request),
        "coins/markets" => markets(view, request),
        "coins/list" => Ok(coins(view)),
        _ => match coin_path(path) {
            Some((coin, rest)) => coingecko_charts::answer(view, request, coin, rest),
            None => Err(refusal(
                404,
                "Incorrect path. Please check https://www.coingecko.com/api/",
            )),
        },
    };
    outcome.unwrap_or_else(|refused| refused)
}

/// The body of 429 when the month's credits are used up.
pub fn quota_exhausted() -> Json {
    let message = "You've exceeded your monthly credits.";
    let status = Json::object([
        ("error_code", Json::Int(10_006)),
        ("error_message", Json::text(message)),
    ]);
    Json::object([("status", status)])
}

/// The body of 429.
pub fn too_many() -> Json {
    let message = "You've exceeded the Rate Limit. Please visit https://www.coingecko.com/en/api/pricing to \
        subscribe to our API plans for higher rate limits.";
    let status = Json::object([("error_code", Json::Int(429)), ("error_message", Json::text(message))]);
    Json::object([("status", status)])
}

/// A price as printed: large ones whole, small ones with six digits; exact when fixed, or on demand.
pub(super) fn spell_price(view: &VenueView<'_>, asset: AssetId, price: f64, precision: Option<&str>) -> Json {
    let spelling = match precision {
        Some("full") => format!("{price}"),
        Some(decimals) => shorten(&format!("{price:.*}", decimals.parse::<usize>().unwrap_or(2).min(18))),
        None if view.pinned(asset) => format!("{price}"),
        None => shorten(&format!("{price:.*}", decimals(price))),
    };
    Json::Price {
        asset,
        spelling,
        quoted: false,
    }
}

fn decimals(price: f64) -> usize {
    let size = price.abs();
    if size >= 10_000.0 {
        0
    } else if size >= 10.0 {
        2
    } else if size >= 1.0 {
        3
    } else {
        let zeros = (-size.max(1e-12).log10()).floor();
        6 + zeros.clamp(0.0, 12.0) as usize
    }
}

fn simple_price(view: &VenueView<'_>, request: &Request<'_>) -> Result<Reply, Reply> {
    let ids = needed(request, "ids")?;
    let currencies = needed(request, "vs_currencies")?;
    let precision = request.get("precision");
    let mut coins: Vec<(String, Json)> = Vec::new();
    for id in list(ids) {
        let Some(asset) = find(view, id) else { continue };
        if coins.iter().any(|(seen, _)| seen == id) {
            continue;
        }
        coins.push((id.to_owned(), simple_coin(view, request, asset, currencies, precision)));
    }
    Ok(Reply::ok(Json::Object(coins)))
}

fn simple_coin(
    view: &VenueView<'_>,
    request: &Request<'_>,
    asset: AssetId,
    currencies: &str,
    precision: Option<&str>,
) -> Json {
    let last = view.last_day(asset);
    let mut pairs = Vec::new();
    for currency in list(currencies) {
        let (Some(rate), Some(last)) = (per_dollar(view, currency), &last) else {
            continue;
        };
        let currency = currency.to_ascii_lowercase();
        pairs.push((currency.clone(), spell_price(view, asset, last.price * rate, precision)));
        if request.is_on("include_market_cap") {
            let cap = view.supply(asset).map(|supply| supply * last.price * rate);
            pairs.push((format!("{currency}_market_cap"), Json::optional(cap, Json::float)));
        }
        if request.is_on("include_24hr_vol") {
            pairs.push((format!("{currency}_24h_vol"), Json::float(last.candle.turnover * rate)));
        }
        if request.is_on("include_24hr_change") {
            pairs.push((
                format!("{currency}_24h_change"),
                Json::float((last.price / last.candle.open - 1.0) * 100.0),
            ));
        }
    }
    if request.is_on("include_last_updated_at") {
        pairs.push(("last_updated_at".to_owned(), Json::Int(view.at(asset) / SECOND)));
    }
    Json::Object(pairs)
}

fn markets(view: &VenueView<'_>, request: &Request<'_>) -> Result<Reply, Reply> {
    let currency = needed(request, "vs_currency")?;
    let rate = per_dollar(view, currency).ok_or_else(|| refusal(422, "invalid vs_currency"))?;
    let per_page = request
        .get("per_page")
        .and_then(|text| text.parse::<usize>().ok())
        .unwrap_or(100)
        .clamp(1, 250);
    let page = request
        .get("page")
        .and_then(|text| text.parse::<usize>().ok())
        .unwrap_or(1)
        .max(1);
    let ranks = ranked(view);
    let mut chosen: Vec<AssetId> = ranks
        .iter()
        .copied()
        .filter(|id| is_chosen(view.catalogue().get(*id), request))
        .collect();
    match request.get("order") {
        Some("market_cap_asc") => chosen.reverse(),
        Some("id_asc") => chosen.sort_by_key(|id| view.catalogue().get(*id).coingecko.clone()),
        Some("id_desc") => chosen.sort_by_key(|id| std::cmp::Reverse(view.catalogue().get(*id).coingecko.clone())),
        _ => {}
    }
    let is_whole = ["ids", "symbols", "names", "category"]
        .iter()
        .all(|name| request.get(name).is_none());
    let tail = if is_whole { view.catalogue().tail() } else { 0 };
    let total = chosen.len() + tail;
    let rows: Vec<Json> = ((page - 1).saturating_mul(per_page)..total)
        .take(per_page)
        .filter_map(|place| match chosen.get(place) {
            Some(id) => market(view, request, *id, ranks.iter().position(|ranked| ranked == id), rate),
            None => {
                let number = place + 1 - chosen.len();
                let token = TailToken { number };
                Some(coingecko_tail::market(view, token, ranks.len() + number, rate))
            }
        })
        .collect();
    let mut reply = Reply::ok(Json::Array(rows));
    reply.headers = vec![("total", total.to_string()), ("per-page", per_page.to_string())];
    Ok(reply)
}

fn is_chosen(asset: &Asset, request: &Request<'_>) -> bool {
    let Some(id) = asset.coingecko.as_deref() else {
        return false;
    };
    if let Some(ids) = request.get("ids") {
        return list(ids).any(|wanted| wanted == id);
    }
    if let Some(symbols) = request.get("symbols") {
        return list(symbols).any(|wanted| wanted.eq_ignore_ascii_case(&asset.ticker));
    }
    request
        .get("names")
        .is_none_or(|names| list(names).any(|wanted| wanted == asset.name))
}

fn market(view: &VenueView<'_>, request: &Request<'_>, id: AssetId, rank: Option<usize>, rate: f64) -> Option<Json> {
    let asset = view.catalogue().get(id);
    let profile = &asset.profile;
    let last = view.last_day(id)?;
    let price = last.price * rate;
    let open = last.candle.open * rate;
    let supply = view.supply(id);
    let precision = request.get("precision");
    let money = |value: f64| spell_price(view, id, value, precision);
    let cap = |price: f64| supply.map(|supply| supply * price);
    let slug = asset.coingecko.clone()?;
    let image = format!(
        "https://assets.coingecko.com/coins/images/{}/large/{slug}.png?1696501400",
        profile.image
    );
    let (ath, atl) = (
        (profile.ath.0 * rate).max(last.candle.high * rate),
        (profile.atl.0 * rate).min(last.candle.low * rate),
    );
    let date = |day: &str| Json::text(format!("{day}T00:00:00.000Z"));
    let change = (price / open - 1.0) * 100.0;
    let mut pairs = vec![
        ("id".to_owned(), Json::text(slug)),
        ("symbol".to_owned(), Json::text(asset.ticker.to_lowercase())),
        ("name".to_owned(), Json::text(asset.name.clone())),
        ("image".to_owned(), Json::text(image)),
        ("current_price".to_owned(), money(price)),
        (
            "market_cap".to_owned(),
            Json::optional(cap(price), |cap| Json::Int(cap as i64)),
        ),
        (
            "market_cap_rank".to_owned(),
            rank.map_or(Json::Null, |rank| Json::Int(rank as i64 + 1)),
        ),
        (
            "fully_diluted_valuation".to_owned(),
            Json::Int((profile.max.unwrap_or(profile.total) * price) as i64),
        ),
        (
            "total_volume".to_owned(),
            Json::Int((last.candle.turnover * rate) as i64),
        ),
        ("high_24h".to_owned(), money(last.candle.high * rate)),
        ("low_24h".to_owned(), money(last.candle.low * rate)),
        ("price_change_24h".to_owned(), Json::rounded(price - open, 8)),
        ("price_change_percentage_24h".to_owned(), Json::rounded(change, 5)),
        (
            "market_cap_change_24h".to_owned(),
            Json::optional(cap(price - open), |value| Json::rounded(value, 4)),
        ),
        ("market_cap_change_percentage_24h".to_owned(), Json::rounded(change, 5)),
        ("circulating_supply".to_owned(), Json::optional(supply, Json::float)),
        ("total_supply".to_owned(), Json::float(profile.total)),
        ("max_supply".to_owned(), Json::optional(profile.max, Json::float)),
        ("ath".to_owned(), Json::rounded(ath, decimals(ath))),
        (
            "ath_change_percentage".to_owned(),
            Json::rounded((price / ath - 1.0) * 100.0, 5),
        ),
        ("ath_date".to_owned(), date(profile.ath.1)),
        ("atl".to_owned(), Json::rounded(atl, decimals(atl))),
        (
            "atl_change_percentage".to_owned(),
            Json::rounded((price / atl - 1.0) * 100.0, 5),
        ),
        ("atl_date".to_owned(), date(profile.atl.1)),
        ("roi".to_owned(), Json::Null),
        ("last_updated".to_owned(), Json::text(iso(last.at))),
    ];
    if request.is_on("sparkline") {
        let points = (0..168)
            .rev()
            .filter_map(|back| view.price_at(id, last.at - back * HOUR));
        let prices = Json::Array(points.map(|price| Json::float(price * rate)).collect());
        pairs.push(("sparkline_in_7d".to_owned(), Json::object([("price", prices)])));
    }
    for window in list(request.get("price_change_percentage").unwrap_or_default()) {
        let length = match window {
            "1h" => HOUR,
            "24h" => DAY,
            "7d" => 7 * DAY,
            "14d" => 14 * DAY,
            "30d" => 30 * DAY,
            "200d" => 200 * DAY,
            "1y" => 365 * DAY,
            _ => continue,
        };
        let before = view.price_at(id, last.at - length);
        let change = before.map(|before| (last.price / before - 1.0) * 100.0);
        pairs.push((
            format!("price_change_percentage_{window}_in_currency"),
            Json::optional(change, Json::float),
        ));
    }
    Some(Json::Object(pairs))
}

fn coins(view: &VenueView<'_>) -> Reply {
    let row = |id: String, symbol: &str, name: String| {
        Json::object([
            ("id", Json::text(id)),
            ("symbol", Json::text(symbol.to_lowercase())),
            ("name", Json::text(name)),
        ])
    };
    let assets = view
        .catalogue()
        .iter()
        .filter_map(|(_, asset)| Some(row(asset.coingecko.clone()?, &asset.ticker, asset.name.clone())));
    let tail = (1..=view.catalogue().tail()).map(|number| {
        let token = TailToken { number };
        row(token.coingecko(), &token.symbol(), token.name())
    });
    Reply::ok(Json::Array(assets.chain(tail).collect()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn precision_follows_the_size_of_the_price() {
        let spell = |price: f64| shorten(&format!("{price:.*}", decimals(price)));
        assert_eq!(spell(49_053.4), "49053");
        assert_eq!(spell(143.217), "143.22");
        assert_eq!(spell(1.0131), "1.013");
        assert_eq!(spell(0.552_451_9), "0.552452");
        assert_eq!(spell(0.000_012_345_678), "0.0000123457");
    }

    #[test]
    fn routes_leave_the_coin_out() {
        assert_eq!(
            route("/api/v3/coins/bitcoin/market_chart/range"),
            "coins/market_chart/range"
        );
        assert_eq!(route("/api/v3/simple/price"), "simple/price");
        assert_eq!(route("/api/v3/coins/markets"), "coins/markets");
    }
}
