//! CoinGecko: prices, caps and supplies of chosen coins, their past, and the listing of all.
//!
//! Ids are slugs. Unknown ids and currencies are left out in silence, 0 means unknown for caps and supplies, and
//! answers come from a cache: their age is in `last_updated`. <https://docs.coingecko.com/reference/coins-markets>

mod client;
mod decode;
mod listing;
mod wire;

pub use client::{CoinGecko, OFFICIAL_HOSTS, page_pause};
pub use decode::{Route, decode};
pub use listing::decode_listing;
