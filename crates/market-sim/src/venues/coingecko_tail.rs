//! CoinGecko's rows of small tokens.

use crate::clock::{DAY, HOUR, iso};
use crate::json::Json;
use crate::long_tail::{Spelling, TailToken};
use crate::venue_view::VenueView;

/// A row of `/coins/markets`, the changes of all windows included. `rank` is from 1.
pub(super) fn market(view: &VenueView<'_>, token: TailToken, rank: usize, rate: f64) -> Json {
    let asset = view.catalogue().len() + token.number;
    let at = view.at(asset);
    let price = token.price(at) * view.effects().offset(asset) * rate;
    let is_known = token.supply_spelling() == Spelling::Known;
    // Here an unknown figure is 0.0 or null.
    let size = |value: f64| match token.supply_spelling() {
        Spelling::Known => Json::float(value),
        Spelling::Zero | Spelling::Missing => Json::Number("0.0".to_owned()),
        Spelling::Null | Spelling::EmptyText => Json::Null,
    };
    let change = |length| Json::rounded(token.change(at, length), 5);
    Json::object([
        ("id", Json::text(token.coingecko())),
        ("symbol", Json::text(token.symbol().to_lowercase())),
        ("name", Json::text(token.name())),
        ("image", Json::text("missing_large.png")),
        (
            "current_price",
            Json::Price {
                asset,
                spelling: format!("{price}"),
                quoted: false,
            },
        ),
        ("market_cap", size(token.supply() * price)),
        (
            "market_cap_rank",
            if is_known { Json::Int(rank as i64) } else { Json::Null },
        ),
        ("fully_diluted_valuation", Json::float(token.supply() * 2.0 * price)),
        ("total_volume", Json::float(token.turnover(at) * rate)),
        ("price_change_percentage_24h", change(DAY)),
        ("circulating_supply", size(token.supply())),
        ("total_supply", Json::float(token.supply() * 2.0)),
        ("max_supply", Json::Null),
        ("roi", Json::Null),
        ("last_updated", Json::text(iso(at))),
        ("price_change_percentage_1h_in_currency", change(HOUR)),
        ("price_change_percentage_24h_in_currency", change(DAY)),
        ("price_change_percentage_7d_in_currency", change(7 * DAY)),
    ])
}
