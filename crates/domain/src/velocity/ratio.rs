//! The velocity of a token at one moment.

use std::fmt;

use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;
use serde::{Deserialize, Serialize};

/// The capitalisation in USD below which no velocity is formed, unless configured otherwise.
///
/// Listings with a next to worthless or a mistaken supply trade many times their cap; their velocity says nothing.
pub const DEFAULT_MIN_MARKET_CAP_USD: Decimal = Decimal::from_parts(10_000, 0, 0, false, 0);

/// A velocity above this is [`Velocity::extreme`]: the whole cap changed hands more than a hundred times in a day.
pub const EXTREME_VELOCITY: f64 = 100.0;

/// Which capitalisation a velocity was formed with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum VelocityMethod {
    /// The capitalisation of the circulating supply.
    MarketCap,
    /// The fully diluted capitalisation, for want of the other.
    Fdv,
    /// None: the velocity is unknown.
    Unavailable,
}

impl VelocityMethod {
    /// The public name, such as `market_cap`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::MarketCap => "market_cap",
            Self::Fdv => "fdv",
            Self::Unavailable => "unavailable",
        }
    }
}

impl fmt::Display for VelocityMethod {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What a velocity is made of. All amounts are in one currency; `None` is an unknown one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct VelocityInput {
    /// The traded amount of the last 24 hours.
    pub volume_24h: Option<Decimal>,
    /// The price times the circulating supply.
    pub market_cap: Option<Decimal>,
    /// The price times the supply there will ever be.
    pub fully_diluted_market_cap: Option<Decimal>,
}

/// How often the capitalisation changes hands in 24 hours: `volume_24h / market_cap`, without a unit.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Velocity {
    /// The ratio, finite and not negative; `None` exactly when `method` is [`VelocityMethod::Unavailable`].
    pub value: Option<f64>,
    /// The capitalisation that was used.
    pub method: VelocityMethod,
    /// Whether the value is above [`EXTREME_VELOCITY`]. It is kept: the caller decides whether to believe it.
    pub extreme: bool,
}

impl Velocity {
    /// The velocity that is not known.
    pub const UNAVAILABLE: Self = Self {
        value: None,
        method: VelocityMethod::Unavailable,
        extreme: false,
    };

    /// The velocity of `input`.
    ///
    /// A market cap that is missing or not above zero is replaced by the fully diluted one. It is unavailable when
    /// neither is known, when the one that counts is below `min_market_cap`, or when the volume is missing or
    /// negative. A market cap below the minimum is a fact, so it is not replaced. A volume of 0 is a velocity of 0.
    pub fn of(input: &VelocityInput, min_market_cap: Decimal) -> Self {
        let known = |cap: Option<Decimal>| cap.filter(|cap| *cap > Decimal::ZERO);
        let (cap, method) = match (known(input.market_cap), known(input.fully_diluted_market_cap)) {
            (Some(cap), _) => (cap, VelocityMethod::MarketCap),
            (None, Some(cap)) => (cap, VelocityMethod::Fdv),
            (None, None) => return Self::UNAVAILABLE,
        };
        let volume = input.volume_24h.filter(|volume| *volume >= Decimal::ZERO);
        // A quotient of decimals ends after 28 places, that of floats keeps 15 digits of any size.
        let value = volume
            .filter(|_| cap >= min_market_cap)
            .and_then(|volume| Some(volume.to_f64()? / cap.to_f64()?))
            .filter(|value| value.is_finite());
        value.map_or(Self::UNAVAILABLE, |value| Self {
            value: Some(value),
            method,
            extreme: value > EXTREME_VELOCITY,
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rstest::rstest;

    use super::*;

    fn velocity(volume: Option<i64>, market_cap: Option<i64>, fully_diluted: Option<i64>) -> Velocity {
        let input = VelocityInput {
            volume_24h: volume.map(Decimal::from),
            market_cap: market_cap.map(Decimal::from),
            fully_diluted_market_cap: fully_diluted.map(Decimal::from),
        };
        Velocity::of(&input, DEFAULT_MIN_MARKET_CAP_USD)
    }

    #[rstest]
    #[case::market_cap_counts_first(Some(5_000), Some(20_000), Some(50_000), 0.25, VelocityMethod::MarketCap)]
    #[case::missing_cap_is_replaced(Some(5_000), None, Some(50_000), 0.1, VelocityMethod::Fdv)]
    #[case::zero_cap_is_replaced(Some(5_000), Some(0), Some(50_000), 0.1, VelocityMethod::Fdv)]
    #[case::negative_cap_is_replaced(Some(5_000), Some(-1), Some(50_000), 0.1, VelocityMethod::Fdv)]
    #[case::minimum_itself_is_enough(Some(5_000), Some(10_000), None, 0.5, VelocityMethod::MarketCap)]
    #[case::no_volume_is_no_velocity(Some(0), Some(20_000), None, 0.0, VelocityMethod::MarketCap)]
    fn velocity_is_volume_over_cap(
        #[case] volume: Option<i64>,
        #[case] market_cap: Option<i64>,
        #[case] fully_diluted: Option<i64>,
        #[case] value: f64,
        #[case] method: VelocityMethod,
    ) {
        let expected = Velocity {
            value: Some(value),
            method,
            extreme: false,
        };
        assert_eq!(velocity(volume, market_cap, fully_diluted), expected);
    }

    #[rstest]
    #[case::both_caps_missing(Some(5_000), None, None)]
    #[case::both_caps_zero(Some(5_000), Some(0), Some(0))]
    #[case::cap_below_the_minimum(Some(5_000), Some(9_999), Some(50_000))]
    #[case::fully_diluted_below_the_minimum(Some(5_000), None, Some(9_999))]
    #[case::volume_missing(None, Some(20_000), None)]
    #[case::volume_negative(Some(-1), Some(20_000), None)]
    fn unknown_velocity_is_unavailable(
        #[case] volume: Option<i64>,
        #[case] market_cap: Option<i64>,
        #[case] fully_diluted: Option<i64>,
    ) {
        assert_eq!(velocity(volume, market_cap, fully_diluted), Velocity::UNAVAILABLE);
    }

    #[test]
    fn extreme_velocity_is_kept_and_flagged() {
        let limit = velocity(Some(1_000_000), Some(10_000), None);
        assert_eq!((limit.value, limit.extreme), (Some(100.0), false));
        let beyond = velocity(Some(1_000_001), Some(10_000), None);
        assert_eq!((beyond.value, beyond.extreme), (Some(100.000_1), true));
    }

    #[test]
    fn methods_are_spelt_alike_everywhere() {
        for method in [
            VelocityMethod::MarketCap,
            VelocityMethod::Fdv,
            VelocityMethod::Unavailable,
        ] {
            assert_eq!(serde_json::to_value(method).unwrap(), method.as_str());
        }
    }

    proptest! {
        #[test]
        fn velocity_is_finite_and_not_negative(
            volume in any::<(u32, u32, u32, bool)>(),
            cap in any::<(u32, u32, u32, bool)>(),
            (volume_scale, cap_scale) in (0_u32..=28, 0_u32..=28),
        ) {
            let input = VelocityInput {
                volume_24h: Some(Decimal::from_parts(volume.0, volume.1, volume.2, volume.3, volume_scale)),
                market_cap: Some(Decimal::from_parts(cap.0, cap.1, cap.2, cap.3, cap_scale)),
                fully_diluted_market_cap: None,
            };
            // Even without any minimum.
            let velocity = Velocity::of(&input, Decimal::ZERO);
            prop_assert_eq!(velocity.value.is_none(), velocity.method == VelocityMethod::Unavailable);
            prop_assert!(velocity.value.is_none_or(|value| value.is_finite() && value >= 0.0));
        }
    }
}
