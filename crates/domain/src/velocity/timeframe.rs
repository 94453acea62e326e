//! The trailing windows of velocity.

use std::fmt;
use std::str::FromStr;

use jiff::SignedDuration;
use serde::{Deserialize, Serialize};

/// A trailing window over which velocity is averaged and judged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
pub enum Timeframe {
    /// One hour.
    #[serde(rename = "1h")]
    H1,
    /// Four hours.
    #[serde(rename = "4h")]
    H4,
    /// Twelve hours.
    #[serde(rename = "12h")]
    H12,
    /// A day.
    #[default]
    #[serde(rename = "24h")]
    H24,
    /// A week.
    #[serde(rename = "7d")]
    D7,
    /// Thirty days.
    #[serde(rename = "30d")]
    D30,
}

/// A text that names no timeframe.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unknown timeframe {0:?}: expected 1h, 4h, 12h, 24h, 7d or 30d")]
pub struct UnknownTimeframe(pub String);

impl Timeframe {
    /// Every timeframe, shortest first.
    pub const ALL: [Self; 6] = [Self::H1, Self::H4, Self::H12, Self::H24, Self::D7, Self::D30];

    /// The longest timeframe.
    pub const LONGEST: Self = Self::D30;

    /// The length.
    pub const fn duration(self) -> SignedDuration {
        SignedDuration::from_hours(match self {
            Self::H1 => 1,
            Self::H4 => 4,
            Self::H12 => 12,
            Self::H24 => 24,
            Self::D7 => 7 * 24,
            Self::D30 => 30 * 24,
        })
    }

    /// The public spelling, such as `24h`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::H1 => "1h",
            Self::H4 => "4h",
            Self::H12 => "12h",
            Self::H24 => "24h",
            Self::D7 => "7d",
            Self::D30 => "30d",
        }
    }
}

impl fmt::Display for Timeframe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Timeframe {
    type Err = UnknownTimeframe;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|timeframe| timeframe.as_str() == text)
            .ok_or_else(|| UnknownTimeframe(text.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn timeframes_are_spelt_alike_everywhere() {
        for timeframe in Timeframe::ALL {
            assert_eq!(timeframe.as_str().parse(), Ok(timeframe));
            assert_eq!(serde_json::to_value(timeframe).unwrap(), timeframe.as_str());
            assert!(timeframe <= Timeframe::LONGEST && timeframe.duration() <= Timeframe::LONGEST.duration());
        }
        assert_eq!("1d".parse::<Timeframe>(), Err(UnknownTimeframe("1d".to_owned())));
    }
}
