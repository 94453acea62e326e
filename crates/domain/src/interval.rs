//! Candle lengths and look-back windows.

use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// The length of a candle. Candles are aligned to the unix epoch in UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Interval {
    /// One minute.
    M1,
    /// Five minutes.
    M5,
    /// Fifteen minutes.
    M15,
    /// One hour.
    H1,
    /// Four hours.
    H4,
    /// Twelve hours.
    H12,
    /// One day, from 00:00 UTC.
    D1,
}

/// A text that names no candle length.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unknown interval {0:?}: expected 1m, 5m, 15m, 1h, 4h, 12h or 1d")]
pub struct UnknownInterval(pub String);

impl Interval {
    /// Every candle length, shortest first.
    pub const ALL: [Self; 7] = [Self::M1, Self::M5, Self::M15, Self::H1, Self::H4, Self::H12, Self::D1];

    /// The length in seconds.
    pub const fn seconds(self) -> i64 {
        match self {
            Self::M1 => 60,
            Self::M5 => 300,
            Self::M15 => 900,
            Self::H1 => 3_600,
            Self::H4 => 14_400,
            Self::H12 => 43_200,
            Self::D1 => 86_400,
        }
    }

    /// The public spelling, such as `1h`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::M1 => "1m",
            Self::M5 => "5m",
            Self::M15 => "15m",
            Self::H1 => "1h",
            Self::H4 => "4h",
            Self::H12 => "12h",
            Self::D1 => "1d",
        }
    }

    /// The opening time of the candle that holds `at`.
    pub fn open_time(self, at: Timestamp) -> Timestamp {
        let seconds = at.as_second() - i64::from(at.subsec_nanosecond() < 0);
        let open = seconds - seconds.rem_euclid(self.seconds());
        Timestamp::from_second(open).unwrap_or(Timestamp::MIN)
    }
}

impl fmt::Display for Interval {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Interval {
    type Err = UnknownInterval;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|i| i.as_str() == text)
            .ok_or_else(|| UnknownInterval(text.to_owned()))
    }
}

impl TryFrom<String> for Interval {
    type Error = UnknownInterval;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<Interval> for String {
    fn from(interval: Interval) -> Self {
        interval.as_str().to_owned()
    }
}

/// A look-back window from 1 hour to 5 years, such as `24h`, `30d` or `1y` (a year has 365 days).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Window {
    seconds: i64,
}

/// A text that is no window.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("invalid window {0:?}: expected a number and h, d, w or y, from 1h to 5y")]
pub struct InvalidWindow(pub String);

impl Window {
    /// The length in seconds.
    pub const fn seconds(self) -> i64 {
        self.seconds
    }
}

impl FromStr for Window {
    type Err = InvalidWindow;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let invalid = || InvalidWindow(text.to_owned());
        let unit = match text.bytes().last() {
            Some(b'h') => 3_600,
            Some(b'd') => 86_400,
            Some(b'w') => 7 * 86_400,
            Some(b'y') => 365 * 86_400,
            _ => return Err(invalid()),
        };
        let digits = &text[..text.len() - 1];
        if digits.is_empty() || digits.len() > 6 || !digits.bytes().all(|b| b.is_ascii_digit()) {
            return Err(invalid());
        }
        let count: i64 = digits.parse().map_err(|_| invalid())?;
        let seconds = count * unit;
        (3_600..=5 * 365 * 86_400)
            .contains(&seconds)
            .then_some(Self { seconds })
            .ok_or_else(invalid)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn candles_open_on_epoch_aligned_times() {
        let at: Timestamp = "2026-01-02T03:04:05.678Z".parse().unwrap();
        assert_eq!(Interval::M5.open_time(at).to_string(), "2026-01-02T03:00:00Z");
        assert_eq!(Interval::H12.open_time(at).to_string(), "2026-01-02T00:00:00Z");
        let before_epoch: Timestamp = "1969-12-31T23:59:59.5Z".parse().unwrap();
        assert_eq!(Interval::M1.open_time(before_epoch).to_string(), "1969-12-31T23:59:00Z");
    }

    #[test]
    fn windows_are_bounded() {
        assert_eq!("24h".parse::<Window>().unwrap().seconds(), 86_400);
        assert_eq!("1y".parse::<Window>().unwrap().seconds(), 31_536_000);
        for text in ["", "h", "0h", "6y", "-1d", "1m", "٣d", "9999999h", "1 d"] {
            assert!(text.parse::<Window>().is_err(), "{text:?}");
        }
    }
}
