//! Listings in, tokens and their history out: reads the stream as a consumer group and acks after the effect.
//!
//! While PostgreSQL is away an entry is tried again with growing pauses and nothing is acked. An entry that comes again
//! after a crash changes nothing, because the newest figures of a cell count.

use std::time::Duration;

use anyhow::Context;
use contracts::listing::{ListingMessage, ListingPage};
use domain::token_point::TokenPoint;
use domain::velocity::Velocity;
use jiff::{SignedDuration, Timestamp};
use platform::backoff::Backoff;
use platform::clock::SharedClock;
use platform::redis::Connection;
use platform::retry::Failures;
use platform::stream::{Entry, GroupReader};
use rust_decimal::Decimal;
use tokio_util::sync::CancellationToken;

use crate::listing;
use crate::refusals::{Refusals, is_refusal};
use crate::store::{DayCell, PollOutcome, Store, tokens};

/// A page has up to 500 tokens; one that waits behind another could be taken over meanwhile.
const BATCH_SIZE: usize = 1;
const BLOCK: Duration = Duration::from_secs(5);
const BACKOFF: Backoff = Backoff {
    base: Duration::from_millis(100),
    max: Duration::from_secs(5),
    jitter: 0.5,
};

/// Counts of tokens by what became of them: `stored`, or the reason of refusal.
const TOKENS: &str = "analytics_listed_tokens_total";

/// The loop that turns listings into tokens and their history.
#[derive(Debug)]
pub struct ListingConsumer {
    pub store: Store,
    pub redis: Connection,
    pub reader: GroupReader,
    pub clock: SharedClock,
    /// Told of everything that is refused for good.
    pub refusals: Refusals,
    /// Below this capitalisation no velocity is formed.
    pub min_market_cap: Decimal,
    /// How long a velocity holds at most, until the next one is known.
    pub max_hold: SignedDuration,
    /// Age from which figures are stale.
    pub max_age: SignedDuration,
    /// Older figures change the newest ones at most, no history.
    pub oldest: SignedDuration,
}

impl ListingConsumer {
    pub async fn run(mut self, stop: CancellationToken) -> anyhow::Result<()> {
        loop {
            let entries = tokio::select! {
                () = stop.cancelled() => return Ok(()),
                entries = self.reader.read(BATCH_SIZE, BLOCK) => entries,
            };
            for entry in &entries {
                if stop.run_until_cancelled(self.store_or_set_aside(entry)).await.is_none() {
                    return Ok(());
                }
                if let Err(error) = self.reader.ack(&[entry.id.as_str()]).await {
                    tracing::warn!(
                        error = format!("{error:#}"),
                        "a listing could not be acked and will come again"
                    );
                }
            }
        }
    }

    /// Waits out outages. What is refused for good is set aside.
    async fn store_or_set_aside(&self, entry: &Entry) {
        let mut failures = Failures::new(BACKOFF);
        let mut is_refused = false;
        while let Err(error) = self.process(entry).await {
            if is_refusal(&error) {
                // Once more: a partition that was known may have gone with a restored database.
                if !std::mem::replace(&mut is_refused, true) {
                    continue;
                }
                self.refusals.set_aside("listing", &entry.id, "", &error);
                break;
            }
            if failures.count() == 0 {
                tracing::warn!(error = format!("{error:#}"), "a listing has to wait");
            }
            failures.wait().await;
        }
        if failures.count() > 0 {
            tracing::info!(attempt = failures.count(), "the listing went through");
        }
    }

    async fn process(&self, entry: &Entry) -> anyhow::Result<()> {
        match serde_json::from_str(&entry.payload).context("reading a listing")? {
            ListingMessage::Page(page) => self.store_page(page).await,
            ListingMessage::Unavailable {
                poll_id, at, reason, ..
            } => {
                let outcome = PollOutcome {
                    poll_id,
                    // A clock that is ahead must not keep later polls from being noted.
                    at: at.min(self.clock.now()),
                    answered: Err(reason.replace('\0', "")),
                };
                let version = tokens::note_poll(&self.store.client().await?, &outcome).await?;
                self.announce(version).await;
                Ok(())
            }
        }
    }

    async fn store_page(&self, mut page: ListingPage) -> anyhow::Result<()> {
        let now = self.clock.now();
        page.tokens.retain(|token| match listing::check(token, now) {
            Ok(()) => true,
            Err(refusal) => {
                metrics::counter!(TOKENS, "outcome" => refusal.as_str()).increment(1);
                tracing::warn!(token_id = token.token_id, reason = refusal.as_str(), "token refused");
                false
            }
        });
        // PostgreSQL refuses to change one row twice in one statement.
        page.tokens
            .sort_by_key(|token| (token.token_id, std::cmp::Reverse(token.quoted_at)));
        page.tokens.dedup_by_key(|token| token.token_id);
        let velocities: Vec<_> = page
            .tokens
            .iter()
            .map(|token| listing::velocity(token, self.min_market_cap))
            .collect();
        let cells = self.cells(&page, &velocities, now);
        self.store.record_listing(&page, &velocities, &cells).await?;
        let ids: Vec<i64> = page.tokens.iter().map(|token| token.token_id).collect();
        let day_metrics = |cells: &[DayCell]| listing::day_metrics(cells, now, self.max_hold);
        self.store
            .refresh_day_metrics(&ids, now - listing::DAY, day_metrics)
            .await?;
        let outcome = PollOutcome {
            poll_id: page.poll_id,
            at: page.received_at.min(now),
            answered: Ok((page.provider, page.is_fallback)),
        };
        // Last: a process that dies before it does all of this again, and whoever sees this version sees all of it.
        let version = tokens::note_poll(&self.store.client().await?, &outcome).await?;
        // One announcement for a poll: each makes every instance read all tokens.
        if page.page >= page.pages {
            self.announce(version).await;
        }
        metrics::counter!(TOKENS, "outcome" => "stored").increment(page.tokens.len() as u64);
        tracing::debug!(
            poll_id = %page.poll_id,
            page = page.page,
            tokens = page.tokens.len(),
            version,
            "listing stored"
        );
        Ok(())
    }

    /// Tells every instance that there is something new. One that does not hear of it finds out by itself, soon after.
    async fn announce(&self, version: i64) {
        let published: redis::RedisResult<()> = redis::cmd("PUBLISH")
            .arg(contracts::keys::TOKENS_CHANGED_CHANNEL)
            .arg(version)
            .query_async(&mut self.redis.clone())
            .await;
        if let Err(error) = published {
            tracing::debug!(%error, "a change of tokens is not announced");
        }
    }

    fn cells(&self, page: &ListingPage, velocities: &[Velocity], now: Timestamp) -> Vec<(i64, TokenPoint)> {
        let oldest = now - self.oldest;
        page.tokens
            .iter()
            .zip(velocities)
            .filter_map(|(token, velocity)| {
                let cell = listing::cell(page, token, velocity, self.max_age, oldest)?;
                Some((token.token_id, cell))
            })
            .collect()
    }
}
