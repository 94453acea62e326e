//! How unsteady the velocity is, and how far the newest hour stands out.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::summary::{MIN_POINTS, WindowSummary};

/// The z-score beyond which the newest hour stands out.
pub const MOMENTUM_Z_SCORE: f64 = 1.0;

/// The coefficient of variation of the velocity over a window: standard deviation over mean, clamped to 0..=1.
///
/// `None` with fewer than [`MIN_POINTS`] points in the window, or when the mean is unknown or 0. It does not ask for
/// coverage, because, like the mean, it is a statement on what is known.
pub fn volatility_score(window: &WindowSummary) -> Option<f64> {
    let mean = window.mean.filter(|mean| *mean > 0.0)?;
    let deviation = window.deviation.filter(|_| window.points >= MIN_POINTS)?;
    Some((deviation / mean).clamp(0.0, 1.0))
}

/// How the velocity of the newest hour compares with its week.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Momentum {
    /// More than one standard deviation above the mean of the week.
    Bullish,
    /// More than one standard deviation below it.
    Bearish,
    /// Within one standard deviation of it.
    Neutral,
}

impl Momentum {
    /// The public name, such as `bullish`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Bullish => "bullish",
            Self::Bearish => "bearish",
            Self::Neutral => "neutral",
        }
    }

    /// The momentum of `hour`, the newest hour, against `week`, the seven days that end with it.
    ///
    /// `None` when the hour is unknown or the week is not [sufficient](WindowSummary::is_sufficient): the mean of a
    /// week of which two hours are known is no yardstick. A week whose velocity never changed is neutral, because the
    /// hour is a part of it and so equals its mean.
    pub fn of(hour: &WindowSummary, week: &WindowSummary) -> Option<Self> {
        let distance = hour.mean? - week.mean.filter(|_| week.is_sufficient())?;
        let deviation = week.deviation?;
        if deviation == 0.0 {
            return Some(Self::Neutral);
        }
        let z_score = distance / deviation;
        Some(if z_score > MOMENTUM_Z_SCORE {
            Self::Bullish
        } else if z_score < -MOMENTUM_Z_SCORE {
            Self::Bearish
        } else {
            Self::Neutral
        })
    }
}

impl fmt::Display for Momentum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    fn summary(mean: f64, deviation: f64) -> WindowSummary {
        WindowSummary {
            mean: Some(mean),
            deviation: Some(deviation),
            coverage: 1.0,
            points: 3,
        }
    }

    #[rstest]
    #[case(0.5, 0.25, Some(0.5))]
    #[case(0.5, 0.0, Some(0.0))]
    #[case(0.5, 5.0, Some(1.0))]
    #[case(0.0, 0.0, None)]
    fn volatility_score_is_deviation_over_mean(#[case] mean: f64, #[case] deviation: f64, #[case] score: Option<f64>) {
        assert_eq!(volatility_score(&summary(mean, deviation)), score);
    }

    #[test]
    fn volatility_of_two_points_is_unknown() {
        let two = WindowSummary {
            points: 2,
            ..summary(0.5, 0.1)
        };
        assert_eq!(volatility_score(&two), None);
        assert_eq!(volatility_score(&WindowSummary::default()), None);
    }

    #[rstest]
    #[case(0.76, Momentum::Bullish)]
    #[case(0.75, Momentum::Neutral)]
    #[case(0.25, Momentum::Neutral)]
    #[case(0.24, Momentum::Bearish)]
    fn momentum_begins_beyond_one_deviation(#[case] hour: f64, #[case] expected: Momentum) {
        assert_eq!(Momentum::of(&summary(hour, 0.0), &summary(0.5, 0.25)), Some(expected));
    }

    #[test]
    fn constant_week_is_neutral() {
        let constant = summary(0.5, 0.0);
        assert_eq!(Momentum::of(&constant, &constant), Some(Momentum::Neutral));
    }

    #[test]
    fn unknown_hour_or_thin_week_has_no_momentum() {
        let week = summary(0.5, 0.25);
        let thin = WindowSummary { coverage: 0.49, ..week };
        let few = WindowSummary { points: 2, ..week };
        assert_eq!(Momentum::of(&WindowSummary::default(), &week), None);
        assert_eq!(Momentum::of(&week, &thin), None);
        assert_eq!(Momentum::of(&week, &few), None);
    }

    #[test]
    fn momenta_are_spelt_alike_everywhere() {
        for momentum in [Momentum::Bullish, Momentum::Bearish, Momentum::Neutral] {
            assert_eq!(serde_json::to_value(momentum).unwrap(), momentum.as_str());
        }
    }
}
