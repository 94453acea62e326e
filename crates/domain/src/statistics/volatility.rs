//! How much returns vary, per period and per year.

use super::moments::Moments;
use super::undefined::Measured;

/// Whether a deviation is nothing but the rounding of prices.
///
/// A price has a relative rounding error of half an epsilon, so returns that are equal in truth differ by about one
/// epsilon of the growth factor. A ratio to such a deviation would be noise that looks like a fact.
pub fn is_zero_volatility(deviation: f64, mean: f64) -> bool {
    deviation <= 4.0 * f64::EPSILON * (1.0 + mean.abs())
}

/// The volatility per period: the sample standard deviation (divisor n - 1) of the returns. Rounding noise counts as 0.
///
/// # Errors
/// `too_few_points` with fewer than two returns.
pub fn volatility(returns: &Moments) -> Measured {
    let deviation = returns.standard_deviation()?;
    let zero = is_zero_volatility(deviation, returns.mean()?);
    Ok(if zero { 0.0 } else { deviation })
}

/// A per-period deviation scaled to a year: times the square root of the periods per year.
pub fn annualise(deviation: f64, periods_per_year: f64) -> f64 {
    deviation * periods_per_year.sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::statistics::{ReturnKind, Series, TimedReturns, Undefined};

    fn moments(prices: Vec<f64>) -> Moments {
        let series = Series::evenly_spaced(prices).unwrap();
        Moments::of(&TimedReturns::of(&series, 1, ReturnKind::Simple).values)
    }

    #[test]
    fn a_constant_price_has_none() {
        assert_eq!(volatility(&moments(vec![0.1; 50])), Ok(0.0));
    }

    #[test]
    fn constant_growth_has_none_in_spite_of_rounding() {
        for growth in [1.01, 1.5, 0.97] {
            let prices = (0..60).map(|i| 100.0 * f64::powi(growth, i)).collect();
            assert_eq!(volatility(&moments(prices)), Ok(0.0), "{growth}");
        }
    }

    #[test]
    fn a_change_in_the_tenth_digit_is_volatility() {
        assert!(volatility(&moments(vec![1.0, 1.0, 1.000_000_000_1])).unwrap() > 0.0);
    }

    #[test]
    fn one_return_is_too_few() {
        assert_eq!(volatility(&moments(vec![1.0, 2.0])), Err(Undefined::TooFewPoints));
    }
}
