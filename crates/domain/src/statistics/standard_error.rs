//! How sure the estimates are. All assume independent returns of one distribution, not necessarily normal.

use super::moments::Moments;
use super::undefined::{Measured, Undefined, finite};
use super::volatility::{annualise, volatility};

/// Standard errors of the estimates made from one sample of returns.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct StandardErrors {
    /// Of the mean return per period: s / sqrt(n).
    pub mean_return: Measured,
    /// Of the volatility per period: s/2 · sqrt((b2 - (n-3)/(n-1)) / n), from Var(s²) = (μ4 - σ⁴(n-3)/(n-1)) / n by the
    /// delta method (Mood, Graybill and Boes 1974, VI.2.3; b2 is the kurtosis). For normal returns about s / sqrt(2n).
    pub volatility: Measured,
    /// The same, scaled to a year.
    pub annualized_volatility: Measured,
    /// Of the Sharpe ratio per year: sqrt((1 - g1·q + (b2-1)/4 · q²) / n) · sqrt(periods per year), q the ratio per
    /// period, g1 the skewness, b2 the kurtosis (Mertens 2002; Lo 2002, Financial Analysts Journal 58(4), for normal
    /// returns).
    pub sharpe_ratio: Measured,
    /// Of the skewness: sqrt(6n(n-1) / ((n-2)(n+1)(n+3))), for a normal sample (Cramér 1946).
    pub skew: Measured,
    /// Of the kurtosis: 2 · SE(skew) · sqrt((n²-1) / ((n-3)(n+5))), for a normal sample (Cramér 1946).
    pub kurtosis: Measured,
}

impl StandardErrors {
    /// The standard errors for these returns; `risk_free` is the riskless return of a period.
    pub fn of(returns: &Moments, risk_free: f64, periods_per_year: f64) -> Self {
        let n = returns.n() as f64;
        let volatility_error = volatility_error(returns);
        let skew = skew_error(returns.n());
        Self {
            mean_return: volatility(returns).map(|deviation| deviation / n.sqrt()),
            volatility: volatility_error,
            annualized_volatility: volatility_error.map(|error| annualise(error, periods_per_year)),
            sharpe_ratio: sharpe_error(returns, risk_free).map(|error| annualise(error, periods_per_year)),
            skew,
            kurtosis: skew.and_then(|skew| {
                if returns.n() < 4 {
                    return Err(Undefined::TooFewPoints);
                }
                finite(2.0 * skew * ((n * n - 1.0) / ((n - 3.0) * (n + 5.0))).sqrt())
            }),
        }
    }
}

fn volatility_error(returns: &Moments) -> Measured {
    let deviation = volatility(returns)?;
    if deviation == 0.0 {
        return Ok(0.0);
    }
    let n = returns.n() as f64;
    let spread = returns.population_kurtosis() - (n - 3.0) / (n - 1.0);
    finite(deviation / 2.0 * (spread.max(0.0) / n).sqrt())
}

fn sharpe_error(returns: &Moments, risk_free: f64) -> Measured {
    let deviation = volatility(returns)?;
    if deviation == 0.0 {
        return Err(Undefined::ZeroVolatility);
    }
    let ratio = (returns.mean()? - risk_free) / deviation;
    let variance =
        1.0 - returns.population_skew() * ratio + (returns.population_kurtosis() - 1.0) / 4.0 * ratio * ratio;
    finite((variance.max(0.0) / returns.n() as f64).sqrt())
}

fn skew_error(n: usize) -> Measured {
    if n < 3 {
        return Err(Undefined::TooFewPoints);
    }
    let n = n as f64;
    finite((6.0 * n * (n - 1.0) / ((n - 2.0) * (n + 1.0) * (n + 3.0))).sqrt())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_of_a_symmetric_two_point_sample() {
        // Half +1 %, half -1 %: g1 = 0, b2 = 1, so the Sharpe error is 1/sqrt(n) at a ratio of 0.
        let returns: Vec<f64> = (0..100).map(|i| if i % 2 == 0 { 0.01 } else { -0.01 }).collect();
        let errors = StandardErrors::of(&Moments::of(&returns), 0.0, 4.0);
        let deviation = 0.01 * (100.0_f64 / 99.0).sqrt();
        assert!((errors.mean_return.unwrap() - deviation / 10.0).abs() < 1e-15);
        assert!((errors.sharpe_ratio.unwrap() - 0.2).abs() < 1e-12);
        // b2 - 97/99 = 2/99
        let expected = deviation / 2.0 * (2.0_f64 / 99.0 / 100.0).sqrt();
        assert!((errors.volatility.unwrap() / expected - 1.0).abs() < 1e-9);
        // SPSS prints 0.241 and 0.478 for n = 100.
        assert!((errors.skew.unwrap() - 0.241_380).abs() < 1e-6);
        assert!((errors.kurtosis.unwrap() - 0.478_331).abs() < 1e-6);
    }

    #[test]
    fn sharpe_error_is_unknown_without_variation() {
        let errors = StandardErrors::of(&Moments::of(&[0.0; 10]), 0.0, 365.0);
        assert_eq!(errors.mean_return, Ok(0.0));
        assert_eq!(errors.volatility, Ok(0.0));
        assert_eq!(errors.sharpe_ratio, Err(Undefined::ZeroVolatility));
    }
}
