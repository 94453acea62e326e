//! Reward against risk.

use super::returns::log_ratio;
use super::undefined::{Measured, Undefined, finite};
use super::volatility::annualise;

/// The Sharpe ratio per year: (mean - risk free return of a period) / volatility · sqrt(periods per year).
///
/// # Errors
/// `too_few_points` from its parts, `zero_volatility` when the returns do not vary.
pub fn sharpe(mean: Measured, risk_free: f64, volatility: Measured, periods_per_year: f64) -> Measured {
    let volatility = volatility?;
    if volatility == 0.0 {
        return Err(Undefined::ZeroVolatility);
    }
    finite(annualise((mean? - risk_free) / volatility, periods_per_year))
}

/// The Sortino ratio per year: (mean - target) / downside risk · sqrt(periods per year).
///
/// # Errors
/// `too_few_points` from its parts, `zero_downside_risk` when no return is below the target.
pub fn sortino(mean: Measured, target: f64, downside_risk: Measured, periods_per_year: f64) -> Measured {
    let downside_risk = downside_risk?;
    if downside_risk == 0.0 {
        return Err(Undefined::ZeroDownsideRisk);
    }
    finite(annualise((mean? - target) / downside_risk, periods_per_year))
}

/// The compound growth per year from the first price to the last: `(last/first)^(periods per year / periods) - 1`,
/// where `periods` is the elapsed time in intervals, so missing points do not shorten it.
///
/// # Errors
/// `too_few_points` when no time has passed; `out_of_range` when a short rise would grow beyond every number.
pub fn annualised_return(first: f64, last: f64, periods: f64, periods_per_year: f64) -> Measured {
    if periods <= 0.0 {
        return Err(Undefined::TooFewPoints);
    }
    finite((log_ratio(first, last) * (periods_per_year / periods)).exp_m1())
}

/// The Calmar ratio: annualised return / |max drawdown|.
pub fn calmar(annualised_return: Measured, max_drawdown: f64) -> Measured {
    if max_drawdown == 0.0 {
        return Err(match annualised_return {
            Err(Undefined::TooFewPoints) => Undefined::TooFewPoints,
            _ => Undefined::ZeroDrawdown,
        });
    }
    finite(annualised_return? / max_drawdown.abs())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_answers() {
        assert_eq!(sharpe(Ok(0.75), 0.25, Ok(2.0), 4.0), Ok(0.5));
        assert_eq!(sortino(Ok(0.75), 0.25, Ok(2.0), 4.0), Ok(0.5));
        let doubled_in_half_a_year = annualised_return(1.0, 2.0, 6.0, 12.0).unwrap();
        assert!((doubled_in_half_a_year - 3.0).abs() < 1e-14);
        assert_eq!(calmar(Ok(0.5), -0.25), Ok(2.0));
    }

    #[test]
    fn growth_of_nearly_equal_prices_keeps_its_digits() {
        // 60 digits: (1.0000000001 / 1)^(365 / 2) - 1, with 1.0000000001 as the nearest binary number.
        let growth = annualised_return(1.0, 1.000_000_000_1, 2.0, 365.0).unwrap();
        let exact = 1.825_000_167_563_054_9e-8;
        assert!((growth / exact - 1.0).abs() < 1e-12, "{growth:e}");
    }

    #[test]
    fn a_division_by_nothing_is_named() {
        assert_eq!(sharpe(Ok(0.1), 0.0, Ok(0.0), 365.0), Err(Undefined::ZeroVolatility));
        assert_eq!(sortino(Ok(0.1), 0.0, Ok(0.0), 365.0), Err(Undefined::ZeroDownsideRisk));
        assert_eq!(calmar(Ok(0.1), 0.0), Err(Undefined::ZeroDrawdown));
        assert_eq!(annualised_return(1.0, 2.0, 0.0, 365.0), Err(Undefined::TooFewPoints));
        assert_eq!(
            annualised_return(1.0, 100.0, 1.0, 525_600.0),
            Err(Undefined::OutOfRange)
        );
    }
}
