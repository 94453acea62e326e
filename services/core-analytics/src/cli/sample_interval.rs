//! The time between two prices of a file: any whole number of seconds to weeks, not only the candles that are stored.

use std::fmt;
use std::str::FromStr;

/// A length such as `30m` or `1d`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SampleInterval {
    text: String,
    seconds: i64,
}

impl SampleInterval {
    pub fn seconds(&self) -> i64 {
        self.seconds
    }
}

impl FromStr for SampleInterval {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let unit = match text.chars().last() {
            Some('s') => Some(1),
            Some('m') => Some(60),
            Some('h') => Some(3_600),
            Some('d') => Some(86_400),
            Some('w') => Some(7 * 86_400),
            _ => None,
        };
        unit.and_then(|unit| {
            let count = text[..text.len() - 1].parse::<u32>().ok().filter(|count| *count > 0)?;
            Some(i64::from(count) * unit)
        })
        .filter(|seconds| *seconds <= 366 * 86_400)
        .map(|seconds| Self {
            text: text.to_owned(),
            seconds,
        })
        .ok_or_else(|| "expected a number and s, m, h, d or w, such as 1d, at most a year".to_owned())
    }
}

impl fmt::Display for SampleInterval {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_are_whole_and_bounded() {
        for (text, seconds) in [
            ("1m", 60),
            ("15m", 900),
            ("12h", 43_200),
            ("1d", 86_400),
            ("1w", 604_800),
        ] {
            assert_eq!(text.parse::<SampleInterval>().unwrap().seconds(), seconds);
        }
        for text in ["", "d", "0d", "-1d", "1.5h", "1y", "99999w", "1", "1ä"] {
            assert!(text.parse::<SampleInterval>().is_err(), "{text:?}");
        }
    }
}
