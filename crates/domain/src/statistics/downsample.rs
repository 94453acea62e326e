//! Fewer points that keep every extreme.

/// The positions to keep of equally long columns, ascending, at most `max_points` of them.
///
/// The first and the last position stay, and in each of equally wide buckets between them the position of the
/// smallest and of the largest value of every column, so a chart drawn from what is left shows the same peaks and
/// troughs. Missing values are `NaN`. With room for fewer points than two per column, whole columns are given up from
/// the last one.
pub fn downsample(columns: &[&[f64]], max_points: usize) -> Vec<usize> {
    let len = columns.first().map_or(0, |column| column.len());
    if len <= max_points {
        return (0..len).collect();
    }
    match max_points {
        0 => return Vec::new(),
        1 => return vec![len - 1],
        _ => {}
    }
    let room = max_points - 2;
    let columns = &columns[..columns.len().min(room / 2)];
    let buckets = room / (2 * columns.len().max(1));
    let mut kept = vec![0, len - 1];
    let inner = len - 2;
    for bucket in 0..if columns.is_empty() { 0 } else { buckets } {
        let from = 1 + bucket * inner / buckets;
        let to = 1 + (bucket + 1) * inner / buckets;
        for column in columns {
            kept.extend(extremes(&column[from..to]).into_iter().flatten().map(|at| from + at));
        }
    }
    kept.sort_unstable();
    kept.dedup();
    kept
}

/// The positions of the smallest and of the largest value.
fn extremes(values: &[f64]) -> [Option<usize>; 2] {
    let known = || values.iter().enumerate().filter(|(_, value)| !value.is_nan());
    [
        known().min_by(|a, b| a.1.total_cmp(b.1)).map(|(at, _)| at),
        known().max_by(|a, b| a.1.total_cmp(b.1)).map(|(at, _)| at),
    ]
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn bounds(values: impl Iterator<Item = f64>) -> (f64, f64) {
        values.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), value| {
            (low.min(value), high.max(value))
        })
    }

    proptest! {
        #[test]
        fn extremes_and_ends_survive(
            rows in prop::collection::vec((-1e6..1e6_f64, prop::option::of(-1.0..1.0_f64)), 1..600),
            max_points in 6..200_usize,
        ) {
            let a: Vec<f64> = rows.iter().map(|row| row.0).collect();
            let b: Vec<f64> = rows.iter().map(|row| row.1.unwrap_or(f64::NAN)).collect();
            let kept = downsample(&[&a, &b], max_points);
            prop_assert!(kept.len() <= max_points);
            prop_assert!(kept.windows(2).all(|pair| pair[0] < pair[1]));
            prop_assert_eq!(kept.first(), Some(&0));
            prop_assert_eq!(kept.last(), Some(&(rows.len() - 1)));
            for column in [&a, &b] {
                prop_assert_eq!(bounds(kept.iter().map(|at| column[*at])), bounds(column.iter().copied()));
            }
        }
    }

    #[test]
    fn a_tiny_budget_is_kept_too() {
        let column: Vec<f64> = (0..100).map(f64::from).collect();
        for max_points in 0..12 {
            assert!(downsample(&[&column, &column, &column], max_points).len() <= max_points);
        }
        assert_eq!(downsample(&[], 5), [0; 0]);
    }
}
