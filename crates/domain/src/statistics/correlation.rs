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

/// The correlation of two series of returns over the times that both have.
pub fn correlation(a: &TimedReturns, b: &TimedReturns, method: CorrelationMethod) -> Correlation {
    let (x, y) = common(a, b);
    Correlation {
        n_overlap: x.len(),
        value: match method {
            CorrelationMethod::Pearson => pearson(&x, &y),
            CorrelationMethod::Spearman => spearman(&x, &y),
        },
    }
}

/// The correlations of all pairs, each over its own common times. Symmetric; the diagonal is 1 where the series varies.
pub fn correlation_matrix(series: &[TimedReturns], method: CorrelationMethod) -> Vec<Vec<Correlation>> {
    correlation_matrix_while(series, method, || true).unwrap_or_default()
}

/// The same as long as `go_on`, which is asked before each pair; `None` once it has said no.
pub fn correlation_matrix_while(
    series: &[TimedReturns],
    method: CorrelationMethod,
    go_on: impl Fn() -> bool,
) -> Option<Vec<Vec<Correlation>>> {
    let unknown = Correlation {
        value: Err(Undefined::TooFewPoints),
        n_overlap: 0,
    };
    // Ranks among all of a series' values are those among the common ones where two series have the same times.
    let mut ranked = Vec::with_capacity(series.len());
    for one in series {
        if !go_on() {
            return None;
        }
        ranked.push(match method {
            CorrelationMethod::Pearson => None,
            CorrelationMethod::Spearman => Some(ranks(&one.values)),
        });
    }
    let values = |i: usize| ranked[i].as_deref().unwrap_or(&series[i].values);
    let mut matrix = vec![vec![unknown; series.len()]; series.len()];
    for (i, a) in series.iter().enumerate() {
        for (j, b) in series.iter().enumerate().skip(i) {
            if !go_on() {
                return None;
            }
            let mut cell = if a.times == b.times {
                Correlation {
                    n_overlap: a.times.len(),
                    value: pearson(values(i), values(j)),
                }
            } else {
                correlation(a, b, method)
            };
            if i == j {
                cell.value = cell.value.map(|_| 1.0);
            }
            matrix[i][j] = cell;
            matrix[j][i] = cell;
        }
    }
    Some(matrix)
}

/// The values of both series at their common times.
fn common(a: &TimedReturns, b: &TimedReturns) -> (Vec<f64>, Vec<f64>) {
    let (mut i, mut j) = (0, 0);
    let (mut x, mut y) = (Vec::new(), Vec::new());
    while i < a.times.len() && j < b.times.len() {
        match a.times[i].cmp(&b.times[j]) {
            Ordering::Less => i += 1,
            Ordering::Greater => j += 1,
            Ordering::Equal => {
                x.push(a.values[i]);
                y.push(b.values[j]);
                i += 1;
                j += 1;
            }
        }
    }
    (x, y)
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
    let mut order: Vec<usize> = (0..values.len()).collect();
    order.sort_by(|a, b| values[*a].total_cmp(&values[*b]));
    let mut ranks = vec![0.0; values.len()];
    let mut before = 0;
    for tied in order.chunk_by(|a, b| values[*a] == values[*b]) {
        let shared = before as f64 + (tied.len() as f64 + 1.0) / 2.0;
        for index in tied {
            ranks[*index] = shared;
        }
        before += tied.len();
    }
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
    fn matrix_is_that_of_its_pairs_and_can_be_stopped() {
        let series = [
            timed(&[1, 2, 3, 4], &[0.1, 0.4, 0.2, 0.3]),
            timed(&[1, 2, 3, 4], &[0.5, 0.5, 0.1, 0.7]),
            timed(&[2, 3, 4, 5], &[0.3, 0.1, 0.4, 0.2]),
        ];
        for method in [CorrelationMethod::Pearson, CorrelationMethod::Spearman] {
            let matrix = correlation_matrix(&series, method);
            for (i, j) in [(0, 1), (0, 2), (1, 2)] {
                assert_eq!(matrix[i][j], correlation(&series[i], &series[j], method));
                assert_eq!(matrix[i][j], matrix[j][i]);
            }
            let asked = std::cell::Cell::new(0);
            let stopped = correlation_matrix_while(&series, method, || {
                asked.set(asked.get() + 1);
                asked.get() < 5
            });
            assert_eq!((stopped, asked.get()), (None, 5));
        }
    }

    #[test]
    fn what_has_no_correlation_says_why() {
        assert_eq!(pearson(&[1.0], &[1.0]), Err(Undefined::TooFewPoints));
        assert_eq!(pearson(&[1.0, 1.0], &[1.0, 2.0]), Err(Undefined::ZeroVolatility));
    }

    proptest! {
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
