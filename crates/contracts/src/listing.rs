//! Listings of tokens, from `fetch` to `core-analytics` (stream `listings`).

use domain::ticker::ProviderId;
use jiff::Timestamp;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// Most tokens of one [`ListingMessage::Page`].
pub const MAX_TOKENS_PER_PAGE: usize = 500;

/// Token ids from here on are our own: of tokens that the provider of ids does not list.
pub const FIRST_OWN_TOKEN_ID: i64 = 1_000_000_000;

/// What became of one poll of the listing.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum ListingMessage {
    /// A part of a provider's listing, best rank first.
    Page(ListingPage),
    /// No provider answered: the values that are known are estimates from here on.
    Unavailable {
        /// Version of this shape.
        v: u8,
        /// Id of the poll, UUID v7.
        poll_id: Uuid,
        /// When the last provider had failed.
        at: Timestamp,
        /// Why, by provider, in one sentence.
        reason: String,
    },
}

/// Some tokens of one listing.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ListingPage {
    /// Version of this shape.
    pub v: u8,
    /// Id of the poll, UUID v7; the same for all its pages.
    pub poll_id: Uuid,
    /// The provider that answered.
    pub provider: ProviderId,
    /// Whether another provider is the first choice.
    pub is_fallback: bool,
    /// Number of this page, from 1.
    pub page: u32,
    /// Number of the poll's pages.
    pub pages: u32,
    /// When the response arrived.
    pub received_at: Timestamp,
    /// Whether the response said that it is a simulation.
    pub simulated: bool,
    /// At most [`MAX_TOKENS_PER_PAGE`].
    pub tokens: Vec<ListedToken>,
}

/// What a listing says about one token. An unknown is `null`, never 0.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ListedToken {
    /// The number by which CoinMarketCap knows it, or one of our own.
    pub token_id: i64,
    /// Readable id, such as `bitcoin`.
    pub slug: String,
    /// Symbol, upper case; several tokens may share one.
    pub symbol: String,
    /// Name, such as `Bitcoin`.
    pub name: String,
    /// Rank by market capitalisation, from 1.
    pub rank: Option<u32>,
    /// Price in dollars.
    pub price: Option<Decimal>,
    /// Volume of the last 24 hours over all markets, in dollars.
    pub volume_24h: Option<Decimal>,
    /// Market capitalisation in dollars.
    pub market_cap: Option<Decimal>,
    /// Price times the largest possible supply, in dollars.
    pub fully_diluted_market_cap: Option<Decimal>,
    /// Circulating supply, in units of the token.
    pub circulating_supply: Option<Decimal>,
    /// Supply that exists, in units of the token.
    pub total_supply: Option<Decimal>,
    /// Largest supply there can ever be, in units of the token.
    pub max_supply: Option<Decimal>,
    /// Change of the price over an hour in percent.
    pub percent_change_1h: Option<f64>,
    /// Change of the price over 24 hours in percent.
    pub percent_change_24h: Option<f64>,
    /// Change of the price over 7 days in percent.
    pub percent_change_7d: Option<f64>,
    /// When the provider made these figures; the time of the response if it does not say.
    pub quoted_at: Timestamp,
    /// When the provider began to list it.
    pub date_added: Option<Timestamp>,
    /// The provider's tags, such as `mineable`; at most 50.
    pub tags: Vec<String>,
    /// Notes on the figures, such as `self_reported_supply`.
    pub flags: Vec<String>,
}
