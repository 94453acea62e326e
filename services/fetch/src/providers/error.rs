//! What can go wrong at a provider, and what to do then.

use std::fmt;
use std::time::Duration;

use serde::Serialize;

/// The kind of a failure, as `fetch decode` prints it and metrics count it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ErrorKind {
    BadRequest,
    /// The key is missing, wrong or disabled.
    Auth,
    /// The plan does not include this, or is not paid.
    Plan,
    /// The allowance of a day or month is used up.
    QuotaExhausted,
    /// Too many requests in a short time.
    RateLimited,
    /// The address is banned for a time.
    Banned,
    /// Not served from here: location, firewall.
    Restricted,
    Maintenance,
    /// Down, overloaded, slow, or not reached.
    Unavailable,
    /// An answer that is not what the provider's documentation describes.
    InvalidPayload,
}

impl ErrorKind {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::BadRequest => "bad_request",
            Self::Auth => "auth",
            Self::Plan => "plan",
            Self::QuotaExhausted => "quota_exhausted",
            Self::RateLimited => "rate_limited",
            Self::Banned => "banned",
            Self::Restricted => "restricted",
            Self::Maintenance => "maintenance",
            Self::Unavailable => "unavailable",
            Self::InvalidPayload => "invalid_payload",
        }
    }
}

impl fmt::Display for ErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What the poll loop does after a failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Retry {
    /// The same request will fail again until a person changes something: ask again rarely.
    Never,
    /// Ask again soon, and later each time.
    WithBackoff,
    /// Do not ask before this time has passed.
    NotBefore(Duration),
}

impl Retry {
    /// The decision in one word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Never => "never",
            Self::WithBackoff => "backoff",
            Self::NotBefore(_) => "not_before",
        }
    }

    /// Whole seconds to wait, rounded up, where the provider said how long.
    pub fn after_seconds(self) -> Option<u64> {
        match self {
            Self::Never | Self::WithBackoff => None,
            Self::NotBefore(wait) => Some(wait.as_secs() + u64::from(wait.subsec_nanos() > 0)),
        }
    }
}

/// A failed request to a provider.
#[derive(Debug, thiserror::Error)]
pub enum ProviderError {
    /// No whole answer within the time allowed.
    #[error("no answer within {0:?}")]
    Timeout(Duration),
    #[error("connection failed")]
    Transport(#[source] reqwest::Error),
    /// The answer is larger than allowed.
    #[error("answer is larger than {limit} bytes")]
    TooLarge { limit: usize },
    /// The breaker is open: nothing was asked.
    #[error("breaker is open")]
    BreakerOpen {
        /// When the next probe is due.
        probe_in: Duration,
    },
    #[error("{kind}: {message}")]
    Refused {
        kind: ErrorKind,
        /// The provider's words, shortened.
        message: String,
        /// How long it asked us to wait.
        retry_after: Option<Duration>,
    },
    /// The answer is not what it should be.
    #[error("invalid answer: {0}")]
    Payload(String),
}

/// The shortest ban at Binance; used where the end is not reported.
const SHORTEST_BAN: Duration = Duration::from_secs(120);

/// As much of a provider's message as is kept.
const MESSAGE_CHARS: usize = 200;

impl ProviderError {
    /// A refusal with the provider's message, shortened.
    pub fn refused(kind: ErrorKind, message: impl AsRef<str>, retry_after: Option<Duration>) -> Self {
        let message = message.as_ref().trim().chars().take(MESSAGE_CHARS).collect();
        Self::Refused {
            kind,
            message,
            retry_after,
        }
    }

    /// An answer that cannot be read.
    pub fn payload(what: impl fmt::Display) -> Self {
        Self::Payload(what.to_string().chars().take(MESSAGE_CHARS).collect())
    }

    /// Whole seconds that the provider asked us to wait, rounded up, whatever follows from the error.
    pub fn announced_wait(&self) -> Option<u64> {
        match self {
            Self::Refused { retry_after, .. } => Retry::NotBefore((*retry_after)?).after_seconds(),
            Self::Timeout(_)
            | Self::Transport(_)
            | Self::TooLarge { .. }
            | Self::BreakerOpen { .. }
            | Self::Payload(_) => None,
        }
    }

    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::Timeout(_) | Self::Transport(_) | Self::BreakerOpen { .. } => ErrorKind::Unavailable,
            Self::TooLarge { .. } | Self::Payload(_) => ErrorKind::InvalidPayload,
            Self::Refused { kind, .. } => *kind,
        }
    }

    /// Says what the poll loop does next. A new variant or kind must choose: there is no `_` arm.
    pub fn retry(&self) -> Retry {
        match self {
            Self::Timeout(_) | Self::Transport(_) | Self::TooLarge { .. } | Self::Payload(_) => Retry::WithBackoff,
            Self::BreakerOpen { probe_in } => Retry::NotBefore(*probe_in),
            Self::Refused { kind, retry_after, .. } => match kind {
                ErrorKind::BadRequest
                | ErrorKind::Auth
                | ErrorKind::Plan
                | ErrorKind::QuotaExhausted
                | ErrorKind::Restricted => Retry::Never,
                ErrorKind::Banned => Retry::NotBefore(retry_after.unwrap_or(SHORTEST_BAN)),
                ErrorKind::RateLimited
                | ErrorKind::Maintenance
                | ErrorKind::Unavailable
                | ErrorKind::InvalidPayload => retry_after.map_or(Retry::WithBackoff, Retry::NotBefore),
            },
        }
    }

    /// Whether the provider itself is in trouble, which is what opens its breaker. A refusal of our request is not.
    pub fn is_provider_failure(&self) -> bool {
        match self.kind() {
            ErrorKind::Unavailable | ErrorKind::Maintenance | ErrorKind::InvalidPayload => {
                !matches!(self, Self::BreakerOpen { .. })
            }
            ErrorKind::BadRequest
            | ErrorKind::Auth
            | ErrorKind::Plan
            | ErrorKind::QuotaExhausted
            | ErrorKind::RateLimited
            | ErrorKind::Banned
            | ErrorKind::Restricted => false,
        }
    }
}

/// The refusal that a bare HTTP status means, whatever the body says. `None` for success.
pub fn error_for_status(status: u16, body: &[u8], retry_after: Option<Duration>) -> Option<ProviderError> {
    let kind = match status {
        200..=299 => return None,
        401 => ErrorKind::Auth,
        402 => ErrorKind::Plan,
        403 | 451 => ErrorKind::Restricted,
        408 | 425 => ErrorKind::Unavailable,
        418 => ErrorKind::Banned,
        429 => ErrorKind::RateLimited,
        400..=499 => ErrorKind::BadRequest,
        500..=599 if mentions(body, "maintenance") => ErrorKind::Maintenance,
        500..=599 => ErrorKind::Unavailable,
        _ => ErrorKind::InvalidPayload,
    };
    Some(ProviderError::refused(kind, format!("HTTP {status}"), retry_after))
}

/// Whether the beginning of a body holds a word in any case.
pub fn mentions(body: &[u8], word: &str) -> bool {
    let start = &body[..body.len().min(4096)];
    String::from_utf8_lossy(start).to_ascii_lowercase().contains(word)
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case(401, ErrorKind::Auth, Retry::Never)]
    #[case(402, ErrorKind::Plan, Retry::Never)]
    #[case(403, ErrorKind::Restricted, Retry::Never)]
    #[case(404, ErrorKind::BadRequest, Retry::Never)]
    #[case(408, ErrorKind::Unavailable, Retry::WithBackoff)]
    #[case(418, ErrorKind::Banned, Retry::NotBefore(SHORTEST_BAN))]
    #[case(422, ErrorKind::BadRequest, Retry::Never)]
    #[case(429, ErrorKind::RateLimited, Retry::WithBackoff)]
    #[case(451, ErrorKind::Restricted, Retry::Never)]
    #[case(500, ErrorKind::Unavailable, Retry::WithBackoff)]
    #[case(520, ErrorKind::Unavailable, Retry::WithBackoff)]
    #[case(302, ErrorKind::InvalidPayload, Retry::WithBackoff)]
    fn statuses(#[case] status: u16, #[case] kind: ErrorKind, #[case] retry: Retry) {
        let error = error_for_status(status, b"<html>", None).unwrap();
        assert_eq!((error.kind(), error.retry()), (kind, retry));
    }

    #[test]
    fn the_provider_says_how_long_to_wait() {
        let wait = Duration::from_millis(16_500);
        let error = error_for_status(429, b"", Some(wait)).unwrap();
        assert_eq!(error.retry(), Retry::NotBefore(wait));
        assert_eq!(error.retry().after_seconds(), Some(17));
    }

    #[test]
    fn announced_maintenance_is_told_apart() {
        let error = error_for_status(503, b"<h1>Scheduled Maintenance</h1>", None).unwrap();
        assert_eq!(error.kind(), ErrorKind::Maintenance);
    }
}
