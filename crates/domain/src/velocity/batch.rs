//! The statistics of a window in one pass over all points: the definition that the tracker must equal.

use jiff::{SignedDuration, Timestamp};

use super::point::{VelocityPoint, microseconds};
use super::summary::WindowSummary;
use super::trend::Trend;
use crate::statistics::sum;

/// The velocities of the trailing `window` that ends at `now`.
///
/// `points` ascend by time, no two of one moment; those after `now` are not looked at. A point counts for the time from
/// its own until the next one or `now`, but for `max_hold` at most, so that gaps stay uncovered. A point without a
/// value covers nothing. One from before the window counts for as long as it still holds in it.
pub fn summarise(
    points: &[VelocityPoint],
    window: SignedDuration,
    now: Timestamp,
    max_hold: SignedDuration,
) -> WindowSummary {
    let (to, window_us, max_hold) = (now.as_microsecond(), microseconds(window), microseconds(max_hold));
    let from = to.saturating_sub(window_us);
    let (mut weights, mut values, mut covered, mut count) = (Vec::new(), Vec::new(), 0, 0);
    for (place, point) in points.iter().enumerate() {
        let Some(value) = point.value() else { continue };
        count += usize::from((from..=to).contains(&point.at_us()));
        let held = point.held_us(points.get(place + 1), from, to, max_hold);
        if held > 0 {
            covered += held;
            weights.push(held as f64);
            values.push(value);
        }
    }
    let weighted = |map: &dyn Fn(f64) -> f64| -> f64 {
        let terms: Vec<f64> = weights
            .iter()
            .zip(&values)
            .map(|(weight, value)| weight * map(*value))
            .collect();
        sum(&terms)
    };
    let mean = weighted(&|value| value) / covered as f64;
    let squares = weighted(&|value| (value - mean) * (value - mean));
    WindowSummary::new(mean, squares, covered, window_us, count)
}

/// The trend over the trailing `window` that ends at `now`; points and holds as in [`summarise`].
pub fn trend(points: &[VelocityPoint], window: SignedDuration, now: Timestamp, max_hold: SignedDuration) -> Trend {
    let half = window / 2;
    let middle = now.checked_sub(half).unwrap_or(Timestamp::MIN);
    Trend::of(
        &summarise(points, window, now, max_hold),
        &summarise(points, half, middle, max_hold),
        &summarise(points, half, now, max_hold),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: SignedDuration = SignedDuration::from_mins(1);
    const HOUR: SignedDuration = SignedDuration::from_hours(1);

    fn at(minute: i64) -> Timestamp {
        Timestamp::from_second(minute * 60).unwrap()
    }

    /// Minutes and velocities.
    fn points(raw: &[(i64, f64)]) -> Vec<VelocityPoint> {
        raw.iter()
            .map(|(minute, value)| VelocityPoint::new(at(*minute), Some(*value)))
            .collect()
    }

    #[test]
    fn value_weighs_as_long_as_it_held() {
        // 0.1 for 15 minutes, 0.3 for 45.
        let summary = summarise(&points(&[(0, 0.1), (15, 0.3)]), HOUR, at(60), HOUR);
        assert!((summary.mean.unwrap() - 0.25).abs() < 1e-15);
        assert!((summary.deviation.unwrap() - (0.25 * 0.75 * 0.04_f64).sqrt()).abs() < 1e-15);
        assert_eq!((summary.coverage, summary.points), (1.0, 2));
    }

    #[test]
    fn gap_is_not_covered() {
        let summary = summarise(&points(&[(0, 0.1), (50, 0.3)]), HOUR, at(60), MINUTE * 10);
        assert!((summary.mean.unwrap() - 0.2).abs() < 1e-15);
        assert!((summary.coverage - 20.0 / 60.0).abs() < 1e-15);
    }

    #[test]
    fn unknown_point_ends_the_hold_of_the_one_before() {
        let mut points = points(&[(0, 0.1), (30, 9.0)]);
        points[1] = VelocityPoint::new(at(30), None);
        let summary = summarise(&points, HOUR, at(60), HOUR);
        assert_eq!((summary.mean, summary.coverage, summary.points), (Some(0.1), 0.5, 1));
    }

    #[test]
    fn point_before_the_window_counts_while_it_holds() {
        let summary = summarise(&points(&[(-30, 0.1), (30, 0.3)]), HOUR, at(60), HOUR);
        assert!((summary.mean.unwrap() - 0.2).abs() < 1e-15);
        assert_eq!((summary.coverage, summary.points), (1.0, 1));
    }

    #[test]
    fn point_of_now_covers_nothing_yet_and_a_later_one_is_not_seen() {
        let summary = summarise(&points(&[(60, 0.5), (61, 0.7)]), HOUR, at(60), HOUR);
        assert_eq!((summary.mean, summary.coverage, summary.points), (None, 0.0, 1));
    }

    #[test]
    fn trend_compares_the_halves() {
        let rising = points(&[(0, 0.1), (15, 0.1), (30, 0.2), (45, 0.2)]);
        assert_eq!(trend(&rising, HOUR, at(60), HOUR), Trend::Increasing);
        // Nothing is known of the older half.
        let young = points(&[(30, 0.1), (40, 0.2), (50, 0.3)]);
        assert_eq!(trend(&young, HOUR, at(60), HOUR), Trend::InsufficientData);
    }
}
