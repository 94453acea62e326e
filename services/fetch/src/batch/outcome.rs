//! What became of a batch: a price or a failure, the same for all of its requests.

use contracts::api::price::{BatchTrigger, BatchedPriceBody, PriceBody, VS_CURRENCY};
use contracts::number::{Number, Price};
use contracts::problem::ProblemKind;
use contracts::time::Time;
use domain::coin_id::CoinId;
use domain::ticker::ProviderId;
use jiff::Timestamp;
use platform::problem::Problem;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::providers::{ErrorKind, ProviderError};

/// Seconds to wait where a provider asks us to wait and does not say how long.
const DEFAULT_RETRY_AFTER: u64 = 60;

/// A result as it is stored and announced.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BatchResult {
    pub coin_id: CoinId,
    pub batch_id: Uuid,
    /// Requests of the batch.
    pub size: u32,
    pub trigger: BatchTrigger,
    pub outcome: Outcome,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    Price(FetchedPrice),
    Failure(Failure),
}

/// A price that a provider reported.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct FetchedPrice {
    pub price: Number,
    pub fetched_at: Time,
    pub provider: ProviderId,
    pub is_persisted: bool,
}

/// Why there is no price.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    pub kind: ProblemKind,
    /// Seconds to wait before the next attempt.
    pub retry_after: Option<u64>,
}

impl FetchedPrice {
    /// A price as it can be stored: rounded to what the column and a time in a response hold, so that all who see it
    /// see the same. `None` if nothing is left of it.
    pub fn storable(price: Decimal, fetched_at: Timestamp, provider: ProviderId) -> Option<Self> {
        let price = price.round_dp(18).normalize();
        let fetched_at = Timestamp::from_millisecond(fetched_at.as_millisecond()).ok()?;
        (price > Decimal::ZERO).then_some(Self {
            price: Number(price),
            fetched_at: Time(fetched_at),
            provider,
            is_persisted: false,
        })
    }
}

impl Failure {
    pub const UNKNOWN_COIN: Self = Self::new(ProblemKind::CoinNotFound);
    /// The result cannot be learned any more.
    pub const LOST: Self = Self::new(ProblemKind::BatchCoordinationUnavailable);
    pub const INVALID_RESPONSE: Self = Self::new(ProblemKind::UpstreamInvalidResponse);
    pub const UPSTREAM: Self = Self::new(ProblemKind::UpstreamFailed);

    const fn new(kind: ProblemKind) -> Self {
        Self {
            kind,
            retry_after: None,
        }
    }
}

impl From<&ProviderError> for Failure {
    fn from(error: &ProviderError) -> Self {
        // Also of a quota that is used up, after which the loops do not ask again by themselves.
        let retry_after = error.announced_wait().or_else(|| error.retry().after_seconds());
        match error.kind() {
            ErrorKind::RateLimited | ErrorKind::Banned | ErrorKind::QuotaExhausted => Self {
                kind: ProblemKind::UpstreamRateLimited,
                retry_after: Some(retry_after.unwrap_or(DEFAULT_RETRY_AFTER)),
            },
            ErrorKind::InvalidPayload => Self::INVALID_RESPONSE,
            ErrorKind::BadRequest
            | ErrorKind::Auth
            | ErrorKind::Plan
            | ErrorKind::Restricted
            | ErrorKind::Maintenance
            | ErrorKind::Unavailable => Self {
                retry_after,
                ..Self::UPSTREAM
            },
        }
    }
}

impl From<Failure> for Problem {
    fn from(Failure { kind, retry_after }: Failure) -> Self {
        let detail = if kind == ProblemKind::CoinNotFound {
            "No provider has a price of this coin."
        } else if kind == ProblemKind::UpstreamRateLimited {
            "The provider of this price asks to wait."
        } else if kind == ProblemKind::UpstreamInvalidResponse {
            "The provider sent what is no price."
        } else if kind == ProblemKind::BatchCoordinationUnavailable {
            "The instances cannot share requests now."
        } else if kind == ProblemKind::BatchResultTimeout {
            "The batch had no result in time."
        } else {
            "The provider does not answer with a price now."
        };
        let mut problem = Self::new(kind, detail);
        problem.retry_after = retry_after.map(|seconds| seconds.max(1));
        problem
    }
}

impl BatchResult {
    /// The answer to a request that waited for it.
    ///
    /// # Errors
    ///
    /// The batch has no price.
    pub fn answer(&self, wait_ms: u64) -> Result<BatchedPriceBody, Problem> {
        let fetched = match self.outcome {
            Outcome::Price(fetched) => fetched,
            Outcome::Failure(failure) => return Err(failure.into()),
        };
        Ok(BatchedPriceBody {
            price: PriceBody {
                coin_id: self.coin_id.clone(),
                vs_currency: VS_CURRENCY.to_owned(),
                price: Price(fetched.price.0),
                fetched_at: fetched.fetched_at,
            },
            batch_id: self.batch_id,
            batch_size: self.size,
            trigger: self.trigger,
            wait_ms,
            is_persisted: fetched.is_persisted,
            provider: fetched.provider,
        })
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case(ProviderError::Timeout(Duration::from_secs(2)), ProblemKind::UpstreamFailed, None)]
    #[case(ProviderError::payload("HTML"), ProblemKind::UpstreamInvalidResponse, None)]
    #[case(
        ProviderError::refused(ErrorKind::RateLimited, "", Some(Duration::from_secs(17))),
        ProblemKind::UpstreamRateLimited,
        Some(17)
    )]
    #[case(
        ProviderError::refused(ErrorKind::RateLimited, "", None),
        ProblemKind::UpstreamRateLimited,
        Some(60)
    )]
    #[case(ProviderError::refused(ErrorKind::Auth, "", None), ProblemKind::UpstreamFailed, None)]
    #[case(
        ProviderError::BreakerOpen { probe_in: Duration::from_millis(2_500) },
        ProblemKind::UpstreamFailed,
        Some(3)
    )]
    fn failures_of_providers_have_a_status_each(
        #[case] error: ProviderError,
        #[case] kind: ProblemKind,
        #[case] retry_after: Option<u64>,
    ) {
        assert_eq!(Failure::from(&error), Failure { kind, retry_after });
    }

    #[test]
    fn stored_result_is_read_as_it_was_written() {
        let now = "2026-01-01T00:00:00.123456Z".parse().unwrap();
        let price = "0.0000001234567890123456".parse().unwrap();
        let fetched = FetchedPrice::storable(price, now, ProviderId::CoinGecko).unwrap();
        assert_eq!(fetched.price.to_string(), "0.000000123456789012");
        for outcome in [Outcome::Price(fetched), Outcome::Failure(Failure::UNKNOWN_COIN)] {
            let result = BatchResult {
                coin_id: "bitcoin".parse().unwrap(),
                batch_id: Uuid::now_v7(),
                size: 3,
                trigger: BatchTrigger::Threshold,
                outcome,
            };
            let text = serde_json::to_string(&result).unwrap();
            assert_eq!(serde_json::from_str::<BatchResult>(&text).unwrap(), result);
        }
        let dust = "0.0000000000000000001".parse().unwrap();
        assert_eq!(FetchedPrice::storable(dust, now, ProviderId::CoinGecko), None);
    }
}
