//! Listings into the stream that other services read.

use std::time::Duration;

use anyhow::Context;
use contracts::keys;
use contracts::listing::{ListingMessage, ListingPage, MAX_TOKENS_PER_PAGE};
use contracts::messages::VERSION;
use domain::ticker::ProviderId;
use jiff::Timestamp;
use platform::backoff::Backoff;
use platform::redis::Connection;
use platform::retry::{Limit, retry};
use uuid::Uuid;

use crate::listing::collect::Collected;

/// How long a listing waits for Redis: its credits are paid. The next one replaces it then.
const PATIENCE: Duration = Duration::from_secs(120);

#[derive(Clone)]
pub struct ListingPublisher {
    redis: Connection,
}

impl ListingPublisher {
    pub fn new(redis: Connection) -> Self {
        Self { redis }
    }

    /// Publishes a listing in pages, all in one round trip, and waits for Redis if it is away.
    ///
    /// # Errors
    ///
    /// Redis did not answer for long.
    pub async fn publish(&self, provider: ProviderId, is_fallback: bool, listing: Collected) -> anyhow::Result<()> {
        let messages = pages(Uuid::now_v7(), provider, is_fallback, listing)?;
        retry(
            Backoff::RECONNECT,
            Limit::Elapsed(PATIENCE),
            |_| self.add(&messages),
            |error: &anyhow::Error, attempt| {
                if attempt == 0 {
                    tracing::warn!(error = format!("{error:#}"), "listing waits to be published");
                }
            },
        )
        .await
    }

    /// Says that no provider listed anything.
    ///
    /// # Errors
    ///
    /// Redis does not answer.
    pub async fn publish_unavailable(&self, reason: String, at: Timestamp) -> anyhow::Result<()> {
        let message = ListingMessage::Unavailable {
            v: VERSION,
            poll_id: Uuid::now_v7(),
            at,
            reason,
        };
        self.add(&[serde_json::to_string(&message)?]).await
    }

    async fn add(&self, messages: &[String]) -> anyhow::Result<()> {
        let mut pipe = redis::pipe();
        for message in messages {
            pipe.cmd("XADD")
                .arg(keys::LISTINGS_STREAM)
                .arg("MAXLEN")
                .arg("~")
                .arg(keys::LISTINGS_STREAM_MAX_LEN)
                .arg("*")
                .arg(keys::MESSAGE_FIELD)
                .arg(message)
                .ignore();
        }
        let () = pipe
            .query_async(&mut self.redis.clone())
            .await
            .context("publishing the listing")?;
        Ok(())
    }
}

/// The messages of a listing.
fn pages(
    poll_id: Uuid,
    provider: ProviderId,
    is_fallback: bool,
    listing: Collected,
) -> Result<Vec<String>, serde_json::Error> {
    let Collected {
        mut tokens,
        received_at,
        simulated,
        ..
    } = listing;
    let count = tokens.len().div_ceil(MAX_TOKENS_PER_PAGE);
    let pages = u32::try_from(count).unwrap_or(u32::MAX);
    (1..=pages)
        .map(|page| {
            let rest = tokens.split_off(tokens.len().min(MAX_TOKENS_PER_PAGE));
            let message = ListingMessage::Page(ListingPage {
                v: VERSION,
                poll_id,
                provider,
                is_fallback,
                page,
                pages,
                received_at,
                simulated,
                tokens: std::mem::replace(&mut tokens, rest),
            });
            serde_json::to_string(&message)
        })
        .collect()
}
