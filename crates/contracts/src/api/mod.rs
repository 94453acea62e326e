//! Request and response bodies of internal HTTP. Those that clients see too carry their OpenAPI schema.

use serde::{Deserialize, Serialize};

use crate::time::Time;

/// What `fetch` answers.
pub mod fetch;

/// What `fetch` answers about batched prices.
pub mod price;

/// What `core-analytics` answers.
pub mod analytics;

/// Tokens.
pub mod tokens;

/// What `alerts` answers.
pub mod alerts;

/// What `alerts` answers about deliveries.
pub mod deliveries;

/// Closed sets of values that fields may have.
pub mod enums;

/// One page of a list, newest first unless stated otherwise.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Page<T> {
    /// The items of this page.
    pub items: Vec<T>,
    /// Where the next page starts; `None` on the last one.
    pub next_cursor: Option<String>,
}

/// Whether data are what they should be; the field `status.state` of the envelope.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum DataState {
    /// As good as they get.
    Ok,
    /// Fewer sources than wanted, or a fallback.
    Degraded,
    /// Older than their limit, still served.
    Stale,
}

/// Data with what is known about where they come from. The gateway makes the envelope's metadata of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct WithProvenance<T> {
    /// The data.
    pub data: T,
    /// Whether they are what they should be.
    pub state: DataState,
    /// The newest moment they speak of.
    pub as_of: Option<Time>,
    /// Providers or series they come from.
    pub sources: Vec<String>,
    /// True if parts were estimated.
    pub estimated: bool,
}
