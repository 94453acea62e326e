//! Wilder's smoothing.

use super::parameters::Period;

/// `w_t = w_(t-1) + (x_t - w_(t-1)) / period`, beginning with the mean of the first `period` values.
///
/// J. Welles Wilder, New Concepts in Technical Trading Systems (1978).
#[derive(Debug, Clone)]
pub(super) struct WilderAverage {
    period: Period,
    seen: usize,
    /// The sum of the first values while the average is warming up, the average afterwards.
    state: f64,
}

impl WilderAverage {
    /// An average that has seen nothing.
    pub(super) fn new(period: Period) -> Self {
        Self {
            period,
            seen: 0,
            state: 0.0,
        }
    }

    /// The average with the next value, which must be finite.
    pub(super) fn update(&mut self, value: f64) -> Option<f64> {
        let needed = self.period.values();
        if self.seen < needed {
            self.seen += 1;
            self.state += value;
            if self.seen < needed {
                return None;
            }
            self.state /= self.period.count();
        } else {
            // Wilder's own form. `state + (value - state) / period` would lose a value far below the average.
            self.state = (self.state * (self.period.count() - 1.0) + value) / self.period.count();
        }
        Some(self.state)
    }

    /// Forgets everything that was seen.
    pub(super) fn reset(&mut self) {
        self.seen = 0;
        self.state = 0.0;
    }
}

/// The average at every value, from the sum of weights that the recursion unrolls to.
#[cfg(test)]
pub(super) fn unrolled(values: &[f64], period: usize) -> Vec<Option<f64>> {
    let kept = 1.0 - 1.0 / period as f64;
    (0..values.len())
        .map(|place| {
            let steps = (place + 1).checked_sub(period)?;
            let seed = values[..period].iter().sum::<f64>() / period as f64;
            let later: f64 = (0..steps)
                .map(|age| kept.powi(age as i32) * values[place - age] / period as f64)
                .sum();
            Some(seed * kept.powi(steps as i32) + later)
        })
        .collect()
}
