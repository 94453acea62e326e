//! Every statistic of one series.

use super::basics::Basics;
use super::ratios::{annualised_return, calmar, sortino};
use super::returns::ReturnKind;
use super::series::Series;
use super::standard_error::StandardErrors;
use super::tail::tail;
use super::undefined::{Measured, Undefined};
use super::volatility::annualise;

/// What the statistics of a series depend on besides its prices.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct StatsOptions {
    /// The time between two neighbouring points, in the unit of the series' times.
    pub step: i64,
    /// How returns are formed.
    pub returns: ReturnKind,
    /// The riskless return per year; a period's share of it is `risk_free / periods_per_year`. It is also the target
    /// of the downside risk.
    pub risk_free: f64,
    /// Periods in a year, usually [`super::SECONDS_PER_YEAR`] / step in seconds.
    pub periods_per_year: f64,
    /// How many points a complete series would have; by default as many as fit between the first and the last.
    pub expected_points: Option<usize>,
}

/// Every statistic of one series of prices.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Stats {
    /// Those that one pass gives.
    pub basics: Basics,
    /// The points there are, over the points a complete series would have; at most 1.
    pub coverage: Measured,
    /// The downside risk per year.
    pub annualized_downside_risk: Measured,
    /// (mean - risk free) / downside risk, per year.
    pub sortino_ratio: Measured,
    /// Annualised return / |max drawdown|.
    pub calmar_ratio: Measured,
    /// Minus the 5 % quantile of the returns; positive is a loss.
    pub var_95: Measured,
    /// Minus the mean of the returns at or below that quantile.
    pub cvar_95: Measured,
    /// The bias-corrected skewness of the returns.
    pub skew: Measured,
    /// The bias-corrected excess kurtosis of the returns.
    pub kurtosis: Measured,
    /// How sure the estimates are.
    pub standard_errors: StandardErrors,
}

impl Stats {
    /// The statistics of `series`.
    pub fn of(series: &Series, options: &StatsOptions) -> Self {
        let periods_per_year = options.periods_per_year;
        let risk_free = options.risk_free / periods_per_year;
        let mut returns = Vec::with_capacity(series.len().saturating_sub(1));
        let basics = Basics::collect(
            series,
            options.step,
            options.returns,
            risk_free,
            periods_per_year,
            |block| {
                returns.extend_from_slice(block);
            },
        );
        let tail = tail(&mut returns, 0.05);
        let elapsed_periods = series.elapsed() as f64 / options.step as f64;
        let growth = match (basics.first, basics.last) {
            (Ok(first), Ok(last)) => annualised_return(first, last, elapsed_periods, periods_per_year),
            (Err(reason), _) | (_, Err(reason)) => Err(reason),
        };
        let varies = basics.volatility.and_then(|value| {
            if value == 0.0 {
                Err(Undefined::ZeroVolatility)
            } else {
                Ok(value)
            }
        });
        Self {
            coverage: coverage(series, options),
            annualized_downside_risk: basics.downside_risk.map(|value| annualise(value, periods_per_year)),
            sortino_ratio: sortino(basics.returns.mean(), risk_free, basics.downside_risk, periods_per_year),
            calmar_ratio: basics.max_drawdown.and_then(|worst| calmar(growth, worst)),
            var_95: tail.value_at_risk,
            cvar_95: tail.conditional_value_at_risk,
            skew: varies.and_then(|_| basics.returns.skew()),
            kurtosis: varies.and_then(|_| basics.returns.excess_kurtosis()),
            standard_errors: StandardErrors::of(&basics.returns, risk_free, periods_per_year),
            basics,
        }
    }
}

fn coverage(series: &Series, options: &StatsOptions) -> Measured {
    let between_ends = (!series.is_empty()).then(|| (series.elapsed() / options.step) as usize + 1);
    match options.expected_points.or(between_ends) {
        None | Some(0) => Err(Undefined::NoPoints),
        Some(expected) => Ok((series.len() as f64 / expected as f64).min(1.0)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAILY: StatsOptions = StatsOptions {
        step: 1,
        returns: ReturnKind::Simple,
        risk_free: 0.0,
        periods_per_year: 365.0,
        expected_points: None,
    };

    fn stats(prices: &[f64]) -> Stats {
        Stats::of(&Series::evenly_spaced(prices.to_vec()).unwrap(), &DAILY)
    }

    #[test]
    fn a_constant_price_names_what_it_divides_by() {
        let stats = stats(&[5.0; 10]);
        assert_eq!(stats.basics.volatility, Ok(0.0));
        assert_eq!(stats.basics.sharpe_ratio, Err(Undefined::ZeroVolatility));
        assert_eq!(stats.sortino_ratio, Err(Undefined::ZeroDownsideRisk));
        assert_eq!(stats.calmar_ratio, Err(Undefined::ZeroDrawdown));
        assert_eq!(stats.skew, Err(Undefined::ZeroVolatility));
        assert_eq!((stats.var_95, stats.cvar_95), (Ok(0.0), Ok(0.0)));
        assert!(stats.var_95.unwrap().is_sign_positive());
    }

    #[test]
    fn a_missing_point_lowers_the_coverage() {
        let series = Series::new(vec![0, 1, 3, 4], vec![1.0, 2.0, 3.0, 4.0]).unwrap();
        assert_eq!(Stats::of(&series, &DAILY).coverage, Ok(0.8));
        let options = StatsOptions {
            expected_points: Some(8),
            ..DAILY
        };
        assert_eq!(Stats::of(&series, &options).coverage, Ok(0.5));
        assert_eq!(Stats::of(&Series::default(), &options).coverage, Ok(0.0));
        assert_eq!(Stats::of(&Series::default(), &DAILY).coverage, Err(Undefined::NoPoints));
    }

    #[test]
    fn the_risk_free_rate_is_per_year() {
        let prices = [100.0, 101.0, 100.0, 103.0];
        let series = Series::evenly_spaced(prices.to_vec()).unwrap();
        let with_rate = Stats::of(
            &series,
            &StatsOptions {
                risk_free: 0.365,
                ..DAILY
            },
        );
        let plain = stats(&prices);
        let volatility = plain.basics.volatility.unwrap();
        let difference = plain.basics.sharpe_ratio.unwrap() - with_rate.basics.sharpe_ratio.unwrap();
        assert!((difference - 0.001 / volatility * 365.0_f64.sqrt()).abs() < 1e-10);
    }
}
