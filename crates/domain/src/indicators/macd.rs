//! Moving average convergence and divergence.

use super::ema::Ema;
use super::indicator::Indicator;
use super::parameters::{InvalidParameter, Period};

/// A fast exponential average minus a slow one, with an exponential average of that difference as its signal.
///
/// Gerald Appel's definition, with averages seeded as in [`Ema`], each on its own first values.
#[derive(Debug, Clone)]
pub struct Macd {
    fast: Ema,
    slow: Ema,
    signal: Ema,
}

/// The newest value of [`Macd`], in units of the price.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct MacdValue {
    /// The fast average minus the slow one.
    pub macd: f64,
    /// The average of `macd`; `None` until enough of them were seen.
    pub signal: Option<f64>,
    /// `macd` minus `signal`.
    pub histogram: Option<f64>,
}

impl Macd {
    /// The usual period of the fast average.
    pub const DEFAULT_FAST: Period = Period::fixed(12);
    /// The usual period of the slow average.
    pub const DEFAULT_SLOW: Period = Period::fixed(26);
    /// The usual period of the signal.
    pub const DEFAULT_SIGNAL: Period = Period::fixed(9);

    /// An indicator that has seen nothing.
    ///
    /// # Errors
    /// [`InvalidParameter::FastNotFaster`] when `fast` is not shorter than `slow`.
    pub fn new(fast: Period, slow: Period, signal: Period) -> Result<Self, InvalidParameter> {
        if fast >= slow {
            return Err(InvalidParameter::FastNotFaster {
                fast: fast.values(),
                slow: slow.values(),
            });
        }
        Ok(Self::of(fast, slow, signal))
    }

    fn of(fast: Period, slow: Period, signal: Period) -> Self {
        Self {
            fast: Ema::new(fast),
            slow: Ema::new(slow),
            signal: Ema::new(signal),
        }
    }
}

impl Default for Macd {
    fn default() -> Self {
        Self::of(Self::DEFAULT_FAST, Self::DEFAULT_SLOW, Self::DEFAULT_SIGNAL)
    }
}

impl Indicator for Macd {
    type Input = f64;
    type Output = MacdValue;

    fn update(&mut self, value: f64) -> Option<MacdValue> {
        if !value.is_finite() {
            self.reset();
            return None;
        }
        // Both take the value before either may say that it is not warm.
        let (fast, slow) = (self.fast.update(value), self.slow.update(value));
        let macd = fast? - slow?;
        let signal = self.signal.update(macd);
        Some(MacdValue {
            macd,
            signal,
            histogram: signal.map(|signal| macd - signal),
        })
    }

    fn reset(&mut self) {
        self.fast.reset();
        self.slow.reset();
        self.signal.reset();
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn period(values: usize) -> Period {
        Period::new(values).unwrap()
    }

    #[test]
    fn fast_average_must_be_faster() {
        for (fast, slow) in [(26, 12), (12, 12)] {
            let error = Macd::new(period(fast), period(slow), period(9)).unwrap_err();
            assert_eq!(error, InvalidParameter::FastNotFaster { fast, slow });
        }
    }

    #[test]
    fn macd_is_known_with_the_slow_average_and_the_signal_eight_values_later() {
        let mut macd = Macd::default();
        let values: Vec<_> = (0..40).map(|step| macd.update(f64::from(step))).collect();
        assert_eq!(values.iter().position(Option::is_some), Some(25));
        assert_eq!(
            values
                .iter()
                .position(|value| value.is_some_and(|v| v.signal.is_some())),
            Some(33)
        );
        // On a straight line an average lags by half of its period, less a half: 12.5 and 5.5.
        let last = values[39].unwrap();
        assert!(
            (last.macd - 7.0).abs() < 1e-12 && last.histogram.unwrap().abs() < 1e-12,
            "{last:?}"
        );
    }

    proptest! {
        #[test]
        fn macd_is_the_difference_of_two_averages(
            values in prop::collection::vec(0.01..1e6_f64, 1..80),
            (fast, slow, signal) in (1..10_usize, 10..20_usize, 1..10_usize),
        ) {
            let mut macd = Macd::new(period(fast), period(slow), period(signal)).unwrap();
            let ours: Vec<_> = values.iter().map(|value| macd.update(*value)).collect();
            // Whole series one after the other, each from what the one before gave.
            let ema = |of: usize, values: &[f64]| -> Vec<Option<f64>> {
                let mut ema = Ema::new(period(of));
                values.iter().map(|value| ema.update(*value)).collect()
            };
            let lines: Vec<f64> = ema(fast, &values)
                .into_iter()
                .zip(ema(slow, &values))
                .filter_map(|(fast, slow)| Some(fast? - slow?))
                .collect();
            let known: Vec<MacdValue> = ours.iter().flatten().copied().collect();
            prop_assert_eq!(known.len(), lines.len());
            prop_assert!(ours.iter().skip(slow - 1).all(Option::is_some));
            for ((ours, line), signal) in known.iter().zip(&lines).zip(ema(signal, &lines)) {
                prop_assert_eq!((ours.macd, ours.signal), (*line, signal));
                prop_assert_eq!(ours.histogram, signal.map(|signal| line - signal));
            }
        }
    }
}
