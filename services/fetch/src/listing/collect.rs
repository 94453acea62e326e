//! One poll of one provider's listing: page by page, in our words and under our ids.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use contracts::listing::ListedToken;
use domain::ticker::ProviderId;
use jiff::Timestamp;
use platform::backoff::Backoff;
use platform::clock::SharedClock;
use platform::lease::Lease;
use platform::postgres::StoreError;
use platform::retry::{Limit, retry};
use tokio::time::Instant;

use crate::listing::budget::{Budget, Plan};
use crate::listing::ledger::Ledger;
use crate::listing::normalise::{NormalisedToken, normalise};
use crate::listing::registry::TokenRegistry;
use crate::metrics::LISTED_TOKENS;
use crate::providers::{ErrorKind, Listing, ProviderError, RawListingPage, Retry, plausible_credits};

/// Attempts to get one page.
const PAGE_ATTEMPTS: u32 = 3;

/// Between them.
const PAGE_BACKOFF: Backoff = Backoff {
    base: Duration::from_millis(500),
    max: Duration::from_secs(2),
    jitter: 0.3,
};

/// A provider that is asked for its listing, and how.
pub struct ListingSource {
    pub listing: Arc<dyn Listing>,
    pub ledger: Ledger,
    pub budget: Budget,
    /// Tokens that are asked for, largest first.
    pub tokens: usize,
    /// Longest time for one page.
    pub page_deadline: Duration,
    /// Between two pages, where the provider counts requests of a minute.
    pub page_pause: Duration,
}

/// What a provider listed.
#[derive(Debug)]
pub struct Collected {
    pub tokens: Vec<ListedToken>,
    /// When the first page arrived.
    pub received_at: Timestamp,
    pub simulated: bool,
    /// Why there are no more of them, if a page failed.
    pub cut_short: Option<ListingError>,
}

/// Why a listing could not be had.
#[derive(Debug, thiserror::Error)]
pub enum ListingError {
    #[error(transparent)]
    Provider(#[from] ProviderError),
    /// Without the ledger nothing is asked for, without the registry nothing has an id.
    #[error("PostgreSQL is not available")]
    Store(#[from] StoreError),
}

impl ListingSource {
    pub fn provider(&self) -> ProviderId {
        self.listing.id()
    }

    /// How many tokens a page has, and how many pages are asked for.
    fn pages(&self) -> (usize, usize) {
        let size = self.listing.page_size().min(self.tokens).max(1);
        (size, self.tokens.div_ceil(size))
    }

    /// What the whole listing costs.
    pub fn credits(listing: &dyn Listing, tokens: usize) -> u64 {
        let size = listing.page_size().min(tokens).max(1);
        let pages = u64::try_from(tokens.div_ceil(size)).unwrap_or(u64::MAX);
        pages.saturating_mul(listing.page_credits(size))
    }

    /// Asks for the listing. A page that fails after others have come ends it: what came is good.
    ///
    /// # Errors
    ///
    /// The first page failed.
    pub async fn collect(
        &self,
        registry: &TokenRegistry,
        lease: &mut Lease,
        clock: &SharedClock,
    ) -> Result<Collected, ListingError> {
        let (size, pages) = self.pages();
        let mut collected: Option<Collected> = None;
        // A rank that changes between two pages shows a token twice.
        let mut seen = HashSet::new();
        let until = Instant::now() + self.page_deadline * u32::try_from(pages).unwrap_or(u32::MAX) * 2;
        for number in 1..=pages {
            if number > 1 {
                tokio::time::sleep(self.page_pause).await;
            }
            // Another process must not begin while this one is at it.
            lease.hold_or_keep().await;
            let outcome = match Instant::now() < until {
                true => self.page(number, size, registry, clock).await,
                false => Err(ProviderError::Timeout(self.page_deadline * 2).into()),
            };
            let (page, tokens) = match (outcome, &mut collected) {
                // Without a total, the end is seen only by an empty page.
                (Ok((page, _)), Some(_)) if page.rows() == 0 => break,
                (Ok(page), _) => page,
                (Err(error), None) => return Err(error),
                (Err(error), Some(collected)) => {
                    collected.cut_short = Some(error);
                    break;
                }
            };
            let collected = collected.get_or_insert_with(|| Collected {
                tokens: Vec::new(),
                received_at: page.received_at,
                simulated: false,
                cut_short: None,
            });
            collected.simulated |= page.simulated;
            let new = tokens.into_iter().filter(|token| seen.insert(token.token_id));
            collected.tokens.extend(new);
            // The last page may have more than are wanted.
            collected.tokens.truncate(self.tokens);
            let is_last = page.rows() < size || page.total.is_some_and(|total| number * size >= total);
            if is_last {
                break;
            }
        }
        collected.ok_or_else(|| ProviderError::payload("no page was asked for").into())
    }

    /// One page; what may pass by itself is tried again.
    async fn page(
        &self,
        number: usize,
        size: usize,
        registry: &TokenRegistry,
        clock: &SharedClock,
    ) -> Result<(RawListingPage, Vec<ListedToken>), ListingError> {
        let attempt = |_| async {
            match self.ask(number, size).await {
                Err((ListingError::Provider(error), charged)) if self.is_tried_again(&error, charged) => Err(error),
                outcome => Ok(outcome.map_err(|(error, _)| error)),
            }
        };
        let page = retry(
            PAGE_BACKOFF,
            Limit::Attempts(PAGE_ATTEMPTS),
            attempt,
            |error: &ProviderError, attempt| {
                tracing::debug!(page = number, attempt, %error, "page of the listing failed");
            },
        )
        .await??;
        let mut tokens = Vec::with_capacity(page.tokens.len());
        let mut rejected = page.malformed;
        for raw in &page.tokens {
            match normalise(self.provider(), raw, page.received_at) {
                Ok(token) => tokens.push(token),
                Err(reason) => {
                    tracing::debug!(id = ?raw.id, reason = reason.as_str(), "token of the listing is rejected");
                    rejected += 1;
                }
            }
        }
        for (outcome, count) in [("accepted", tokens.len()), ("rejected", rejected)] {
            metrics::counter!(LISTED_TOKENS, "provider" => self.provider().as_str(), "outcome" => outcome)
                .increment(count as u64);
        }
        let is_end = number > 1 && page.rows() == 0 && page.total.is_none_or(|total| total <= (number - 1) * size);
        // Published, it would replace good prices by none.
        if !is_end && !tokens.iter().any(NormalisedToken::has_price) {
            let what = format!("no token of {} rows of the listing has a price", page.rows());
            return Err(ProviderError::payload(what).into());
        }
        let identities: Vec<_> = tokens.iter().map(|token| token.identity.clone()).collect();
        let registered = registry.register(self.provider(), &identities, clock.now()).await?;
        let listed = tokens
            .into_iter()
            .filter_map(|token| {
                let known = registered.get(&token.identity.provider_id)?;
                Some(token.registered(known))
            })
            .collect();
        Ok((page, listed))
    }

    /// Whether a failed page is asked for again. An answer that was lost may have been charged, and a limited plan has
    /// credits for one listing, not for its repetitions. Who is asked too often is not asked again at once.
    fn is_tried_again(&self, error: &ProviderError, charged: u64) -> bool {
        let may_pass = matches!(error.retry(), Retry::WithBackoff) && error.kind() != ErrorKind::RateLimited;
        may_pass && (charged == 0 || self.budget.plan == Plan::default())
    }

    /// Asks once, and settles what it cost. A failure comes with what it was charged.
    async fn ask(&self, number: usize, size: usize) -> Result<RawListingPage, (ListingError, u64)> {
        let price = self.listing.page_credits(size);
        let charge = self.ledger.charge(price).await.map_err(|error| (error.into(), 0))?;
        let answer = tokio::time::timeout(self.page_deadline, self.listing.listing_page(number, size)).await;
        let result = answer.unwrap_or(Err(ProviderError::Timeout(self.page_deadline)));
        let cost = match &result {
            Ok(page) => plausible_credits(self.provider(), page.credits, price),
            Err(error) if may_be_charged(error) => price,
            Err(_) => 0,
        };
        self.ledger.settle(charge, cost).await;
        result.map_err(|error| (error.into(), cost))
    }
}

/// Whether a request that failed may have cost something: a refusal does not, nor does one that nobody heard.
pub fn may_be_charged(error: &ProviderError) -> bool {
    match error {
        ProviderError::Refused { .. } | ProviderError::BreakerOpen { .. } => false,
        ProviderError::Transport(error) => !error.is_connect(),
        ProviderError::Timeout(_) | ProviderError::TooLarge { .. } | ProviderError::Payload(_) => true,
    }
}
