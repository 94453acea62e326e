//! Tokens as clients see them: pure.

use std::collections::BTreeMap;

use contracts::api::DataState;
use contracts::api::tokens::{TokenFreshness, TokenQuote, TokenRow};
use contracts::number::{Float, Number, Price};
use domain::data_quality::Freshness;
use domain::velocity::{EXTREME_VELOCITY, Trend};
use jiff::{SignedDuration, Timestamp};

use crate::listing::DAY;
use crate::store::{ListingState, StoredToken};

/// The only currency of listings.
const USD: &str = "USD";
const FLAG_EXTREME_VELOCITY: &str = "extreme";
/// No provider answers: these are the last known figures.
const FLAG_ESTIMATED: &str = "estimated";

/// What all tokens of one answer are judged by.
#[derive(Debug, Clone, Copy)]
pub struct View<'a> {
    pub now: Timestamp,
    /// Age from which figures are stale.
    pub max_age: SignedDuration,
    /// What became of the newest poll.
    pub listing: Option<&'a ListingState>,
}

impl View<'_> {
    /// Whether no provider answers.
    pub fn is_estimated(&self) -> bool {
        self.listing.is_some_and(|listing| listing.unavailable_since.is_some())
    }

    /// The state of data whose newest figures are from `newest`.
    pub fn state(&self, newest: Option<Timestamp>, is_fallback: bool) -> DataState {
        let is_stale = newest.is_none_or(|newest| self.freshness(newest) == Freshness::Stale);
        if is_stale {
            DataState::Stale
        } else if is_fallback || self.is_estimated() {
            DataState::Degraded
        } else {
            DataState::Ok
        }
    }

    /// Whether its figures are current enough to count for the market.
    pub fn is_active(&self, stored: &StoredToken) -> bool {
        stored.token.price.is_some() && self.freshness(stored.token.quoted_at) != Freshness::Stale
    }

    fn freshness(&self, quoted_at: Timestamp) -> Freshness {
        Freshness::of(self.now.duration_since(quoted_at), self.max_age)
    }

    pub fn row(&self, stored: &StoredToken) -> TokenRow {
        let token = &stored.token;
        let age = self.now.duration_since(token.quoted_at);
        TokenRow {
            id: token.token_id,
            name: token.name.clone(),
            symbol: token.symbol.clone(),
            slug: token.slug.clone(),
            cmc_rank: token.rank,
            last_updated: token.quoted_at.into(),
            freshness: TokenFreshness {
                age_ms: u64::try_from(age.as_millis()).unwrap_or(0),
                state: self.freshness(token.quoted_at).to_string(),
            },
            quote: BTreeMap::from([(USD.to_owned(), self.quote(stored))]),
            flags: self.flags(stored),
        }
    }

    pub fn flags(&self, stored: &StoredToken) -> Vec<String> {
        let mut flags = stored.token.flags.clone();
        if stored.velocity.is_some_and(|velocity| velocity > EXTREME_VELOCITY) {
            flags.push(FLAG_EXTREME_VELOCITY.to_owned());
        }
        if self.is_estimated() {
            flags.push(FLAG_ESTIMATED.to_owned());
        }
        if stored.simulated {
            flags.push(contracts::messages::FLAG_SIMULATED.to_owned());
        }
        flags
    }

    fn quote(&self, stored: &StoredToken) -> TokenQuote {
        let token = &stored.token;
        // A token that left the listing has no newest day.
        let has_day = self.now.duration_since(token.quoted_at) <= DAY;
        let trend = if has_day {
            stored.velocity_trend
        } else {
            Trend::InsufficientData
        };
        TokenQuote {
            price: token.price.map(Price),
            volume_24h: token.volume_24h.map(Number),
            market_cap: token.market_cap.map(Number),
            percent_change_1h: token.percent_change_1h.and_then(Float::finite),
            percent_change_24h: token.percent_change_24h.and_then(Float::finite),
            percent_change_7d: token.percent_change_7d.and_then(Float::finite),
            velocity: stored.velocity.and_then(Float::finite),
            velocity_trend: trend.to_string(),
            vwap_24h: stored.vwap_24h.filter(|_| has_day).map(Price),
        }
    }
}
