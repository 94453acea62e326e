//! Why a value does not exist.

use std::fmt;

/// A number, or the reason why there is none.
pub type Measured = Result<f64, Undefined>;

/// The reason why a statistic does not exist. Its text is public and stable.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, thiserror::Error)]
pub enum Undefined {
    /// There is not one price.
    NoPoints,
    /// Fewer prices, or fewer returns, than the formula needs.
    TooFewPoints,
    /// All returns are equal, and the formula divides by their deviation.
    ZeroVolatility,
    /// No return is below the target, and the formula divides by the downside risk.
    ZeroDownsideRisk,
    /// The price never fell below its running maximum, and the formula divides by the drawdown.
    ZeroDrawdown,
    /// The value is too large or too small for a number.
    OutOfRange,
}

impl Undefined {
    /// The public name, such as `zero_volatility`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::NoPoints => "no_points",
            Self::TooFewPoints => "too_few_points",
            Self::ZeroVolatility => "zero_volatility",
            Self::ZeroDownsideRisk => "zero_downside_risk",
            Self::ZeroDrawdown => "zero_drawdown",
            Self::OutOfRange => "out_of_range",
        }
    }
}

impl fmt::Display for Undefined {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Passes finite numbers on and turns the rest into [`Undefined::OutOfRange`].
pub(super) fn finite(value: f64) -> Measured {
    if value.is_finite() {
        Ok(value)
    } else {
        Err(Undefined::OutOfRange)
    }
}
