//! Risk levels of an asset: OK, Warning or Alert, per check and over all.
//!
//! A boundary belongs to the higher level. A level is reached at once and left late: only after the value has stayed
//! below 90 % of the level's boundary for ten minutes, so that a value at a boundary does not change the level with
//! each price. An unknown value has no level: "no data" is never reported as OK.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

/// How worrying a value is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Level {
    /// Below the warning threshold.
    #[serde(rename = "OK")]
    Ok,
    /// At or above the warning threshold.
    Warning,
    /// At or above the alert threshold.
    Alert,
}

impl Level {
    /// The level's name in answers and rows.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "OK",
            Self::Warning => "Warning",
            Self::Alert => "Alert",
        }
    }
}

/// What is watched.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CheckName {
    /// How far the price is below that of 24 hours ago, in percent, positive.
    PriceDrop,
    /// The volatility of the last hour over the median of the last seven days, as a ratio.
    VolatilitySpike,
    /// How far the price is below its maximum of 30 days, in percent, positive.
    Drawdown,
}

impl CheckName {
    /// Every check, in the order in which they are reported.
    pub const ALL: [Self; 3] = [Self::PriceDrop, Self::VolatilitySpike, Self::Drawdown];

    /// The check's name in answers and rows.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::PriceDrop => "price_drop",
            Self::VolatilitySpike => "volatility_spike",
            Self::Drawdown => "drawdown",
        }
    }
}

/// Where a check's levels begin.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Threshold {
    /// Warning from here on.
    pub warning: f64,
    /// Alert from here on.
    pub alert: f64,
}

/// How much of a threshold a value may miss and still be on it: computed percentages such as `(0.7 - 0.63) / 0.7 * 100`
/// end a few units of the last binary digit beside the number they mean.
const BOUNDARY_TOLERANCE: f64 = 1e-12;

/// The share of a boundary below which a value must fall before it may leave the level (hysteresis).
pub const RELEASE_SHARE: f64 = 0.9;

/// How long a value must stay below that share, without a break, before the level falls.
pub const RELEASE_AFTER: SignedDuration = SignedDuration::from_mins(10);

/// What is remembered of a check between two of its values.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Standing {
    /// Its level.
    pub level: Level,
    /// Since when the value has been low enough to leave the level; `None` while it is not.
    pub releasing_since: Option<Timestamp>,
}

impl Threshold {
    /// The level after a value of the time `as_of`: a higher one at once, a lower one after [`RELEASE_AFTER`] below
    /// [`RELEASE_SHARE`] of the boundary. `None` for a value that is not a number.
    pub fn advance(&self, previous: Option<Standing>, value: f64, as_of: Timestamp) -> Option<Standing> {
        let level = self.level(value)?;
        let released = Self {
            warning: self.warning * RELEASE_SHARE,
            alert: self.alert * RELEASE_SHARE,
        };
        let candidate = released.level(value)?;
        let settled = |level| Standing {
            level,
            releasing_since: None,
        };
        Some(match previous {
            None => settled(level),
            Some(previous) if level >= previous.level => settled(level),
            Some(previous) if candidate >= previous.level => settled(previous.level),
            Some(previous) => {
                let since = previous.releasing_since.unwrap_or(as_of);
                if as_of.duration_since(since) >= RELEASE_AFTER {
                    settled(candidate)
                } else {
                    Standing {
                        level: previous.level,
                        releasing_since: Some(since),
                    }
                }
            }
        })
    }

    /// The level of a known value; `None` for one that is not a number.
    pub fn level(&self, value: f64) -> Option<Level> {
        let reaches = |boundary: f64| value >= boundary - boundary.abs() * BOUNDARY_TOLERANCE;
        if value.is_nan() {
            None
        } else if reaches(self.alert) {
            Some(Level::Alert)
        } else if reaches(self.warning) {
            Some(Level::Warning)
        } else {
            Some(Level::Ok)
        }
    }
}

/// The thresholds of every check.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Thresholds {
    /// Of the price drop over 24 hours.
    pub price_drop: Threshold,
    /// Of the volatility of one hour against its median of seven days.
    pub volatility_spike: Threshold,
    /// Of the drawdown over 30 days.
    pub drawdown: Threshold,
}

impl Thresholds {
    /// 5 % and 10 % for the drop, 1.5 and 2.5 times for volatility, 25 % and 40 % for the drawdown, whose
    /// choice is in `docs/methodology.md`.
    pub const DEFAULT: Self = Self {
        price_drop: Threshold {
            warning: 5.0,
            alert: 10.0,
        },
        volatility_spike: Threshold {
            warning: 1.5,
            alert: 2.5,
        },
        drawdown: Threshold {
            warning: 25.0,
            alert: 40.0,
        },
    };

    /// The thresholds of one check.
    pub fn of(&self, name: CheckName) -> Threshold {
        match name {
            CheckName::PriceDrop => self.price_drop,
            CheckName::VolatilitySpike => self.volatility_spike,
            CheckName::Drawdown => self.drawdown,
        }
    }
}

/// A check's input: its value, or why there is none.
#[derive(Debug, Clone, PartialEq)]
pub enum Reading {
    /// A value.
    Known(f64),
    /// No value, with the reason.
    Unknown(String),
}

/// One judged check.
#[derive(Debug, Clone, PartialEq)]
pub struct Check {
    /// What was judged.
    pub name: CheckName,
    /// The value, or why there is none.
    pub reading: Reading,
    /// The boundaries it was judged by.
    pub threshold: Threshold,
    /// The level and since when it is being left; `None` exactly when the value is unknown.
    pub standing: Option<Standing>,
}

impl Check {
    /// The verdict; `None` exactly when the value is unknown.
    pub fn level(&self) -> Option<Level> {
        self.standing.map(|standing| standing.level)
    }
}

/// Judges one reading of the time `as_of`, given what is remembered of the check.
pub fn check(
    name: CheckName,
    reading: Reading,
    thresholds: &Thresholds,
    previous: Option<Standing>,
    as_of: Timestamp,
) -> Check {
    let threshold = thresholds.of(name);
    let reading = match reading {
        Reading::Known(value) if !value.is_finite() => Reading::Unknown("not_finite".to_owned()),
        known_or_unknown @ (Reading::Known(_) | Reading::Unknown(_)) => known_or_unknown,
    };
    let standing = match &reading {
        Reading::Known(value) => threshold.advance(previous, *value, as_of),
        Reading::Unknown(_) => None,
    };
    Check {
        name,
        reading,
        threshold,
        standing,
    }
}

/// The worst level among the checks that have one; `None` when nothing is known.
pub fn overall(checks: &[Check]) -> Option<Level> {
    checks.iter().filter_map(Check::level).max()
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    fn check(name: CheckName, reading: Reading, thresholds: &Thresholds) -> Check {
        super::check(name, reading, thresholds, None, Timestamp::UNIX_EPOCH)
    }

    /// The levels after each `(minute, value)` of a price drop.
    fn levels(values: &[(i64, f64)]) -> Vec<Level> {
        let mut standing = None;
        values
            .iter()
            .map(|&(minute, value)| {
                let as_of = Timestamp::UNIX_EPOCH + SignedDuration::from_mins(minute);
                standing = Thresholds::DEFAULT.price_drop.advance(standing, value, as_of);
                standing.unwrap().level
            })
            .collect()
    }

    #[test]
    fn value_around_a_boundary_changes_the_level_once() {
        let values: Vec<(i64, f64)> = (0..105)
            .map(|minute| (minute, if minute % 2 == 0 { 4.9 } else { 5.1 }))
            .collect();
        let levels = levels(&values);
        let changes = levels.windows(2).filter(|pair| pair[0] != pair[1]).count();
        assert_eq!((changes, levels[0], levels[104]), (1, Level::Ok, Level::Warning));
    }

    #[test]
    fn level_falls_only_after_ten_minutes_below_its_release_without_a_break() {
        use Level::{Alert, Ok, Warning};
        assert_eq!(
            levels(&[(0, 5.0), (1, 4.4), (10, 4.4), (11, 4.4)]),
            [Warning, Warning, Warning, Ok]
        );
        assert_eq!(
            levels(&[(0, 5.0), (1, 4.4), (10, 4.6), (11, 4.4), (20, 4.4), (21, 4.4)]),
            [Warning, Warning, Warning, Warning, Warning, Ok]
        );
        assert_eq!(
            levels(&[(0, 11.0), (1, 4.7), (11, 4.7), (30, 4.7)]),
            [Alert, Alert, Warning, Warning]
        );
        assert_eq!(levels(&[(0, 4.0), (1, 10.0)]), [Ok, Alert]);
    }

    #[rstest]
    #[case(CheckName::PriceDrop, 4.99, Level::Ok)]
    #[case(CheckName::PriceDrop, 5.0, Level::Warning)]
    #[case(CheckName::PriceDrop, 9.99, Level::Warning)]
    #[case(CheckName::PriceDrop, 10.0, Level::Alert)]
    #[case(CheckName::PriceDrop, -30.0, Level::Ok)]
    #[case(CheckName::VolatilitySpike, 1.4999, Level::Ok)]
    #[case(CheckName::VolatilitySpike, 1.5, Level::Warning)]
    #[case(CheckName::VolatilitySpike, 2.5, Level::Alert)]
    #[case(CheckName::Drawdown, 24.99, Level::Ok)]
    #[case(CheckName::Drawdown, 25.0, Level::Warning)]
    #[case(CheckName::Drawdown, 40.0, Level::Alert)]
    #[case(CheckName::Drawdown, 95.0, Level::Alert)]
    fn a_boundary_belongs_to_the_higher_level(#[case] name: CheckName, #[case] value: f64, #[case] expected: Level) {
        let input = check(name, Reading::Known(value), &Thresholds::DEFAULT);
        assert_eq!(input.level(), Some(expected));
    }

    #[test]
    fn a_computed_boundary_is_on_the_boundary() {
        for (then, now, expected) in [
            (110.0, 104.5, Level::Warning),
            (3.0, 2.7, Level::Alert),
            (0.7, 0.63, Level::Alert),
        ] {
            let drop = (then - now) / then * 100.0;
            let input = check(CheckName::PriceDrop, Reading::Known(drop), &Thresholds::DEFAULT);
            assert_eq!(input.level(), Some(expected), "{then} -> {now} is {drop}");
        }
    }

    #[test]
    fn an_unknown_value_has_no_level() {
        let unknown = check(
            CheckName::Drawdown,
            Reading::Unknown("insufficient_data".into()),
            &Thresholds::DEFAULT,
        );
        assert_eq!(unknown.level(), None);
        let not_finite = check(CheckName::Drawdown, Reading::Known(f64::NAN), &Thresholds::DEFAULT);
        assert_eq!(
            (not_finite.level(), not_finite.reading),
            (None, Reading::Unknown("not_finite".into()))
        );
        assert_eq!(overall(&[unknown]), None);
    }

    #[test]
    fn the_whole_is_as_bad_as_its_worst_known_part() {
        let checks = [
            check(CheckName::PriceDrop, Reading::Known(6.0), &Thresholds::DEFAULT),
            check(
                CheckName::VolatilitySpike,
                Reading::Unknown("insufficient_data".into()),
                &Thresholds::DEFAULT,
            ),
            check(CheckName::Drawdown, Reading::Known(1.0), &Thresholds::DEFAULT),
        ];
        assert_eq!(overall(&checks), Some(Level::Warning));
    }

    #[test]
    fn names_are_those_of_the_wire() {
        for name in CheckName::ALL {
            assert_eq!(serde_json::to_string(&name).unwrap(), format!("\"{}\"", name.as_str()));
        }
        for level in [Level::Ok, Level::Warning, Level::Alert] {
            assert_eq!(
                serde_json::to_string(&level).unwrap(),
                format!("\"{}\"", level.as_str())
            );
        }
    }
}
