//! Checked parameters.

use std::num::NonZeroUsize;

/// Why a parameter is refused.
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
pub enum InvalidParameter {
    /// The number of values is out of range.
    #[error("a period must be from 1 to {max}, not {0}", max = Period::MAX)]
    Period(usize),
    /// The fast average is not faster than the slow one.
    #[error("the fast period ({fast}) must be shorter than the slow one ({slow})")]
    FastNotFaster {
        /// The fast period.
        fast: usize,
        /// The slow period.
        slow: usize,
    },
    /// The number of deviations is no positive number or too large.
    #[error("the width of the bands must be above 0 and at most {max}, not {0}", max = BandWidth::MAX)]
    BandWidth(f64),
}

/// Over how many values an indicator looks: 1 to 1000.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Period(NonZeroUsize);

impl Period {
    /// The longest period.
    pub const MAX: usize = 1_000;

    /// A period of `values` values.
    ///
    /// # Errors
    /// [`InvalidParameter::Period`] outside 1 to [`Period::MAX`].
    pub const fn new(values: usize) -> Result<Self, InvalidParameter> {
        match NonZeroUsize::new(values) {
            Some(checked) if values <= Self::MAX => Ok(Self(checked)),
            Some(_) | None => Err(InvalidParameter::Period(values)),
        }
    }

    /// A period that is known to be in range where the program is compiled.
    pub(super) const fn fixed(values: usize) -> Self {
        match Self::new(values) {
            Ok(period) => period,
            Err(_) => panic!("out of range"),
        }
    }

    /// The number of values.
    pub const fn values(self) -> usize {
        self.0.get()
    }

    /// The number of values, as a divisor.
    pub(super) fn count(self) -> f64 {
        self.values() as f64
    }
}

/// How many standard deviations Bollinger's bands are away from their middle: above 0, at most 10.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd)]
pub struct BandWidth(f64);

impl BandWidth {
    /// The widest bands.
    pub const MAX: f64 = 10.0;

    /// Two standard deviations, as Bollinger recommends for twenty values.
    pub const DEFAULT: Self = Self(2.0);

    /// A width of so many standard deviations.
    ///
    /// # Errors
    /// [`InvalidParameter::BandWidth`] when it is not above 0 or above [`BandWidth::MAX`].
    pub fn new(deviations: f64) -> Result<Self, InvalidParameter> {
        if deviations > 0.0 && deviations <= Self::MAX {
            Ok(Self(deviations))
        } else {
            Err(InvalidParameter::BandWidth(deviations))
        }
    }

    /// The number of standard deviations.
    pub const fn deviations(self) -> f64 {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn period_is_from_one_to_a_thousand() {
        for values in [1, 14, 1_000] {
            assert_eq!(Period::new(values).unwrap().values(), values);
        }
        for values in [0, 1_001, usize::MAX] {
            assert_eq!(Period::new(values), Err(InvalidParameter::Period(values)));
        }
        let error = Period::new(0).unwrap_err();
        assert_eq!(error.to_string(), "a period must be from 1 to 1000, not 0");
    }

    #[test]
    fn band_width_is_positive_and_bounded() {
        assert_eq!(BandWidth::new(2.0), Ok(BandWidth::DEFAULT));
        assert!(BandWidth::new(10.0).is_ok());
        for width in [0.0, -1.0, 10.1, f64::NAN, f64::INFINITY] {
            assert!(BandWidth::new(width).is_err(), "{width}");
        }
    }
}
