//! What a route asks of a request before its handler runs, and what its responses look like.

use contracts::problem::ProblemKind;

use crate::auth::Scope;
use crate::rate_limit::policy::RateLimitPolicy;

/// What a route asks of a request before its handler runs.
#[derive(Debug, Clone, Copy)]
pub struct RoutePolicy {
    pub access: Access,
    pub rate_limit: Option<RateLimitPolicy>,
    /// What its answers look like.
    pub format: ResponseFormat,
    /// How a wrong parameter is answered.
    pub parameter_error: ProblemKind,
    /// Whether it takes a JSON body.
    pub takes_body: bool,
    /// Whether its answer holds a secret, which is not kept for repeats.
    pub secret: bool,
    /// Whether it is refused when the month's quota is used up. Its requests count in any case.
    pub heeds_quota: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    Public,
    /// Everyone if `RATES_PUBLIC` says so, otherwise who has the scope.
    PublicRates(Scope),
    Authenticated,
    Scoped(Scope),
}

/// What the answers of a route look like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ResponseFormat {
    /// The object or array itself.
    Plain,
    Enveloped,
}

impl RoutePolicy {
    const fn new(access: Access) -> Self {
        Self {
            access,
            rate_limit: None,
            format: ResponseFormat::Plain,
            parameter_error: ProblemKind::InvalidParameter,
            takes_body: false,
            secret: false,
            heeds_quota: true,
        }
    }

    pub const fn public() -> Self {
        Self::new(Access::Public)
    }

    /// For everyone if `RATES_PUBLIC` says so.
    pub const fn public_rates(scope: Scope) -> Self {
        Self::new(Access::PublicRates(scope))
    }

    pub const fn authenticated() -> Self {
        Self::new(Access::Authenticated)
    }

    pub const fn scoped(scope: Scope) -> Self {
        Self::new(Access::Scoped(scope))
    }

    #[must_use]
    pub const fn limited(mut self, policy: RateLimitPolicy) -> Self {
        self.rate_limit = Some(policy);
        // Or an administrator without quota could not widen it.
        self.heeds_quota = !matches!(policy, RateLimitPolicy::Admin);
        self
    }

    #[must_use]
    pub const fn enveloped(mut self) -> Self {
        self.format = ResponseFormat::Enveloped;
        self
    }

    /// Answers wrong parameters with 422 as it does wrong bodies.
    #[must_use]
    pub const fn unprocessable(mut self) -> Self {
        self.parameter_error = ProblemKind::ValidationFailed;
        self
    }

    #[must_use]
    pub const fn json(mut self) -> Self {
        self.takes_body = true;
        self
    }

    #[must_use]
    pub const fn secret(mut self) -> Self {
        self.secret = true;
        self
    }

    /// Answers also when the month's quota is used up.
    #[must_use]
    pub const fn beyond_quota(mut self) -> Self {
        self.heeds_quota = false;
        self
    }

    /// Whether it may ask for a credential.
    pub const fn asks_for_credential(&self) -> bool {
        !matches!(self.access, Access::Public)
    }
}

/// The paths whose responses are enveloped, for requests that are refused before a route is found for them.
#[derive(Debug, Default)]
pub struct EnvelopedPaths(Vec<&'static str>);

impl EnvelopedPaths {
    /// These patterns, such as `/api/v1/quotes/{ticker}`.
    pub fn new(patterns: impl IntoIterator<Item = &'static str>) -> Self {
        Self(patterns.into_iter().collect())
    }

    /// What responses at `path` look like.
    pub fn format_of(&self, path: &str) -> ResponseFormat {
        if self.0.iter().any(|pattern| matches_pattern(pattern, path)) {
            ResponseFormat::Enveloped
        } else {
            ResponseFormat::Plain
        }
    }
}

/// Whether `path` is one of the paths that `pattern` stands for.
fn matches_pattern(pattern: &str, path: &str) -> bool {
    let mut wanted = pattern.trim_end_matches('/').split('/');
    let mut given = path.strip_suffix('/').unwrap_or(path).split('/');
    loop {
        match (wanted.next(), given.next()) {
            (None, None) => return true,
            (Some(part), Some(text)) if part == text || (part.starts_with('{') && !text.is_empty()) => {}
            _ => return false,
        }
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("/api/v1/quotes/BTC", true)]
    #[case("/api/v1/quotes/BTC/", true)]
    #[case("/api/v1/quotes/", false)]
    #[case("/api/v1/quotes/BTC/more", false)]
    #[case("/api/v1/rates/BTC", false)]
    fn enveloped_path_matches_its_pattern(#[case] path: &str, #[case] enveloped: bool) {
        let paths = EnvelopedPaths::new(["/api/v1/quotes/{ticker}"]);
        assert_eq!(paths.format_of(path) == ResponseFormat::Enveloped, enveloped);
    }
}
