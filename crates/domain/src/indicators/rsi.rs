//! The relative strength index.

use super::indicator::Indicator;
use super::parameters::Period;
use super::wilder::WilderAverage;

/// `100 · gain / (gain + loss)`, 0 to 100: Wilder's averages of the rises and of the falls from one value to the next.
///
/// The same as `100 - 100 / (1 + gain / loss)` of J. Welles Wilder, New Concepts in Technical Trading Systems (1978),
/// without its division by zero when nothing fell. Needs one value more than its period. Undefined (`None`) while
/// nothing has moved at all.
#[derive(Debug, Clone)]
pub struct Rsi {
    previous: Option<f64>,
    gain: WilderAverage,
    loss: WilderAverage,
}

impl Rsi {
    /// Wilder's own period.
    pub const DEFAULT_PERIOD: Period = Period::fixed(14);

    /// An index that has seen nothing.
    pub fn new(period: Period) -> Self {
        Self {
            previous: None,
            gain: WilderAverage::new(period),
            loss: WilderAverage::new(period),
        }
    }
}

impl Default for Rsi {
    fn default() -> Self {
        Self::new(Self::DEFAULT_PERIOD)
    }
}

impl Indicator for Rsi {
    type Input = f64;
    type Output = f64;

    fn update(&mut self, value: f64) -> Option<f64> {
        if !value.is_finite() {
            self.reset();
            return None;
        }
        let change = value - self.previous.replace(value)?;
        let (gain, loss) = (self.gain.update(change.max(0.0)), self.loss.update((-change).max(0.0)));
        let (gain, loss) = gain.zip(loss)?;
        Some(100.0 * (gain / (gain + loss))).filter(|index| index.is_finite())
    }

    fn reset(&mut self) {
        self.previous = None;
        self.gain.reset();
        self.loss.reset();
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::indicators::wilder::unrolled;

    /// The worked example of StockCharts' ChartSchool, "Relative Strength Index".
    #[test]
    fn published_example_is_reproduced() {
        let closes = [
            44.3389, 44.0902, 44.1497, 43.6124, 44.3278, 44.8264, 45.0955, 45.4245, 45.8433, 46.0826, 45.8931, 46.0328,
            45.6140, 46.2820, 46.2820, 46.0028, 46.0328, 46.4116, 46.2222, 45.6439, 46.2122, 46.2521, 45.7137, 46.4515,
            45.7835, 45.3548, 44.0288, 44.1783, 44.2181, 44.5672, 43.4205, 42.6628, 43.1314,
        ];
        let published = [
            70.53, 66.32, 66.55, 69.41, 66.36, 57.97, 62.93, 63.26, 56.06, 62.38, 54.71, 50.42, 39.99, 41.46, 41.87,
            45.46, 37.30, 33.08, 37.77,
        ];
        let mut rsi = Rsi::default();
        let ours: Vec<Option<f64>> = closes.map(|close| rsi.update(close)).into();
        assert!(ours[..14].iter().all(Option::is_none));
        for (ours, published) in ours[14..].iter().zip(published) {
            assert!((ours.unwrap() - published).abs() <= 0.01, "{ours:?} {published}");
        }
    }

    #[test]
    fn steady_rise_is_a_hundred_and_steady_fall_is_zero() {
        let mut rsi = Rsi::new(Period::new(2).unwrap());
        let rise: Vec<_> = [1.0, 2.0, 3.0, 4.0].map(|value| rsi.update(value)).into();
        assert_eq!(rise, [None, None, Some(100.0), Some(100.0)]);
        rsi.reset();
        let fall: Vec<_> = [4.0, 3.0, 2.0, 1.0].map(|value| rsi.update(value)).into();
        assert_eq!(fall, [None, None, Some(0.0), Some(0.0)]);
    }

    #[test]
    fn price_that_never_moved_has_none() {
        let mut rsi = Rsi::new(Period::new(2).unwrap());
        assert_eq!([1.0; 5].map(|value| rsi.update(value)), [None; 5]);
        assert_eq!(rsi.update(2.0), Some(100.0));
    }

    proptest! {
        #[test]
        fn rsi_is_the_ratio_of_unrolled_averages(
            values in prop::collection::vec(0.01..1e6_f64, 1..80),
            period in 1..20_usize,
        ) {
            let mut rsi = Rsi::new(Period::new(period).unwrap());
            let ours: Vec<Option<f64>> = values.iter().map(|value| rsi.update(*value)).collect();
            let changes: Vec<f64> = values.windows(2).map(|pair| pair[1] - pair[0]).collect();
            let gains = unrolled(&changes.iter().map(|change| change.max(0.0)).collect::<Vec<_>>(), period);
            let losses = unrolled(&changes.iter().map(|change| (-change).max(0.0)).collect::<Vec<_>>(), period);
            prop_assert_eq!(ours[0], None);
            for ((ours, gain), loss) in ours[1..].iter().zip(gains).zip(losses) {
                let expected = gain.zip(loss).map(|(gain, loss)| 100.0 - 100.0 / (1.0 + gain / loss));
                prop_assert_eq!(ours.is_some(), expected.is_some());
                if let (Some(ours), Some(expected)) = (ours, expected) {
                    prop_assert!((ours - expected).abs() <= 1e-9, "{} {}", ours, expected);
                }
            }
        }
    }
}
