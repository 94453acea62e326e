//! CoinMarketCap: an envelope around everything, ids that are numbers, and three shapes of the same quotes.
//!
//! Version 1 and 2 key quotes by currency, version 3 lists them; data are keyed by what was asked (1), by id with
//! lists under symbols (2), or listed (3). One unknown id fails the call unless `skip_invalid=true`.
//! <https://coinmarketcap.com/api/documentation/v1/>

use super::coinmarketcap_common::{Version, envelope_of_error};
use super::coinmarketcap_tail;
use super::figures::{per_dollar, ranked};
use super::message::{Reply, Request, list};
use crate::assets::{Asset, AssetId, Sector};
use crate::clock::{DAY, HOUR, Millis, iso};
use crate::json::Json;
use crate::long_tail::TailToken;
use crate::venue_view::VenueView;

/// Names for faults and counts.
pub const ROUTES: &[&str] = &["quotes/latest", "listings/latest", "map", "other"];

const MAX_ROWS: usize = 5_000;

/// The route's name of a path below `/coinmarketcap`, the version left out.
pub fn route(path: &str) -> String {
    version_and_call(path).map_or_else(String::new, |(_, call)| call.to_owned())
}

fn version_and_call(path: &str) -> Option<(Version, &str)> {
    let (version, rest) = path.strip_prefix("/v")?.split_once('/')?;
    let version = match version {
        "1" => Version::One,
        "2" => Version::Two,
        "3" => Version::Three,
        _ => return None,
    };
    Some((version, rest.strip_prefix("cryptocurrency/")?))
}

/// Answers a request below `/coinmarketcap`.
pub fn answer(view: &VenueView<'_>, request: &Request<'_>) -> Reply {
    match request.api_key.as_deref().or_else(|| request.get("CMC_PRO_API_KEY")) {
        None => return failure(view, 401, 1002, "API key missing."),
        Some("invalid") => return failure(view, 401, 1001, "This API Key is invalid."),
        Some(_) => {}
    }
    let outcome = match version_and_call(request.path) {
        Some((version, "quotes/latest")) => quotes(view, request, version),
        Some((version @ (Version::One | Version::Three), "listings/latest")) => listings(view, request, version),
        Some((Version::One, "map")) => Ok(map(view)),
        _ => Err(Reply::error(
            404,
            Json::object([
                ("statusCode", Json::Int(404)),
                ("error", Json::text("Not Found")),
                ("message", Json::text("Not Found")),
            ]),
        )),
    };
    outcome.unwrap_or_else(|refused| refused)
}

/// An error in the envelope.
fn failure(view: &VenueView<'_>, status: u16, code: i64, message: &str) -> Reply {
    Reply::error(status, envelope_of_error(view.now(), code, message))
}

/// The body of 429 for a minute's limit.
pub fn too_many(now: Millis) -> Json {
    let message = "You've exceeded your API Key's HTTP request rate limit. Rate limits reset every minute.";
    envelope_of_error(now, 1008, message)
}

/// The body of 429 when the month's credits are used up.
pub fn quota_exhausted(now: Millis) -> Json {
    let message = "You've exceeded your API Key's monthly rate limit.";
    envelope_of_error(now, 1010, message)
}

fn envelope(view: &VenueView<'_>, credits: usize, total: Option<usize>, data: Json) -> Reply {
    let mut status = vec![
        ("timestamp", Json::text(iso(view.now()))),
        ("error_code", Json::Int(0)),
        ("error_message", Json::Null),
        ("elapsed", Json::Int(10 + view.now() % 30)),
        ("credit_count", Json::Int(credits as i64)),
        ("notice", Json::Null),
    ];
    if let Some(total) = total {
        status.push(("total_count", Json::Int(total as i64)));
    }
    Reply::ok(Json::object([("status", Json::object(status)), ("data", data)]))
}

fn invalid(view: &VenueView<'_>, name: &str, value: &str) -> Reply {
    failure(view, 400, 400, &format!("Invalid value for \"{name}\": \"{value}\""))
}

/// The currencies asked for, with the units of each that a dollar is.
fn convert(view: &VenueView<'_>, request: &Request<'_>) -> Result<Vec<(String, f64)>, Reply> {
    list(request.get("convert").unwrap_or("USD"))
        .map(|currency| {
            let rate = per_dollar(view, currency).ok_or_else(|| invalid(view, "convert", currency))?;
            Ok((currency.to_ascii_uppercase(), rate))
        })
        .collect()
}

/// Every coin by rank, and what all of them are worth in dollars.
struct Ranking {
    ids: Vec<AssetId>,
    capitalisation: f64,
}

impl Ranking {
    fn of(view: &VenueView<'_>) -> Self {
        let ids = ranked(view);
        let cap = |id: &AssetId| Some(view.price(*id)? * view.supply(*id)?);
        let capitalisation = ids.iter().filter_map(cap).sum();
        Self { ids, capitalisation }
    }

    fn rank(&self, id: AssetId) -> Json {
        let index = self.ids.iter().position(|ranked| *ranked == id);
        index.map_or(Json::Null, |index| Json::Int(index as i64 + 1))
    }
}

fn slug(asset: &Asset) -> String {
    // Their slugs are CoinGecko's ids for most coins, and these for the rest.
    match asset.ticker.as_str() {
        "BNB" => "bnb".to_owned(),
        "XRP" => "xrp".to_owned(),
        "AVAX" => "avalanche".to_owned(),
        "DOT" => "polkadot-new".to_owned(),
        "NEAR" => "near-protocol".to_owned(),
        _ => asset
            .coingecko
            .clone()
            .unwrap_or_else(|| asset.name.to_lowercase().replace(' ', "-")),
    }
}

fn find(view: &VenueView<'_>, by: &str, value: &str) -> Option<AssetId> {
    let found = view.catalogue().iter().find(|(_, asset)| {
        asset.coinmarketcap.is_some_and(|id| match by {
            "id" => id.to_string() == value,
            "symbol" => asset.ticker.eq_ignore_ascii_case(value),
            _ => slug(asset) == value,
        })
    });
    found.map(|(id, _)| id).filter(|id| view.price(*id).is_some())
}

fn quotes(view: &VenueView<'_>, request: &Request<'_>, version: Version) -> Result<Reply, Reply> {
    let by = ["id", "symbol", "slug"]
        .into_iter()
        .find(|name| request.get(name).is_some());
    let by = by.ok_or_else(|| {
        failure(
            view,
            400,
            400,
            "\"value\" must contain at least one of [id, symbol, slug]",
        )
    })?;
    let currencies = convert(view, request)?;
    let ranking = Ranking::of(view);
    let mut coins: Vec<(String, Json)> = Vec::new();
    for value in list(request.get(by).unwrap_or_default()) {
        let Some(asset) = find(view, by, value) else {
            if request.is_on("skip_invalid") {
                continue;
            }
            return Err(invalid(view, by, value));
        };
        let id = view
            .catalogue()
            .get(asset)
            .coinmarketcap
            .unwrap_or_default()
            .to_string();
        let asked = if by == "symbol" { value.to_ascii_uppercase() } else { id };
        if coins.iter().all(|(seen, _)| *seen != asked) {
            coins.push((asked, coin(view, asset, &ranking, &currencies, version, true)));
        }
    }
    let credits = coins.len().div_ceil(100).max(1) + currencies.len().saturating_sub(1);
    let data = match version {
        Version::One => Json::Object(coins),
        Version::Two if by == "symbol" => Json::Object(
            coins
                .into_iter()
                .map(|(symbol, coin)| (symbol, Json::Array(vec![coin])))
                .collect(),
        ),
        Version::Two => Json::Object(coins),
        Version::Three => Json::Array(coins.into_iter().map(|(_, coin)| coin).collect()),
    };
    Ok(envelope(view, credits, None, data))
}

fn listings(view: &VenueView<'_>, request: &Request<'_>, version: Version) -> Result<Reply, Reply> {
    let number = |name: &str, default: usize, most: usize| match request.get(name) {
        None => Ok(default),
        Some(text) => text
            .parse()
            .ok()
            .filter(|value| (1..=most).contains(value))
            .ok_or_else(|| invalid(view, name, text)),
    };
    let start = number("start", 1, usize::MAX)?;
    let limit = number("limit", 100, MAX_ROWS)?;
    let currencies = convert(view, request)?;
    let ranking = Ranking::of(view);
    let listed: Vec<AssetId> = ranking
        .ids
        .iter()
        .copied()
        .filter(|id| view.catalogue().get(*id).coinmarketcap.is_some())
        .collect();
    let total = listed.len() + view.catalogue().tail();
    let is_ascending = request.get("sort_dir") == Some("asc");
    let rows: Vec<Json> = (start - 1..total)
        .take(limit)
        .map(|place| if is_ascending { total - 1 - place } else { place })
        .map(|place| match listed.get(place) {
            Some(id) => coin(view, *id, &ranking, &currencies, version, false),
            None => {
                let number = place + 1 - listed.len();
                let rank = ranking.ids.len() + number;
                coinmarketcap_tail::coin(view, TailToken { number }, rank, &currencies, version)
            }
        })
        .collect();
    let credits = rows.len().div_ceil(200).max(1) + currencies.len().saturating_sub(1);
    Ok(envelope(view, credits, Some(total), Json::Array(rows)))
}

fn coin(
    view: &VenueView<'_>,
    id: AssetId,
    ranking: &Ranking,
    currencies: &[(String, f64)],
    version: Version,
    rich_tags: bool,
) -> Json {
    let asset = view.catalogue().get(id);
    let profile = &asset.profile;
    let updated = Json::text(iso(view.at(id)));
    let quotes: Vec<(String, Json)> = currencies
        .iter()
        .map(|(currency, rate)| (currency.clone(), quote(view, id, currency, *rate, version, ranking)))
        .collect();
    let quote = match version {
        Version::One | Version::Two => Json::Object(quotes),
        Version::Three => Json::Array(quotes.into_iter().map(|(_, quote)| quote).collect()),
    };
    Json::object([
        ("id", Json::Int(i64::from(asset.coinmarketcap.unwrap_or_default()))),
        ("name", Json::text(asset.name.clone())),
        ("symbol", Json::text(asset.ticker.clone())),
        ("slug", Json::text(slug(asset))),
        ("num_market_pairs", Json::Int(profile.market_pairs)),
        ("date_added", Json::text(format!("{}T00:00:00.000Z", profile.added))),
        ("tags", tags(profile.sector, rich_tags && version != Version::One)),
        ("max_supply", Json::optional(profile.max, Json::float)),
        ("infinite_supply", Json::Bool(profile.max.is_none())),
        ("circulating_supply", Json::optional(view.supply(id), Json::float)),
        ("total_supply", Json::float(profile.total)),
        ("platform", Json::Null),
        ("cmc_rank", ranking.rank(id)),
        ("self_reported_circulating_supply", Json::Null),
        ("self_reported_market_cap", Json::Null),
        ("last_updated", updated),
        ("quote", quote),
    ])
}

fn tags(sector: Sector, rich: bool) -> Json {
    let (slug, name) = match sector {
        Sector::Money => ("medium-of-exchange", "Medium of Exchange"),
        Sector::Platform => ("smart-contracts", "Smart Contracts"),
        Sector::Application => ("defi", "DeFi"),
        Sector::Meme => ("memes", "Memes"),
        Sector::Stable => ("stablecoin", "Stablecoin"),
    };
    let tag = if rich {
        Json::object([
            ("slug", Json::text(slug)),
            ("name", Json::text(name)),
            ("category", Json::text("CATEGORY")),
        ])
    } else {
        Json::text(slug)
    };
    Json::Array(vec![tag])
}

fn quote(view: &VenueView<'_>, id: AssetId, currency: &str, rate: f64, version: Version, ranking: &Ranking) -> Json {
    let Some(last) = view.last_day(id) else {
        return Json::Null;
    };
    let profile = &view.catalogue().get(id).profile;
    let price = last.price * rate;
    let change = |length: Millis| {
        let before = view.price_at(id, last.at - length);
        Json::optional(before.map(|before| (last.price / before - 1.0) * 100.0), |percent| {
            Json::rounded(percent, 8)
        })
    };
    let cap = view.supply(id).map(|supply| supply * price);
    let all = ranking.capitalisation * rate;
    let before = view
        .turnover(id, last.at - DAY)
        .map(|before| (last.candle.turnover / before.max(1e-9) - 1.0) * 100.0);
    let mut pairs = Vec::new();
    if version == Version::Three {
        pairs.push(("id", Json::Int(if currency == "USD" { 2_781 } else { 2_790 })));
        pairs.push(("symbol", Json::text(currency)));
    }
    pairs.extend([
        (
            "price",
            Json::Price {
                asset: id,
                spelling: format!("{price}"),
                quoted: false,
            },
        ),
        ("volume_24h", Json::float(last.candle.turnover * rate)),
        (
            "volume_change_24h",
            Json::optional(before, |percent| Json::rounded(percent, 4)),
        ),
        ("percent_change_1h", change(HOUR)),
        ("percent_change_24h", change(DAY)),
        ("percent_change_7d", change(7 * DAY)),
        ("percent_change_30d", change(30 * DAY)),
        ("percent_change_60d", change(60 * DAY)),
        ("percent_change_90d", change(90 * DAY)),
        ("market_cap", Json::optional(cap, Json::float)),
        (
            "market_cap_dominance",
            Json::optional(cap.map(|cap| cap / all * 100.0), |percent| Json::rounded(percent, 4)),
        ),
        (
            "fully_diluted_market_cap",
            Json::rounded(profile.max.unwrap_or(profile.total) * price, 2),
        ),
        ("last_updated", Json::text(iso(last.at))),
    ]);
    Json::object(pairs)
}

fn map(view: &VenueView<'_>) -> Reply {
    let ranks = ranked(view);
    let rows = ranks.iter().enumerate().filter_map(|(rank, id)| {
        let asset = view.catalogue().get(*id);
        Some(Json::object([
            ("id", Json::Int(i64::from(asset.coinmarketcap?))),
            ("rank", Json::Int(rank as i64 + 1)),
            ("name", Json::text(asset.name.clone())),
            ("symbol", Json::text(asset.ticker.clone())),
            ("slug", Json::text(slug(asset))),
            ("is_active", Json::Int(1)),
            (
                "first_historical_data",
                Json::text(format!("{}T00:00:00.000Z", asset.profile.added)),
            ),
            ("last_historical_data", Json::text(iso(view.at(*id)))),
            ("platform", Json::Null),
        ]))
    });
    envelope(view, 0, None, Json::Array(rows.collect()))
}
