//! Pure checks: what a provider said becomes an observation, or is refused with a reason.
//!
//! Prices must be positive, representable and not absurd; a time far in the future is refused, a second or two is
//! not (providers' clocks run ahead of ours). Everything else that cannot be read is unknown, not a reason to refuse.

use domain::asset::Asset;
use domain::quote::Observation;
use domain::ticker::ProviderId;
use jiff::{SignedDuration, Timestamp};
use rust_decimal::Decimal;

use crate::providers::RawTicker;
use crate::raw_number::RawNumber;
use crate::rejection::RejectReason;

/// No price of one unit of anything is larger.
const MAX_PRICE: i64 = 1_000_000_000_000_000;

/// A time so far ahead of ours is no clock's error.
const MAX_CLOCK_LEAD: SignedDuration = SignedDuration::from_hours(1);

/// Makes an observation of `asset` of a raw ticker.
///
/// # Errors
///
/// The first check that fails.
pub fn to_observation(
    provider: ProviderId,
    asset: &Asset,
    raw_ticker: &RawTicker,
    received_at: Timestamp,
) -> Result<Observation, RejectReason> {
    let price = price(raw_ticker)?;
    let currency = raw_ticker
        .currency
        .as_deref()
        .and_then(|currency| currency.parse().ok());
    let quote_currency = currency.ok_or(RejectReason::UnknownCurrency)?;
    if let Some(at) = raw_ticker.quoted_at
        && (at.duration_since(received_at) > MAX_CLOCK_LEAD || at < Timestamp::UNIX_EPOCH)
    {
        return Err(RejectReason::TimeOutOfRange);
    }
    Ok(Observation {
        provider,
        symbol: raw_ticker.symbol.clone().unwrap_or_default(),
        ticker: asset.ticker.clone(),
        price,
        quote_currency,
        bid: amount(&raw_ticker.bid).filter(|bid| !bid.is_zero()),
        ask: amount(&raw_ticker.ask).filter(|ask| !ask.is_zero()),
        volume_24h: amount(&raw_ticker.volume_24h),
        market_cap: amount(&raw_ticker.market_cap).filter(|cap| !cap.is_zero()),
        circulating_supply: amount(&raw_ticker.circulating_supply).filter(|supply| !supply.is_zero()),
        total_supply: amount(&raw_ticker.total_supply).filter(|supply| !supply.is_zero()),
        change_24h_percent: raw_ticker.change_24h_percent.as_ref().and_then(|n| n.to_decimal().ok()),
        quoted_at: raw_ticker.quoted_at,
        received_at,
        simulated: false,
    })
}

/// The price of a raw ticker.
///
/// # Errors
///
/// The first check that fails.
pub fn price(raw_ticker: &RawTicker) -> Result<Decimal, RejectReason> {
    let price = raw_ticker.price.as_ref().ok_or(RejectReason::NotANumber)?;
    let price = price.to_decimal().map_err(|_| RejectReason::OutOfRange)?;
    if price <= Decimal::ZERO {
        return Err(RejectReason::NotPositive);
    }
    if price > Decimal::from(MAX_PRICE) {
        return Err(RejectReason::OutOfRange);
    }
    Ok(price)
}

/// A size that is not negative; anything else is unknown.
fn amount(number: &Option<RawNumber>) -> Option<Decimal> {
    number
        .as_ref()
        .and_then(|number| number.to_decimal().ok())
        .filter(|amount| *amount >= Decimal::ZERO)
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    fn raw_ticker(price: &str) -> RawTicker {
        RawTicker {
            symbol: Some("BTCUSDT".to_owned()),
            currency: Some("usd".to_owned()),
            price: RawNumber::parse(price),
            volume_24h: RawNumber::parse("-1"),
            market_cap: RawNumber::parse("0.0"),
            ..RawTicker::default()
        }
    }

    fn check(raw_ticker: &RawTicker) -> Result<Observation, RejectReason> {
        let asset = Asset {
            ticker: "BTC".parse().unwrap(),
            name: "Bitcoin".to_owned(),
            binance: None,
            coingecko: None,
            coinmarketcap: None,
        };
        let received_at = "2026-01-01T00:00:00Z".parse().unwrap();
        to_observation(ProviderId::Binance, &asset, raw_ticker, received_at)
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
        assert_eq!(check(&raw_ticker(price)), Err(reason));
    }

    #[test]
    fn unknown_amounts_stay_unknown() {
        let observation = check(&raw_ticker("9.7e-10")).unwrap();
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
        let mut raw_ticker = raw_ticker("1");
        raw_ticker.quoted_at = Some(at.parse().unwrap());
        let expected = if accepted {
            Ok(())
        } else {
            Err(RejectReason::TimeOutOfRange)
        };
        assert_eq!(check(&raw_ticker).map(|_| ()), expected);
    }

    #[test]
    fn a_price_in_nothing_is_refused() {
        let mut raw_ticker = raw_ticker("1");
        raw_ticker.currency = None;
        assert_eq!(check(&raw_ticker), Err(RejectReason::UnknownCurrency));
    }
}
