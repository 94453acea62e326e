//! What CoinGecko's routes have in common: parameters and refusals.

use super::message::{Reply, Request};
use crate::assets::AssetId;
use crate::json::Json;
use crate::venue_view::VenueView;

/// An error with its words.
pub(super) fn refusal(status: u16, message: &str) -> Reply {
    Reply::error(status, Json::object([("error", Json::text(message))]))
}

/// A parameter without which the route answers 422.
pub(super) fn needed<'a>(request: &'a Request<'_>, name: &str) -> Result<&'a str, Reply> {
    request
        .get(name)
        .ok_or_else(|| refusal(422, &format!("Missing parameter {name}")))
}

/// By CoinGecko's id, letter by letter.
pub(super) fn find(view: &VenueView<'_>, id: &str) -> Option<AssetId> {
    view.catalogue()
        .iter()
        .find(|(_, asset)| asset.coingecko.as_deref() == Some(id))
        .map(|(id, _)| id)
        .filter(|id| view.price(*id).is_some())
}
