//! The change from one value to another.

/// The change in percent: `(to - from) / from · 100`, which keeps digits of a small change that `to / from - 1` loses.
///
/// `None` when `from` is not above zero, against which no change is relative, or when the result is no finite number.
pub fn percent_change(from: f64, to: f64) -> Option<f64> {
    let change = (to - from) / from * 100.0;
    (from > 0.0 && change.is_finite()).then_some(change)
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case(200.0, 250.0, Some(25.0))]
    #[case(200.0, 150.0, Some(-25.0))]
    #[case(200.0, 0.0, Some(-100.0))]
    #[case(0.0, 1.0, None)]
    #[case(-1.0, 1.0, None)]
    #[case(f64::NAN, 1.0, None)]
    #[case(1.0, f64::NAN, None)]
    #[case(f64::INFINITY, 1.0, None)]
    #[case(1e-300, 1e300, None)]
    fn percent_change_is_relative_to_the_first(#[case] from: f64, #[case] to: f64, #[case] expected: Option<f64>) {
        assert_eq!(percent_change(from, to), expected);
    }
}
