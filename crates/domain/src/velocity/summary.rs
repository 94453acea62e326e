//! What a window of velocities comes to.

/// How many points with a value a window needs before it is judged.
pub const MIN_POINTS: usize = 3;

/// The share of a window that must be covered before it is judged.
pub const MIN_COVERAGE: f64 = 0.5;

/// A deviation up to this share of the mean is nothing but rounding: the mean of equal values may miss them by a unit
/// or two of the last binary digit.
const ROUNDING: f64 = 4.0 * f64::EPSILON;

/// The time-weighted statistics of the velocities in a window.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct WindowSummary {
    /// The mean, each value weighted by the time for which it held; `None` when nothing is covered.
    pub mean: Option<f64>,
    /// The standard deviation with the same weights (that of a population, since the whole covered time is known);
    /// 0 when it is no more than rounding, `None` when nothing is covered or it is too large for a number.
    pub deviation: Option<f64>,
    /// The share of the window for which a velocity is known, 0 to 1.
    pub coverage: f64,
    /// How many points with a value have their time in the window, both ends included. One that was there before and
    /// still held counts for the mean, but not here.
    pub points: usize,
}

impl WindowSummary {
    /// The summary of a window of `window_us` in which `covered_us` have a value.
    ///
    /// `squares` is the sum of the squared distances from the mean times the microseconds of each.
    pub(super) fn new(mean: f64, squares: f64, covered_us: i64, window_us: i64, points: usize) -> Self {
        if covered_us <= 0 || window_us <= 0 {
            return Self {
                points,
                ..Self::default()
            };
        }
        let deviation = (squares / covered_us as f64).sqrt();
        let deviation = if deviation <= ROUNDING * mean { 0.0 } else { deviation };
        Self {
            mean: Some(mean).filter(|mean| mean.is_finite()),
            deviation: Some(deviation).filter(|deviation| deviation.is_finite()),
            coverage: (covered_us as f64 / window_us as f64).min(1.0),
            points,
        }
    }

    /// Whether enough is known to judge the window: [`MIN_POINTS`] points and [`MIN_COVERAGE`].
    pub fn is_sufficient(&self) -> bool {
        self.points >= MIN_POINTS && self.coverage >= MIN_COVERAGE
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn empty_window_has_no_mean() {
        let empty = WindowSummary::new(0.0, 0.0, 0, 10, 1);
        assert_eq!(
            (empty.mean, empty.deviation, empty.coverage, empty.points),
            (None, None, 0.0, 1)
        );
    }

    #[test]
    fn rounding_is_no_deviation() {
        assert_eq!(WindowSummary::new(0.1, 1e-33, 1, 1, 3).deviation, Some(0.0));
        assert!(WindowSummary::new(0.1, 1e-28, 1, 1, 3).deviation > Some(0.0));
    }

    #[test]
    fn half_a_window_of_three_points_is_sufficient() {
        assert!(WindowSummary::new(1.0, 0.0, 5, 10, 3).is_sufficient());
        assert!(!WindowSummary::new(1.0, 0.0, 4, 10, 3).is_sufficient());
        assert!(!WindowSummary::new(1.0, 0.0, 10, 10, 2).is_sufficient());
    }
}
