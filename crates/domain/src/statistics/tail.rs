//! Value at risk and expected shortfall.

use super::quantile::quantile;
use super::sum::sum;
use super::undefined::{Measured, Undefined, finite};

/// Historical losses in the worst part of the returns. Positive is a loss.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Tail {
    /// Minus the quantile of the returns at the tail's probability.
    pub value_at_risk: Measured,
    /// Minus the mean of all returns at or below that quantile.
    pub conditional_value_at_risk: Measured,
}

/// The tail of the returns below `probability`, such as 0.05 for a level of 95 %.
///
/// The probability of the tail is the argument, not the level, because `1 - 0.95` is not `0.05` and the mean over "at
/// or below" jumps at the difference. Reorders the returns.
pub fn tail(returns: &mut [f64], probability: f64) -> Tail {
    let Some(bound) = quantile(returns, probability) else {
        return Tail {
            value_at_risk: Err(Undefined::TooFewPoints),
            conditional_value_at_risk: Err(Undefined::TooFewPoints),
        };
    };
    let worst: Vec<f64> = returns.iter().copied().filter(|value| *value <= bound).collect();
    Tail {
        value_at_risk: finite(0.0 - bound),
        conditional_value_at_risk: finite(0.0 - sum(&worst) / worst.len() as f64),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_loss_is_positive() {
        let mut returns: Vec<f64> = (0..=20).map(|i| f64::from(i) / 100.0 - 0.10).collect();
        let tail = tail(&mut returns, 0.05);
        assert!((tail.value_at_risk.unwrap() - 0.09).abs() < 1e-15);
        assert!((tail.conditional_value_at_risk.unwrap() - 0.095).abs() < 1e-15);
    }

    #[test]
    fn one_return_is_its_own_tail_and_none_has_none() {
        assert_eq!(tail(&mut [0.25], 0.05).value_at_risk, Ok(-0.25));
        assert_eq!(
            tail(&mut [], 0.05).conditional_value_at_risk,
            Err(Undefined::TooFewPoints)
        );
    }

    proptest! {
        #[test]
        fn the_mean_of_the_tail_is_no_smaller_a_loss(mut returns in prop::collection::vec(-0.5..0.5_f64, 1..300)) {
            let tail = tail(&mut returns, 0.05);
            prop_assert!(tail.conditional_value_at_risk.unwrap() >= tail.value_at_risk.unwrap() - 1e-15);
        }
    }
}
