//! The statistics that one pass over the prices gives.
//!
//! Prices go through in blocks that fit the first cache: sums and extremes, the running maximum, the block's returns
//! and their centred moments, all while the block is warm. A block without gaps, which is nearly every block, is
//! recognised by one comparison of its ends: times ascend strictly in whole steps or they do not.

use super::change::percent_change;
use super::drawdown::{Drawdown, DrawdownTracker};
use super::moments::Moments;
use super::ratios::sharpe;
use super::returns::ReturnKind;
use super::series::Series;
use super::sum::{BLOCK, Compensated, block_extremes, block_sum};
use super::undefined::{Measured, Undefined, finite};
use super::volatility::{annualise, volatility};

/// Average, extremes, change, volatility, drawdown, Sharpe ratio and downside risk of one series of prices.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Basics {
    /// How many prices there are.
    pub n: usize,
    /// The first price.
    pub first: Measured,
    /// The last price.
    pub last: Measured,
    /// The arithmetic mean of the prices.
    pub average_price: Measured,
    /// The highest price.
    pub max_price: Measured,
    /// The lowest price.
    pub min_price: Measured,
    /// `(last / first - 1) · 100`.
    pub change_percent: Measured,
    /// The moments of the returns.
    pub returns: Moments,
    /// The sample standard deviation of the returns, per period.
    pub volatility: Measured,
    /// The volatility per year.
    pub annualized_volatility: Measured,
    /// The lowest `p_t / max(p_0 … p_t) - 1`, zero or below.
    pub max_drawdown: Measured,
    /// The drawdown at the last price, zero or below.
    pub current_drawdown: Measured,
    /// (mean - risk free) / volatility, per year.
    pub sharpe_ratio: Measured,
    /// `sqrt(Σ min(r - target, 0)² / N)` over all N returns, per period. The target is the risk free return of a
    /// period.
    pub downside_risk: Measured,
}

impl Basics {
    /// The statistics of `series`, whose points are `step` apart where nothing is missing. `risk_free` is the riskless
    /// return of one period.
    pub fn of(series: &Series, step: i64, kind: ReturnKind, risk_free: f64, periods_per_year: f64) -> Self {
        Self::collect(series, step, kind, risk_free, periods_per_year, |_| {})
    }

    /// The same, and hands the returns of each block to `keep`.
    pub(super) fn collect(
        series: &Series,
        step: i64,
        kind: ReturnKind,
        risk_free: f64,
        periods_per_year: f64,
        mut keep: impl FnMut(&[f64]),
    ) -> Self {
        let (times, prices) = (series.times(), series.prices());
        let mut total = Compensated::default();
        let (mut low, mut high) = (f64::INFINITY, f64::NEG_INFINITY);
        let mut drawdown = prices.first().map(|first| DrawdownTracker::starting_at(*first));
        let mut returns = Moments::default();
        let mut downside = Compensated::default();
        let mut buffer = [0.0; BLOCK];

        for start in (0..prices.len()).step_by(BLOCK) {
            let end = (start + BLOCK).min(prices.len());
            let block = &prices[start..end];
            total.add(block_sum(block, |price| price));
            let (block_low, block_high) = block_extremes(block);
            low = low.min(block_low);
            high = high.max(block_high);
            if let Some(drawdown) = &mut drawdown {
                drawdown.extend(block);
            }

            // The first return of a block starts at the last price of the block before it.
            let from = start.saturating_sub(1);
            let count = fill_returns(&times[from..end], &prices[from..end], step, kind, &mut buffer);
            let block_returns = &buffer[..count];
            returns = returns.merge(Moments::of_block(block_returns));
            downside.add(block_sum(block_returns, |value| {
                let below = (value - risk_free).min(0.0);
                below * below
            }));
            keep(block_returns);
        }

        let ends = prices.first().zip(prices.last());
        let of_prices = |value: f64| {
            if prices.is_empty() {
                Err(Undefined::NoPoints)
            } else {
                finite(value)
            }
        };
        let drawdown = drawdown.map(DrawdownTracker::finish).ok_or(Undefined::NoPoints);
        let volatility = volatility(&returns);
        Self {
            n: prices.len(),
            first: of_prices(ends.map_or(0.0, |(first, _)| *first)),
            last: of_prices(ends.map_or(0.0, |(_, last)| *last)),
            average_price: of_prices(total.value() / prices.len() as f64),
            max_price: of_prices(high),
            min_price: of_prices(low),
            change_percent: match ends {
                None => Err(Undefined::NoPoints),
                Some(_) if prices.len() < 2 => Err(Undefined::TooFewPoints),
                Some((first, last)) => percent_change(*first, *last).ok_or(Undefined::OutOfRange),
            },
            returns,
            volatility,
            annualized_volatility: volatility.map(|value| annualise(value, periods_per_year)),
            max_drawdown: drawdown.map(|Drawdown { max, .. }| max),
            current_drawdown: drawdown.map(|Drawdown { current, .. }| current),
            sharpe_ratio: sharpe(returns.mean(), risk_free, volatility, periods_per_year),
            downside_risk: match returns.n() {
                0 => Err(Undefined::TooFewPoints),
                n => finite((downside.value() / n as f64).sqrt()),
            },
        }
    }
}

/// Writes the returns between neighbours one step apart and says how many there are.
fn fill_returns(times: &[i64], prices: &[f64], step: i64, kind: ReturnKind, buffer: &mut [f64]) -> usize {
    let pairs = || prices[..prices.len() - 1].iter().zip(&prices[1..]);
    let whole = times[..times.len() - 1]
        .iter()
        .zip(&times[1..])
        .fold(true, |whole, (a, b)| whole & (b - a == step));
    if whole {
        match kind {
            ReturnKind::Simple => fill(buffer, pairs(), ReturnKind::Simple),
            ReturnKind::Log => fill(buffer, pairs(), ReturnKind::Log),
        }
        return prices.len() - 1;
    }
    let mut count = 0;
    for (pair, (before, after)) in times.windows(2).zip(pairs()) {
        if pair[1] - pair[0] == step {
            buffer[count] = kind.between(*before, *after);
            count += 1;
        }
    }
    count
}

/// Inlined once per kind, so that the choice is made outside the loop.
#[inline(always)]
fn fill<'a>(buffer: &mut [f64], pairs: impl Iterator<Item = (&'a f64, &'a f64)>, kind: ReturnKind) {
    for (slot, (before, after)) in buffer.iter_mut().zip(pairs) {
        *slot = kind.between(*before, *after);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::statistics::{TimedReturns, sum};

    fn close(a: f64, b: f64) -> bool {
        (a - b).abs() <= 1e-12 * a.abs().max(b.abs()).max(1e-12)
    }

    #[test]
    fn nothing_is_known_of_no_points() {
        let basics = Basics::of(&Series::default(), 1, ReturnKind::Simple, 0.0, 365.0);
        for value in [
            basics.first,
            basics.average_price,
            basics.max_price,
            basics.max_drawdown,
            basics.change_percent,
        ] {
            assert_eq!(value, Err(Undefined::NoPoints));
        }
        assert_eq!(basics.volatility, Err(Undefined::TooFewPoints));
    }

    #[test]
    fn one_point_has_a_price_but_no_change() {
        let series = Series::evenly_spaced(vec![7.0]).unwrap();
        let basics = Basics::of(&series, 1, ReturnKind::Simple, 0.0, 365.0);
        assert_eq!((basics.average_price, basics.max_drawdown), (Ok(7.0), Ok(0.0)));
        assert_eq!(basics.change_percent, Err(Undefined::TooFewPoints));
        assert_eq!(basics.downside_risk, Err(Undefined::TooFewPoints));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        /// Sizes around the block length, with and without gaps, against the plain definitions.
        #[test]
        fn blocks_equal_the_plain_definitions(
            steps in prop::collection::vec((prop::bool::weighted(0.999), -0.1..0.1_f64), 1..2_600),
            log in any::<bool>(),
        ) {
            let kind = if log { ReturnKind::Log } else { ReturnKind::Simple };
            let (mut time, mut price) = (0, 100.0);
            let (mut times, mut prices) = (Vec::new(), Vec::new());
            for (whole, change) in steps {
                time += if whole { 60 } else { 120 };
                price *= 1.0 + change;
                times.push(time);
                prices.push(price);
            }
            let series = Series::new(times, prices).unwrap();
            let basics = Basics::of(&series, 60, kind, 0.001, 365.0);
            let returns = TimedReturns::of(&series, 60, kind).values;
            prop_assert_eq!(basics.returns.n(), returns.len());
            prop_assert!(close(basics.average_price.unwrap(), sum(series.prices()) / series.len() as f64));
            prop_assert_eq!(basics.max_price.unwrap(), series.prices().iter().copied().fold(0.0, f64::max));
            prop_assert_eq!(basics.min_price.unwrap(), series.prices().iter().copied().fold(f64::MAX, f64::min));
            prop_assert_eq!(basics.max_drawdown.ok(), Drawdown::of(series.prices()).map(|d| d.max));
            if returns.len() >= 2 {
                let mean = sum(&returns) / returns.len() as f64;
                let squares: Vec<f64> = returns.iter().map(|r| (r - mean).powi(2)).collect();
                let below: Vec<f64> = returns.iter().map(|r| (r - 0.001).min(0.0).powi(2)).collect();
                let deviation = (sum(&squares) / (returns.len() as f64 - 1.0)).sqrt();
                prop_assert!(close(basics.volatility.unwrap(), deviation));
                prop_assert!(close(basics.downside_risk.unwrap(), (sum(&below) / returns.len() as f64).sqrt()));
            }
        }
    }
}
