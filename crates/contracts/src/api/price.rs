//! Batched prices: one request to a provider answers many.

use domain::coin_id::CoinId;
use domain::ticker::ProviderId;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::number::Price;
use crate::time::Time;

/// The currency of all batched prices.
pub const VS_CURRENCY: &str = "usd";

/// Query of `GET /internal/price/{coin_id}`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PriceQuery {
    /// A stored price that is no older may answer at once; 0 always joins a batch.
    #[serde(default)]
    pub max_age_ms: u32,
}

/// What clients see of a price.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct PriceBody {
    /// Id of the coin.
    #[schema(value_type = String, example = "bitcoin")]
    pub coin_id: CoinId,
    /// Currency of the price.
    #[schema(example = "usd")]
    pub vs_currency: String,
    /// Price of one unit.
    pub price: Price,
    /// Time at which the provider's response arrived.
    pub fetched_at: Time,
}

/// A price, and how it came about; clients see the latter in headers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BatchedPriceBody {
    /// The price.
    pub price: PriceBody,
    /// The batch that fetched it.
    pub batch_id: Uuid,
    /// Requests of that batch.
    pub batch_size: u32,
    /// What made this answer possible.
    pub trigger: BatchTrigger,
    /// How long the request waited.
    pub wait_ms: u64,
    /// Whether the price is in the history already.
    pub is_persisted: bool,
    /// The provider that reported it.
    pub provider: ProviderId,
}

/// Why a batch was flushed, or that none was needed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum BatchTrigger {
    /// Enough requests had come.
    Threshold,
    /// Its window had passed.
    Window,
    /// A stored price was young enough.
    Cache,
}

impl BatchTrigger {
    /// The word in the header.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Threshold => "threshold",
            Self::Window => "window",
            Self::Cache => "cache",
        }
    }
}

/// Query of `GET /internal/price/{coin_id}/history`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PriceHistoryQuery {
    /// Fetched at this time or later.
    pub from: Option<Time>,
    /// Fetched before this time.
    pub to: Option<Time>,
    /// Most items of a page.
    pub limit: u32,
    /// Number of the page, from 1; not with `cursor`.
    pub page: u32,
    /// Where the page begins.
    pub cursor: Option<String>,
}

/// One page of the prices of a coin that were fetched, newest first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct PriceHistoryBody {
    /// Id of the coin.
    #[schema(value_type = String, example = "bitcoin")]
    pub coin_id: CoinId,
    /// Currency of the prices.
    #[schema(example = "usd")]
    pub vs_currency: String,
    /// The prices, newest first.
    pub items: Vec<PriceHistoryItem>,
    /// Number of this page, from 1.
    pub page: u32,
    /// Maximum number of items of a page.
    pub limit: u32,
    /// Number of prices on all pages.
    pub total_items: u64,
    /// Number of pages.
    pub total_pages: u64,
    /// Whether another page follows.
    pub has_next_page: bool,
}

/// A price that was fetched.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct PriceHistoryItem {
    /// Price of one unit.
    pub price: Price,
    /// Time at which the provider's response arrived.
    pub fetched_at: Time,
}

/// A page with the place where the next one begins, which clients see in a header.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PriceHistoryPage {
    /// What clients see.
    pub body: PriceHistoryBody,
    /// `None` on the last page.
    pub next_cursor: Option<String>,
}
