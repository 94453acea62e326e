//! Numbers exactly as a provider wrote them.
//!
//! A `RawNumber` keeps the text of a JSON number, or of a string that holds one; nothing passes through binary
//! floating point. It becomes a `Decimal` only when it is to be computed with.

use std::fmt;

use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

/// The text of a number: digits with optional sign, fraction and exponent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RawNumber(Box<str>);

/// Why a number cannot be computed with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum OutOfRange {
    /// More than about 7.9e28.
    #[error("too large")]
    TooLarge,
    /// Not zero, but zero at 28 decimal places.
    #[error("too small")]
    TooSmall,
}

impl RawNumber {
    /// Reads the text of a number. `None` for everything else, such as `NaN`, an empty text, or `1,5`.
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        split(text).map(|_| Self(text.into()))
    }

    /// Reads a JSON value: a number, or a string that holds one.
    pub fn from_json(raw: &RawValue) -> Option<Self> {
        let text = raw.get();
        if text.starts_with('"') {
            let text: String = serde_json::from_str(text).ok()?;
            Self::parse(&text)
        } else {
            Self::parse(text)
        }
    }

    /// The number as the provider wrote it.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether it equals zero, in any spelling.
    pub fn is_zero(&self) -> bool {
        let mantissa = self.0.split(['e', 'E']).next().unwrap_or_default();
        !mantissa.bytes().any(|b| matches!(b, b'1'..=b'9'))
    }

    /// Whether it is below zero.
    pub fn is_negative(&self) -> bool {
        self.0.starts_with('-') && !self.is_zero()
    }

    /// The same unless it is zero: some providers write 0 for what they do not know.
    pub fn unless_zero(self) -> Option<Self> {
        (!self.is_zero()).then_some(self)
    }

    /// A count such as a rank; `None` for what is no whole number, is negative, or does not fit.
    pub fn to_u64(&self) -> Option<u64> {
        let value = self.to_decimal().ok()?;
        value.is_integer().then(|| value.to_u64())?
    }

    /// The exact value; more than 28 significant digits or decimal places are rounded.
    ///
    /// # Errors
    ///
    /// Numbers that do not fit into a decimal.
    pub fn to_decimal(&self) -> Result<Decimal, OutOfRange> {
        let Some((negative, digits, fraction, exponent)) = split(&self.0) else {
            return Err(OutOfRange::TooLarge);
        };
        let all: String = format!("{digits}{fraction}");
        let significant = all.trim_start_matches('0');
        if significant.is_empty() {
            return Ok(Decimal::ZERO);
        }
        let decimals = i64::try_from(fraction.len())
            .unwrap_or(i64::MAX)
            .saturating_sub(exponent);
        let magnitude = i64::try_from(significant.len())
            .unwrap_or(i64::MAX)
            .saturating_sub(decimals);
        if magnitude > 29 {
            return Err(OutOfRange::TooLarge);
        }
        if magnitude < -28 {
            return Err(OutOfRange::TooSmall);
        }
        let value = plain(significant, decimals)
            .parse::<Decimal>()
            .map_err(|_| OutOfRange::TooLarge)?;
        if value.is_zero() {
            return Err(OutOfRange::TooSmall);
        }
        Ok(if negative { -value } else { value })
    }
}

/// Writes digits with so many decimal places without an exponent. The caller bounds both.
fn plain(digits: &str, decimals: i64) -> String {
    match usize::try_from(decimals) {
        Err(_) => format!("{digits}{}", "0".repeat(decimals.unsigned_abs() as usize)),
        Ok(0) => digits.to_owned(),
        Ok(places) if places >= digits.len() => format!("0.{}{digits}", "0".repeat(places - digits.len())),
        Ok(places) => {
            let (whole, fraction) = digits.split_at(digits.len() - places);
            format!("{whole}.{fraction}")
        }
    }
}

/// Sign, whole digits, fraction digits and exponent.
fn split(text: &str) -> Option<(bool, &str, &str, i64)> {
    let (negative, rest) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let (mantissa, exponent) = match rest.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => {
            let digits = exponent.strip_prefix(['+', '-']).unwrap_or(exponent);
            if !all_digits(digits) || digits.is_empty() {
                return None;
            }
            let limit = if exponent.starts_with('-') {
                i64::MIN / 4
            } else {
                i64::MAX / 4
            };
            (mantissa, exponent.parse().unwrap_or(limit))
        }
        None => (rest, 0),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let valid = all_digits(whole) && all_digits(fraction) && !(whole.is_empty() && fraction.is_empty());
    valid.then_some((negative, whole, fraction, exponent))
}

fn all_digits(text: &str) -> bool {
    text.bytes().all(|b| b.is_ascii_digit())
}

impl fmt::Display for RawNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Reads a field that may be a number, a string that holds one, `null`, or anything: what is no number is unknown,
/// so that one strange field spoils nothing but itself.
pub fn lenient<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<RawNumber>, D::Error> {
    let raw = Option::<&'de RawValue>::deserialize(deserializer)?;
    Ok(raw.and_then(RawNumber::from_json))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("9.722410112328183e-10", "0.0000000009722410112328183")]
    #[case("1e-08", "0.00000001")]
    #[case("6705.82000000", "6705.82000000")]
    #[case("56507.38254720854", "56507.38254720854")]
    #[case("1381651251183", "1381651251183")]
    #[case("-4.37931", "-4.37931")]
    #[case("1.5E+3", "1500")]
    #[case("0.0", "0")]
    #[case("0e999999999999999999999", "0")]
    #[case("12345678901234567890123456789012345e-20", "123456789012345.67890123456789")]
    fn values_are_exact(#[case] text: &str, #[case] expected: &str) {
        let number = RawNumber::parse(text).unwrap();
        assert_eq!(number.as_str(), text);
        assert_eq!(number.to_decimal(), Ok(expected.parse().unwrap()));
    }

    #[rstest]
    #[case("1e400", OutOfRange::TooLarge)]
    #[case("1e99999999999999999999999", OutOfRange::TooLarge)]
    #[case("100000000000000000000000000000", OutOfRange::TooLarge)]
    #[case("1e-40", OutOfRange::TooSmall)]
    #[case("1e-99999999999999999999999", OutOfRange::TooSmall)]
    fn absurd_values_are_refused(#[case] text: &str, #[case] expected: OutOfRange) {
        assert_eq!(RawNumber::parse(text).unwrap().to_decimal(), Err(expected));
    }

    #[rstest]
    #[case("")]
    #[case("NaN")]
    #[case("Infinity")]
    #[case("1,5")]
    #[case("0x10")]
    #[case(".")]
    #[case("e5")]
    #[case("1e")]
    #[case("--1")]
    #[case("null")]
    fn text_that_is_no_number_is_unknown(#[case] text: &str) {
        assert_eq!(RawNumber::parse(text), None);
    }

    #[rstest]
    #[case("-1", true)]
    #[case("-1e-9", true)]
    #[case("-0.0", false)]
    #[case("0", false)]
    #[case("1e-9", false)]
    fn signs(#[case] text: &str, #[case] negative: bool) {
        assert_eq!(RawNumber::parse(text).unwrap().is_negative(), negative);
    }

    #[rstest]
    #[case("7", Some(7))]
    #[case("7.0", Some(7))]
    #[case("7e2", Some(700))]
    #[case("7.5", None)]
    #[case("-7", None)]
    #[case("1e25", None)]
    fn counts_are_whole(#[case] text: &str, #[case] expected: Option<u64>) {
        assert_eq!(RawNumber::parse(text).unwrap().to_u64(), expected);
    }

    #[derive(Deserialize)]
    struct Field {
        #[serde(default, deserialize_with = "lenient")]
        x: Option<RawNumber>,
    }

    #[rstest]
    #[case(r#"{"x":1.50}"#, Some("1.50"))]
    #[case(r#"{"x":"1.50"}"#, Some("1.50"))]
    #[case(r#"{"x":9.7e-10}"#, Some("9.7e-10"))]
    #[case(r#"{"x":null}"#, None)]
    #[case(r#"{}"#, None)]
    #[case(r#"{"x":{"y":[1]}}"#, None)]
    #[case(r#"{"x":true}"#, None)]
    #[case(r#"{"x":""}"#, None)]
    fn fields_are_read_leniently(#[case] json: &str, #[case] expected: Option<&str>) {
        let field: Field = serde_json::from_str(json).unwrap();
        assert_eq!(field.x.as_ref().map(RawNumber::as_str), expected);
    }

    proptest! {
        #[test]
        fn decimals_round_trip(value in any::<i64>(), scale in 0_u32..20) {
            let decimal = Decimal::new(value, scale);
            prop_assert_eq!(RawNumber::parse(&decimal.to_string()).unwrap().to_decimal(), Ok(decimal));
        }

        #[test]
        fn no_text_panics(text in "\\PC{0,40}", digits in "[-+0-9.eE]{0,60}") {
            for text in [text, digits] {
                if let Some(number) = RawNumber::parse(&text) {
                    let _ = number.to_decimal();
                }
            }
        }
    }
}
