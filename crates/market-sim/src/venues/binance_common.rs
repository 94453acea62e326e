//! What Binance's routes have in common: parameters, refusals, the spelling of numbers.

use super::message::{Reply, Request};
use crate::assets::AssetId;
use crate::json::Json;
use crate::venue_view::VenueView;

/// The part of the whole market's volume that is traded here.
pub(super) const SHARE: f64 = 0.22;

/// An average trade in dollars, for counts.
pub(super) const TRADE: f64 = 1_150.0;

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

    pub(super) fn reply(self) -> Reply {
        Reply::error(
            400,
            Json::object([("code", Json::Int(self.code)), ("msg", Json::text(self.message))]),
        )
    }
}

/// Refuses parameters that the route does not know.
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
pub(super) fn find(view: &VenueView<'_>, symbol: &str) -> Result<AssetId, Refusal> {
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

/// Eight decimals, rounded to the price step unless the price was fixed by hand.
pub(super) fn spell_price(view: &VenueView<'_>, asset: AssetId, price: f64) -> Json {
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
