//! Clients of the other services, and the translation of their problems into those of the public API.

use std::time::Duration;

use contracts::problem::ProblemKind;
use platform::client::{ClientError, InternalClient};
use platform::problem::Problem;
use platform::request_id::RequestContext;
use serde::Serialize;
use serde::de::DeserializeOwned;
use uuid::Uuid;

use crate::error::ApiError;
use crate::settings::Settings;

pub struct Upstream {
    name: &'static str,
    client: InternalClient,
    user: Option<Uuid>,
}

pub struct Upstreams {
    pub fetch: Upstream,
    /// The same service for batched prices, whose requests wait for their batch.
    pub prices: Upstream,
    pub analytics: Upstream,
    pub alerts: Upstream,
}

impl Upstreams {
    /// The services at the addresses in `settings`.
    pub fn new(settings: &Settings) -> anyhow::Result<Self> {
        let timeout = Duration::from_millis(settings.internal_timeout_ms);
        let batch_timeout = timeout + Duration::from_millis(settings.batch_result_timeout_ms);
        let service = |name, url: &url::Url, timeout| {
            let client = InternalClient::new(url.clone(), settings.process.internal_token.clone(), timeout)?;
            anyhow::Ok(Upstream {
                name,
                client,
                user: None,
            })
        };
        Ok(Self {
            fetch: service("fetch", &settings.fetch_url, timeout)?,
            prices: service("fetch", &settings.fetch_url, batch_timeout)?,
            analytics: service("core-analytics", &settings.analytics_url, timeout)?,
            alerts: service("alerts", &settings.alerts_url, timeout)?,
        })
    }
}

impl Upstream {
    /// Its name in logs and in the status.
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// A client whose requests are made on behalf of a user.
    pub fn for_user(&self, user: Uuid) -> Self {
        Self {
            name: self.name,
            client: self.client.clone(),
            user: Some(user),
        }
    }

    fn context(&self) -> RequestContext {
        let context = RequestContext::current();
        match self.user {
            Some(user) => context.for_user(user),
            None => context,
        }
    }

    /// `GET` of a path below `/internal`.
    ///
    /// # Errors
    ///
    /// The service's problem in the public's words, or that it does not answer.
    pub async fn get<Q: Serialize + ?Sized, T: DeserializeOwned>(&self, path: &str, query: &Q) -> Result<T, ApiError> {
        self.understand(self.client.get(path, query, &self.context()).await)
    }

    /// `POST` to a path below `/internal`.
    pub async fn post<B: Serialize + ?Sized, T: DeserializeOwned>(&self, path: &str, body: &B) -> Result<T, ApiError> {
        self.understand(self.client.post(path, body, &self.context()).await)
    }

    /// `DELETE` of a path below `/internal`.
    pub async fn delete(&self, path: &str) -> Result<(), ApiError> {
        let nothing: [(&str, &str); 0] = [];
        let _: Option<serde::de::IgnoredAny> =
            self.understand(self.client.delete(path, &nothing, &self.context()).await)?;
        Ok(())
    }

    fn understand<T>(&self, outcome: Result<T, ClientError>) -> Result<T, ApiError> {
        outcome.map_err(|error| match error {
            ClientError::Problem(problem) => to_public(self.name, problem),
            ClientError::Unreachable(_) | ClientError::Timeout => {
                ApiError::unavailable(self.name, format!("{:#}", anyhow::Error::new(error)))
            }
            // The service answered, so it is not down: one of the two has another idea of the body.
            ClientError::Invalid(_) => ApiError::internal(format!("{}: {error}", self.name)),
        })
    }
}

/// Only problems with the client's own request are passed on. Everything else, such as a refused internal credential,
/// is an internal error: its text may name hosts and settings.
fn to_public(service: &'static str, problem: Problem) -> ApiError {
    let kind = problem.kind;
    let mut public = match kind {
        ProblemKind::InvalidParameter
        | ProblemKind::InvalidRange
        | ProblemKind::InvalidCursor
        | ProblemKind::PlanLimitReached
        | ProblemKind::AlertNotFound
        | ProblemKind::TokenNotFound
        | ProblemKind::AmbiguousSymbol
        | ProblemKind::EndpointNotFound
        | ProblemKind::DeliveryNotFound
        | ProblemKind::ValidationFailed
        | ProblemKind::UnsupportedTicker
        | ProblemKind::WebhookUrlBlocked => ApiError::new(kind).detail(problem.detail),
        ProblemKind::InvalidCoinId
        | ProblemKind::CoinNotFound
        | ProblemKind::UpstreamRateLimited
        | ProblemKind::UpstreamFailed
        | ProblemKind::UpstreamInvalidResponse
        | ProblemKind::BatchCoordinationUnavailable
        | ProblemKind::BatchResultTimeout => {
            let public = ApiError::new(kind).detail(problem.detail);
            match problem.retry_after {
                Some(seconds) => public.retry_after(seconds),
                None => public,
            }
        }
        // docs/api.md promises its sentence.
        ProblemKind::AlertDuplicate => ApiError::new(kind),
        ProblemKind::RatesWarmingUp | ProblemKind::ShuttingDown | ProblemKind::DependencyUnavailable => {
            tracing::warn!(
                service,
                kind = kind.slug(),
                "a service passes on that something is missing"
            );
            ApiError::new(ProblemKind::DependencyUnavailable).retry_after(problem.retry_after.unwrap_or(2))
        }
        ProblemKind::BadRequest
        | ProblemKind::MalformedJson
        | ProblemKind::EmailAlreadyRegistered
        | ProblemKind::MissingCredentials
        | ProblemKind::InvalidApiKey
        | ProblemKind::InvalidToken
        | ProblemKind::TokenExpired
        | ProblemKind::CredentialsConflict
        | ProblemKind::InvalidCredentials
        | ProblemKind::RefreshReused
        | ProblemKind::TicketInvalid
        | ProblemKind::PasswordRequired
        | ProblemKind::UserNotFound
        | ProblemKind::InsufficientScope
        | ProblemKind::InsufficientRole
        | ProblemKind::IpBlocked
        | ProblemKind::OriginNotAllowed
        | ProblemKind::NotFound
        | ProblemKind::KeyNotFound
        | ProblemKind::MethodNotAllowed
        | ProblemKind::NotAcceptable
        | ProblemKind::RequestTimeout
        | ProblemKind::BodyTooLarge
        | ProblemKind::UriTooLong
        | ProblemKind::UnsupportedMediaType
        | ProblemKind::MisdirectedRequest
        | ProblemKind::SecretAlreadyShown
        | ProblemKind::IdempotencyInProgress
        | ProblemKind::IdempotencyKeyReused
        | ProblemKind::RateLimited
        | ProblemKind::QuotaExceeded
        | ProblemKind::LimiterUnavailable
        | ProblemKind::InternalError => {
            return ApiError::internal(format!("{service} refused an internal request: {problem}"));
        }
    };
    public.errors = problem.errors;
    public
}

#[cfg(test)]
mod tests {
    use platform::problem::FieldError;

    use super::*;

    #[test]
    fn problem_with_the_clients_request_is_passed_on() {
        let field = FieldError::new(&["query", "window"], "window", "must be shorter");
        let public = to_public(
            "alerts",
            Problem::new(ProblemKind::InvalidParameter, "window is too long").with_errors(vec![field]),
        );
        assert_eq!(public.kind, ProblemKind::InvalidParameter);
        assert_eq!(public.detail, "window is too long");
        assert_eq!(public.errors.len(), 1);
    }

    #[test]
    fn problem_between_services_is_internal() {
        for (kind, expected) in [
            (ProblemKind::MissingCredentials, ProblemKind::InternalError),
            (ProblemKind::InternalError, ProblemKind::InternalError),
            (ProblemKind::NotFound, ProblemKind::InternalError),
            (ProblemKind::DependencyUnavailable, ProblemKind::DependencyUnavailable),
        ] {
            let public = to_public("alerts", Problem::new(kind, "password of 10.0.0.7 is wrong"));
            assert_eq!(public.kind, expected, "{kind}");
            assert!(!public.detail.contains("10.0.0.7"));
        }
    }
}
