//! Numbers as clients see them.
//!
//! `Number` is an exact decimal that is written as a JSON number, the shortest that equals it, and read from
//! a number or a string without passing through binary floating point. `Price` is one that `with_rounded_prices` writes
//! in the digits that a person needs. `Float` is a statistic: a JSON number, or `null` when it is not finite. Inside
//! `with_strings` all are written as strings, exactly.
//!
//! None can be read inside `#[serde(flatten)]`, untagged or internally tagged types, and
//! `serde_json::to_value` would round: serialise straight to text.

use std::cell::Cell;
use std::fmt;

use rust_decimal::Decimal;
use serde::de::Error as _;
use serde::ser::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::value::RawValue;

/// Significant digits of a rounded price. Exchanges quote in no more, so rounding takes the digits that an average made
/// and none that a market did.
const PRICE_DIGITS: u32 = 8;
/// A rounded price keeps its cents, however large it is.
const PRICE_DECIMALS: u32 = 2;

#[derive(Clone, Copy, PartialEq)]
enum Format {
    Exact,
    RoundedPrices,
    Strings,
}

thread_local! {
    static FORMAT: Cell<Format> = const { Cell::new(Format::Exact) };
}

/// Runs `write`, a serialisation, with every [`Number`], [`Price`] and [`Float`] written as a JSON string.
pub fn with_strings<T>(write: impl FnOnce() -> T) -> T {
    with_format(Format::Strings, write)
}

/// Runs `write`, a serialisation, with every [`Price`] rounded half to even to 8 significant digits, or to 2 decimals
/// where that is finer.
pub fn with_rounded_prices<T>(write: impl FnOnce() -> T) -> T {
    with_format(Format::RoundedPrices, write)
}

fn with_format<T>(format: Format, write: impl FnOnce() -> T) -> T {
    struct Reset(Format);
    impl Drop for Reset {
        fn drop(&mut self) {
            FORMAT.set(self.0);
        }
    }
    let _reset = Reset(FORMAT.replace(format));
    write()
}

/// An exact decimal: size, target, volume, cap, or a price that has to be exact.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, utoipa::ToSchema)]
#[schema(value_type = f64)]
pub struct Number(pub Decimal);

impl fmt::Display for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.normalize().fmt(f)
    }
}

impl From<Decimal> for Number {
    fn from(value: Decimal) -> Self {
        Self(value)
    }
}

impl From<Number> for Decimal {
    fn from(value: Number) -> Self {
        value.0
    }
}

impl Serialize for Number {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let text = self.to_string();
        if FORMAT.get() == Format::Strings || !serializer.is_human_readable() {
            return serializer.serialize_str(&text);
        }
        RawValue::from_string(text)
            .map_err(S::Error::custom)?
            .serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Number {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let raw = Box::<RawValue>::deserialize(deserializer)?;
        let text = raw.get();
        let text = text.strip_prefix('"').and_then(|t| t.strip_suffix('"')).unwrap_or(text);
        parse_decimal(text)
            .map(Self)
            .ok_or_else(|| D::Error::custom("expected a decimal number"))
    }
}

/// A price in an answer: exact, but inside [`with_rounded_prices`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, utoipa::ToSchema)]
#[schema(value_type = f64)]
pub struct Price(pub Decimal);

impl From<Decimal> for Price {
    fn from(value: Decimal) -> Self {
        Self(value)
    }
}

impl Serialize for Price {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let is_rounded = FORMAT.get() == Format::RoundedPrices;
        Number(if is_rounded { rounded(self.0) } else { self.0 }).serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Price {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Number::deserialize(deserializer).map(|Number(price)| Self(price))
    }
}

fn rounded(price: Decimal) -> Decimal {
    let cents_are_finer = price.abs() >= Decimal::from(10_u64.pow(PRICE_DIGITS - PRICE_DECIMALS));
    if cents_are_finer {
        price.round_dp(PRICE_DECIMALS)
    } else {
        price.round_sf(PRICE_DIGITS).unwrap_or(price)
    }
}

/// Reads a decimal with or without exponent. `None` when it is no number or does not fit exactly: the spelling with an
/// exponent is as exact as the plain one.
pub fn parse_decimal(text: &str) -> Option<Decimal> {
    if text.contains('_') {
        return None;
    }
    let Some((mantissa, exponent)) = text.split_once(['e', 'E']) else {
        return Decimal::from_str_exact(text).ok();
    };
    let mantissa = Decimal::from_str_exact(mantissa).ok()?.normalize();
    let digits = exponent.strip_prefix(['+', '-']).unwrap_or(exponent);
    if digits.is_empty() || !digits.bytes().all(|digit| digit.is_ascii_digit()) {
        return None;
    }
    if mantissa.is_zero() {
        return Some(Decimal::ZERO);
    }
    // More places than the largest scale and more than the largest power of ten alike fit into no decimal.
    let exponent: i32 = exponent.parse().ok()?;
    let mut scale = i32::try_from(mantissa.scale()).ok()?.checked_sub(exponent)?;
    let mut digits = mantissa.mantissa();
    while scale > 0 && digits % 10 == 0 {
        digits /= 10;
        scale -= 1;
    }
    if scale < 0 {
        digits = digits.checked_mul(10_i128.checked_pow(scale.unsigned_abs())?)?;
        scale = 0;
    }
    Decimal::try_from_i128_with_scale(digits, scale.unsigned_abs()).ok()
}

/// A statistic. Not finite is written as `null`.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd, utoipa::ToSchema)]
#[schema(value_type = f64)]
pub struct Float(pub f64);

impl Float {
    /// The value, if it is a number at all.
    pub fn finite(value: f64) -> Option<Self> {
        value.is_finite().then_some(Self(value))
    }
}

impl Serialize for Float {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if !self.0.is_finite() {
            serializer.serialize_none()
        } else if FORMAT.get() == Format::Strings {
            serializer.collect_str(&self.0)
        } else {
            serializer.serialize_f64(self.0)
        }
    }
}

impl<'de> Deserialize<'de> for Float {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        f64::deserialize(deserializer).map(Self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_written_exactly_and_shortest() {
        for (text, json) in [
            ("64123.123456789012345678", "64123.123456789012345678"),
            ("70000.00", "70000"),
            ("0.00000001", "0.00000001"),
            ("-0.0", "0"),
        ] {
            assert_eq!(serde_json::to_string(&Number(text.parse().unwrap())).unwrap(), json);
        }
    }

    #[test]
    fn numbers_and_strings_are_read_alike() {
        for text in ["64123.123456789012345678", "\"64123.123456789012345678\""] {
            let number: Number = serde_json::from_str(text).unwrap();
            assert_eq!(number.to_string(), "64123.123456789012345678");
        }
        assert_eq!(
            serde_json::from_str::<Number>("9.7e-10").unwrap().to_string(),
            "0.00000000097"
        );
        for text in ["null", "true", "\"\"", "\"NaN\"", "[]", "1e400", "\"1,5\""] {
            assert!(serde_json::from_str::<Number>(text).is_err(), "{text}");
        }
    }

    #[test]
    fn exponents_move_the_point_exactly() {
        for (text, expected) in [
            ("1.5e3", Some("1500")),
            ("-1.5E-3", Some("-0.0015")),
            ("1e+2", Some("100")),
            ("0e999999999999", Some("0")),
            ("7e28", Some("70000000000000000000000000000")),
            ("8e28", None),
            ("1e-28", Some("0.0000000000000000000000000001")),
            ("1e-29", None),
            ("10e-29", Some("0.0000000000000000000000000001")),
            ("1.0000000000000000000000000000000000001e0", None),
            ("1e", None),
            ("1e+", None),
            ("1e5e5", None),
            ("e5", None),
            ("1_000", None),
            ("1e1_0", None),
            ("1e99999999999999999999", None),
        ] {
            assert_eq!(
                parse_decimal(text),
                expected.map(|text| text.parse().unwrap()),
                "{text}"
            );
        }
    }

    proptest::proptest! {
        #[test]
        fn an_exponent_of_zero_changes_nothing(text in "-?[0-9]{1,32}(\\.[0-9]{1,40})?") {
            proptest::prop_assert_eq!(parse_decimal(&format!("{text}e0")), parse_decimal(&text));
        }
    }

    #[test]
    fn a_rounded_price_has_eight_digits_or_cents() {
        for (exact, plain) in [
            ("118970.237391827364518273", "118970.24"),
            ("118970.235", "118970.24"),
            ("118970.245", "118970.24"),
            ("70000.00", "70000"),
            ("999999.996", "1000000"),
            ("12345678.987654321", "12345678.99"),
            ("3456.123456789", "3456.1235"),
            ("0.9999999999", "1"),
            ("0.000012345678912345", "0.000012345679"),
            ("0.0000000000000000012345678912", "0.0000000000000000012345679"),
            ("-12.3456789123", "-12.345679"),
            ("0", "0"),
        ] {
            let price = Price::from(exact.parse::<Decimal>().unwrap());
            let json = || serde_json::to_string(&price).unwrap();
            assert_eq!(with_rounded_prices(json), plain, "{exact}");
            let digits = Number(price.0).to_string();
            assert_eq!(json(), digits, "{exact}");
            assert_eq!(with_strings(json), format!("\"{digits}\""), "{exact}");
        }
        let target = Number("1.23456789012".parse().unwrap());
        assert_eq!(
            with_rounded_prices(|| serde_json::to_string(&target).unwrap()),
            "1.23456789012"
        );
    }

    proptest::proptest! {
        #[test]
        fn rounding_keeps_the_order_of_prices(left in 1..i64::MAX, right in 1..i64::MAX, scale in 0..=18_u32) {
            let [left, right] = [left, right].map(|digits| Decimal::new(digits, scale));
            proptest::prop_assert!(rounded(left.min(right)) <= rounded(left.max(right)));
            proptest::prop_assert!((rounded(left) - left).abs() <= left * Decimal::new(5, 8));
        }
    }

    #[test]
    fn strings_on_request_only_inside() {
        let pair = (Number(Decimal::new(15, 1)), Float(0.25));
        assert_eq!(
            with_strings(|| serde_json::to_string(&pair).unwrap()),
            r#"["1.5","0.25"]"#
        );
        assert_eq!(serde_json::to_string(&pair).unwrap(), "[1.5,0.25]");
        assert_eq!(serde_json::to_string(&Float(f64::NAN)).unwrap(), "null");
    }
}
