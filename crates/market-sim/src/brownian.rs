//! Random walks that can be asked anywhere: a Brownian path built by splitting intervals at their middle.
//!
//! Knots stand every 64 days and are independent of one another, so a path never drifts away; between them every
//! split adds noise that depends only on the key and on the minute it falls on. Asking for a day costs one number a
//! minute and needs nothing before it.

use crate::rng::{hash, normal};

/// Minutes of a day.
pub const MINUTES: usize = 1_440;
/// Half hours of a day; volatility is constant inside one.
pub const CELLS: usize = 48;

const BLOCK_DAYS: i64 = 64;

#[derive(Debug, Clone, Copy)]
pub struct BrownianPath {
    key: u64,
    knots: u64,
    sigma: f64,
}

impl BrownianPath {
    /// A path of a key with an annual volatility.
    pub fn new(key: u64, annual_volatility: f64) -> Self {
        Self {
            key,
            knots: hash(key, -1),
            sigma: annual_volatility / (365.0 * MINUTES as f64).sqrt(),
        }
    }

    /// Standard deviation of one minute.
    pub fn sigma(&self) -> f64 {
        self.sigma
    }

    /// Value at the start of a day.
    fn at_day(&self, day: i64) -> f64 {
        let block = day.div_euclid(BLOCK_DAYS);
        let (mut low, mut high) = (block * BLOCK_DAYS, (block + 1) * BLOCK_DAYS);
        let (mut at_low, mut at_high) = (self.knot(block), self.knot(block + 1));
        while high - low > 1 {
            if day == low {
                return at_low;
            }
            let middle = i64::midpoint(low, high);
            let spread = self.sigma * ((high - low) as f64 * MINUTES as f64).sqrt() / 2.0;
            let value = f64::midpoint(at_low, at_high) + spread * normal(self.key, middle * MINUTES as i64);
            if day < middle {
                (high, at_high) = (middle, value);
            } else {
                (low, at_low) = (middle, value);
            }
        }
        at_low
    }

    /// Neighbouring knots differ by what a free path would do in that time.
    fn knot(&self, block: i64) -> f64 {
        normal(self.knots, block) * self.sigma * (BLOCK_DAYS as f64 * MINUTES as f64 / 2.0).sqrt()
    }

    /// Adds `weight` times this path at each minute of a day (and the first of the next) to `out`.
    pub fn add_day(&self, day: i64, weight: f64, volatility: &[f64; CELLS], out: &mut [f64]) {
        let mut values = [0.0_f64; MINUTES + 1];
        values[0] = self.at_day(day);
        values[MINUTES] = self.at_day(day + 1);
        let mut waiting = Vec::with_capacity(16);
        waiting.push((0, MINUTES));
        while let Some((low, high)) = waiting.pop() {
            let middle = usize::midpoint(low, high);
            let (left, right) = ((middle - low) as f64, (high - middle) as f64);
            let straight = (values[low] * right + values[high] * left) / (left + right);
            let spread = self.sigma * (left * right / (left + right)).sqrt() * volatility[middle * CELLS / MINUTES];
            values[middle] = straight + spread * normal(self.key, day * MINUTES as i64 + middle as i64);
            if middle - low > 1 {
                waiting.push((low, middle));
            }
            if high - middle > 1 {
                waiting.push((middle, high));
            }
        }
        for (sum, value) in out.iter_mut().zip(values) {
            *sum += weight * value;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(path: &BrownianPath, day: i64) -> Vec<f64> {
        let mut out = vec![0.0; MINUTES + 1];
        path.add_day(day, 1.0, &[1.0; CELLS], &mut out);
        out
    }

    #[test]
    fn days_join_without_a_step() {
        let path = BrownianPath::new(11, 0.6);
        for number in 19_990..20_060 {
            assert_eq!(day(&path, number)[MINUTES], day(&path, number + 1)[0], "day {number}");
        }
    }

    #[test]
    fn volatility_is_what_was_asked_for() {
        let path = BrownianPath::new(5, 0.6);
        let mut sum = 0.0;
        let mut count = 0.0;
        for number in 0..60 {
            for pair in day(&path, number).windows(2) {
                sum += (pair[1] - pair[0]).powi(2);
                count += 1.0;
            }
        }
        let annual = (sum / count * 365.0 * MINUTES as f64).sqrt();
        assert!((annual - 0.6).abs() < 0.03, "{annual}");
    }
}
