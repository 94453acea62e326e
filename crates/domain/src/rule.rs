//! An alert's condition, and its evaluation at the extremes of a batch of prices.
//!
//! Prices and targets are decimals, so that "strictly above 70000" means exactly that. A batch is judged at its
//! highest and lowest price: a spike that came and went between two looks still counts.

use std::fmt;
use std::str::FromStr;

use jiff::{SignedDuration, Timestamp};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

/// On which side of its target a price makes an alert fire.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Condition {
    /// Strictly above the target.
    Gt,
    /// Strictly below the target.
    Lt,
}

/// A text that names no condition.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unknown condition {0:?}: expected gt or lt")]
pub struct UnknownCondition(pub String);

impl Condition {
    /// Every condition.
    pub const ALL: [Self; 2] = [Self::Gt, Self::Lt];

    /// The condition's name in requests, rows and keys.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Gt => "gt",
            Self::Lt => "lt",
        }
    }

    /// Says whether `price` lies on the side of `target` that this condition waits for. The target itself does not.
    pub fn holds(self, price: Decimal, target: Decimal) -> bool {
        match self {
            Self::Gt => price > target,
            Self::Lt => price < target,
        }
    }
}

impl fmt::Display for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Condition {
    type Err = UnknownCondition;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|condition| condition.as_str() == text)
            .ok_or_else(|| UnknownCondition(text.to_owned()))
    }
}

/// The highest and the lowest price of a batch, each with what it came with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Extremes<T> {
    highest: (Decimal, T),
    lowest: (Decimal, T),
}

impl<T: Clone> Extremes<T> {
    /// A batch of one price.
    pub fn of(price: Decimal, evidence: T) -> Self {
        Self {
            highest: (price, evidence.clone()),
            lowest: (price, evidence),
        }
    }

    /// Takes another price into the batch. Of equal prices the first keeps its place, as it was true first.
    pub fn include(&mut self, price: Decimal, evidence: T) {
        if price > self.highest.0 {
            self.highest = (price, evidence.clone());
        }
        if price < self.lowest.0 {
            self.lowest = (price, evidence);
        }
    }

    /// The price of the batch that is most likely to satisfy `condition`: if it does not, no other does.
    pub fn for_condition(&self, condition: Condition) -> (Decimal, &T) {
        let (price, evidence) = match condition {
            Condition::Gt => &self.highest,
            Condition::Lt => &self.lowest,
        };
        (*price, evidence)
    }
}

/// What a price must be worth before an alert may fire on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct QualityGate {
    /// The fewest providers that stand behind the price.
    pub min_sources: u32,
    /// The oldest it may have been when it was published.
    pub max_age: SignedDuration,
}

/// Why a price did not pass the gate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unfit {
    /// Fewer providers than wanted stand behind it.
    #[error("too_few_sources")]
    TooFewSources,
    /// It was too old when it was published.
    #[error("stale")]
    Stale,
    /// It is not a positive number.
    #[error("not_positive")]
    NotPositive,
}

impl QualityGate {
    /// The gate of an alert that names none: one source, 15 seconds.
    pub const DEFAULT: Self = Self {
        min_sources: 1,
        max_age: SignedDuration::from_secs(15),
    };

    /// Admits a price that was quoted at `as_of` and published at `published_at`.
    ///
    /// Age is counted up to the publication, not up to now: a price that waited in the stream while nobody read it
    /// was fresh when it was said, and an alert that it should have fired is owed.
    ///
    /// # Errors
    /// The first demand that the price does not meet.
    pub fn admit(
        &self,
        price: Decimal,
        n_sources: u32,
        as_of: Timestamp,
        published_at: Timestamp,
    ) -> Result<(), Unfit> {
        if price <= Decimal::ZERO {
            return Err(Unfit::NotPositive);
        }
        if published_at.duration_since(as_of) > self.max_age {
            return Err(Unfit::Stale);
        }
        if n_sources < self.min_sources {
            return Err(Unfit::TooFewSources);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rstest::rstest;

    use super::*;

    fn decimal(text: &str) -> Decimal {
        text.parse().unwrap()
    }

    #[rstest]
    #[case("gt", "70000", "70000", false)]
    #[case("gt", "70000.000000000000000001", "70000", true)]
    #[case("gt", "69999.999999999999999999", "70000", false)]
    #[case("lt", "70000", "70000", false)]
    #[case("lt", "69999.999999999999999999", "70000", true)]
    #[case("lt", "70000.000000000000000001", "70000", false)]
    #[case("gt", "0.000000000000000002", "0.000000000000000001", true)]
    fn the_target_itself_fires_nothing(
        #[case] condition: Condition,
        #[case] price: &str,
        #[case] target: &str,
        #[case] expected: bool,
    ) {
        assert_eq!(condition.holds(decimal(price), decimal(target)), expected);
    }

    #[test]
    fn a_condition_has_one_spelling() {
        for condition in Condition::ALL {
            assert_eq!(condition.as_str().parse(), Ok(condition));
            assert_eq!(serde_json::to_string(&condition).unwrap(), format!("\"{condition}\""));
        }
        assert_eq!("GT".parse::<Condition>(), Err(UnknownCondition("GT".to_owned())));
    }

    #[test]
    fn a_spike_inside_a_batch_counts() {
        let mut batch = Extremes::of(decimal("100"), "calm");
        batch.include(decimal("120"), "spike");
        batch.include(decimal("80"), "dip");
        batch.include(decimal("101"), "calm again");
        assert_eq!(batch.for_condition(Condition::Gt), (decimal("120"), &"spike"));
        assert_eq!(batch.for_condition(Condition::Lt), (decimal("80"), &"dip"));
    }

    #[test]
    fn the_first_of_equal_prices_is_the_evidence() {
        let mut batch = Extremes::of(decimal("100"), 1);
        batch.include(decimal("100.0"), 2);
        assert_eq!(batch.for_condition(Condition::Gt).1, &1);
        assert_eq!(batch.for_condition(Condition::Lt).1, &1);
    }

    proptest! {
        #[test]
        fn a_batch_fires_exactly_when_one_of_its_prices_does(
            prices in proptest::collection::vec(1_i64..1_000_000, 1..50),
            target in 1_i64..1_000_000,
        ) {
            let prices: Vec<Decimal> = prices.into_iter().map(|p| Decimal::new(p, 4)).collect();
            let target = Decimal::new(target, 4);
            let mut batch = Extremes::of(prices[0], ());
            for price in &prices[1..] {
                batch.include(*price, ());
            }
            for condition in Condition::ALL {
                let any = prices.iter().any(|price| condition.holds(*price, target));
                prop_assert_eq!(condition.holds(batch.for_condition(condition).0, target), any);
            }
        }
    }

    #[rstest]
    #[case("1", 1, 15_000, Ok(()))]
    #[case("1", 1, 15_001, Err(Unfit::Stale))]
    #[case("1", 1, -500, Ok(()))]
    #[case("1", 0, 0, Err(Unfit::TooFewSources))]
    #[case("0", 3, 0, Err(Unfit::NotPositive))]
    #[case("-1", 3, 0, Err(Unfit::NotPositive))]
    fn the_gate_admits_only_what_is_fresh_and_backed(
        #[case] price: &str,
        #[case] n_sources: u32,
        #[case] age_ms: i64,
        #[case] expected: Result<(), Unfit>,
    ) {
        let published_at = Timestamp::from_second(1_800_000_000).unwrap();
        let as_of = published_at - SignedDuration::from_millis(age_ms);
        assert_eq!(
            QualityGate::DEFAULT.admit(decimal(price), n_sources, as_of, published_at),
            expected
        );
    }
}
