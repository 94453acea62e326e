//! Order statistics by linear interpolation.

/// The quantile at `probability` (0 to 1) by linear interpolation between order statistics: h = (n-1)·probability
/// (Hyndman and Fan's type 7, the default of numpy, pandas and R). `None` without values.
///
/// Reorders the values; takes linear time.
pub fn quantile(values: &mut [f64], probability: f64) -> Option<f64> {
    let last = values.len().checked_sub(1)?;
    let h = (last as f64 * probability).clamp(0.0, last as f64);
    let below = h.floor() as usize;
    let (_, lower, rest) = values.select_nth_unstable_by(below, f64::total_cmp);
    let lower = *lower;
    let fraction = h - below as f64;
    if fraction == 0.0 {
        return Some(lower);
    }
    let upper = rest.iter().copied().fold(f64::INFINITY, f64::min);
    Some(lower + (upper - lower) * fraction)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn it_interpolates_between_neighbours() {
        assert_eq!(quantile(&mut [4.0, 1.0, 3.0, 2.0], 0.5), Some(2.5));
        assert_eq!(quantile(&mut [4.0, 1.0, 3.0, 2.0], 0.0), Some(1.0));
        assert_eq!(quantile(&mut [4.0, 1.0, 3.0, 2.0], 1.0), Some(4.0));
        assert_eq!(quantile(&mut [7.0], 0.05), Some(7.0));
        assert_eq!(quantile(&mut [], 0.5), None);
    }

    proptest! {
        #[test]
        fn quantile_equals_the_sorted_definition(
            mut values in prop::collection::vec(-1.0..1.0_f64, 1..200),
            p in 0.0..=1.0_f64,
        ) {
            let mut sorted = values.clone();
            sorted.sort_by(f64::total_cmp);
            let h = (sorted.len() - 1) as f64 * p;
            let (below, above) = (h.floor() as usize, h.ceil() as usize);
            let expected = sorted[below] + (sorted[above] - sorted[below]) * (h - h.floor());
            prop_assert!((quantile(&mut values, p).unwrap() - expected).abs() < 1e-15);
        }
    }
}
