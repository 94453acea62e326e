//! Delivering webhooks: one attempt of one message, and the machinery around it.
//!
//! [`deliver_one`] decides and knows no broker; [`worker`] knows the broker and decides nothing. It shares its slots by
//! [`fair_queue`]; [`webhook_client`] sends where [`ssrf`] admits it, with a [`signature`]; [`retry`] says when a
//! failed attempt is repeated; [`recorder`] writes outcomes and adapts each endpoint's [`window`]; [`probe`] tries
//! endpoints that were disabled.

mod connection_reuse;
pub mod dns;
pub mod fair_queue;
pub mod probe;
pub mod recorder;
pub mod retry;
pub mod signature;
pub mod ssrf;
pub mod webhook_client;
pub mod window;
pub mod worker;

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use platform::clock::SharedClock;
use platform::sealing::KeyRing;

use self::retry::RetryPolicy;
use self::signature::SigningSecret;
use self::ssrf::Blocked;
use self::webhook_client::{SendError, WebhookClient, WebhookRequest, WebhookResponse};
use crate::store::attempts::{AttemptRecord, Claimed, DeadLetterReason};

/// What becomes of a message after an attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// The endpoint took it.
    Delivered,
    RetryIn(Duration),
    DeadLetter(DeadLetterReason),
}

/// What every attempt needs besides its message.
pub struct DeliveryContext {
    pub keys: Arc<KeyRing>,
    pub client: WebhookClient,
    pub policy: RetryPolicy,
    pub clock: SharedClock,
    /// A number in [0, 1) for the schedule.
    pub unit_random: fn() -> f64,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Attempt {
    pub dispatched_at: Timestamp,
    /// How long it took to the head of the response, or to the failure.
    pub latency: Duration,
    /// How long it took as a whole.
    pub duration: Duration,
    pub response: Result<WebhookResponse, SendError>,
    pub outcome: Outcome,
}

/// Makes one attempt: signs, posts, and says what becomes of the message.
pub async fn deliver_one(job: &Claimed, context: &DeliveryContext) -> Attempt {
    let dispatched_at = context.clock.now();
    let started = tokio::time::Instant::now();
    let response = if job.is_disabled && !job.is_test {
        Err(SendError::Disabled)
    } else {
        match job.secret.open(job.endpoint_id, &context.keys) {
            Ok(secret) => context.client.post(&request(job, &secret, dispatched_at)).await,
            Err(error) => {
                tracing::error!(endpoint_id = %job.endpoint_id, %error, "the endpoint's secret is unreadable");
                Err(SendError::Secret)
            }
        }
    };
    let duration = started.elapsed();
    let latency = response.as_ref().map_or(duration, |response| response.latency);
    let outcome = classify(
        &response,
        job.attempt.saturating_sub(job.attempts_before),
        &context.policy,
        context.clock.now(),
        (context.unit_random)(),
    );
    Attempt {
        dispatched_at,
        latency,
        duration,
        response,
        outcome,
    }
}

fn request<'a>(job: &'a Claimed, secret: &SigningSecret, at: Timestamp) -> WebhookRequest<'a> {
    let message_id = job.id.to_string();
    WebhookRequest {
        url: &job.url,
        timestamp: at.as_second(),
        signature: secret.sign(&message_id, at.as_second(), job.body.as_bytes()),
        traceparent: trace::parent(&job.request_id, &message_id, job.attempt),
        message_id,
        attempt: job.attempt,
        is_known: job.is_known,
        body: &job.body,
    }
}

/// Continues the trace of the price or request behind a message.
mod trace {
    use sha2::{Digest, Sha256};

    /// A W3C `traceparent`. Equal request ids give equal trace ids: a UUID is one already, other texts are hashed to
    /// one.
    pub fn parent(request_id: &str, message_id: &str, attempt: u32) -> String {
        let trace_id = match uuid::Uuid::parse_str(request_id) {
            Ok(id) if !id.is_nil() => id.simple().to_string(),
            Ok(_) | Err(_) => hex::encode(&Sha256::digest(request_id)[..16]),
        };
        let span_id = hex::encode(&Sha256::digest(format!("{message_id}.{attempt}"))[..8]);
        format!("00-{trace_id}-{span_id}-01")
    }
}

/// The table of docs/api.md, 7.2 and 7.3.
fn classify(
    response: &Result<WebhookResponse, SendError>,
    attempt: u32,
    policy: &RetryPolicy,
    now: Timestamp,
    unit_random: f64,
) -> Outcome {
    let retry_after = match response {
        Ok(response) => match response.status {
            200..=299 => return Outcome::Delivered,
            410 => return Outcome::DeadLetter(DeadLetterReason::EndpointGone),
            429 | 502 | 503 | 504 => response
                .retry_after
                .as_deref()
                .and_then(|value| retry::parse_retry_after(value, now)),
            _ => None,
        },
        Err(SendError::Disabled) => return Outcome::DeadLetter(DeadLetterReason::EndpointDisabled),
        Err(_) => None,
    };
    match policy.wait_after(attempt, retry_after, unit_random) {
        Some(wait) => Outcome::RetryIn(wait),
        None if matches!(response, Err(SendError::Secret)) => Outcome::DeadLetter(DeadLetterReason::SecretUnreadable),
        None => Outcome::DeadLetter(DeadLetterReason::AttemptsExhausted),
    }
}

impl Attempt {
    /// The attempt as it is recorded.
    pub fn to_record(&self, job: &Claimed) -> AttemptRecord {
        let (response_code, excerpt) = match &self.response {
            Ok(response) => (
                Some(response.status),
                Some(response.excerpt.clone()).filter(|text| !text.is_empty()),
            ),
            Err(_) => (None, None),
        };
        let error = match &self.response {
            Ok(response) => match response.status {
                200..=299 => None,
                300..=399 => Some(format!("status {}, redirects are not followed", response.status)),
                status => Some(format!("status {status}")),
            },
            Err(error) => Some(error.to_string()),
        };
        let (next_attempt_at, dead_letter) = match self.outcome {
            Outcome::Delivered => (None, None),
            Outcome::RetryIn(wait) => {
                let ended_at = self
                    .dispatched_at
                    .saturating_add(self.duration)
                    .unwrap_or(self.dispatched_at);
                (Some(ended_at.saturating_add(wait).unwrap_or(ended_at)), None)
            }
            Outcome::DeadLetter(reason) => (None, Some(reason)),
        };
        AttemptRecord {
            delivery_id: job.id,
            attempt: job.attempt,
            succeeded: self.outcome == Outcome::Delivered,
            response_code,
            error,
            latency_ms: u64::try_from(self.latency.as_millis()).unwrap_or(u64::MAX),
            dispatched_at: self.dispatched_at,
            next_attempt_at,
            excerpt,
            dead_letter,
        }
    }

    /// Whether the endpoint was asked, so that the attempt says something about it.
    pub fn was_posted(&self) -> bool {
        !matches!(
            self.response,
            Err(SendError::Disabled | SendError::Secret | SendError::Blocked(_))
        )
    }

    /// The outcome as metrics name it.
    pub fn label(&self) -> &'static str {
        match (&self.response, self.outcome) {
            (_, Outcome::Delivered) => "success",
            (Err(SendError::Blocked(Blocked::Address)), _) => "blocked",
            (_, Outcome::RetryIn(_)) => "retry",
            (_, Outcome::DeadLetter(_)) => "dead_letter",
        }
    }
}

#[cfg(test)]
mod tests;
