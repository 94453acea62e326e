//! Where the velocity is heading.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::summary::WindowSummary;

/// The relative change from one half of a window to the other beyond which the velocity has a direction.
pub const TREND_THRESHOLD: f64 = 0.05;

/// How much a change may miss the threshold and still be on it: a change of exactly 5 %, such as from 0.1 to 0.105,
/// ends a unit of the last binary digit beside it.
const BOUNDARY_TOLERANCE: f64 = 1e-12;

/// The direction of the velocity over a window.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Trend {
    /// The newer half is more than 5 % above the older one.
    Increasing,
    /// The newer half is more than 5 % below the older one.
    Decreasing,
    /// Neither.
    Stable,
    /// Too little is known to tell.
    InsufficientData,
}

impl Trend {
    /// The public name, such as `insufficient_data`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Increasing => "increasing",
            Self::Decreasing => "decreasing",
            Self::Stable => "stable",
            Self::InsufficientData => "insufficient_data",
        }
    }

    /// The trend over the window `whole`, whose two halves are `older` and `newer`.
    ///
    /// [`Trend::InsufficientData`] when the window is not [sufficient](WindowSummary::is_sufficient), when one half is
    /// unknown, or when the older half is 0, against which no change is relative.
    pub fn of(whole: &WindowSummary, older: &WindowSummary, newer: &WindowSummary) -> Self {
        let known = older.mean.zip(newer.mean);
        let Some((older, newer)) = known.filter(|(older, _)| whole.is_sufficient() && *older > 0.0) else {
            return Self::InsufficientData;
        };
        let change = (newer - older) / older;
        if change.abs() <= TREND_THRESHOLD + BOUNDARY_TOLERANCE {
            Self::Stable
        } else if change > 0.0 {
            Self::Increasing
        } else {
            Self::Decreasing
        }
    }
}

impl fmt::Display for Trend {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    fn summary(mean: Option<f64>) -> WindowSummary {
        WindowSummary {
            mean,
            deviation: mean.map(|_| 0.0),
            coverage: 1.0,
            points: 3,
        }
    }

    #[rstest]
    #[case(0.1, 0.106, Trend::Increasing)]
    #[case(0.1, 0.105, Trend::Stable)]
    #[case(0.1, 0.1, Trend::Stable)]
    #[case(0.1, 0.095, Trend::Stable)]
    #[case(0.1, 0.094, Trend::Decreasing)]
    #[case(0.1, 0.0, Trend::Decreasing)]
    #[case(0.0, 0.1, Trend::InsufficientData)]
    #[case(0.0, 0.0, Trend::InsufficientData)]
    fn trend_begins_beyond_five_percent(#[case] older: f64, #[case] newer: f64, #[case] expected: Trend) {
        let trend = Trend::of(&summary(Some(0.1)), &summary(Some(older)), &summary(Some(newer)));
        assert_eq!(trend, expected);
    }

    #[test]
    fn unknown_half_or_thin_window_is_insufficient() {
        let known = summary(Some(0.1));
        let thin = WindowSummary {
            coverage: 0.49,
            ..known
        };
        let few = WindowSummary { points: 2, ..known };
        for (whole, older, newer) in [
            (known, summary(None), known),
            (known, known, summary(None)),
            (thin, known, known),
            (few, known, known),
        ] {
            assert_eq!(Trend::of(&whole, &older, &newer), Trend::InsufficientData);
        }
    }

    #[test]
    fn trends_are_spelt_alike_everywhere() {
        for trend in [
            Trend::Increasing,
            Trend::Decreasing,
            Trend::Stable,
            Trend::InsufficientData,
        ] {
            assert_eq!(serde_json::to_value(trend).unwrap(), trend.as_str());
        }
    }
}
