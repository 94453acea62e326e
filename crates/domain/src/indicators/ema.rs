//! The exponential moving average.

use super::indicator::Indicator;
use super::parameters::Period;

/// `e_t = e_(t-1) + (x_t - e_(t-1)) · 2 / (period + 1)`, beginning with the mean of the first `period` values.
///
/// The seed and the smoothing are those of StockCharts' ChartSchool, "Moving Averages - Simple and Exponential". Other
/// programs begin with the first value; after a few periods the two no longer differ.
#[derive(Debug, Clone)]
pub struct Ema {
    period: Period,
    seen: usize,
    /// The sum of the first values while the average is warming up, the average afterwards.
    state: f64,
}

impl Ema {
    /// An average that has seen nothing.
    pub fn new(period: Period) -> Self {
        Self {
            period,
            seen: 0,
            state: 0.0,
        }
    }
}

impl Indicator for Ema {
    type Input = f64;
    type Output = f64;

    fn update(&mut self, value: f64) -> Option<f64> {
        if !value.is_finite() {
            self.reset();
            return None;
        }
        let needed = self.period.values();
        if self.seen < needed {
            self.seen += 1;
            self.state += value;
            if self.seen < needed {
                return None;
            }
            self.state /= self.period.count();
        } else {
            self.state += (value - self.state) * (2.0 / (self.period.count() + 1.0));
        }
        Some(self.state)
    }

    fn reset(&mut self) {
        self.seen = 0;
        self.state = 0.0;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The worked example of StockCharts' ChartSchool, "Moving Averages - Simple and Exponential".
    #[test]
    fn published_example_is_reproduced() {
        let closes = [
            22.27, 22.19, 22.08, 22.17, 22.18, 22.13, 22.23, 22.43, 22.24, 22.29, 22.15, 22.39, 22.38, 22.61, 23.36,
            24.05, 23.75, 23.83, 23.95, 23.63, 23.82, 23.87, 23.65, 23.19, 23.10, 23.33, 22.68, 23.10, 22.40, 22.17,
        ];
        let published = [
            22.22, 22.21, 22.24, 22.27, 22.33, 22.52, 22.80, 22.97, 23.13, 23.28, 23.34, 23.43, 23.51, 23.53, 23.47,
            23.40, 23.39, 23.26, 23.23, 23.08, 22.92,
        ];
        let mut ema = Ema::new(Period::new(10).unwrap());
        let ours: Vec<Option<f64>> = closes.map(|close| ema.update(close)).into();
        assert!(ours[..9].iter().all(Option::is_none));
        for (ours, published) in ours[9..].iter().zip(published) {
            assert!((ours.unwrap() - published).abs() <= 0.006, "{ours:?} {published}");
        }
    }

    proptest! {
        /// Against the sum of weights that the recursion unrolls to.
        #[test]
        fn ema_is_the_unrolled_sum_of_weights(
            values in prop::collection::vec(0.01..1e6_f64, 1..80),
            period in 1..20_usize,
        ) {
            let mut ema = Ema::new(Period::new(period).unwrap());
            let ours: Vec<Option<f64>> = values.iter().map(|value| ema.update(*value)).collect();
            let (kept, taken) = (1.0 - 2.0 / (period as f64 + 1.0), 2.0 / (period as f64 + 1.0));
            for (place, ours) in ours.iter().enumerate() {
                let Some(steps) = (place + 1).checked_sub(period) else {
                    prop_assert_eq!(*ours, None);
                    continue;
                };
                let seed = values[..period].iter().sum::<f64>() / period as f64;
                let expected = seed * kept.powi(steps as i32) + (0..steps)
                    .map(|age| taken * kept.powi(age as i32) * values[place - age])
                    .sum::<f64>();
                prop_assert!((ours.unwrap() - expected).abs() <= 1e-11 * expected);
            }
        }
    }
}
