//! How far the data of a token can be relied on.
//!
//! Four parts, each from 0 to 1, multiplied: what is useless in one respect is not saved by the others. The parts are
//! kept beside the score, so that a reader sees which of them lowers it.

use std::fmt;

use jiff::SignedDuration;
use serde::{Deserialize, Serialize};

/// At how many times the freshness limit data count for nothing.
pub const WORTHLESS_AT_LIMITS: f64 = 10.0;

/// Up to this relative disagreement sources agree: listings compute volumes and caps at different seconds and from
/// different sets of markets, so that half a percent says nothing.
pub const FULL_AGREEMENT: f64 = 0.005;

/// From this relative disagreement on sources contradict one another, and nobody knows which is right.
pub const NO_AGREEMENT: f64 = 0.1;

/// The agreement of a single source. Nothing contradicts it and nothing confirms it, so it counts a little less than
/// two that confirm each other: as much as two that are about 1.5 % apart.
pub const SINGLE_SOURCE_AGREEMENT: f64 = 0.9;

/// The state of data of some age.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Freshness {
    /// Up to half of the freshness limit.
    Fresh,
    /// Up to the limit. The limit is two or three polls long, so at least one has brought nothing.
    Aging,
    /// Older than the limit, which is what `stale` means in every answer.
    Stale,
}

impl Freshness {
    /// The public name, such as `fresh`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Fresh => "fresh",
            Self::Aging => "aging",
            Self::Stale => "stale",
        }
    }

    /// The state of data that are `age` old, where `limit` is the longest age of usable data.
    ///
    /// An age below zero, from a clock that runs ahead, is fresh.
    pub fn of(age: SignedDuration, limit: SignedDuration) -> Self {
        if age > limit {
            Self::Stale
        } else if age > limit / 2 {
            Self::Aging
        } else {
            Self::Fresh
        }
    }
}

impl fmt::Display for Freshness {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What the quality is judged by.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct QualityInput<'a> {
    /// How old the data are; `None` when there are none.
    pub age: Option<SignedDuration>,
    /// The longest age of usable data.
    pub freshness_limit: SignedDuration,
    /// The same quantity as each source reports it.
    pub reported: &'a [f64],
    /// How many of the expected fields have a value.
    pub known_fields: usize,
    /// How many fields are expected.
    pub expected_fields: usize,
    /// The share of the window for which something is known.
    pub coverage: f64,
}

/// The parts of the quality, each from 0 (useless) to 1 (as good as it can be).
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct DataQuality {
    /// See [`freshness`].
    pub freshness: f64,
    /// See [`agreement`].
    pub agreement: f64,
    /// See [`completeness`].
    pub completeness: f64,
    /// The share of the window for which something is known.
    pub coverage: f64,
}

impl DataQuality {
    /// The quality of what `input` describes.
    pub fn of(input: &QualityInput<'_>) -> Self {
        Self {
            freshness: input.age.map_or(0.0, |age| freshness(age, input.freshness_limit)),
            agreement: agreement(input.reported),
            completeness: completeness(input.known_fields, input.expected_fields),
            coverage: share(input.coverage),
        }
    }

    /// The `data_quality_score`: the product of the parts, 0 to 1.
    pub fn score(&self) -> f64 {
        self.freshness * self.agreement * self.completeness * self.coverage
    }
}

/// 1 up to the limit, then falling on a straight line to 0 at [`WORTHLESS_AT_LIMITS`] times the limit.
///
/// A straight line rather than a half-life, because it ends: what a dead source reported last is worth nothing, not a
/// little. Without a limit above zero only data without any age are fresh.
pub fn freshness(age: SignedDuration, limit: SignedDuration) -> f64 {
    if age <= limit || age <= SignedDuration::ZERO {
        return 1.0;
    }
    let limits = age.as_secs_f64() / limit.as_secs_f64().max(0.0);
    share((WORTHLESS_AT_LIMITS - limits) / (WORTHLESS_AT_LIMITS - 1.0))
}

/// How well the sources agree: by the distance between the highest and the lowest value relative to their midpoint, 1
/// up to [`FULL_AGREEMENT`], falling on a straight line to 0 at [`NO_AGREEMENT`].
///
/// Only values above zero and below infinity are compared. [`SINGLE_SOURCE_AGREEMENT`] with one of them, 0 with none.
pub fn agreement(reported: &[f64]) -> f64 {
    let usable = || {
        reported
            .iter()
            .copied()
            .filter(|value| value.is_finite() && *value > 0.0)
    };
    let high = usable().fold(0.0, f64::max);
    let low = usable().fold(f64::INFINITY, f64::min);
    match usable().count() {
        0 => 0.0,
        1 => SINGLE_SOURCE_AGREEMENT,
        _ => {
            // Half of each, so that the sum of two values near the largest float does not overflow.
            let disagreement = (high - low) / (high / 2.0 + low / 2.0);
            share((NO_AGREEMENT - disagreement) / (NO_AGREEMENT - FULL_AGREEMENT))
        }
    }
}

/// The share of the expected fields that are known; 1 when none is expected.
pub fn completeness(known: usize, expected: usize) -> f64 {
    if expected == 0 {
        return 1.0;
    }
    share(known as f64 / expected as f64)
}

/// The value within 0 to 1; 0 for one that is no number.
fn share(value: f64) -> f64 {
    if value.is_nan() { 0.0 } else { value.clamp(0.0, 1.0) }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rstest::rstest;

    use super::*;

    const LIMIT: SignedDuration = SignedDuration::from_secs(120);

    fn seconds(seconds: i64) -> SignedDuration {
        SignedDuration::from_secs(seconds)
    }

    #[rstest]
    #[case(-5, 1.0)]
    #[case(0, 1.0)]
    #[case(120, 1.0)]
    #[case(660, 0.5)]
    #[case(1_200, 0.0)]
    #[case(100_000, 0.0)]
    fn freshness_falls_from_the_limit_to_ten_times_of_it(#[case] age: i64, #[case] expected: f64) {
        assert_eq!(freshness(seconds(age), LIMIT), expected);
    }

    #[test]
    fn without_a_limit_only_the_newest_is_fresh() {
        assert_eq!(freshness(seconds(0), seconds(0)), 1.0);
        assert_eq!(freshness(seconds(1), seconds(0)), 0.0);
        assert_eq!(freshness(seconds(1), seconds(-1)), 0.0);
    }

    #[rstest]
    #[case(-1, Freshness::Fresh)]
    #[case(60, Freshness::Fresh)]
    #[case(61, Freshness::Aging)]
    #[case(120, Freshness::Aging)]
    #[case(121, Freshness::Stale)]
    fn data_are_stale_beyond_the_limit(#[case] age: i64, #[case] expected: Freshness) {
        assert_eq!(Freshness::of(seconds(age), LIMIT), expected);
        assert_eq!(serde_json::to_value(expected).unwrap(), expected.as_str());
    }

    #[rstest]
    #[case::nothing(&[], 0.0)]
    #[case::one_source(&[5.0], SINGLE_SOURCE_AGREEMENT)]
    #[case::equal(&[5.0, 5.0, 5.0], 1.0)]
    #[case::within_half_a_percent(&[100.0, 100.4], 1.0)]
    #[case::far_apart(&[100.0, 112.0], 0.0)]
    #[case::half_way(&[97.375, 102.625], 0.5)]
    #[case::unusable_values(&[5.0, 0.0, -3.0, f64::NAN, f64::INFINITY], SINGLE_SOURCE_AGREEMENT)]
    #[case::largest_floats(&[f64::MAX, f64::MAX], 1.0)]
    fn agreement_falls_with_the_distance(#[case] reported: &[f64], #[case] expected: f64) {
        assert!(
            (agreement(reported) - expected).abs() < 1e-12,
            "{}",
            agreement(reported)
        );
    }

    #[test]
    fn completeness_is_the_share_of_known_fields() {
        assert_eq!(
            [
                completeness(3, 4),
                completeness(0, 4),
                completeness(0, 0),
                completeness(5, 4)
            ],
            [0.75, 0.0, 1.0, 1.0]
        );
    }

    #[test]
    fn score_is_the_product_of_its_parts() {
        let quality = DataQuality::of(&QualityInput {
            age: Some(seconds(660)),
            freshness_limit: LIMIT,
            reported: &[7.0],
            known_fields: 3,
            expected_fields: 4,
            coverage: 0.8,
        });
        assert!((quality.score() - 0.5 * 0.9 * 0.75 * 0.8).abs() < 1e-15);
        let nothing = QualityInput {
            age: None,
            freshness_limit: LIMIT,
            reported: &[],
            known_fields: 0,
            expected_fields: 4,
            coverage: 0.0,
        };
        assert_eq!(DataQuality::of(&nothing).score(), 0.0);
    }

    proptest! {
        #[test]
        fn every_part_is_a_share(
            age in prop::option::of(any::<i32>()),
            limit in any::<i32>(),
            reported in prop::collection::vec(any::<f64>(), 0..5),
            (known, expected) in (0..9_usize, 0..9_usize),
            coverage in any::<f64>(),
        ) {
            let quality = DataQuality::of(&QualityInput {
                age: age.map(|age| seconds(age.into())),
                freshness_limit: seconds(limit.into()),
                reported: &reported,
                known_fields: known,
                expected_fields: expected,
                coverage,
            });
            let DataQuality { freshness, agreement, completeness, coverage } = quality;
            for part in [freshness, agreement, completeness, coverage, quality.score()] {
                prop_assert!((0.0..=1.0).contains(&part), "{:?}", quality);
            }
        }
    }
}
