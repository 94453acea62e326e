//! Sums that keep their digits: eight independent lanes inside a block, which the compiler turns into vector
//! instructions, and Neumaier's compensation between blocks.

/// Values per block: long enough to hide the bookkeeping, short enough to stay in the first cache.
pub(super) const BLOCK: usize = 1_024;
const LANES: usize = 8;

/// A running sum with Neumaier's compensation.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Compensated {
    sum: f64,
    lost: f64,
}

impl Compensated {
    pub(super) fn add(&mut self, value: f64) {
        let next = self.sum + value;
        self.lost += if self.sum.abs() >= value.abs() {
            (self.sum - next) + value
        } else {
            (value - next) + self.sum
        };
        self.sum = next;
    }

    pub(super) fn value(self) -> f64 {
        let value = self.sum + self.lost;
        // After an overflow the compensation is NaN while the sum says which infinity it is.
        if value.is_nan() { self.sum } else { value }
    }
}

/// The sum of `map(x)` over one block.
pub(super) fn block_sum(values: &[f64], map: impl Fn(f64) -> f64) -> f64 {
    let mut lanes = [0.0; LANES];
    let chunks = values.chunks_exact(LANES);
    let rest: f64 = chunks.remainder().iter().map(|value| map(*value)).sum();
    for chunk in chunks {
        for (lane, value) in lanes.iter_mut().zip(chunk) {
            *lane += map(*value);
        }
    }
    let [a, b, c, d, e, f, g, h] = lanes;
    ((a + b) + (c + d)) + ((e + f) + (g + h)) + rest
}

/// The sum of all values.
pub fn sum(values: &[f64]) -> f64 {
    let mut total = Compensated::default();
    for block in values.chunks(BLOCK) {
        total.add(block_sum(block, |value| value));
    }
    total.value()
}

/// The smallest and the largest value of one block; infinities when it is empty.
pub(super) fn block_extremes(values: &[f64]) -> (f64, f64) {
    let mut low = [f64::INFINITY; LANES];
    let mut high = [f64::NEG_INFINITY; LANES];
    let chunks = values.chunks_exact(LANES);
    let rest = chunks.remainder();
    for chunk in chunks {
        for (lane, value) in low.iter_mut().zip(chunk) {
            *lane = if *value < *lane { *value } else { *lane };
        }
        for (lane, value) in high.iter_mut().zip(chunk) {
            *lane = if *value > *lane { *value } else { *lane };
        }
    }
    let low = low.iter().chain(rest).copied().fold(f64::INFINITY, f64::min);
    let high = high.iter().chain(rest).copied().fold(f64::NEG_INFINITY, f64::max);
    (low, high)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_values_survive_beside_large_ones() {
        let mut total = Compensated::default();
        for value in [1.0, 1e100, 1.0, -1e100] {
            total.add(value);
        }
        assert_eq!(total.value(), 2.0);
    }

    #[test]
    fn a_million_tenths_are_a_hundred_thousand() {
        let relative = sum(&vec![0.1; 1_000_000]) / 100_000.0 - 1.0;
        assert!(relative.abs() < 1e-14, "{relative:e}");
    }

    #[test]
    fn an_overflowing_sum_is_infinite_not_nan() {
        assert_eq!(sum(&vec![f64::MAX; 3_000]), f64::INFINITY);
    }

    #[test]
    fn extremes_are_found_in_lanes_and_in_the_rest() {
        for position in 0..19 {
            let mut values = vec![5.0; 19];
            values[position] = 9.0;
            values[(position + 7) % 19] = 1.0;
            assert_eq!(block_extremes(&values), (1.0, 9.0));
        }
    }
}
