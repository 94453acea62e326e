//! A velocity with its time, and how long it holds.

use jiff::{SignedDuration, Timestamp};

/// A velocity as it was known at one moment.
///
/// Invariant: a value is finite and not negative.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct VelocityPoint {
    at: i64,
    value: Option<f64>,
}

impl VelocityPoint {
    /// The point of `at`, to the microsecond, which is what is stored. A value that is not finite or is negative is
    /// unknown.
    ///
    /// A point without a value says that the velocity was not known then, so it ends the hold of the one before.
    pub fn new(at: Timestamp, value: Option<f64>) -> Self {
        Self {
            at: at.as_microsecond(),
            value: value.filter(|value| value.is_finite() && *value >= 0.0),
        }
    }

    /// Its time.
    pub fn at(&self) -> Timestamp {
        // Made of a timestamp, so it is in the range of one.
        Timestamp::from_microsecond(self.at).unwrap_or(Timestamp::MIN)
    }

    /// Its time in microseconds since the unix epoch.
    pub(super) fn at_us(&self) -> i64 {
        self.at
    }

    /// The velocity, where it was known.
    pub fn value(&self) -> Option<f64> {
        self.value
    }

    /// How many microseconds between `from` and `to` the point covers; 0 when it has no value.
    ///
    /// A point holds until the next one, but for `max_hold` at most: beyond that nobody knows what the velocity was.
    pub(super) fn held_us(&self, next: Option<&Self>, from: i64, to: i64, max_hold: i64) -> i64 {
        if self.value.is_none() {
            return 0;
        }
        let next = next.map_or(i64::MAX, |next| next.at);
        let end = self.at.saturating_add(max_hold).min(next).min(to);
        end.saturating_sub(self.at.max(from)).max(0)
    }
}

/// A duration in whole microseconds; the longest one that fits when it is longer.
pub(super) fn microseconds(duration: SignedDuration) -> i64 {
    i64::try_from(duration.as_micros()).unwrap_or(if duration.is_negative() { i64::MIN } else { i64::MAX })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn point(second: i64, value: Option<f64>) -> VelocityPoint {
        VelocityPoint::new(Timestamp::from_second(second).unwrap(), value)
    }

    #[test]
    fn impossible_velocity_is_unknown() {
        for value in [f64::NAN, f64::INFINITY, -1.0] {
            assert_eq!(point(0, Some(value)).value(), None);
        }
        assert_eq!(point(0, Some(0.0)).value(), Some(0.0));
    }

    #[test]
    fn point_holds_until_the_next_or_for_the_longest_hold() {
        const S: i64 = 1_000_000;
        let (known, next) = (point(100, Some(1.0)), point(160, None));
        assert_eq!(known.held_us(Some(&next), 0, 1_000 * S, 300 * S), 60 * S);
        assert_eq!(known.held_us(Some(&next), 0, 1_000 * S, 50 * S), 50 * S);
        assert_eq!(known.held_us(None, 0, 1_000 * S, 300 * S), 300 * S);
        assert_eq!(known.held_us(None, 0, 130 * S, i64::MAX), 30 * S);
        assert_eq!(known.held_us(Some(&next), 130 * S, 1_000 * S, 300 * S), 30 * S);
        assert_eq!(known.held_us(Some(&next), 200 * S, 1_000 * S, 300 * S), 0);
        assert_eq!(next.held_us(None, 0, 1_000 * S, 300 * S), 0);
    }
}
