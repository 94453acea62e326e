//! Mean, variance, skewness and kurtosis, mergeable.
//!
//! Each block is centred on its own mean and blocks are merged by the pairwise formulas of Chan, Golub and LeVeque
//! (1979), extended to higher moments by Pébay (2008, SAND2008-6212). No large sums of powers are ever subtracted.

use super::sum::{BLOCK, block_sum};
use super::undefined::{Measured, Undefined, finite};

/// The number of values, their mean, and their centred sums of powers.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Moments {
    n: usize,
    mean: f64,
    m2: f64,
    m3: f64,
    m4: f64,
}

impl Moments {
    /// The moments of values of any number.
    pub fn of(values: &[f64]) -> Self {
        values
            .chunks(BLOCK)
            .map(Self::of_block)
            .fold(Self::default(), Self::merge)
    }

    /// The moments of one block, in two passes over it.
    pub(super) fn of_block(values: &[f64]) -> Self {
        const LANES: usize = 4;
        if values.is_empty() {
            return Self::default();
        }
        let n = values.len() as f64;
        let centre = block_sum(values, |value| value) / n;
        let mut powers = [[0.0; LANES]; 4];
        let mut add = |lane: usize, value: f64| {
            let d = value - centre;
            let d2 = d * d;
            powers[0][lane] += d;
            powers[1][lane] += d2;
            powers[2][lane] += d2 * d;
            powers[3][lane] += d2 * d2;
        };
        let chunks = values.chunks_exact(LANES);
        let rest = chunks.remainder();
        for chunk in chunks {
            for (lane, value) in chunk.iter().enumerate() {
                add(lane, *value);
            }
        }
        for (lane, value) in rest.iter().enumerate() {
            add(lane, *value);
        }
        let [d1, m2, m3, m4] = powers.map(|lanes| (lanes[0] + lanes[1]) + (lanes[2] + lanes[3]));
        // `d1` is what rounding left of a sum that is zero in exact arithmetic: it moves the centre to the true mean.
        let shift = d1 / n;
        Self {
            n: values.len(),
            mean: centre + shift,
            m2: (m2 - shift * d1).max(0.0),
            m3: m3 - 3.0 * shift * m2,
            m4: m4 - 4.0 * shift * m3,
        }
    }

    /// The moments of both groups of values together.
    #[must_use]
    pub fn merge(self, other: Self) -> Self {
        if self.n == 0 {
            return other;
        }
        if other.n == 0 {
            return self;
        }
        let (na, nb) = (self.n as f64, other.n as f64);
        let n = na + nb;
        let delta = other.mean - self.mean;
        let delta_n = delta / n;
        let delta_n2 = delta_n * delta_n;
        let cross = delta * delta_n * na * nb;
        Self {
            n: self.n + other.n,
            mean: self.mean + delta_n * nb,
            m2: self.m2 + other.m2 + cross,
            m3: self.m3 + other.m3 + cross * delta_n * (na - nb) + 3.0 * delta_n * (na * other.m2 - nb * self.m2),
            m4: self.m4
                + other.m4
                + cross * delta_n2 * (na * na - na * nb + nb * nb)
                + 6.0 * delta_n2 * (na * na * other.m2 + nb * nb * self.m2)
                + 4.0 * delta_n * (na * other.m3 - nb * self.m3),
        }
    }

    /// How many values there were.
    pub fn n(&self) -> usize {
        self.n
    }

    /// The arithmetic mean.
    ///
    /// # Errors
    /// [`Undefined::TooFewPoints`] without values.
    pub fn mean(&self) -> Measured {
        if self.n == 0 {
            return Err(Undefined::TooFewPoints);
        }
        finite(self.mean)
    }

    /// The sample standard deviation, divisor n - 1.
    ///
    /// # Errors
    /// [`Undefined::TooFewPoints`] with fewer than two values.
    pub fn standard_deviation(&self) -> Measured {
        if self.n < 2 {
            return Err(Undefined::TooFewPoints);
        }
        finite((self.m2 / (self.n as f64 - 1.0)).sqrt())
    }

    /// The skewness of the sample, `m3 / m2^1.5` with population moments (g1).
    pub(super) fn population_skew(&self) -> f64 {
        let n = self.n as f64;
        n.sqrt() * self.m3 / self.m2.powf(1.5)
    }

    /// The kurtosis of the sample, `m4 / m2^2` with population moments (b2, 3 for a normal distribution).
    pub(super) fn population_kurtosis(&self) -> f64 {
        self.n as f64 * (self.m4 / self.m2) / self.m2
    }

    /// The bias-corrected skewness G1 = g1 · sqrt(n(n-1)) / (n-2), as pandas and spreadsheets give it
    /// (Joanes and Gill 1998, The Statistician 47, 183).
    ///
    /// # Errors
    /// [`Undefined::TooFewPoints`] with fewer than three values. The caller has excluded equal values.
    pub fn skew(&self) -> Measured {
        if self.n < 3 {
            return Err(Undefined::TooFewPoints);
        }
        let n = self.n as f64;
        finite(self.population_skew() * (n * (n - 1.0)).sqrt() / (n - 2.0))
    }

    /// The bias-corrected excess kurtosis G2 = (n-1)/((n-2)(n-3)) · ((n+1)·g2 + 6), 0 for a normal distribution,
    /// as pandas and spreadsheets give it (Joanes and Gill 1998).
    ///
    /// # Errors
    /// [`Undefined::TooFewPoints`] with fewer than four values. The caller has excluded equal values.
    pub fn excess_kurtosis(&self) -> Measured {
        if self.n < 4 {
            return Err(Undefined::TooFewPoints);
        }
        let n = self.n as f64;
        let excess = self.population_kurtosis() - 3.0;
        finite((n - 1.0) / ((n - 2.0) * (n - 3.0)) * ((n + 1.0) * excess + 6.0))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn known_answers() {
        // pandas.Series([2, 4, 4, 4, 5, 5, 7, 9]): mean 5, std 2.138…, skew 0.8184875533567997, kurt 0.940625
        let moments = Moments::of(&[2.0, 4.0, 4.0, 4.0, 5.0, 5.0, 7.0, 9.0]);
        assert_eq!(moments.mean(), Ok(5.0));
        assert!((moments.standard_deviation().unwrap() - 2.138_089_935_299_395).abs() < 1e-15);
        assert!((moments.skew().unwrap() - 0.818_487_553_356_799_7).abs() < 1e-14);
        assert!((moments.excess_kurtosis().unwrap() - 0.940_625).abs() < 1e-13);
    }

    #[test]
    fn too_few_values_have_no_deviation() {
        assert_eq!(Moments::of(&[]).mean(), Err(Undefined::TooFewPoints));
        assert_eq!(Moments::of(&[1.0]).standard_deviation(), Err(Undefined::TooFewPoints));
        assert_eq!(Moments::of(&[1.0, 2.0]).skew(), Err(Undefined::TooFewPoints));
        assert_eq!(
            Moments::of(&[1.0, 2.0, 4.0]).excess_kurtosis(),
            Err(Undefined::TooFewPoints)
        );
    }

    #[test]
    fn a_large_offset_costs_no_digits() {
        let values: Vec<f64> = (0..5_000).map(|i| 1e9 + f64::from(i % 10)).collect();
        let deviation = Moments::of(&values).standard_deviation().unwrap();
        let expected = (8.25_f64 * 5_000.0 / 4_999.0).sqrt();
        // An ulp of a mean near 1e9 is 1e-7.
        assert!((deviation / expected - 1.0).abs() < 1e-10, "{deviation}");
    }

    proptest! {
        #[test]
        fn merged_parts_equal_the_whole(values in prop::collection::vec(-1.0..1.0_f64, 4..300), cut in 0.0..1.0_f64) {
            let cut = (values.len() as f64 * cut) as usize;
            let whole = Moments::of(&values);
            let parts = Moments::of(&values[..cut]).merge(Moments::of(&values[cut..]));
            prop_assert_eq!(whole.n, parts.n);
            for (a, b) in [(whole.mean, parts.mean), (whole.m2, parts.m2), (whole.m3, parts.m3), (whole.m4, parts.m4)] {
                prop_assert!((a - b).abs() <= 1e-12 * (1.0 + values.len() as f64), "{} {}", a, b);
            }
        }
    }
}
