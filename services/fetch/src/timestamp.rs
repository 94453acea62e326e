//! Times of providers, by declaration: each field says its unit, none is guessed from its size.

use jiff::Timestamp;
use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;

use crate::raw_number::RawNumber;

/// The unit of a number that counts from the unix epoch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// Seconds, also with a fraction.
    Seconds,
    Millis,
    Micros,
    Nanos,
}

impl Unit {
    fn nanos(self) -> Decimal {
        match self {
            Self::Seconds => Decimal::from(1_000_000_000),
            Self::Millis => Decimal::from(1_000_000),
            Self::Micros => Decimal::from(1_000),
            Self::Nanos => Decimal::ONE,
        }
    }
}

/// The moment that a number counts to. `None` outside of the calendar.
pub fn from_unix(number: &RawNumber, unit: Unit) -> Option<Timestamp> {
    let nanos = number.to_decimal().ok()?.checked_mul(unit.nanos())?;
    Timestamp::from_nanosecond(nanos.to_i128()?).ok()
}

/// The moment of an ISO 8601 text. One without an offset is UTC, as the providers mean it.
pub fn from_iso(text: &str) -> Option<Timestamp> {
    let text = text.trim();
    text.parse()
        .ok()
        .or_else(|| format!("{}Z", text.replacen(' ', "T", 1)).parse().ok())
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("1621080000", Unit::Seconds, "2021-05-15T12:00:00Z")]
    #[case("1762795433.9717445", Unit::Seconds, "2025-11-10T17:23:53.9717445Z")]
    #[case("1621080000123", Unit::Millis, "2021-05-15T12:00:00.123Z")]
    #[case("1621080000123456", Unit::Micros, "2021-05-15T12:00:00.123456Z")]
    #[case("1621080000123456789", Unit::Nanos, "2021-05-15T12:00:00.123456789Z")]
    #[case("1.621080000123e12", Unit::Millis, "2021-05-15T12:00:00.123Z")]
    fn units(#[case] number: &str, #[case] unit: Unit, #[case] expected: &str) {
        let at = from_unix(&RawNumber::parse(number).unwrap(), unit).unwrap();
        assert_eq!(at.to_string(), expected);
    }

    #[test]
    fn out_of_the_calendar_is_no_time() {
        for number in ["1e25", "-1e20", "99999999999999999"] {
            assert_eq!(
                from_unix(&RawNumber::parse(number).unwrap(), Unit::Seconds),
                None,
                "{number}"
            );
        }
    }

    #[rstest]
    #[case("2021-04-20T23:29:02.000Z", Some("2021-04-20T23:29:02Z"))]
    #[case("2021-04-20T23:29:02.123456+02:00", Some("2021-04-20T21:29:02.123456Z"))]
    #[case("2021-04-20T23:29:02", Some("2021-04-20T23:29:02Z"))]
    #[case("2021-04-20 23:29:02", Some("2021-04-20T23:29:02Z"))]
    #[case("yesterday", None)]
    #[case("", None)]
    fn iso(#[case] text: &str, #[case] expected: Option<&str>) {
        assert_eq!(from_iso(text).map(|at| at.to_string()).as_deref(), expected);
    }
}
