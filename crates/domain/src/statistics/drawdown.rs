//! How far below its highest point a price is.

/// The worst and the present distance from the running maximum, as negative fractions (0 at the maximum).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Drawdown {
    /// The lowest `p_t / max(p_0 … p_t) - 1`.
    pub max: f64,
    /// Position of the last running maximum at or before the trough.
    pub peak: usize,
    /// Position where the lowest value is first reached.
    pub trough: usize,
    /// The value at the last price.
    pub current: f64,
}

impl Drawdown {
    /// The drawdown of a series of prices; `None` when there is none.
    pub fn of(prices: &[f64]) -> Option<Self> {
        let mut tracker = DrawdownTracker::starting_at(*prices.first()?);
        tracker.extend(prices);
        Some(tracker.finish())
    }
}

/// The drawdown at every price.
pub fn drawdown_series(prices: &[f64]) -> Vec<f64> {
    let mut peak = f64::NEG_INFINITY;
    prices
        .iter()
        .map(|price| {
            peak = peak.max(*price);
            (price - peak) / peak
        })
        .collect()
}

/// The running state of one pass.
#[derive(Debug, Clone, Copy)]
pub(super) struct DrawdownTracker {
    seen: usize,
    last: f64,
    peak: f64,
    peak_at: usize,
    worst: f64,
    worst_peak_at: usize,
    worst_at: usize,
    /// No price above this can be a new worst, so the division is skipped for almost every price.
    threshold: f64,
}

impl DrawdownTracker {
    pub(super) fn starting_at(first: f64) -> Self {
        Self {
            seen: 0,
            last: first,
            peak: first,
            peak_at: 0,
            worst: 0.0,
            worst_peak_at: 0,
            worst_at: 0,
            threshold: first,
        }
    }

    fn set_threshold(&mut self) {
        // Wider than needed by far more than its rounding error.
        self.threshold = self.peak * (1.0 + self.worst) * (1.0 + 8.0 * f64::EPSILON);
    }

    pub(super) fn extend(&mut self, prices: &[f64]) {
        for (offset, price) in prices.iter().copied().enumerate() {
            if price >= self.peak {
                self.peak = price;
                self.peak_at = self.seen + offset;
                self.set_threshold();
            } else if price <= self.threshold {
                let drawdown = (price - self.peak) / self.peak;
                if drawdown < self.worst {
                    self.worst = drawdown;
                    self.worst_at = self.seen + offset;
                    self.worst_peak_at = self.peak_at;
                    self.set_threshold();
                }
            }
        }
        self.seen += prices.len();
        self.last = prices.last().copied().unwrap_or(self.last);
    }

    pub(super) fn finish(self) -> Drawdown {
        Drawdown {
            max: self.worst,
            peak: self.worst_peak_at,
            trough: self.worst_at,
            current: (self.last - self.peak) / self.peak,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_worst_fall_is_measured_from_the_running_maximum() {
        let drawdown = Drawdown::of(&[100.0, 80.0, 200.0, 200.0, 100.0, 150.0, 100.0]).unwrap();
        assert_eq!((drawdown.max, drawdown.peak, drawdown.trough), (-0.5, 3, 4));
        assert_eq!(drawdown.current, -0.5);
    }

    #[test]
    fn a_rising_price_has_none() {
        let drawdown = Drawdown::of(&[1.0, 2.0, 3.0]).unwrap();
        assert_eq!((drawdown.max, drawdown.current, drawdown.trough), (0.0, 0.0, 0));
        assert_eq!(Drawdown::of(&[]), None);
    }

    proptest! {
        #[test]
        fn the_fast_pass_equals_the_plain_definition(prices in prop::collection::vec(0.001..1000.0_f64, 1..400)) {
            let plain = drawdown_series(&prices);
            let worst = plain.iter().copied().fold(0.0, f64::min);
            let fast = Drawdown::of(&prices).unwrap();
            prop_assert_eq!(fast.max, worst);
            prop_assert_eq!(fast.current, *plain.last().unwrap());
            prop_assert!((-1.0..=0.0).contains(&fast.max));
            if worst < 0.0 {
                prop_assert_eq!(Some(fast.trough), plain.iter().position(|d| *d == worst));
                prop_assert_eq!(plain[fast.peak], 0.0);
                prop_assert!(fast.peak < fast.trough);
            }
        }
    }
}
