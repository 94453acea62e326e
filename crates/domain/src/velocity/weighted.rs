//! Weighted mean and spread, mergeable.
//!
//! Prefix sums of v·dt and v²·dt would be subtracted from one another, which loses the digits of a small spread (and of
//! every small window after one absurd value). Merging centred parts by the formula of Chan, Golub and LeVeque (1979)
//! subtracts only neighbouring means.

use super::point::VelocityPoint;

/// The number of points, the time they cover, and their mean and squared distances from it, weighted by that time.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(super) struct Weighted {
    /// Points with a value, whether or not they cover anything.
    pub(super) points: usize,
    /// Microseconds with a value.
    pub(super) covered_us: i64,
    /// The mean; 0 when nothing is covered.
    pub(super) mean: f64,
    /// The sum of the squared distances from the mean, each times its microseconds.
    pub(super) squares: f64,
}

impl Weighted {
    /// One point that covers `held_us` microseconds.
    pub(super) fn of(point: &VelocityPoint, held_us: i64) -> Self {
        Self {
            points: usize::from(point.value().is_some()),
            covered_us: held_us,
            mean: point.value().filter(|_| held_us > 0).unwrap_or(0.0),
            squares: 0.0,
        }
    }

    /// Both groups together.
    pub(super) fn merge(self, other: Self) -> Self {
        let points = self.points + other.points;
        if self.covered_us == 0 {
            return Self { points, ..other };
        }
        if other.covered_us == 0 {
            return Self { points, ..self };
        }
        let covered_us = self.covered_us + other.covered_us;
        let (ours, theirs, all) = (self.covered_us as f64, other.covered_us as f64, covered_us as f64);
        let distance = other.mean - self.mean;
        Self {
            points,
            covered_us,
            mean: self.mean + distance * (theirs / all),
            squares: self.squares + other.squares + distance * distance * (ours * (theirs / all)),
        }
    }
}
