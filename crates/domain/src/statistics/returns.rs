//! From prices to returns.

use std::fmt;
use std::str::FromStr;

use super::series::Series;

/// How a change from one price to the next is expressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum ReturnKind {
    /// `p1 / p0 - 1`.
    #[default]
    Simple,
    /// `ln(p1 / p0)`.
    Log,
}

/// A text that names no kind of return.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unknown kind of return {0:?}: expected simple or log")]
pub struct UnknownReturnKind(pub String);

impl ReturnKind {
    /// The public name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Simple => "simple",
            Self::Log => "log",
        }
    }

    /// The return from `before` to `after`.
    ///
    /// The difference of two near prices is exact, so dividing it keeps digits that `p1 / p0 - 1` loses.
    #[inline]
    pub fn between(self, before: f64, after: f64) -> f64 {
        match self {
            Self::Simple => (after - before) / before,
            Self::Log => log_ratio(before, after),
        }
    }
}

impl fmt::Display for ReturnKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for ReturnKind {
    type Err = UnknownReturnKind;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "simple" => Ok(Self::Simple),
            "log" => Ok(Self::Log),
            _ => Err(UnknownReturnKind(text.to_owned())),
        }
    }
}

/// `ln(after / before)` with all its digits.
///
/// Near 1 the quotient has lost the digits of a small change, while the difference of two near prices is exact. Far
/// from 1 it is the other way round: `(after - before) / before` rounds to -1 where nearly everything was lost.
#[inline]
pub fn log_ratio(before: f64, after: f64) -> f64 {
    let simple = (after - before) / before;
    if simple.abs() <= 0.5 {
        return simple.ln_1p();
    }
    let ratio = after / before;
    if ratio.is_normal() {
        ratio.ln()
    } else {
        // Beyond the range of the quotient.
        after.ln() - before.ln()
    }
}

/// Returns, each with the time of its later price.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct TimedReturns {
    /// The times, ascending.
    pub times: Vec<i64>,
    /// The returns.
    pub values: Vec<f64>,
}

impl TimedReturns {
    /// The returns between neighbouring points exactly one `step` apart.
    pub fn of(series: &Series, step: i64, kind: ReturnKind) -> Self {
        let mut returns = Self::default();
        for (times, prices) in series.times().windows(2).zip(series.prices().windows(2)) {
            if times[1] - times[0] == step {
                returns.times.push(times[1]);
                returns.values.push(kind.between(prices[0], prices[1]));
            }
        }
        returns
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_return_crosses_a_gap() {
        let series = Series::new(vec![0, 60, 180, 240], vec![1.0, 2.0, 4.0, 2.0]).unwrap();
        let returns = TimedReturns::of(&series, 60, ReturnKind::Simple);
        assert_eq!(returns.times, [60, 240]);
        assert_eq!(returns.values, [1.0, -0.5]);
    }

    #[test]
    fn no_return_joins_points_nearer_than_one_step() {
        let series = Series::new(vec![0, 30, 60], vec![1.0, 2.0, 4.0]).unwrap();
        assert_eq!(TimedReturns::of(&series, 60, ReturnKind::Log).values, [0.0; 0]);
    }

    #[test]
    fn log_return_near_total_loss_keeps_its_digits() {
        // ln(1e-12), ln(1e-300) and ln(1e400) to 20 digits.
        for (before, after, exact) in [
            (1e12, 1.0, -27.631_021_115_928_547),
            (1e300, 1.0, -690.775_527_898_213_7),
            (1e-200, 1e200, 921.034_037_197_618_3),
        ] {
            let relative = ReturnKind::Log.between(before, after) / exact - 1.0;
            assert!(relative.abs() < 1e-15, "{relative:e}");
        }
    }

    #[test]
    fn a_log_return_keeps_the_digits_of_a_tiny_change() {
        let after = 1.0 + f64::EPSILON;
        let relative = ReturnKind::Log.between(1.0, after) / f64::EPSILON - 1.0;
        assert!(relative.abs() < 1e-15, "{relative:e}");
    }
}
