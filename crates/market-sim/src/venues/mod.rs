//! The venues' wire formats. Each module turns a path and parameters into the reply that venue would give.
//!
//! They are plain functions of a view of the market, so their tests need no network.

use self::message::{Reply, Request};
use crate::venue::Venue;
use crate::venue_view::VenueView;

pub mod binance;
mod binance_candles;
mod binance_common;
pub mod coingecko;
mod coingecko_charts;
mod coingecko_common;
mod coingecko_tail;
pub mod coinmarketcap;
mod coinmarketcap_common;
mod coinmarketcap_tail;
mod figures;
pub mod message;

/// Names of a venue's routes, for faults and counts; `other` is the rest.
pub fn routes(venue: Venue) -> &'static [&'static str] {
    match venue {
        Venue::Binance => binance::ROUTES,
        Venue::CoinGecko => coingecko::ROUTES,
        Venue::CoinMarketCap => coinmarketcap::ROUTES,
    }
}

/// The route of a path below the venue's prefix.
pub fn route(venue: Venue, path: &str) -> &'static str {
    let name = match venue {
        Venue::Binance => path.strip_prefix("/api/v3/").unwrap_or_default().to_owned(),
        Venue::CoinGecko => coingecko::route(path),
        Venue::CoinMarketCap => coinmarketcap::route(path),
    };
    routes(venue)
        .iter()
        .find(|known| **known == name)
        .copied()
        .unwrap_or("other")
}

/// The reply of a venue to a request, and what it weighs.
pub fn reply(venue: Venue, view: &VenueView<'_>, request: &Request<'_>) -> Reply {
    match venue {
        Venue::Binance => binance::answer(view, request),
        Venue::CoinGecko => coingecko::answer(view, request),
        Venue::CoinMarketCap => coinmarketcap::answer(view, request),
    }
}
