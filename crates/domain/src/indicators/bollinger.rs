//! Bollinger bands.

use super::indicator::Indicator;
use super::parameters::{BandWidth, Period};
use super::sma::Sma;

/// The mean of the last `period` values, and so many standard deviations above and below it.
///
/// The deviation is that of a population (divisor n), and the usual parameters are 20 values and 2 deviations: John
/// Bollinger, Bollinger on Bollinger Bands (2001).
#[derive(Debug, Clone)]
pub struct BollingerBands {
    mean: Sma,
    period: Period,
    width: BandWidth,
}

/// The newest value of [`BollingerBands`], in units of the price.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Bands {
    /// The mean plus the width.
    pub upper: f64,
    /// The mean.
    pub middle: f64,
    /// The mean minus the width; may be below zero.
    pub lower: f64,
}

impl BollingerBands {
    /// The usual period.
    pub const DEFAULT_PERIOD: Period = Period::fixed(20);

    /// Bands that have seen nothing.
    pub fn new(period: Period, width: BandWidth) -> Self {
        Self {
            mean: Sma::new(period),
            period,
            width,
        }
    }
}

impl Default for BollingerBands {
    fn default() -> Self {
        Self::new(Self::DEFAULT_PERIOD, BandWidth::DEFAULT)
    }
}

impl Indicator for BollingerBands {
    type Input = f64;
    type Output = Bands;

    fn update(&mut self, value: f64) -> Option<Bands> {
        let middle = self.mean.update(value)?;
        // Around the mean: the difference of two large sums of squares would lose a small deviation.
        let squares: f64 = self
            .mean
            .values()
            .map(|value| (value - middle) * (value - middle))
            .sum();
        let width = self.width.deviations() * (squares / self.period.count()).sqrt();
        Some(Bands {
            upper: middle + width,
            middle,
            lower: middle - width,
        })
    }

    fn reset(&mut self) {
        self.mean.reset();
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn bands_are_two_population_deviations_away() {
        // The mean is 5 and the deviation of the population 2.
        let mut bands = BollingerBands::new(Period::new(8).unwrap(), BandWidth::DEFAULT);
        let values = [2.0, 4.0, 4.0, 4.0, 5.0, 5.0, 7.0, 9.0].map(|value| bands.update(value));
        assert!(values[..7].iter().all(Option::is_none));
        let expected = Bands {
            upper: 9.0,
            middle: 5.0,
            lower: 1.0,
        };
        assert_eq!(values[7], Some(expected));
    }

    #[test]
    fn constant_price_has_bands_without_width() {
        let mut bands = BollingerBands::default();
        let last = (0..20).map(|_| bands.update(0.5)).last().flatten().unwrap();
        assert_eq!((last.upper, last.middle, last.lower), (0.5, 0.5, 0.5));
    }

    proptest! {
        /// Against the deviation by pairs, which needs no mean: the sum of (a - b)² over all pairs is n² times
        /// the variance.
        #[test]
        fn width_equals_the_deviation_by_pairs(
            values in prop::collection::vec(0.01..1e6_f64, 1..60),
            period in 1..20_usize,
            width in 0.5..4.0_f64,
        ) {
            let mut bands = BollingerBands::new(Period::new(period).unwrap(), BandWidth::new(width).unwrap());
            for (place, value) in values.iter().enumerate() {
                let ours = bands.update(*value);
                let Some(start) = (place + 1).checked_sub(period) else {
                    prop_assert_eq!(ours, None);
                    continue;
                };
                let (inside, ours) = (&values[start..=place], ours.unwrap());
                let pairs = (0..period).flat_map(|i| (0..i).map(move |j| (inside[i] - inside[j]).powi(2)));
                let deviation = pairs.sum::<f64>().sqrt() / period as f64;
                prop_assert!((ours.upper - ours.middle - width * deviation).abs() <= 1e-9 * ours.upper);
                prop_assert!((ours.middle - ours.lower - width * deviation).abs() <= 1e-9 * ours.upper);
            }
        }
    }
}
