//! The lengths of cells that a token's history is asked for in: those that are stored, and whole multiples of them.

use std::fmt;
use std::str::FromStr;

use domain::interval::Interval;
use domain::token_point::TokenPoint;
use jiff::{SignedDuration, Timestamp};

/// The first Monday after the unix epoch.
const FIRST_MONDAY: i64 = 4 * 86_400;
const WEEK_SECONDS: i64 = 7 * 86_400;

/// A length of cells. Weeks begin on Monday, UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TokenInterval {
    Of(Interval),
    Week,
}

impl TokenInterval {
    pub const ALL: [(&str, Self); 7] = [
        ("5m", Self::Of(Interval::M5)),
        ("15m", Self::Of(Interval::M15)),
        ("1h", Self::Of(Interval::H1)),
        ("4h", Self::Of(Interval::H4)),
        ("12h", Self::Of(Interval::H12)),
        ("1d", Self::Of(Interval::D1)),
        ("7d", Self::Week),
    ];

    pub fn length(self) -> SignedDuration {
        SignedDuration::from_secs(match self {
            Self::Of(interval) => interval.seconds(),
            Self::Week => WEEK_SECONDS,
        })
    }

    /// Where the cell begins in which `at` lies.
    pub fn open_time(self, at: Timestamp) -> Timestamp {
        match self {
            Self::Of(interval) => interval.open_time(at),
            Self::Week => {
                let day = Interval::D1.open_time(at).as_second();
                let monday = day - (day - FIRST_MONDAY).rem_euclid(WEEK_SECONDS);
                Timestamp::from_second(monday).unwrap_or(Timestamp::MIN)
            }
        }
    }

    /// The stored cells that it is made of.
    pub fn parts(self) -> Interval {
        match self {
            Self::Of(Interval::M1 | Interval::M5 | Interval::M15) => Interval::M5,
            Self::Of(Interval::H1 | Interval::H4 | Interval::H12) => Interval::H1,
            Self::Of(Interval::D1) | Self::Week => Interval::D1,
        }
    }

    /// How many of its parts fit into one.
    pub fn parts_per_cell(self) -> u32 {
        let parts = self.length().as_secs() / self.parts().seconds();
        u32::try_from(parts).unwrap_or(1).max(1)
    }

    /// Makes cells of their parts, which ascend by time.
    pub fn cells(self, parts: &[TokenPoint]) -> Vec<TokenPoint> {
        parts
            .chunk_by(|a, b| self.open_time(a.open_time) == self.open_time(b.open_time))
            .filter_map(|cell| TokenPoint::roll_up(self.open_time(cell.first()?.open_time), cell))
            .collect()
    }
}

/// A text that names no length.
#[derive(Debug, PartialEq, Eq)]
pub struct UnknownInterval;

impl fmt::Display for UnknownInterval {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("must be one of 5m, 15m, 1h, 4h, 12h, 1d, 7d")
    }
}

impl FromStr for TokenInterval {
    type Err = UnknownInterval;

    fn from_str(text: &str) -> Result<Self, UnknownInterval> {
        let found = Self::ALL.into_iter().find(|(name, _)| *name == text);
        found.map(|(_, interval)| interval).ok_or(UnknownInterval)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn week_begins_on_monday() {
        for (at, monday) in [
            ("2026-11-29T16:00:00Z", "2026-11-23T00:00:00Z"),
            ("2026-11-23T00:00:00Z", "2026-11-23T00:00:00Z"),
            ("2026-11-22T23:59:59Z", "2026-11-16T00:00:00Z"),
            ("1969-12-31T00:00:00Z", "1969-12-29T00:00:00Z"),
        ] {
            assert_eq!(
                TokenInterval::Week.open_time(at.parse().unwrap()),
                monday.parse().unwrap(),
                "{at}"
            );
        }
    }

    #[test]
    fn cells_are_made_of_whole_parts() {
        for (name, interval) in TokenInterval::ALL {
            assert_eq!(name.parse(), Ok(interval));
            assert_eq!(
                interval.length().as_secs(),
                interval.parts().seconds() * i64::from(interval.parts_per_cell()),
                "{name}"
            );
        }
    }
}
