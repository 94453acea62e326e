//! Which candles answer a question about a stretch of time.

use domain::interval::Interval;
use jiff::{SignedDuration, Timestamp};

/// Most candles that one question may read.
pub const MAX_POINTS: i64 = 200_000;
/// Longest stretch of time: 5 years.
pub const MAX_SPAN_SECONDS: i64 = 5 * 365 * 86_400;

/// The length of candles that suits a stretch of time.
///
/// | up to | candles | at most |
/// |---|---|---|
/// | 6 hours | 1m | 360 |
/// | 2 days | 5m | 576 |
/// | 90 days | 1h | 2 160 |
/// | 5 years | 1d | 1 825 |
pub const fn default_interval(seconds: i64) -> Interval {
    const HOUR: i64 = 3_600;
    const DAY: i64 = 24 * HOUR;
    if seconds <= 6 * HOUR {
        Interval::M1
    } else if seconds <= 2 * DAY {
        Interval::M5
    } else if seconds <= 90 * DAY {
        Interval::H1
    } else {
        Interval::D1
    }
}

/// How many candles a rolling statistic looks back over.
///
/// An hour of minutes, half a day of 5 minutes, a day of quarters, a week of 1 and 4 hours, two weeks of 12 hours, 30
/// days.
pub const fn rolling_candles(interval: Interval) -> usize {
    match interval {
        Interval::M1 => 60,
        Interval::M5 => 144,
        Interval::M15 => 96,
        Interval::H1 => 168,
        Interval::H4 => 42,
        Interval::H12 => 28,
        Interval::D1 => 30,
    }
}

/// The closed candles of a look-back window: as many whole candles as fit, up to the running one and
/// without it, and the one before them, whose close is the price at the start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClosedCandles {
    pub from: Timestamp,
    /// End, exclusive: the opening time of the running candle.
    pub to: Timestamp,
    /// How many candles there are when none is missing.
    pub expected: usize,
}

impl ClosedCandles {
    /// The closed candles of the last `window_seconds` before `now`.
    pub fn before(now: Timestamp, interval: Interval, window_seconds: i64) -> Self {
        // The close before the window is the price at its start: without it 24 closes of 1h would span 23 hours.
        let count = window_seconds / interval.seconds() + 1;
        let to = interval.open_time(now);
        Self {
            from: to - SignedDuration::from_secs(count * interval.seconds()),
            to,
            expected: usize::try_from(count).unwrap_or(0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_window_has_a_suitable_number_of_candles() {
        for (hours, interval) in [
            (1, "1m"),
            (6, "1m"),
            (7, "5m"),
            (48, "5m"),
            (49, "1h"),
            (2_160, "1h"),
            (2_161, "1d"),
        ] {
            assert_eq!(default_interval(hours * 3_600).as_str(), interval, "{hours}h");
        }
        assert_eq!(MAX_SPAN_SECONDS / default_interval(MAX_SPAN_SECONDS).seconds(), 1_825);
    }

    #[test]
    fn the_running_candle_is_left_out() {
        let now = "2026-01-02T10:30:00Z".parse().unwrap();
        let candles = ClosedCandles::before(now, Interval::H1, 24 * 3_600);
        assert_eq!(candles.from.to_string(), "2026-01-01T09:00:00Z");
        assert_eq!(candles.to.to_string(), "2026-01-02T10:00:00Z");
        assert_eq!(
            candles.expected, 25,
            "24 returns, from the close at 10:00 to the close at 10:00"
        );
    }
}
