//! Announcements: a subscription that is renewed whenever its connection breaks.

use std::pin::Pin;
use std::time::Duration;

use ::redis::Msg;
use anyhow::Context;
use futures_util::{Stream, StreamExt};

use super::client::{CONNECT_TIMEOUT, client};
use crate::backoff::Backoff;
use crate::retry::Failures;
use crate::settings::RedisSettings;

type Messages = Pin<Box<dyn Stream<Item = Msg> + Send + Sync>>;

/// What a subscription brings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Announcement {
    /// It hears everything from here on. What was announced before, since it was lost, was missed.
    Subscribed,
    /// A message on one of its channels.
    Message {
        /// The channel.
        channel: String,
        /// The message, or nothing if it is not text.
        payload: String,
    },
    /// Nothing is heard until it is subscribed again.
    Lost,
}

/// A subscription to channels.
pub struct Subscription {
    settings: RedisSettings,
    channels: Vec<String>,
    messages: Option<Messages>,
    failures: Failures,
    is_lost: bool,
}

impl std::fmt::Debug for Subscription {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Subscription")
            .field("channels", &self.channels)
            .finish_non_exhaustive()
    }
}

impl Subscription {
    /// A subscription that begins with the first [`Subscription::next`].
    #[must_use]
    pub fn new(settings: &RedisSettings, channels: &[&str]) -> Self {
        Self {
            settings: settings.clone(),
            channels: channels.iter().map(|&channel| channel.to_owned()).collect(),
            messages: None,
            failures: Failures::new(Backoff::RECONNECT),
            is_lost: false,
        }
    }

    /// Waits for what comes next: forever, with growing pauses while Redis is away. A call that is given up loses
    /// nothing.
    pub async fn next(&mut self) -> Announcement {
        if let Some(messages) = &mut self.messages {
            if let Some(message) = messages.next().await {
                return Announcement::Message {
                    channel: message.get_channel_name().to_owned(),
                    payload: message.get_payload().unwrap_or_default(),
                };
            }
            self.messages = None;
            self.is_lost = true;
            tracing::warn!(channels = ?self.channels, "announcements are not received: the connection was closed");
            return Announcement::Lost;
        }
        if self.is_lost {
            // A server that closes every connection at once is not asked in a tight loop.
            self.failures.wait().await;
            self.is_lost = false;
        }
        loop {
            match self.subscribe().await {
                Ok(messages) => {
                    self.messages = Some(messages);
                    self.failures.reset();
                    return Announcement::Subscribed;
                }
                Err(error) => {
                    if self.failures.count() == 0 {
                        let error = format!("{error:#}");
                        tracing::warn!(channels = ?self.channels, error, "announcements are not received");
                    }
                    self.failures.wait().await;
                }
            }
        }
    }

    async fn subscribe(&self) -> anyhow::Result<Messages> {
        let opening = async {
            let mut channel = client(&self.settings)?.get_async_pubsub().await?;
            channel.subscribe(&self.channels).await?;
            let messages: Messages = Box::pin(channel.into_on_message());
            anyhow::Ok(messages)
        };
        let timeout = CONNECT_TIMEOUT + Duration::from_millis(self.settings.redis_response_timeout_ms);
        tokio::time::timeout(timeout, opening)
            .await
            .context("no answer in time")?
            .context("subscription")
    }
}
