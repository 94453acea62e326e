//! Days and months in UTC, by which usage is counted.

use std::fmt;

use jiff::civil::{Date, date};
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};

const DAY_SECONDS: i64 = 86_400;

/// A day, as days since 1970: cheap to find for every request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Day(i64);

impl Day {
    pub fn of(now: Timestamp) -> Self {
        Self(now.as_second().div_euclid(DAY_SECONDS))
    }

    pub fn date(self) -> Date {
        let start = Timestamp::from_second(self.0 * DAY_SECONDS).unwrap_or(Timestamp::UNIX_EPOCH);
        start.to_zoned(TimeZone::UTC).date()
    }
}

/// A month of a year, written `2026-01`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Month {
    year: i16,
    month: i8,
}

impl Month {
    pub fn of(date: Date) -> Self {
        Self {
            year: date.year(),
            month: date.month(),
        }
    }

    pub fn first_day(self) -> Date {
        date(self.year, self.month, 1)
    }

    pub fn last_day(self) -> Date {
        self.first_day().last_of_month()
    }

    pub fn previous(self) -> Self {
        Self::of(self.first_day().saturating_sub(1.day()))
    }

    /// When the next month begins.
    pub fn end(self) -> Timestamp {
        let next = self.last_day().saturating_add(1.day());
        let start = next.to_zoned(TimeZone::UTC).map(|zoned| zoned.timestamp());
        start.unwrap_or(Timestamp::MAX)
    }

    /// Reads what is written so.
    pub fn parse(text: &str) -> Option<Self> {
        format!("{text}-01").parse().ok().map(Self::of)
    }
}

impl fmt::Display for Month {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-{:02}", self.year, self.month)
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case(
        "2026-01-31T23:59:59.999Z",
        "2026-01-31",
        "2026-01",
        "2026-02-01T00:00:00Z",
        "2025-12"
    )]
    #[case("2026-12-01T00:00:00Z", "2026-12-01", "2026-12", "2027-01-01T00:00:00Z", "2026-11")]
    #[case("2028-02-29T12:00:00Z", "2028-02-29", "2028-02", "2028-03-01T00:00:00Z", "2028-01")]
    fn day_belongs_to_its_month(
        #[case] now: Timestamp,
        #[case] day: &str,
        #[case] month: &str,
        #[case] end: Timestamp,
        #[case] previous: &str,
    ) {
        let date = Day::of(now).date();
        assert_eq!(date.to_string(), day);
        let found = Month::of(date);
        assert_eq!(found.to_string(), month);
        assert_eq!(found.end(), end);
        assert_eq!(found.previous().to_string(), previous);
        assert_eq!(Month::parse(month), Some(found));
        assert_eq!(Month::parse("2026-1x"), None);
    }
}
