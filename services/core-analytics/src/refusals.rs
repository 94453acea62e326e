//! What is refused for good: told apart from an outage, counted, logged once, and left out so that the rest goes on.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};

use platform::client::ClientError;
use platform::postgres::StoreError;

/// Items that were refused for good and set aside, by `kind`: price, candle, history or metrics.
const REFUSED: &str = "analytics_refused_total";

/// Most refusals that are remembered; then the next ones are logged anew.
const MAX_REMEMBERED: usize = 1_000;

/// Says whether the same attempt will fail every time: a server refuses what it was given, or its answer cannot be
/// read.
pub fn is_refusal(error: &anyhow::Error) -> bool {
    error.chain().any(|cause| {
        if let Some(error) = cause.downcast_ref::<StoreError>() {
            return !error.is_outage();
        }
        if let Some(error) = cause.downcast_ref::<redis::RedisError>() {
            // A pipeline fails with the errors of its commands and has no code of its own.
            let errors = error.clone().into_server_errors().unwrap_or_default();
            return !errors.is_empty() && errors.iter().all(|(_, error)| error.code() == "WRONGTYPE");
        }
        match cause.downcast_ref::<ClientError>() {
            Some(ClientError::Invalid(_)) => true,
            // Credentials are put right from outside, and the last two ask for patience.
            Some(ClientError::Problem(problem)) => {
                (400..500).contains(&problem.status) && ![401, 403, 408, 429].contains(&problem.status)
            }
            Some(ClientError::Unreachable(_) | ClientError::Timeout) | None => cause.is::<serde_json::Error>(),
        }
    })
}

/// What was refused so far; clones share it.
#[derive(Debug, Clone, Default)]
pub struct Refusals(Arc<Mutex<BTreeSet<String>>>);

impl Refusals {
    /// Counts an item that was refused, and logs it unless the same item was refused for the same reason before.
    pub fn set_aside(&self, kind: &'static str, item: &str, payload: &str, error: &anyhow::Error) {
        metrics::counter!(REFUSED, "kind" => kind).increment(1);
        let error = format!("{error:#}");
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= MAX_REMEMBERED {
            known.clear();
        }
        if known.insert(format!("{kind} {item} {error}")) {
            tracing::error!(kind, item, payload, error, "refused for good and set aside");
        }
    }
}

#[cfg(test)]
mod tests {
    use anyhow::Context;
    use contracts::problem::ProblemKind;
    use deadpool_postgres::PoolError;
    use platform::problem::Problem;

    use super::*;

    #[test]
    fn refusals_are_told_from_outages() {
        let answer = |status| {
            let mut problem = Problem::new(ProblemKind::BadRequest, "No.");
            problem.status = status;
            anyhow::Error::from(ClientError::Problem(problem)).context("x")
        };
        for (status, refused) in [
            (400, true),
            (422, true),
            (401, false),
            (429, false),
            (500, false),
            (503, false),
        ] {
            assert_eq!(is_refusal(&answer(status)), refused, "{status}");
        }
        let unreadable = serde_json::from_str::<u8>("x").context("answer").unwrap_err();
        assert!(is_refusal(&unreadable));
        assert!(!is_refusal(&ClientError::Timeout.into()));
        assert!(!is_refusal(
            &anyhow::Error::from(StoreError::from(PoolError::Closed)).context("counting prices")
        ));
    }

    #[test]
    fn refusal_is_remembered_once() {
        let refusals = Refusals::default();
        for _ in 0..3 {
            refusals.set_aside("price", "BTC", "1", &anyhow::anyhow!("no"));
        }
        assert_eq!(refusals.0.lock().unwrap().len(), 1);
    }
}
