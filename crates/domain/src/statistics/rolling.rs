//! Statistics over a moving window.

use super::moments::Moments;
use super::ratios::sharpe;
use super::returns::TimedReturns;
use super::undefined::{Measured, Undefined};
use super::volatility::{annualise, volatility};

/// The volatility per year over the last `window` periods, at the time of each return.
///
/// A window in which more than half of the returns are missing, or that has fewer than two, has no value.
pub fn rolling_volatility(returns: &TimedReturns, step: i64, window: usize, periods_per_year: f64) -> Vec<Measured> {
    rolling(returns, step, window, |moments| {
        volatility(moments).map(|value| annualise(value, periods_per_year))
    })
}

/// The Sharpe ratio per year over the last `window` periods, at the time of each return; `risk_free` is per period.
///
/// A window in which more than half of the returns are missing, or that has fewer than two, has no value.
pub fn rolling_sharpe(
    returns: &TimedReturns,
    step: i64,
    window: usize,
    risk_free: f64,
    periods_per_year: f64,
) -> Vec<Measured> {
    rolling(returns, step, window, |moments| {
        sharpe(moments.mean(), risk_free, volatility(moments), periods_per_year)
    })
}

fn rolling(returns: &TimedReturns, step: i64, window: usize, measure: impl Fn(&Moments) -> Measured) -> Vec<Measured> {
    let span = step.saturating_mul(i64::try_from(window).unwrap_or(i64::MAX));
    let mut start = 0;
    returns
        .times
        .iter()
        .enumerate()
        .map(|(end, time)| {
            while time - returns.times[start] >= span {
                start += 1;
            }
            let inside = &returns.values[start..=end];
            if inside.len() < 2 || inside.len() * 2 < window {
                return Err(Undefined::TooFewPoints);
            }
            measure(&Moments::of(inside))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_window_forgets_what_left_it_and_waits_for_half() {
        let returns = TimedReturns {
            times: vec![1, 2, 3, 4, 5, 20, 21],
            values: vec![0.5, 0.1, -0.1, 0.1, -0.1, 0.3, 0.3],
        };
        let values = rolling_volatility(&returns, 1, 4, 1.0);
        assert_eq!(values[0], Err(Undefined::TooFewPoints));
        assert!(values[1].is_ok());
        let four = Moments::of(&[0.1, -0.1, 0.1, -0.1]).standard_deviation();
        assert_eq!(values[4], four);
        assert_eq!(values[5], Err(Undefined::TooFewPoints));
        assert_eq!(values[6], Ok(0.0));
        assert_eq!(
            rolling_sharpe(&returns, 1, 4, 0.0, 1.0)[6],
            Err(Undefined::ZeroVolatility)
        );
    }
}
