//! How many messages an endpoint may have outstanding: a window that grows with each success and is halved by each
//! failure (additive increase, multiplicative decrease), and a circuit breaker for endpoints that hang.
//!
//! Pure: outcomes of attempts and times are arguments. It is kept in PostgreSQL, so all instances share it, and it
//! survives them.

use std::time::Duration;

use jiff::Timestamp;

/// The window of an endpoint that nothing is known about.
pub const FIRST_SIZE: u32 = 4;

pub const MAX_SIZE: u32 = 256;

const MAX_SLOW_SIZE: u32 = 4;

/// An endpoint that needs longer than this on average is slow; a failed attempt that took longer hung.
pub const SLOW_FROM: Duration = Duration::from_secs(1);

/// How much the newest latency counts in the average.
const NEWEST_WEIGHT: f64 = 0.2;

/// Attempts in a row that hang before the breaker opens.
const HUNG_TO_OPEN: u32 = 5;

/// How long the breaker stays open. After that one message is tried.
const OPEN_FOR: Duration = Duration::from_secs(60);

/// The first wait after a message found no room at a consumer; it doubles with each further one.
const FIRST_DEFERRAL: Duration = Duration::from_secs(1);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EndpointWindow {
    /// Most messages outstanding.
    pub size: u32,
    /// The average time of an attempt; `None` before the first.
    pub latency: Option<Duration>,
    /// Attempts in a row that hung.
    pub hung: u32,
    /// Messages in a row that found no room at a consumer.
    pub deferred: u32,
    /// Nothing is published before this moment.
    pub closed_until: Option<Timestamp>,
}

impl Default for EndpointWindow {
    fn default() -> Self {
        Self {
            size: FIRST_SIZE,
            latency: None,
            hung: 0,
            deferred: 0,
            closed_until: None,
        }
    }
}

impl EndpointWindow {
    /// Notes what came of an attempt.
    pub fn attempted(&mut self, succeeded: bool, took: Duration, now: Timestamp) {
        let latency = self.latency.map_or(took, |known| {
            known.mul_f64(1.0 - NEWEST_WEIGHT) + took.mul_f64(NEWEST_WEIGHT)
        });
        self.latency = Some(latency);
        self.deferred = 0;
        let largest = if latency > SLOW_FROM { MAX_SLOW_SIZE } else { MAX_SIZE };
        let size = if succeeded { self.size + 1 } else { self.size / 2 };
        self.size = size.clamp(1, largest);
        if succeeded || took <= SLOW_FROM {
            // An endpoint that answers quickly does not hang, even if it answers with errors.
            self.hung = 0;
            self.closed_until = None;
            return;
        }
        self.hung = self.hung.saturating_add(1);
        // An attempt that began before the breaker opened says nothing new.
        if self.hung >= HUNG_TO_OPEN && self.closed_until.is_none_or(|until| until <= now) {
            self.size = 1;
            self.closed_until = now.saturating_add(OPEN_FOR).ok();
        }
    }

    /// Notes that a message found no room at a consumer: the next ones wait, longer each time.
    pub fn defer(&mut self, now: Timestamp) {
        let wait = FIRST_DEFERRAL.saturating_mul(1 << self.deferred.min(31)).min(OPEN_FOR);
        self.deferred = self.deferred.saturating_add(1);
        self.closed_until = self.closed_until.max(now.saturating_add(wait).ok());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const QUICK: Duration = Duration::from_millis(2);
    const HANGING: Duration = Duration::from_secs(15);

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + second).unwrap()
    }

    #[test]
    fn window_grows_with_successes_up_to_its_bound() {
        let mut window = EndpointWindow::default();
        for n in 1..=1_000 {
            window.attempted(true, QUICK, at(0));
            assert_eq!(window.size, (FIRST_SIZE + n).min(MAX_SIZE));
        }
        window.attempted(false, QUICK, at(0));
        assert_eq!(window.size, MAX_SIZE / 2);
    }

    #[test]
    fn window_of_a_slow_endpoint_stays_small() {
        let mut window = EndpointWindow::default();
        for _ in 0..100 {
            window.attempted(true, 2 * SLOW_FROM, at(0));
        }
        assert_eq!(window.size, MAX_SLOW_SIZE);
        for _ in 0..100 {
            window.attempted(true, QUICK, at(0));
        }
        assert!(window.size > 50 && window.latency.unwrap() < SLOW_FROM, "{window:?}");
    }

    #[test]
    fn breaker_opens_after_hung_attempts_and_half_opens_with_one_message() {
        let mut window = EndpointWindow::default();
        for _ in 0..HUNG_TO_OPEN {
            assert_eq!(window.closed_until, None);
            window.attempted(false, HANGING, at(15));
        }
        assert_eq!((window.size, window.closed_until), (1, Some(at(75))));
        // An attempt that was under way when it opened.
        window.attempted(false, HANGING, at(20));
        assert_eq!(window.closed_until, Some(at(75)));
        // The probe hangs as well, the next one does not.
        window.attempted(false, HANGING, at(90));
        assert_eq!(window.closed_until, Some(at(150)));
        window.attempted(true, QUICK, at(151));
        assert_eq!((window.hung, window.closed_until, window.size), (0, None, 2));
    }

    #[test]
    fn quick_errors_do_not_open_the_breaker() {
        let mut window = EndpointWindow::default();
        for _ in 0..50 {
            window.attempted(false, QUICK, at(0));
        }
        assert_eq!((window.size, window.closed_until), (1, None));
    }

    #[test]
    fn deferrals_double_up_to_a_minute_and_end_with_an_attempt() {
        let mut window = EndpointWindow::default();
        let mut waits = Vec::new();
        for _ in 0..8 {
            window.closed_until = None;
            window.defer(at(0));
            waits.push(window.closed_until.unwrap().duration_since(at(0)).as_secs());
        }
        assert_eq!(waits, [1, 2, 4, 8, 16, 32, 60, 60]);
        window.attempted(true, QUICK, at(1));
        assert_eq!((window.deferred, window.closed_until), (0, None));
    }

    #[test]
    fn deferral_does_not_shorten_an_open_breaker() {
        let mut window = EndpointWindow {
            closed_until: Some(at(50)),
            ..EndpointWindow::default()
        };
        window.defer(at(0));
        assert_eq!(window.closed_until, Some(at(50)));
    }
}
