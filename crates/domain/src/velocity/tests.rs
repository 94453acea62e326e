//! The tracker against the definitions.

use std::collections::BTreeMap;
use std::num::NonZeroUsize;

use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;

use super::*;

const MINUTE: i64 = 60;
const DAY: i64 = 86_400;
const MAX_HOLD: SignedDuration = SignedDuration::from_mins(15);

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_750_000_000 + second).unwrap()
}

fn point(second: i64, value: f64) -> VelocityPoint {
    VelocityPoint::new(at(second), Some(value))
}

fn tracker(capacity: usize) -> VelocityTracker {
    VelocityTracker::new(MAX_HOLD, NonZeroUsize::new(capacity).unwrap())
}

/// Relative to 1e-9, where the mean itself is only known to its last digits.
fn close(ours: Option<f64>, theirs: Option<f64>, scale: Option<f64>) -> bool {
    match (ours, theirs) {
        (Some(a), Some(b)) => (a - b).abs() <= 1e-9 * b.abs() + 8.0 * f64::EPSILON * scale.unwrap_or(0.0),
        (a, b) => a == b,
    }
}

/// Every answer of the tracker against that of one pass over the points.
#[track_caller]
fn assert_equal(tracker: &VelocityTracker, points: &[VelocityPoint], now: Timestamp) {
    for timeframe in Timeframe::ALL {
        let ours = tracker.summary(timeframe, now);
        let theirs = summarise(points, timeframe.duration(), now, MAX_HOLD);
        let same = ours.points == theirs.points
            && close(ours.mean, theirs.mean, None)
            && close(ours.deviation, theirs.deviation, theirs.mean)
            && (ours.coverage - theirs.coverage).abs() <= 1e-12;
        assert!(same, "{timeframe} at {now}: {ours:?} instead of {theirs:?}");
        assert_eq!(
            tracker.trend(timeframe, now),
            trend(points, timeframe.duration(), now, MAX_HOLD),
            "{timeframe} at {now}"
        );
        assert!(close(
            tracker.volatility_score(timeframe, now),
            volatility_score(&theirs),
            Some(1.0)
        ));
    }
    let of = |timeframe: Timeframe| summarise(points, timeframe.duration(), now, MAX_HOLD);
    assert_eq!(
        tracker.momentum(now),
        Momentum::of(&of(Timeframe::H1), &of(Timeframe::D7))
    );
}

#[test]
fn correction_replaces_the_point_of_its_time() {
    let mut tracker = tracker(100);
    let now = at(20 * MINUTE);
    assert_eq!(tracker.record(point(0, 0.1), now), Recorded::Added);
    assert_eq!(tracker.record(point(10 * MINUTE, 0.3), now), Recorded::Added);
    assert_eq!(tracker.record(point(0, 0.5), now), Recorded::Corrected);
    assert_eq!(tracker.len(), 2);
    assert!((tracker.summary(Timeframe::H1, now).mean.unwrap() - 0.4).abs() < 1e-15);
    // A correction may also take a value back.
    let unknown = VelocityPoint::new(at(0), None);
    assert_eq!(tracker.record(unknown, now), Recorded::Corrected);
    assert_eq!(tracker.summary(Timeframe::H1, now).mean, Some(0.3));
}

#[test]
fn point_of_the_future_is_refused_and_drops_nothing() {
    let mut tracker = tracker(100);
    tracker.record(point(0, 0.1), at(0));
    assert_eq!(tracker.record(point(100 * DAY, 0.2), at(1)), Recorded::InFuture);
    assert_eq!((tracker.len(), tracker.latest()), (1, Some(&point(0, 0.1))));
}

#[test]
fn point_beyond_every_window_is_refused() {
    let mut tracker = tracker(100);
    let now = at(31 * DAY);
    assert_eq!(tracker.record(point(0, 0.1), now), Recorded::TooOld);
    // It is before the window, but its hold is not.
    assert_eq!(tracker.record(point(DAY - 10 * MINUTE, 0.1), now), Recorded::Added);
    assert_eq!(tracker.summary(Timeframe::D30, now).mean, Some(0.1));
    assert!(tracker.points(Timeframe::D30, now).is_empty());
}

#[test]
fn full_tracker_keeps_the_newest_points() {
    let mut tracker = tracker(3);
    let now = at(10 * MINUTE);
    for minute in [5, 1, 4, 2] {
        tracker.record(point(minute * MINUTE, minute as f64), now);
    }
    assert_eq!(tracker.record(point(MINUTE, 9.0), now), Recorded::TooOld);
    let kept: Vec<f64> = tracker
        .points(Timeframe::H1, now)
        .iter()
        .filter_map(VelocityPoint::value)
        .collect();
    assert_eq!(kept, [2.0, 4.0, 5.0]);
}

#[test]
fn empty_tracker_knows_nothing() {
    let tracker = tracker(100);
    assert!(tracker.is_empty());
    assert_eq!(tracker.latest(), None);
    assert_eq!(tracker.summary(Timeframe::D7, at(0)), WindowSummary::default());
    assert_eq!(tracker.trend(Timeframe::D7, at(0)), Trend::InsufficientData);
    assert_eq!(
        (tracker.volatility_score(Timeframe::D7, at(0)), tracker.momentum(at(0))),
        (None, None)
    );
}

#[test]
fn constant_velocity_is_stable_without_volatility() {
    let mut tracker = tracker(10_000);
    let now = at(8 * DAY);
    tracker.record_all((0..8 * 24 * 6).map(|step| point(step * 10 * MINUTE, 0.1)), now);
    assert_eq!(tracker.trend(Timeframe::D7, now), Trend::Stable);
    assert_eq!(tracker.volatility_score(Timeframe::D7, now), Some(0.0));
    assert_eq!(tracker.momentum(now), Some(Momentum::Neutral));
}

#[test]
fn newest_hour_that_stands_out_is_bullish_or_bearish() {
    for (newest, expected) in [
        (0.3, Momentum::Bullish),
        (0.01, Momentum::Bearish),
        (0.1, Momentum::Neutral),
    ] {
        let mut tracker = tracker(10_000);
        let week = 7 * 24 * 6;
        for step in 0..week {
            let calm = if step % 2 == 0 { 0.09 } else { 0.11 };
            let value = if step >= week - 6 { newest } else { calm };
            tracker.record(point(step * 10 * MINUTE, value), at(step * 10 * MINUTE));
        }
        assert_eq!(tracker.momentum(at(7 * DAY)), Some(expected), "{newest}");
    }
}

#[test]
fn one_absurd_value_does_not_spoil_the_windows_after_it() {
    let mut tracker = tracker(10_000);
    let points: Vec<VelocityPoint> = (0..2_000)
        .map(|step| {
            let value = if step == 100 {
                1e12
            } else {
                0.05 + 1e-6 * (step % 7) as f64
            };
            point(step * 10 * MINUTE, value)
        })
        .collect();
    let now = at(2_000 * 10 * MINUTE);
    for point in &points {
        tracker.record(*point, point.at());
    }
    assert_equal(&tracker, &points, now);
}

#[test]
fn months_of_points_leave_thirty_days() {
    let mut tracker = tracker(1_000_000);
    let mut points = Vec::new();
    for step in 0..20_000_i64 {
        let value = 0.1 + 0.05 * (step as f64 / 500.0).sin();
        let newest = point(step * 5 * MINUTE, value);
        points.push(newest);
        assert_eq!(tracker.record(newest, newest.at()), Recorded::Added);
        if step % 5_001 == 5_000 {
            assert_equal(&tracker, &points, newest.at());
        }
    }
    assert!(tracker.len() <= 30 * 24 * 12 + 4, "{}", tracker.len());
}

/// Seconds and values over 40 days: bursts, gaps, repeated times, unknown and absurd values, nearly equal ones.
fn history() -> impl Strategy<Value = Vec<(i64, Option<f64>)>> {
    let value = prop_oneof![
        6 => (0.0..0.5_f64).prop_map(Some),
        3 => (0.0..1.0_f64).prop_map(|noise| Some(0.25 * (1.0 + 1e-6 * noise))),
        1 => Just(Some(0.0)),
        1 => Just(Some(1e9)),
        1 => Just(None),
    ];
    let second = prop_oneof![
        4 => (0..40 * DAY).prop_map(|second| second / 300 * 300),
        4 => (39 * DAY..40 * DAY).prop_map(|second| second / 300 * 300),
        2 => 39 * DAY + 22 * 3_600..40 * DAY,
        // Neighbours of a few seconds.
        2 => (40 * DAY - 600..40 * DAY).prop_map(|second| second / 3 * 3),
    ];
    prop::collection::vec((second, value), 0..300)
}

/// What remains of points that came in this order.
fn kept(history: &[(i64, Option<f64>)], capacity: usize) -> Vec<VelocityPoint> {
    let points: BTreeMap<i64, Option<f64>> = history.iter().copied().collect();
    let points: Vec<_> = points
        .iter()
        .map(|(second, value)| VelocityPoint::new(at(*second), *value))
        .collect();
    // What is older than any window and hold is dropped before the capacity counts.
    let horizon = at(10 * DAY) - MAX_HOLD;
    let points: Vec<_> = points.into_iter().filter(|point| point.at() >= horizon).collect();
    points[points.len().saturating_sub(capacity)..].to_vec()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]
    #[test]
    fn any_order_gives_what_one_pass_gives(
        history in history(),
        capacity in prop_oneof![3 => Just(1_000_usize), 1 => 1..200_usize],
        bulk in 0..300_usize,
        age in 0..3 * DAY,
    ) {
        let now = at(40 * DAY);
        let mut tracker = tracker(capacity);
        let (first, rest) = history.split_at(bulk.min(history.len()));
        for (second, value) in first {
            tracker.record(VelocityPoint::new(at(*second), *value), now);
        }
        tracker.record_all(rest.iter().map(|(second, value)| VelocityPoint::new(at(*second), *value)), now);
        let points = kept(&history, capacity);
        prop_assert_eq!(tracker.len(), points.len());
        assert_equal(&tracker, &points, now);
        // Later, without a new point.
        assert_equal(&tracker, &points, at(40 * DAY + age));
    }
}
