//! The simple moving average.

use std::collections::VecDeque;

use super::indicator::Indicator;
use super::parameters::Period;

/// The mean of the last `period` values.
#[derive(Debug, Clone)]
pub struct Sma {
    period: Period,
    values: VecDeque<f64>,
}

impl Sma {
    /// An average that has seen nothing.
    pub fn new(period: Period) -> Self {
        Self {
            period,
            values: VecDeque::with_capacity(period.values()),
        }
    }

    /// The values that the newest mean is made of, oldest first.
    pub(super) fn values(&self) -> impl Iterator<Item = f64> {
        self.values.iter().copied()
    }
}

impl Indicator for Sma {
    type Input = f64;
    type Output = f64;

    fn update(&mut self, value: f64) -> Option<f64> {
        if !value.is_finite() {
            self.reset();
            return None;
        }
        if self.values.len() == self.period.values() {
            self.values.pop_front();
        }
        self.values.push_back(value);
        // Summed afresh: a running sum would drift, and would keep the rounding of a value long after it has left.
        (self.values.len() == self.period.values()).then(|| self.values().sum::<f64>() / self.period.count())
    }

    fn reset(&mut self) {
        self.values.clear();
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn large_value_leaves_no_trace() {
        let mut sma = Sma::new(Period::new(2).unwrap());
        let values: Vec<_> = [1e300, 1.0, 2.0, 4.0].map(|value| sma.update(value)).into();
        assert_eq!(values, [None, Some(5e299), Some(1.5), Some(3.0)]);
    }

    proptest! {
        #[test]
        fn sma_is_the_mean_of_the_last_values(
            values in prop::collection::vec(0.01..1e6_f64, 1..80),
            period in 1..20_usize,
        ) {
            let mut sma = Sma::new(Period::new(period).unwrap());
            for (place, value) in values.iter().enumerate() {
                let seen = &values[..=place];
                let expected = seen.len().checked_sub(period).map(|start| {
                    crate::statistics::sum(&seen[start..]) / period as f64
                });
                let ours = sma.update(*value);
                prop_assert_eq!(ours.is_some(), expected.is_some());
                if let (Some(ours), Some(expected)) = (ours, expected) {
                    prop_assert!((ours - expected).abs() <= 1e-12 * expected);
                }
            }
        }
    }
}
