//! Pure checks: what a venue said becomes an observation, or is refused with a reason.
//!
//! Prices must be positive, representable and not absurd; a time far in the future is refused, a second or two is
//! not (venues' clocks run ahead of ours). Everything else that cannot be read is unknown, not a reason to refuse.

use domain::asset::Asset;
use domain::quote::Observation;
use domain::ticker::{ProviderId, Ticker};
use jiff::{SignedDuration, Timestamp};
use rust_decimal::Decimal;

use crate::number::Number;
use crate::providers::Reading;

/// No price of one unit of anything is larger.
const LARGEST_PRICE: i64 = 1_000_000_000_000_000;

/// A time so far ahead of ours is no clock's error.
const FURTHEST_AHEAD: SignedDuration = SignedDuration::from_hours(1);

/// Why an entry was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RejectReason {
    /// No price, or none that is a number.
    NotANumber,
    /// Zero or negative.
    NotPositive,
    /// Too large or too small to be a price.
    OutOfRange,
    /// No currency, or one we cannot name.
    UnknownCurrency,
    /// Dated far into the future.
    TimeOutOfRange,
    /// Not the shape it should have.
    Malformed,
}

impl RejectReason {
    /// The reason as text.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::NotANumber => "not_a_number",
            Self::NotPositive => "not_positive",
            Self::OutOfRange => "out_of_range",
            Self::UnknownCurrency => "unknown_currency",
            Self::TimeOutOfRange => "time_out_of_range",
            Self::Malformed => "malformed",
        }
    }
}

/// A refused entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rejected {
    /// The venue.
    pub provider: ProviderId,
    /// The asset, where it could be told.
    pub ticker: Option<Ticker>,
    /// The venue's own name of it.
    pub symbol: String,
    /// Why.
    pub reason: RejectReason,
    /// The price as the venue wrote it.
    pub raw_price: Option<String>,
    /// When the venue says the price was made.
    pub quoted_at: Option<Timestamp>,
    /// When it reached us.
    pub received_at: Timestamp,
}

/// Makes an observation of `asset` out of a reading.
///
/// # Errors
///
/// The first check that fails.
pub fn to_observation(
    provider: ProviderId,
    asset: &Asset,
    reading: &Reading,
    received_at: Timestamp,
) -> Result<Observation, RejectReason> {
    let price = reading.price.as_ref().ok_or(RejectReason::NotANumber)?;
    let price = price.to_decimal().map_err(|_| RejectReason::OutOfRange)?;
    if price <= Decimal::ZERO {
        return Err(RejectReason::NotPositive);
    }
    if price > Decimal::from(LARGEST_PRICE) {
        return Err(RejectReason::OutOfRange);
    }
    let currency = reading.currency.as_deref().and_then(|currency| currency.parse().ok());
    let quote_currency = currency.ok_or(RejectReason::UnknownCurrency)?;
    if let Some(at) = reading.quoted_at
        && (at.duration_since(received_at) > FURTHEST_AHEAD || at < Timestamp::UNIX_EPOCH)
    {
        return Err(RejectReason::TimeOutOfRange);
    }
    Ok(Observation {
        provider,
        symbol: reading.symbol.clone().unwrap_or_default(),
        ticker: asset.ticker.clone(),
        price,
        quote_currency,
        bid: amount(&reading.bid).filter(|bid| !bid.is_zero()),
        ask: amount(&reading.ask).filter(|ask| !ask.is_zero()),
        volume_24h: amount(&reading.volume_24h),
        market_cap: amount(&reading.market_cap).filter(|cap| !cap.is_zero()),
        circulating_supply: amount(&reading.circulating_supply).filter(|supply| !supply.is_zero()),
        total_supply: amount(&reading.total_supply).filter(|supply| !supply.is_zero()),
        change_24h_percent: reading.change_24h_percent.as_ref().and_then(|n| n.to_decimal().ok()),
        quoted_at: reading.quoted_at,
        received_at,
        simulated: false,
    })
}

/// A size that is not negative; anything else is unknown.
fn amount(number: &Option<Number>) -> Option<Decimal> {
    number
        .as_ref()
        .and_then(|number| number.to_decimal().ok())
        .filter(|amount| *amount >= Decimal::ZERO)
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    fn reading(price: &str) -> Reading {
        Reading {
            symbol: Some("BTCUSDT".to_owned()),
            currency: Some("usd".to_owned()),
            price: Number::parse(price),
            volume_24h: Number::parse("-1"),
            market_cap: Number::parse("0.0"),
            ..Reading::default()
        }
    }

    fn check(reading: &Reading) -> Result<Observation, RejectReason> {
        let asset = Asset {
            ticker: "BTC".parse().unwrap(),
            name: "Bitcoin".to_owned(),
            binance: None,
            coingecko: None,
            coinmarketcap: None,
        };
        let received_at = "2026-01-01T00:00:00Z".parse().unwrap();
        to_observation(ProviderId::Binance, &asset, reading, received_at)
    }

    #[rstest]
    #[case("0", RejectReason::NotPositive)]
    #[case("0.00000000", RejectReason::NotPositive)]
    #[case("-1", RejectReason::NotPositive)]
    #[case("NaN", RejectReason::NotANumber)]
    #[case("", RejectReason::NotANumber)]
    #[case("1e300", RejectReason::OutOfRange)]
    #[case("1e16", RejectReason::OutOfRange)]
    #[case("1e-40", RejectReason::OutOfRange)]
    fn absurd_prices_are_refused(#[case] price: &str, #[case] reason: RejectReason) {
        assert_eq!(check(&reading(price)), Err(reason));
    }

    #[test]
    fn what_is_unknown_stays_unknown() {
        let observation = check(&reading("9.7e-10")).unwrap();
        assert_eq!(observation.price.to_string(), "0.00000000097");
        assert_eq!(observation.quote_currency.as_str(), "USD");
        assert_eq!((observation.volume_24h, observation.market_cap), (None, None));
    }

    #[rstest]
    #[case("2026-01-01T00:00:01.27Z", true)]
    #[case("2025-12-31T00:00:00Z", true)]
    #[case("2026-01-01T02:00:00Z", false)]
    #[case("1969-01-01T02:00:00Z", false)]
    fn a_clock_a_little_ahead_is_fine(#[case] at: &str, #[case] accepted: bool) {
        let mut reading = reading("1");
        reading.quoted_at = Some(at.parse().unwrap());
        let expected = if accepted {
            Ok(())
        } else {
            Err(RejectReason::TimeOutOfRange)
        };
        assert_eq!(check(&reading).map(|_| ()), expected);
    }

    #[test]
    fn a_price_in_nothing_is_refused() {
        let mut reading = reading("1");
        reading.currency = None;
        assert_eq!(check(&reading), Err(RejectReason::UnknownCurrency));
    }
}
