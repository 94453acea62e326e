//! A provider's listing of all tokens, page by page, its numbers as the provider wrote them.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use async_trait::async_trait;
use domain::ticker::ProviderId;
use jiff::Timestamp;

use super::error::ProviderError;
use crate::raw_number::RawNumber;

/// One token of a listing. Amounts of money are in dollars.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RawListedToken {
    /// The provider's own id.
    pub id: Option<String>,
    pub slug: Option<String>,
    pub symbol: Option<String>,
    pub name: Option<String>,
    pub rank: Option<RawNumber>,
    pub price: Option<RawNumber>,
    pub volume_24h: Option<RawNumber>,
    pub market_cap: Option<RawNumber>,
    pub fully_diluted_market_cap: Option<RawNumber>,
    pub circulating_supply: Option<RawNumber>,
    pub total_supply: Option<RawNumber>,
    pub max_supply: Option<RawNumber>,
    /// What the token's issuer says and the provider has not verified.
    pub self_reported_supply: Option<RawNumber>,
    pub self_reported_market_cap: Option<RawNumber>,
    /// Changes of the price in percent.
    pub percent_change_1h: Option<RawNumber>,
    pub percent_change_24h: Option<RawNumber>,
    pub percent_change_7d: Option<RawNumber>,
    /// When the provider says the figures were made.
    pub quoted_at: Option<Timestamp>,
    /// When the provider began to list it.
    pub date_added: Option<Timestamp>,
    pub tags: Vec<String>,
}

/// One page of a listing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RawListingPage {
    pub tokens: Vec<RawListedToken>,
    /// Entries that could not be read. With `tokens` they are the rows of the page.
    pub malformed: usize,
    /// Tokens that the provider lists altogether, where it says so.
    pub total: Option<usize>,
    /// What the request cost.
    pub credits: u64,
    /// Whether the response said that it is a simulation.
    pub simulated: bool,
    pub received_at: Timestamp,
}

impl RawListingPage {
    /// How many tokens the provider sent, readable or not.
    pub fn rows(&self) -> usize {
        self.tokens.len() + self.malformed
    }
}

/// How many times what we reckon a request may cost. A provider that says more is not believed: one wrong number would
/// use up the month.
const MAX_PRICE_FACTOR: u64 = 10;

/// What a provider says that a request cost, as far as that can be at this price.
pub fn plausible_credits(provider: ProviderId, said: u64, price: u64) -> u64 {
    let most = price.max(1).saturating_mul(MAX_PRICE_FACTOR);
    if said > most {
        tracing::warn!(%provider, said, most, "a request is said to cost more credits than it can");
    }
    said.min(most)
}

/// A provider that lists all tokens, largest capitalisation first.
#[async_trait]
pub trait Listing: Send + Sync {
    fn id(&self) -> ProviderId;

    /// Most tokens of one page. Full pages waste no credits.
    fn page_size(&self) -> usize;

    /// What a page of so many tokens costs.
    fn page_credits(&self, tokens: usize) -> u64;

    /// The tokens of page `page`, from 1. All pages of one listing have the same `size`.
    async fn listing_page(&self, page: usize, size: usize) -> Result<RawListingPage, ProviderError>;
}

#[async_trait]
impl<P: Listing + ?Sized> Listing for Arc<P> {
    fn id(&self) -> ProviderId {
        self.as_ref().id()
    }

    fn page_size(&self) -> usize {
        self.as_ref().page_size()
    }

    fn page_credits(&self, tokens: usize) -> u64 {
        self.as_ref().page_credits(tokens)
    }

    async fn listing_page(&self, page: usize, size: usize) -> Result<RawListingPage, ProviderError> {
        self.as_ref().listing_page(page, size).await
    }
}

/// Credits that were charged for other requests than those for listings, until somebody writes them down.
#[derive(Debug, Clone, Default)]
pub struct CreditMeter(Arc<AtomicU64>);

impl CreditMeter {
    pub fn add(&self, credits: u64) {
        self.0.fetch_add(credits, Ordering::Relaxed);
    }

    /// What came together since the last call.
    pub fn take(&self) -> u64 {
        self.0.swap(0, Ordering::Relaxed)
    }
}
