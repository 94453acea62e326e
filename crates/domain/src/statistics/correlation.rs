//! How returns move together.

use std::cmp::Ordering;
use std::fmt;
use std::str::FromStr;

use super::moments::Moments;
use super::returns::TimedReturns;
use super::undefined::{Measured, Undefined};
use super::volatility::volatility;

/// Which correlation is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum CorrelationMethod {
    /// Of the values themselves.
    #[default]
    Pearson,
    /// Of the ranks of the values; ties share their mean rank.
    Spearman,
}

/// A text that names no method.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unknown method {0:?}: expected pearson or spearman")]
pub struct UnknownMethod(pub String);

impl CorrelationMethod {
    /// The public name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pearson => "pearson",
            Self::Spearman => "spearman",
        }
    }
}

impl fmt::Display for CorrelationMethod {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for CorrelationMethod {
    type Err = UnknownMethod;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "pearson" => Ok(Self::Pearson),
            "spearman" => Ok(Self::Spearman),
            _ => Err(UnknownMethod(text.to_owned())),
        }
    }
}

/// One correlation and how many common returns it rests on.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Correlation {
    /// The coefficient, from -1 to 1.
    pub value: Measured,
    /// How many times both series have a return.
    pub n_overlap: usize,
}

/// The fewest common returns a correlation is formed of: two points always lie on a line and say ±1 of anything.
pub const MIN_OVERLAP: usize = 3;

/// The correlation of two series of returns over the times that both have; `too_few_points` below [`MIN_OVERLAP`].
pub fn correlation(a: &TimedReturns, b: &TimedReturns, method: CorrelationMethod) -> Correlation {
    Prepared::of(a, method).with(&Prepared::of(b, method), method)
}

/// The correlations of all pairs, each over its own common times. Symmetric; the diagonal is 1 where the series varies.
pub fn correlation_matrix(series: &[TimedReturns], method: CorrelationMethod) -> Vec<Vec<Correlation>> {
    correlation_matrix_while(series, method, || true).unwrap_or_default()
}

/// Like [`correlation_matrix`], but asks before each pair whether anybody still waits for the result; `None` when not.
pub fn correlation_matrix_while(
    series: &[TimedReturns],
    method: CorrelationMethod,
    is_wanted: impl Fn() -> bool,
) -> Option<Vec<Vec<Correlation>>> {
    let unknown = Correlation {
        value: Err(Undefined::TooFewPoints),
        n_overlap: 0,
    };
    let mut matrix = vec![vec![unknown; series.len()]; series.len()];
    let mut prepared = Vec::with_capacity(series.len());
    for one in series {
        if !is_wanted() {
            return None;
        }
        prepared.push(Prepared::of(one, method));
    }
    for (i, a) in prepared.iter().enumerate() {
        for (j, b) in prepared.iter().enumerate().skip(i) {
            if !is_wanted() {
                return None;
            }
            let mut cell = a.with(b, method);
            if i == j {
                cell.value = cell.value.map(|_| 1.0);
            }
            matrix[i][j] = cell;
            matrix[j][i] = cell;
        }
    }
    Some(matrix)
}

/// A series with the order of its values, so that it is sorted once and not again for each pair.
struct Prepared<'a> {
    series: &'a TimedReturns,
    /// Positions by ascending value; empty for Pearson.
    order: Vec<usize>,
}

impl<'a> Prepared<'a> {
    fn of(series: &'a TimedReturns, method: CorrelationMethod) -> Self {
        let order = match method {
            CorrelationMethod::Pearson => Vec::new(),
            CorrelationMethod::Spearman => ascending(&series.values),
        };
        Self { series, order }
    }

    fn with(&self, other: &Self, method: CorrelationMethod) -> Correlation {
        let (own, others) = common(&self.series.times, &other.series.times);
        let value = if own.len() < MIN_OVERLAP {
            Err(Undefined::TooFewPoints)
        } else {
            match method {
                CorrelationMethod::Pearson => pearson(&self.pick(&own), &other.pick(&others)),
                CorrelationMethod::Spearman => pearson(&self.ranks_among(&own), &other.ranks_among(&others)),
            }
        };
        Correlation {
            n_overlap: own.len(),
            value,
        }
    }

    fn pick(&self, positions: &[usize]) -> Vec<f64> {
        positions.iter().map(|at| self.series.values[*at]).collect()
    }

    /// The ranks of the values at `positions` (ascending) among themselves.
    fn ranks_among(&self, positions: &[usize]) -> Vec<f64> {
        const ABSENT: usize = usize::MAX;
        let mut place = vec![ABSENT; self.series.values.len()];
        for (index, at) in positions.iter().enumerate() {
            place[*at] = index;
        }
        let present = self
            .order
            .iter()
            .copied()
            .filter(|at| place[*at] != ABSENT)
            .collect::<Vec<_>>();
        let mut ranks = vec![0.0; positions.len()];
        rank_in_order(&self.series.values, &present, |at, rank| ranks[place[at]] = rank);
        ranks
    }
}

/// The positions of the common times in both lists.
fn common(a: &[i64], b: &[i64]) -> (Vec<usize>, Vec<usize>) {
    let (mut i, mut j) = (0, 0);
    let (mut x, mut y) = (Vec::new(), Vec::new());
    while i < a.len() && j < b.len() {
        match a[i].cmp(&b[j]) {
            Ordering::Less => i += 1,
            Ordering::Greater => j += 1,
            Ordering::Equal => {
                x.push(i);
                y.push(j);
                i += 1;
                j += 1;
            }
        }
    }
    (x, y)
}

fn ascending(values: &[f64]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..values.len()).collect();
    order.sort_by(|a, b| values[*a].total_cmp(&values[*b]));
    order
}

/// Hands each position of `order`, ascending by value, its rank from 1; ties share their mean rank.
fn rank_in_order(values: &[f64], order: &[usize], mut assign: impl FnMut(usize, f64)) {
    let mut before = 0;
    for tied in order.chunk_by(|a, b| values[*a] == values[*b]) {
        let shared = before as f64 + (tied.len() as f64 + 1.0) / 2.0;
        for at in tied {
            assign(*at, shared);
        }
        before += tied.len();
    }
}

/// Pearson's correlation of paired values.
///
/// # Errors
/// `too_few_points` with fewer than two pairs, `zero_volatility` when one side does not vary.
pub fn pearson(x: &[f64], y: &[f64]) -> Measured {
    let (mx, my) = (Moments::of(x), Moments::of(y));
    if x.len() != y.len() || x.len() < 2 {
        return Err(Undefined::TooFewPoints);
    }
    let (sx, sy) = (volatility(&mx)?, volatility(&my)?);
    if sx == 0.0 || sy == 0.0 {
        return Err(Undefined::ZeroVolatility);
    }
    let (mean_x, mean_y) = (mx.mean()?, my.mean()?);
    let products: Vec<f64> = x
        .iter()
        .zip(y)
        .map(|(x, y)| ((x - mean_x) / sx) * ((y - mean_y) / sy))
        .collect();
    Ok((super::sum::sum(&products) / (x.len() as f64 - 1.0)).clamp(-1.0, 1.0))
}

/// Spearman's rank correlation of paired values.
///
/// # Errors
/// Those of [`pearson`].
pub fn spearman(x: &[f64], y: &[f64]) -> Measured {
    pearson(&ranks(x), &ranks(y))
}

/// The rank of each value from 1; equal values share the mean of their ranks.
pub fn ranks(values: &[f64]) -> Vec<f64> {
    let mut ranks = vec![0.0; values.len()];
    rank_in_order(values, &ascending(values), |at, rank| ranks[at] = rank);
    ranks
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn timed(times: &[i64], values: &[f64]) -> TimedReturns {
        TimedReturns {
            times: times.to_vec(),
            values: values.to_vec(),
        }
    }

    #[test]
    fn only_common_times_count() {
        let a = timed(&[1, 2, 3, 5, 6], &[0.1, 0.2, 0.3, 9.0, 0.4]);
        let b = timed(&[2, 3, 4, 6], &[0.4, 0.6, -9.0, 0.8]);
        let cell = correlation(&a, &b, CorrelationMethod::Pearson);
        assert_eq!(cell.n_overlap, 3);
        assert!((cell.value.unwrap() - 1.0).abs() < 1e-15);
    }

    #[test]
    fn ties_share_their_rank() {
        assert_eq!(ranks(&[10.0, 20.0, 10.0, 30.0]), [1.5, 3.0, 1.5, 4.0]);
        assert_eq!(ranks(&[-0.0, 0.0]), [1.5, 1.5]);
    }

    #[test]
    fn spearman_sees_order_only() {
        let rising = spearman(&[1.0, 2.0, 3.0, 4.0], &[1.0, 10.0, 100.0, 1000.0]).unwrap();
        assert!((rising - 1.0).abs() < 1e-15);
        // scipy.stats.spearmanr([1, 2, 3, 4, 5], [5, 6, 7, 8, 7]) = 0.8207826816681233
        let known = spearman(&[1.0, 2.0, 3.0, 4.0, 5.0], &[5.0, 6.0, 7.0, 8.0, 7.0]).unwrap();
        assert!((known - 0.820_782_681_668_123_3).abs() < 1e-15);
    }

    #[test]
    fn undefined_correlation_has_a_reason() {
        assert_eq!(pearson(&[1.0], &[1.0]), Err(Undefined::TooFewPoints));
        assert_eq!(pearson(&[1.0, 1.0], &[1.0, 2.0]), Err(Undefined::ZeroVolatility));
    }

    #[test]
    fn two_common_returns_have_no_correlation() {
        let a = timed(&[1, 2, 3], &[0.1, 0.2, 0.3]);
        for (times, known) in [(vec![2, 3], false), (vec![1, 2, 3], true)] {
            let values: Vec<f64> = times.iter().map(|time| *time as f64).collect();
            for method in [CorrelationMethod::Pearson, CorrelationMethod::Spearman] {
                let cell = correlation(&a, &timed(&times, &values), method);
                assert_eq!((cell.n_overlap, cell.value.is_ok()), (times.len(), known), "{method}");
            }
        }
    }

    #[test]
    fn matrix_nobody_waits_for_is_given_up() {
        let series = vec![timed(&[1, 2, 3], &[0.1, 0.2, 0.3]); 4];
        let asked = std::cell::Cell::new(0);
        let matrix = correlation_matrix_while(&series, CorrelationMethod::Spearman, || {
            asked.set(asked.get() + 1);
            asked.get() < 6
        });
        assert_eq!((matrix, asked.get()), (None, 6));
    }

    proptest! {
        #[test]
        fn ranks_of_common_values_equal_ranking_them_anew(
            rows in prop::collection::vec((0..3_u8, -5..5_i8, -5..5_i8), 3..80)
        ) {
            // Only a, only b, or both have the time.
            let side = |skip: u8, pick: fn(&(u8, i8, i8)) -> i8| {
                let mut series = TimedReturns::default();
                for (time, row) in (0..).zip(&rows).filter(|(_, row)| row.0 != skip) {
                    series.times.push(time);
                    series.values.push(f64::from(pick(row)));
                }
                series
            };
            let (a, b) = (side(1, |row| row.1), side(2, |row| row.2));
            let shared: Vec<&(u8, i8, i8)> = rows.iter().filter(|row| row.0 == 0).collect();
            let x: Vec<f64> = shared.iter().map(|row| f64::from(row.1)).collect();
            let y: Vec<f64> = shared.iter().map(|row| f64::from(row.2)).collect();
            let plain = if x.len() < MIN_OVERLAP { Err(Undefined::TooFewPoints) } else { spearman(&x, &y) };
            let cell = correlation(&a, &b, CorrelationMethod::Spearman);
            prop_assert_eq!((cell.n_overlap, cell.value), (x.len(), plain));
        }

        #[test]
        fn it_is_symmetric_bounded_and_blind_to_scale(
            pairs in prop::collection::vec((-1.0..1.0_f64, -1.0..1.0_f64), 3..100), scale in 0.1..10.0_f64
        ) {
            let (x, y): (Vec<f64>, Vec<f64>) = pairs.into_iter().unzip();
            let scaled: Vec<f64> = x.iter().map(|v| v * scale + 1.0).collect();
            if let Ok(value) = pearson(&x, &y) {
                prop_assert!((-1.0..=1.0).contains(&value));
                prop_assert!((value - pearson(&y, &x).unwrap()).abs() < 1e-12);
                prop_assert!((value - pearson(&scaled, &y).unwrap()).abs() < 1e-9);
            }
        }
    }
}
