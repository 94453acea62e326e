//! CoinMarketCap: prices, caps and supplies of chosen coins, and the listing of all.
//!
//! Ids are numbers. The answer has three shapes by version of the call, and `status.error_code` decides before the
//! data do, also with HTTP 200. <https://coinmarketcap.com/api/documentation/v1/>

mod client;
mod decode;
mod listing;
mod wire;

pub use client::{CoinMarketCap, OFFICIAL_HOST};
pub use decode::{Route, decode};
pub use listing::decode_listing;
