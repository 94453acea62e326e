//! A circuit breaker per venue: one in trouble is left alone, and asked again by a single probe.
//!
//! ```text
//!            failures = limit                 open_for has passed
//!   CLOSED ───────────────────────> OPEN ───────────────────────> HALF-OPEN
//!     ^  │                           ^  ^                            │   │
//!     │  └ success: failures = 0     │  └── any other call: refused ─┘   │ one probe
//!     │                              └──────── the probe fails ──────────┤
//!     └──────────────────────────────────── the probe succeeds ──────────┘
//! ```
//!
//! Only failures of the venue count (down, silent, nonsense); a refusal of our request does not. A probe that is
//! dropped half way counts as failed, so the breaker never waits for an answer that nobody awaits.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use domain::asset::Asset;
use domain::ticker::ProviderId;
use tokio::time::Instant;

use super::{BarsRequest, Batch, Candle, History, Provider, ProviderError};

/// When it opens, and for how long.
#[derive(Debug, Clone, Copy)]
pub struct BreakerSettings {
    /// Failures in a row that open it.
    pub failures: u32,
    /// How long it stays open.
    pub open_for: Duration,
}

/// The state, as shown to people.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BreakerState {
    /// Calls pass.
    Closed,
    /// Calls are refused.
    Open,
    /// One call is out as a probe, or may go.
    HalfOpen,
}

impl BreakerState {
    /// The state as a gauge shows it: 0 closed, 1 half open, 2 open.
    pub fn gauge(self) -> f64 {
        match self {
            Self::Closed => 0.0,
            Self::HalfOpen => 1.0,
            Self::Open => 2.0,
        }
    }

    /// The state as text.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Closed => "closed",
            Self::Open => "open",
            Self::HalfOpen => "half_open",
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Closed { failures: u32 },
    Open { until: Instant },
    HalfOpen,
}

/// What a caller may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Admission {
    Pass,
    Refuse { probe_in: Duration },
}

#[derive(Debug)]
struct Machine {
    settings: BreakerSettings,
    state: State,
}

impl Machine {
    fn admit(&mut self, now: Instant) -> Admission {
        match self.state {
            State::Closed { .. } => Admission::Pass,
            State::Open { until } if now < until => Admission::Refuse {
                probe_in: until.duration_since(now),
            },
            State::Open { .. } => {
                self.state = State::HalfOpen;
                Admission::Pass
            }
            State::HalfOpen => Admission::Refuse {
                probe_in: self.settings.open_for,
            },
        }
    }

    fn settle(&mut self, success: bool, now: Instant) {
        let open = State::Open {
            until: now + self.settings.open_for,
        };
        self.state = match (self.state, success) {
            (_, true) => State::Closed { failures: 0 },
            (State::Closed { failures }, false) if failures + 1 < self.settings.failures => {
                State::Closed { failures: failures + 1 }
            }
            (State::Closed { .. } | State::HalfOpen, false) => open,
            // A call that began before it opened says nothing new.
            (State::Open { until }, false) => State::Open { until },
        };
    }
}

/// The breaker of one venue, shared by all that ask it.
#[derive(Debug, Clone)]
pub struct Breaker {
    machine: Arc<Mutex<Machine>>,
}

/// A call that is under way; one that is dropped has failed.
struct Call<'a> {
    breaker: &'a Breaker,
    settled: bool,
}

impl Call<'_> {
    fn settle(mut self, success: bool) {
        self.settled = true;
        self.breaker.lock(|machine| machine.settle(success, Instant::now()));
    }
}

impl Drop for Call<'_> {
    fn drop(&mut self) {
        if !self.settled {
            self.breaker.lock(|machine| machine.settle(false, Instant::now()));
        }
    }
}

impl Breaker {
    /// A closed breaker.
    pub fn new(settings: BreakerSettings) -> Self {
        let machine = Machine {
            settings,
            state: State::Closed { failures: 0 },
        };
        Self {
            machine: Arc::new(Mutex::new(machine)),
        }
    }

    /// The present state.
    pub fn state(&self) -> BreakerState {
        self.lock(|machine| match machine.state {
            State::Closed { .. } => BreakerState::Closed,
            State::Open { .. } => BreakerState::Open,
            State::HalfOpen => BreakerState::HalfOpen,
        })
    }

    fn lock<T>(&self, work: impl FnOnce(&mut Machine) -> T) -> T {
        work(&mut self.machine.lock().unwrap_or_else(PoisonError::into_inner))
    }

    async fn guard<T>(&self, call: impl Future<Output = Result<T, ProviderError>> + Send) -> Result<T, ProviderError> {
        match self.lock(|machine| machine.admit(Instant::now())) {
            Admission::Refuse { probe_in } => return Err(ProviderError::BreakerOpen { probe_in }),
            Admission::Pass => {}
        }
        let under_way = Call {
            breaker: self,
            settled: false,
        };
        let result = call.await;
        under_way.settle(!result.as_ref().is_err_and(ProviderError::is_venue_failure));
        result
    }
}

/// A venue behind its breaker.
#[derive(Debug)]
pub struct Guarded<P> {
    inner: P,
    breaker: Breaker,
}

impl<P> Guarded<P> {
    /// Puts `inner` behind `breaker`.
    pub fn new(inner: P, breaker: Breaker) -> Self {
        Self { inner, breaker }
    }
}

#[async_trait]
impl<P: Provider> Provider for Guarded<P> {
    fn id(&self) -> ProviderId {
        self.inner.id()
    }

    async fn observations(&self, assets: &[Asset]) -> Result<Batch, ProviderError> {
        self.breaker.guard(self.inner.observations(assets)).await
    }
}

#[async_trait]
impl<P: History> History for Guarded<P> {
    fn id(&self) -> ProviderId {
        self.inner.id()
    }

    async fn bars(&self, request: &BarsRequest) -> Result<Vec<Candle>, ProviderError> {
        self.breaker.guard(self.inner.bars(request)).await
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;
    use crate::providers::ErrorKind;

    const SETTINGS: BreakerSettings = BreakerSettings {
        failures: 3,
        open_for: Duration::from_secs(30),
    };

    fn machine(state: State) -> Machine {
        Machine {
            settings: SETTINGS,
            state,
        }
    }

    fn at(seconds: u64) -> Instant {
        static START: std::sync::OnceLock<Instant> = std::sync::OnceLock::new();
        *START.get_or_init(Instant::now) + Duration::from_secs(seconds)
    }

    #[rstest]
    #[case(State::Closed { failures: 2 }, true, State::Closed { failures: 0 })]
    #[case(State::Closed { failures: 0 }, false, State::Closed { failures: 1 })]
    #[case(State::Closed { failures: 2 }, false, State::Open { until: at(40) })]
    #[case(State::HalfOpen, true, State::Closed { failures: 0 })]
    #[case(State::HalfOpen, false, State::Open { until: at(40) })]
    #[case(State::Open { until: at(20) }, false, State::Open { until: at(20) })]
    #[case(State::Open { until: at(20) }, true, State::Closed { failures: 0 })]
    fn a_result_at_10_s_leads_to(#[case] from: State, #[case] success: bool, #[case] to: State) {
        let mut machine = machine(from);
        machine.settle(success, at(10));
        assert_eq!(machine.state, to);
    }

    #[rstest]
    #[case(State::Closed { failures: 2 }, Admission::Pass, State::Closed { failures: 2 })]
    #[case(State::Open { until: at(15) }, Admission::Refuse { probe_in: Duration::from_secs(5) }, State::Open { until: at(15) })]
    #[case(State::Open { until: at(10) }, Admission::Pass, State::HalfOpen)]
    #[case(State::HalfOpen, Admission::Refuse { probe_in: Duration::from_secs(30) }, State::HalfOpen)]
    fn a_call_at_10_s_is(#[case] from: State, #[case] admission: Admission, #[case] to: State) {
        let mut machine = machine(from);
        assert_eq!(machine.admit(at(10)), admission);
        assert_eq!(machine.state, to);
    }

    async fn fail(breaker: &Breaker) -> ProviderError {
        let failure = async { Err::<(), _>(ProviderError::payload("nonsense")) };
        breaker.guard(failure).await.unwrap_err()
    }

    /// Opens after three failures, and may be probed at once.
    const IMPATIENT: BreakerSettings = BreakerSettings {
        failures: 3,
        open_for: Duration::ZERO,
    };

    #[tokio::test]
    async fn an_open_breaker_asks_nobody() {
        let breaker = Breaker::new(SETTINGS);
        for _ in 0..3 {
            fail(&breaker).await;
        }
        assert_eq!(breaker.state(), BreakerState::Open);
        let refused = breaker.guard(async { Ok(()) }).await.unwrap_err();
        assert!(matches!(refused, ProviderError::BreakerOpen { .. }), "{refused}");
    }

    #[tokio::test]
    async fn one_probe_at_a_time_closes_it() {
        let breaker = Breaker::new(IMPATIENT);
        for _ in 0..3 {
            fail(&breaker).await;
        }
        let probe = breaker.guard(async {
            assert_eq!(breaker.state(), BreakerState::HalfOpen);
            let second = breaker.guard(async { Ok(()) }).await.unwrap_err();
            assert!(matches!(second, ProviderError::BreakerOpen { .. }));
            Ok(())
        });
        probe.await.unwrap();
        assert_eq!(breaker.state(), BreakerState::Closed);
    }

    #[tokio::test]
    async fn a_probe_that_nobody_awaits_any_more_has_failed() {
        let breaker = Breaker::new(IMPATIENT);
        for _ in 0..3 {
            fail(&breaker).await;
        }
        let hanging = breaker.guard(std::future::pending::<Result<(), _>>());
        assert!(tokio::time::timeout(Duration::ZERO, hanging).await.is_err());
        assert_eq!(breaker.state(), BreakerState::Open);
    }

    #[tokio::test]
    async fn refusals_of_our_requests_do_not_open_it() {
        let breaker = Breaker::new(SETTINGS);
        for _ in 0..10 {
            let refusal = async { Err::<(), _>(ProviderError::refused(ErrorKind::RateLimited, "", None)) };
            breaker.guard(refusal).await.unwrap_err();
        }
        assert_eq!(breaker.state(), BreakerState::Closed);
    }
}
