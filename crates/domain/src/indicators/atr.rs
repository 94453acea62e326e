//! The average true range.

use super::indicator::Indicator;
use super::parameters::Period;
use super::wilder::WilderAverage;

/// The highest, the lowest and the last price of a candle.
///
/// Invariant: finite, and `low <= close <= high`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PriceRange {
    high: f64,
    low: f64,
    close: f64,
}

impl PriceRange {
    /// The prices of a candle; `None` when they contradict one another or are no numbers.
    pub fn new(high: f64, low: f64, close: f64) -> Option<Self> {
        let ordered = high.is_finite() && low.is_finite() && low <= close && close <= high;
        ordered.then_some(Self { high, low, close })
    }
}

/// Wilder's average of the true range: the range of a candle, extended to the close before it.
///
/// J. Welles Wilder, New Concepts in Technical Trading Systems (1978). The first candle, and the first after a gap, has
/// no close before it, so its own range counts. In units of the price.
#[derive(Debug, Clone)]
pub struct Atr {
    previous_close: Option<f64>,
    average: WilderAverage,
}

impl Atr {
    /// Wilder's own period.
    pub const DEFAULT_PERIOD: Period = Period::fixed(14);

    /// An average that has seen nothing.
    pub fn new(period: Period) -> Self {
        Self {
            previous_close: None,
            average: WilderAverage::new(period),
        }
    }
}

impl Default for Atr {
    fn default() -> Self {
        Self::new(Self::DEFAULT_PERIOD)
    }
}

impl Indicator for Atr {
    /// `None` for a candle whose prices are unusable, which counts as a gap.
    type Input = Option<PriceRange>;
    type Output = f64;

    fn update(&mut self, candle: Option<PriceRange>) -> Option<f64> {
        let Some(PriceRange { high, low, close }) = candle else {
            self.reset();
            return None;
        };
        let before = self.previous_close.replace(close);
        let (top, bottom) = before.map_or((high, low), |before| (high.max(before), low.min(before)));
        self.average.update(top - bottom)
    }

    fn reset(&mut self) {
        self.previous_close = None;
        self.average.reset();
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::indicators::wilder::unrolled;

    /// The worked example of StockCharts' ChartSchool, "Average True Range".
    #[test]
    fn published_example_is_reproduced() {
        let highs = [
            48.70, 48.72, 48.90, 48.87, 48.82, 49.05, 49.20, 49.35, 49.92, 50.19, 50.12, 49.66, 49.88, 50.19, 50.36,
        ];
        let lows = [
            47.79, 48.14, 48.39, 48.37, 48.24, 48.64, 48.94, 48.86, 49.50, 49.87, 49.20, 48.90, 49.43, 49.73, 49.26,
        ];
        let closes = [
            48.16, 48.61, 48.75, 48.63, 48.74, 49.03, 49.07, 49.32, 49.91, 50.13, 49.53, 49.50, 49.75, 50.03, 50.31,
        ];
        let mut atr = Atr::default();
        let candles = highs.into_iter().zip(lows).zip(closes);
        let ours: Vec<Option<f64>> = candles
            .map(|((high, low), close)| atr.update(Some(PriceRange::new(high, low, close).unwrap())))
            .collect();
        assert!(ours[..13].iter().all(Option::is_none));
        assert!((ours[13].unwrap() - 0.56).abs() <= 0.006, "{ours:?}");
        assert!((ours[14].unwrap() - 0.59).abs() <= 0.006, "{ours:?}");
    }

    #[test]
    fn contradictory_candle_is_no_range() {
        for (high, low, close) in [(1.0, 2.0, 1.5), (2.0, 1.0, 2.5), (2.0, 1.0, 0.5), (2.0, f64::NAN, 1.0)] {
            assert_eq!(PriceRange::new(high, low, close), None);
        }
    }

    #[test]
    fn unusable_candle_is_a_gap() {
        let mut atr = Atr::new(Period::new(1).unwrap());
        let candle = |high, low, close| Some(PriceRange::new(high, low, close).unwrap());
        assert_eq!(atr.update(candle(10.0, 9.0, 9.5)), Some(1.0));
        assert_eq!(atr.update(candle(20.0, 19.0, 19.5)), Some(10.5));
        assert_eq!(atr.update(None), None);
        assert_eq!(atr.update(candle(30.0, 29.0, 29.5)), Some(1.0));
    }

    proptest! {
        #[test]
        fn atr_is_the_unrolled_average_of_the_largest_distance(
            raw in prop::collection::vec((1.0..1e6_f64, 0.0..1e5_f64, 0.0..=1.0_f64), 1..80),
            period in 1..20_usize,
        ) {
            let candles: Vec<(f64, f64, f64)> = raw
                .iter()
                .map(|(low, range, part)| (low + range, *low, (low + range * part).min(low + range)))
                .collect();
            let mut atr = Atr::new(Period::new(period).unwrap());
            let ours: Vec<Option<f64>> = candles
                .iter()
                .map(|(high, low, close)| atr.update(Some(PriceRange::new(*high, *low, *close).unwrap())))
                .collect();
            let ranges: Vec<f64> = (0..candles.len())
                .map(|place| {
                    let (high, low, _) = candles[place];
                    let Some((_, _, before)) = place.checked_sub(1).map(|before| candles[before]) else {
                        return high - low;
                    };
                    (high - low).max((high - before).abs()).max((low - before).abs())
                })
                .collect();
            for (ours, expected) in ours.iter().zip(unrolled(&ranges, period)) {
                prop_assert_eq!(ours.is_some(), expected.is_some());
                if let (Some(ours), Some(expected)) = (ours, expected) {
                    prop_assert!((ours - expected).abs() <= 1e-10 * expected.max(1.0));
                }
            }
        }
    }
}
