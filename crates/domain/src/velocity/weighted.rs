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
        // The longer part moves towards the shorter one: as no mean is below zero, no step of this is then much larger
        // than the result, and an absurd value that held for a moment costs no digits.
        let (long, short) = if self.covered_us >= other.covered_us {
            (self, other)
        } else {
            (other, self)
        };
        let covered_us = long.covered_us + short.covered_us;
        let share = short.covered_us as f64 / covered_us as f64;
        let distance = short.mean - long.mean;
        Self {
            points,
            covered_us,
            mean: long.mean + distance * share,
            squares: long.squares + short.squares + distance * distance * (long.covered_us as f64 * share),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn part(mean: f64, covered_us: i64) -> Weighted {
        Weighted {
            points: 1,
            covered_us,
            mean,
            squares: 0.0,
        }
    }

    #[test]
    fn parts_weigh_by_the_time_they_cover() {
        let both = part(1.0, 1).merge(part(5.0, 3));
        assert_eq!(both, part(5.0, 3).merge(part(1.0, 1)));
        assert_eq!((both.points, both.covered_us, both.mean), (2, 4, 4.0));
        // (1 - 4)² + 3 · (5 - 4)²
        assert_eq!(both.squares, 12.0);
    }

    #[test]
    fn part_that_covers_nothing_changes_only_the_count() {
        let nothing = part(0.0, 0);
        for both in [nothing.merge(part(5.0, 3)), part(5.0, 3).merge(nothing)] {
            assert_eq!((both.points, both.mean, both.squares), (2, 5.0, 0.0));
        }
    }

    #[test]
    fn absurd_moment_costs_no_digits() {
        const DAY_US: i64 = 86_400_000_000;
        let exact = 0.05 + (1e12 - 0.05) / (DAY_US as f64 + 1.0);
        for both in [
            part(1e12, 1).merge(part(0.05, DAY_US)),
            part(0.05, DAY_US).merge(part(1e12, 1)),
        ] {
            assert!((both.mean / exact - 1.0).abs() < 1e-15, "{both:?}");
        }
    }

    #[test]
    fn equal_parts_have_exactly_no_spread() {
        let both = part(0.1, 7).merge(part(0.1, 11)).merge(part(0.1, 3));
        assert_eq!((both.mean, both.squares), (0.1, 0.0));
    }
}
