//! The catalogue of things that go wrong, by stable slug (docs/api.md, 5.2).
//!
//! Internal services answer with a slug; the gateway adds the remediation and the public body.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

macro_rules! problems {
    ($($(#[$doc:meta])* $name:ident = $status:literal $slug:literal),* $(,)?) => {
        /// What went wrong, as clients branch on it; written as its slug.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(into = "&'static str", try_from = "String")]
        pub enum ProblemKind { $($(#[$doc])* $name),* }

        impl ProblemKind {
            /// Every kind, in the catalogue's order.
            pub const ALL: &[Self] = &[$(Self::$name),*];

            /// The stable slug: the field `type` of the error body.
            pub const fn slug(self) -> &'static str {
                match self { $(Self::$name => $slug),* }
            }

            /// The HTTP status.
            pub const fn status(self) -> u16 {
                match self { $(Self::$name => $status),* }
            }
        }
    };
}

problems! {
    /// Not understood, for a reason that no other kind names.
    BadRequest = 400 "bad_request",
    /// The body is not JSON.
    MalformedJson = 400 "malformed_json",
    /// A query or path parameter is invalid.
    InvalidParameter = 400 "invalid_parameter",
    /// The start lies after the end.
    InvalidRange = 400 "invalid_range",
    /// The id of a coin is not spelled as ids are.
    InvalidCoinId = 400 "invalid_coin_id",
    /// The cursor is unknown or expired.
    InvalidCursor = 400 "invalid_cursor",
    /// The e-mail has an account already.
    EmailAlreadyRegistered = 400 "email_already_registered",
    /// No credential.
    MissingCredentials = 401 "missing_credentials",
    /// The key is unknown, expired or revoked, or its user inactive.
    InvalidApiKey = 401 "invalid_api_key",
    /// The bearer token is invalid.
    InvalidToken = 401 "invalid_token",
    /// The access token has expired.
    TokenExpired = 401 "token_expired",
    /// Key and token belong to different users, or one of them is invalid.
    CredentialsConflict = 401 "credentials_conflict",
    /// Name and password do not fit.
    InvalidCredentials = 401 "invalid_credentials",
    /// The refresh token was used before, so its session has ended.
    RefreshReused = 401 "refresh_reused",
    /// The stream ticket is unknown, expired or used.
    TicketInvalid = 401 "ticket_invalid",
    /// The credential lacks a scope.
    InsufficientScope = 403 "insufficient_scope",
    /// The user's role does not suffice.
    InsufficientRole = 403 "insufficient_role",
    /// The plan's limit is reached.
    PlanLimitReached = 403 "plan_limit_reached",
    /// Too many failed authentications from this address.
    IpBlocked = 403 "ip_blocked",
    /// The origin is not allowed.
    OriginNotAllowed = 403 "origin_not_allowed",
    /// The current password is missing or wrong.
    PasswordRequired = 403 "password_required",
    /// No such route.
    NotFound = 404 "not_found",
    /// No such alert of this user.
    AlertNotFound = 404 "alert_not_found",
    /// No such asset.
    TokenNotFound = 404 "token_not_found",
    /// No provider knows the coin.
    CoinNotFound = 404 "coin_not_found",
    /// No such webhook endpoint of this user.
    EndpointNotFound = 404 "endpoint_not_found",
    /// No such delivery of this user.
    DeliveryNotFound = 404 "delivery_not_found",
    /// No such key of this user.
    KeyNotFound = 404 "key_not_found",
    /// No such user.
    UserNotFound = 404 "user_not_found",
    /// The route knows other methods.
    MethodNotAllowed = 405 "method_not_allowed",
    /// No representation that the client accepts.
    NotAcceptable = 406 "not_acceptable",
    /// The client was too slow.
    RequestTimeout = 408 "request_timeout",
    /// The body is too large.
    BodyTooLarge = 413 "body_too_large",
    /// The address is too long.
    UriTooLong = 414 "uri_too_long",
    /// The body is not announced as JSON.
    UnsupportedMediaType = 415 "unsupported_media_type",
    /// The request was sent to a host that is not served.
    MisdirectedRequest = 421 "misdirected_request",
    /// The stored answer held a secret, which is shown once.
    SecretAlreadyShown = 409 "secret_already_shown",
    /// An equal alert is active.
    AlertDuplicate = 409 "alert_duplicate",
    /// Several tokens have the symbol.
    AmbiguousSymbol = 409 "ambiguous_symbol",
    /// The first request with this idempotency key still runs.
    IdempotencyInProgress = 409 "idempotency_in_progress",
    /// The input breaks one or more rules.
    ValidationFailed = 422 "validation_failed",
    /// The asset is not watched here.
    UnsupportedTicker = 422 "unsupported_ticker",
    /// The webhook's address is not allowed.
    WebhookUrlBlocked = 422 "webhook_url_blocked",
    /// The idempotency key belongs to another body.
    IdempotencyKeyReused = 422 "idempotency_key_reused",
    /// Too many requests.
    RateLimited = 429 "rate_limited",
    /// The month's quota is used up.
    QuotaExceeded = 429 "quota_exceeded",
    /// A provider asks us to wait.
    UpstreamRateLimited = 429 "upstream_rate_limited",
    /// A fault of ours.
    InternalError = 500 "internal_error",
    /// A provider is down, slow, or refuses.
    UpstreamFailed = 502 "upstream_failed",
    /// A provider sent what is no price.
    UpstreamInvalidResponse = 502 "upstream_invalid_response",
    /// No fresh price yet.
    RatesWarmingUp = 503 "rates_warming_up",
    /// A service or server that is needed does not answer.
    DependencyUnavailable = 503 "dependency_unavailable",
    /// Instances cannot agree on a batch.
    BatchCoordinationUnavailable = 503 "batch_coordination_unavailable",
    /// Requests cannot be counted, and the route is not served uncounted.
    LimiterUnavailable = 503 "limiter_unavailable",
    /// The process is stopping.
    ShuttingDown = 503 "shutting_down",
    /// A batch had no result in time.
    BatchResultTimeout = 504 "batch_result_timeout",
}

/// A slug that names no kind.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unknown problem kind {0:?}")]
pub struct UnknownProblem(pub String);

impl FromStr for ProblemKind {
    type Err = UnknownProblem;

    fn from_str(slug: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .iter()
            .copied()
            .find(|kind| kind.slug() == slug)
            .ok_or_else(|| UnknownProblem(slug.to_owned()))
    }
}

impl TryFrom<String> for ProblemKind {
    type Error = UnknownProblem;

    fn try_from(slug: String) -> Result<Self, Self::Error> {
        slug.parse()
    }
}

impl From<ProblemKind> for &'static str {
    fn from(kind: ProblemKind) -> Self {
        kind.slug()
    }
}

impl fmt::Display for ProblemKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.slug())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slugs_are_distinct_and_found_again() {
        for &kind in ProblemKind::ALL {
            assert_eq!(kind.slug().parse(), Ok(kind));
            let written = serde_json::to_string(&kind).unwrap();
            assert_eq!(written, format!("{:?}", kind.slug()));
            assert_eq!(serde_json::from_str::<ProblemKind>(&written).unwrap(), kind);
            assert!((400..600).contains(&kind.status()));
        }
    }
}
