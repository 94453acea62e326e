//! Figures that both aggregators report: rates of currencies, ranks.

use crate::assets::AssetId;
use crate::venue_view::VenueView;

/// How many units of a currency a dollar is.
pub(super) fn per_dollar(view: &VenueView<'_>, currency: &str) -> Option<f64> {
    let inverse = |ticker: &str| Some(1.0 / view.price(view.catalogue().find(ticker)?)?);
    match currency.to_ascii_lowercase().as_str() {
        "usd" => Some(1.0),
        "eur" => Some(0.92),
        "gbp" => Some(0.79),
        "btc" => inverse("BTC"),
        "eth" => inverse("ETH"),
        _ => None,
    }
}

/// Assets in the order of their market capitalisation, as ranks count.
pub(super) fn ranked(view: &VenueView<'_>) -> Vec<AssetId> {
    let cap = |id: AssetId| Some(view.price(id)? * view.supply(id)?);
    let mut ids: Vec<(AssetId, f64)> = view
        .catalogue()
        .iter()
        .filter_map(|(id, _)| Some((id, cap(id)?)))
        .collect();
    ids.sort_by(|left, right| right.1.total_cmp(&left.1));
    ids.into_iter().map(|(id, _)| id).collect()
}
