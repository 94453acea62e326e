//! How each provider is doing, for people and for `/internal/sources`.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use contracts::api::fetch::ProviderBody;
use contracts::number::Number;
use domain::ticker::ProviderId;
use jiff::Timestamp;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use crate::metrics::BREAKER_STATE;
use crate::providers::ProviderError;
use crate::providers::circuit_breaker::{Breaker, BreakerState};

/// What is known about the providers that this process asks.
#[derive(Debug, Clone, Default)]
pub struct ProviderRegistry {
    entries: Arc<Mutex<BTreeMap<ProviderId, Entry>>>,
}

#[derive(Debug)]
struct Entry {
    breaker: Breaker,
    weight: Decimal,
    last_good_at: Option<Timestamp>,
    last_attempt_failed: bool,
    last_error: Option<(String, Timestamp)>,
    simulated: bool,
    alive_at: Option<Timestamp>,
}

/// The state as it is kept in Redis, where other processes of this service find it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StoredProviderState {
    /// The state when it was written.
    #[serde(rename = "source")]
    pub body: ProviderBody,
    /// When the last good answer came.
    pub last_good_at: Option<Timestamp>,
}

impl StoredProviderState {
    /// The state with its age at `now`.
    pub fn at(mut self, now: Timestamp) -> ProviderBody {
        self.body.age_ms = self.last_good_at.map(|at| age_ms(at, now));
        self.body
    }
}

fn age_ms(at: Timestamp, now: Timestamp) -> u64 {
    u64::try_from(now.duration_since(at).as_millis()).unwrap_or(0)
}

fn report_breaker(provider: ProviderId, breaker: &Breaker) {
    metrics::gauge!(BREAKER_STATE, "provider" => provider.as_str()).set(breaker.state().gauge());
}

impl ProviderRegistry {
    pub fn add(&self, provider: ProviderId, breaker: Breaker, weight: Decimal) {
        let entry = Entry {
            breaker,
            weight,
            last_good_at: None,
            last_attempt_failed: false,
            last_error: None,
            simulated: false,
            alive_at: None,
        };
        self.lock(|entries| entries.insert(provider, entry));
    }

    /// Notes that the loop of a provider turns, whether or not it asks.
    pub fn mark_alive(&self, provider: ProviderId, now: Timestamp) {
        self.change(provider, |entry| entry.alive_at = Some(now));
    }

    /// When any loop last turned.
    pub fn last_alive_at(&self) -> Option<Timestamp> {
        self.lock(|entries| entries.values().filter_map(|entry| entry.alive_at).max())
    }

    pub fn succeeded(&self, provider: ProviderId, simulated: Option<bool>, now: Timestamp) {
        self.change(provider, |entry| {
            report_breaker(provider, &entry.breaker);
            entry.last_good_at = Some(now);
            entry.last_attempt_failed = false;
            entry.simulated = simulated.unwrap_or(entry.simulated);
        });
    }

    pub fn failed(&self, provider: ProviderId, error: &ProviderError, now: Timestamp) {
        self.change(provider, |entry| {
            report_breaker(provider, &entry.breaker);
            entry.last_attempt_failed = true;
            // A closed door is a consequence; the failure that closed it is what people want to read.
            if !matches!(error, ProviderError::BreakerOpen { .. }) {
                entry.last_error = Some((error.to_string(), now));
            }
        });
    }

    /// The state of one provider of this process.
    pub fn find(&self, provider: ProviderId) -> Option<StoredProviderState> {
        self.lock(|entries| {
            let entry = entries.get(&provider)?;
            let breaker = entry.breaker.state();
            let state = match (breaker, entry.last_attempt_failed, entry.last_good_at) {
                (BreakerState::Open | BreakerState::HalfOpen, _, _) => "down",
                (BreakerState::Closed, true, _) => "degraded",
                (BreakerState::Closed, false, Some(_)) => "ok",
                (BreakerState::Closed, false, None) => "starting",
            };
            Some(StoredProviderState {
                body: ProviderBody {
                    provider,
                    state: state.to_owned(),
                    age_ms: None,
                    breaker: breaker.as_str().to_owned(),
                    last_error: entry.last_error.as_ref().map(|(message, _)| message.clone()),
                    last_error_at: entry.last_error.as_ref().map(|(_, at)| (*at).into()),
                    weight: Number(entry.weight),
                    simulated: entry.simulated,
                },
                last_good_at: entry.last_good_at,
            })
        })
    }

    /// The providers of this process.
    pub fn providers(&self) -> Vec<ProviderId> {
        self.lock(|entries| entries.keys().copied().collect())
    }

    fn change(&self, provider: ProviderId, work: impl FnOnce(&mut Entry)) {
        self.lock(|entries| {
            if let Some(entry) = entries.get_mut(&provider) {
                work(entry);
            }
        });
    }

    fn lock<T>(&self, work: impl FnOnce(&mut BTreeMap<ProviderId, Entry>) -> T) -> T {
        work(&mut self.entries.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
