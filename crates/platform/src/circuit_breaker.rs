//! A circuit breaker: what is in trouble is left alone, and asked again by a single probe.
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
//! Pure: the time is an argument.

use std::time::{Duration, Instant};

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
    #[must_use]
    pub fn gauge(self) -> f64 {
        match self {
            Self::Closed => 0.0,
            Self::HalfOpen => 1.0,
            Self::Open => 2.0,
        }
    }

    /// The state as text.
    #[must_use]
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
pub enum Admission {
    /// Go on.
    Pass,
    /// Leave it alone.
    Refuse {
        /// When to ask again.
        probe_in: Duration,
    },
}

/// The state machine; its owner reports what is asked, what came of it, and when.
#[derive(Debug, Clone)]
pub struct CircuitBreaker {
    settings: BreakerSettings,
    state: State,
}

impl CircuitBreaker {
    /// A closed one.
    #[must_use]
    pub fn new(settings: BreakerSettings) -> Self {
        Self {
            settings,
            state: State::Closed { failures: 0 },
        }
    }

    /// The present state.
    #[must_use]
    pub fn state(&self) -> BreakerState {
        match self.state {
            State::Closed { .. } => BreakerState::Closed,
            State::Open { .. } => BreakerState::Open,
            State::HalfOpen => BreakerState::HalfOpen,
        }
    }

    /// Says whether a call may go, without letting one go.
    #[must_use]
    pub fn peek(&self, now: Instant) -> Admission {
        self.clone().admit(now)
    }

    /// Lets a call go, or refuses it.
    pub fn admit(&mut self, now: Instant) -> Admission {
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

    /// Notes that a call did not go out after all: a probe may go at once.
    pub fn abandon(&mut self, now: Instant) {
        if self.state == State::HalfOpen {
            self.state = State::Open { until: now };
        }
    }

    /// Notes what came of a call.
    pub fn settle(&mut self, success: bool, now: Instant) {
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

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    const SETTINGS: BreakerSettings = BreakerSettings {
        failures: 3,
        open_for: Duration::from_secs(30),
    };

    fn breaker(state: State) -> CircuitBreaker {
        CircuitBreaker {
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
        let mut breaker = breaker(from);
        breaker.settle(success, at(10));
        assert_eq!(breaker.state, to);
    }

    #[rstest]
    #[case(State::Closed { failures: 2 }, Admission::Pass, State::Closed { failures: 2 })]
    #[case(
        State::Open { until: at(15) },
        Admission::Refuse { probe_in: Duration::from_secs(5) },
        State::Open { until: at(15) }
    )]
    #[case(State::Open { until: at(10) }, Admission::Pass, State::HalfOpen)]
    #[case(State::HalfOpen, Admission::Refuse { probe_in: Duration::from_secs(30) }, State::HalfOpen)]
    fn a_call_at_10_s_is(#[case] from: State, #[case] admission: Admission, #[case] to: State) {
        let mut breaker = breaker(from);
        assert_eq!(breaker.admit(at(10)), admission);
        assert_eq!(breaker.state, to);
    }
}
