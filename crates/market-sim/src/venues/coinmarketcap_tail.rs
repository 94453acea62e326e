//! CoinMarketCap's rows of small tokens.

use super::coinmarketcap_common::Version;
use crate::clock::{DAY, HOUR, iso};
use crate::json::Json;
use crate::long_tail::{Spelling, TailToken};
use crate::venue_view::VenueView;

/// A row of the listing. `rank` is from 1.
pub(super) fn coin(
    view: &VenueView<'_>,
    token: TailToken,
    rank: usize,
    currencies: &[(String, f64)],
    version: Version,
) -> Json {
    let asset = view.catalogue().len() + token.number;
    let at = view.at(asset);
    let quotes: Vec<(String, Json)> = currencies
        .iter()
        .map(|(currency, rate)| (currency.clone(), quote(view, token, currency, *rate, version)))
        .collect();
    let quote = match version {
        Version::One | Version::Two => Json::Object(quotes),
        Version::Three => Json::Array(quotes.into_iter().map(|(_, quote)| quote).collect()),
    };
    let spelling = token.supply_spelling();
    let reported = |value: f64| match spelling {
        Spelling::Null => Json::float(value),
        Spelling::Known | Spelling::Zero | Spelling::EmptyText | Spelling::Missing => Json::Null,
    };
    let mut pairs = vec![
        ("id", Json::Int(token.coinmarketcap())),
        ("name", Json::text(token.name())),
        ("symbol", Json::text(token.symbol())),
        ("slug", Json::text(token.slug())),
        ("num_market_pairs", Json::Int(7)),
        ("date_added", Json::text("2022-02-02T00:00:00.000Z")),
        ("tags", Json::Array(vec![Json::text("small-cap")])),
        ("max_supply", Json::Null),
        ("infinite_supply", Json::Bool(false)),
        ("total_supply", Json::float(token.supply() * 2.0)),
        ("platform", Json::Null),
        ("cmc_rank", Json::Int(rank as i64)),
        ("self_reported_circulating_supply", reported(token.supply())),
        ("self_reported_market_cap", reported(token.supply() * token.price(at))),
        ("last_updated", Json::text(iso(at))),
        ("quote", quote),
    ];
    pairs.extend(size(spelling, token.supply()).map(|supply| ("circulating_supply", supply)));
    Json::object(pairs)
}

/// A figure, or how its absence is spelt.
pub(super) fn size(spelling: Spelling, value: f64) -> Option<Json> {
    match spelling {
        Spelling::Known => Some(Json::float(value)),
        Spelling::Null => Some(Json::Null),
        Spelling::Zero => Some(Json::Int(0)),
        Spelling::EmptyText => Some(Json::text("")),
        Spelling::Missing => None,
    }
}

fn quote(view: &VenueView<'_>, token: TailToken, currency: &str, rate: f64, version: Version) -> Json {
    let asset = view.catalogue().len() + token.number;
    let at = view.at(asset);
    let price = token.price(at) * view.effects().offset(asset) * rate;
    let mut pairs = Vec::new();
    if version == Version::Three {
        pairs.push(("id", Json::Int(if currency == "USD" { 2_781 } else { 2_790 })));
        pairs.push(("symbol", Json::text(currency)));
    }
    pairs.extend([
        (
            "price",
            Json::Price {
                asset,
                spelling: format!("{price}"),
                quoted: false,
            },
        ),
        ("volume_24h", Json::float(token.turnover(at) * rate)),
        ("percent_change_1h", Json::rounded(token.change(at, HOUR), 8)),
        ("percent_change_24h", Json::rounded(token.change(at, DAY), 8)),
        ("percent_change_7d", Json::rounded(token.change(at, 7 * DAY), 8)),
    ]);
    let cap = size(token.supply_spelling(), token.supply() * price);
    pairs.extend(cap.map(|cap| ("market_cap", cap)));
    pairs.extend([
        (
            "fully_diluted_market_cap",
            Json::rounded(token.supply() * 2.0 * price, 2),
        ),
        ("last_updated", Json::text(iso(at))),
    ]);
    Json::object(pairs)
}
