//! What all indicators have in common.

/// A statistic that takes one value per candle and tells its own newest value.
pub trait Indicator {
    /// What it takes of a candle.
    type Input;
    /// What it tells.
    type Output;

    /// Takes the next candle's value. `None` until enough values were seen, or while the value is undefined.
    ///
    /// A value that is no number is no value: it ends what was seen, as a gap does, because it would otherwise stay in
    /// every later output of a recursive average.
    fn update(&mut self, input: Self::Input) -> Option<Self::Output>;

    /// Forgets everything that was seen. To be called at a gap.
    fn reset(&mut self);
}

/// The output of `indicator` at every point; as many as there are points.
///
/// `points` are opening times in seconds and values, ascending. Where two neighbours are not exactly one `step` apart
/// the indicator starts anew and is `None` until it is warm again.
pub fn series<I: Indicator>(
    indicator: &mut I,
    step: i64,
    points: impl IntoIterator<Item = (i64, I::Input)>,
) -> Vec<Option<I::Output>> {
    let mut expected = None;
    points
        .into_iter()
        .map(|(time, input)| {
            if expected.is_some_and(|expected| expected != time) {
                indicator.reset();
            }
            expected = Some(time.saturating_add(step));
            indicator.update(input)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::indicators::{Period, Sma};

    #[test]
    fn gap_starts_the_warm_up_anew() {
        let mut sma = Sma::new(Period::new(2).unwrap());
        let points = [(0, 1.0), (60, 3.0), (180, 5.0), (240, 7.0)];
        assert_eq!(series(&mut sma, 60, points), [None, Some(2.0), None, Some(6.0)]);
    }

    #[test]
    fn value_that_is_no_number_is_a_gap() {
        let mut sma = Sma::new(Period::new(2).unwrap());
        let values: Vec<_> = [1.0, 3.0, f64::NAN, 5.0, 7.0].map(|value| sma.update(value)).into();
        assert_eq!(values, [None, Some(2.0), None, None, Some(6.0)]);
    }
}
