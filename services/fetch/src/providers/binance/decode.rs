//! Binance's JSON in our words, and its refusals.

use std::str::FromStr;
use std::time::Duration;

use jiff::Timestamp;
use serde_json::value::RawValue;

use super::wire::{Failure, Ticker24h, TickerPrice, kline};
use crate::providers::error::{error_for_status, mentions};
use crate::providers::json::{Document, document, strip_bom};
use crate::providers::{Entry, ErrorKind, ProviderError, RawCandle, RawResponse, RawTicker};
use crate::raw_number::RawNumber;
use crate::timestamp::{self, Unit};

/// The routes of the provider that are understood.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Route {
    /// `/api/v3/ticker/price`
    TickerPrice,
    /// `/api/v3/ticker/24hr`
    Ticker24h,
    /// `/api/v3/klines`
    Klines,
}

impl FromStr for Route {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        match name {
            "ticker_price" => Ok(Self::TickerPrice),
            "ticker_24hr" => Ok(Self::Ticker24h),
            "klines" => Ok(Self::Klines),
            _ => Err("binance has ticker_price, ticker_24hr and klines".to_owned()),
        }
    }
}

/// Reads an answer: its entries, or why there are none.
pub fn decode(route: Route, response: &RawResponse) -> Result<Vec<Entry>, ProviderError> {
    if let Some(refusal) = refusal(response) {
        return Err(refusal);
    }
    let entries = match document(&response.body)? {
        Document::List(entries) => entries,
        // One pair is answered with the bare object.
        Document::Map(pairs) if pairs.get("symbol").is_some() && route != Route::Klines => {
            return Ok(vec![ticker(route, &response.body)]);
        }
        Document::Map(_) => return Err(ProviderError::payload("an object without a symbol")),
    };
    Ok(entries
        .into_iter()
        .map(|entry| match route {
            Route::TickerPrice | Route::Ticker24h => ticker(route, entry.get().as_bytes()),
            Route::Klines => candle(entry),
        })
        .collect())
}

fn ticker(route: Route, json: &[u8]) -> Entry {
    let json = strip_bom(json);
    let raw_ticker = match route {
        Route::TickerPrice => serde_json::from_slice::<TickerPrice>(json).map(|ticker| RawTicker {
            currency: quote_asset(&ticker.symbol).map(str::to_owned),
            symbol: Some(ticker.symbol),
            price: ticker.price,
            ..RawTicker::default()
        }),
        Route::Ticker24h | Route::Klines => serde_json::from_slice::<Ticker24h>(json).map(|ticker| RawTicker {
            currency: quote_asset(&ticker.symbol).map(str::to_owned),
            symbol: Some(ticker.symbol),
            price: ticker.last_price,
            bid: ticker.bid_price,
            ask: ticker.ask_price,
            volume_24h: ticker.quote_volume,
            change_24h_percent: ticker.price_change_percent,
            quoted_at: ticker.close_time.as_ref().and_then(time),
            ..RawTicker::default()
        }),
    };
    match raw_ticker {
        Ok(raw_ticker) => raw_ticker.into(),
        Err(error) => Entry::Malformed(error.to_string()),
    }
}

fn candle(raw: &RawValue) -> Entry {
    let Ok(row) = serde_json::from_str::<Vec<&RawValue>>(raw.get()) else {
        return Entry::Malformed("a candle is an array".to_owned());
    };
    if row.len() <= kline::CLOSE_TIME {
        return Entry::Malformed(format!("a candle of {} fields", row.len()));
    }
    let number = |place: usize| row.get(place).and_then(|raw| RawNumber::from_json(raw));
    RawCandle {
        open_time: number(kline::OPEN_TIME).as_ref().and_then(time),
        close_time: number(kline::CLOSE_TIME).as_ref().and_then(time),
        open: number(kline::OPEN),
        high: number(kline::HIGH),
        low: number(kline::LOW),
        close: number(kline::CLOSE),
        volume: number(kline::VOLUME),
    }
    .into()
}

/// Milliseconds, or microseconds when the request asked so (`X-MBX-TIME-UNIT`), which the body does not say: as
/// milliseconds those would be later than the year 5000.
fn time(number: &RawNumber) -> Option<Timestamp> {
    let latest_millis = 100_000_000_000_000_i64;
    let value = number.to_decimal().ok()?;
    let unit = if value > latest_millis.into() {
        Unit::Micros
    } else {
        Unit::Millis
    };
    timestamp::from_unix(number, unit)
}

/// What a refusal says: by status, by code, by words.
/// <https://github.com/binance/binance-spot-api-docs/blob/master/errors.md>
fn refusal(response: &RawResponse) -> Option<ProviderError> {
    let failure = failure(&response.body);
    let error_for_status = || error_for_status(response.status, &response.body, response.retry_after);
    let Some(Failure { code, msg }) = failure else {
        return error_for_status();
    };
    let message = msg.unwrap_or_default();
    let code = code.and_then(|code| code.as_str().parse::<i64>().ok());
    let refused = |kind| ProviderError::refused(kind, format!("{} {message}", code.unwrap_or(0)), response.retry_after);
    let lower = message.to_ascii_lowercase();
    // By status and words first: the block of a country comes with code 0, and a ban with the code of a limit (-1003).
    if response.status == 451 || lower.contains("restricted location") {
        return Some(refused(ErrorKind::Restricted));
    }
    if response.status == 418 || lower.contains("banned") {
        let wait = response
            .retry_after
            .or_else(|| ban_left(&message, response.received_at));
        return Some(ProviderError::refused(ErrorKind::Banned, message, wait));
    }
    if lower.contains("maintenance") {
        return Some(refused(ErrorKind::Maintenance));
    }
    let kind = match code {
        _ if response.status == 429 => ErrorKind::RateLimited,
        Some(-1003 | -1015 | -1034) => ErrorKind::RateLimited,
        Some(-1016) => ErrorKind::Maintenance,
        Some(-1000 | -1001 | -1004 | -1006 | -1007 | -1008) => ErrorKind::Unavailable,
        Some(-1002 | -1022 | -1099 | -2008 | -2014 | -2015) => ErrorKind::Auth,
        Some(-9999..=-1010) => ErrorKind::BadRequest,
        Some(_) | None => {
            return error_for_status()
                .or_else(|| Some(ProviderError::payload(format_args!("unknown refusal: {message}"))));
        }
    };
    Some(refused(kind))
}

fn failure(body: &[u8]) -> Option<Failure> {
    if !mentions(body, "\"code\"") {
        return None;
    }
    let Ok(Document::Map(pairs)) = document(body) else {
        return None;
    };
    let is_failure = pairs.get("code").is_some() && pairs.get("symbol").is_none();
    is_failure
        .then(|| serde_json::from_slice(strip_bom(body)).ok())
        .flatten()
}

/// `… IP banned until 1573115236000. …`: milliseconds. An end that has passed by our clock says nothing: the ban lasts.
fn ban_left(message: &str, now: Timestamp) -> Option<Duration> {
    let (_, rest) = message.split_once("until ")?;
    let digits: String = rest.chars().take_while(char::is_ascii_digit).collect();
    let end = timestamp::from_unix(&RawNumber::parse(&digits)?, Unit::Millis)?;
    Some(platform::retry_after::until(end, now)).filter(|left| !left.is_zero())
}

/// Quote assets of spot pairs, of the international and the US exchange.
const QUOTE_ASSETS: [&str; 46] = [
    "ARS", "AUD", "BIDR", "BKRW", "BNB", "BRL", "BTC", "BUSD", "BVND", "COP", "CZK", "DAI", "DOGE", "DOT", "ETH",
    "EUR", "EURI", "FDUSD", "GBP", "GYEN", "IDR", "IDRT", "JPY", "MXN", "NGN", "PAX", "PLN", "RLUSD", "RON", "RUB",
    "SOL", "TRX", "TRY", "TUSD", "UAH", "USD", "USD1", "USDC", "USDE", "USDP", "USDS", "USDT", "UST", "VAI", "XRP",
    "ZAR",
];

/// Base assets whose last letters could belong to the quote asset: `BNBUSD` is BNB in USD, not BN in BUSD.
const AMBIGUOUS_BASES: [&str; 21] = [
    "ANT", "APT", "BAT", "BNB", "BTT", "CRV", "DOT", "FET", "FORT", "FTT", "GRT", "LPT", "MNT", "NFT", "PAXG", "SHIB",
    "STMX", "TRB", "USDT", "VET", "WBT",
];

/// Pairs in AEUR, whose name could as well be one in EUR of an asset that ends with A.
const AEUR_PAIRS: [&str; 3] = ["BTCAEUR", "ETHAEUR", "EURAEUR"];

/// The quote asset of a pair's name, which is written without a separator: the longest known ending, unless a shorter
/// one leaves a base asset that is known to end like it. A newer quote asset is unknown.
pub fn quote_asset(symbol: &str) -> Option<&'static str> {
    if AEUR_PAIRS.contains(&symbol) {
        return Some("AEUR");
    }
    let endings = || {
        QUOTE_ASSETS
            .into_iter()
            .filter_map(|quote| Some((symbol.strip_suffix(quote)?, quote)))
            .filter(|(base, _)| !base.is_empty())
    };
    let known_base = endings().find(|(base, _)| AMBIGUOUS_BASES.contains(base));
    known_base
        .or_else(|| endings().max_by_key(|(_, quote)| quote.len()))
        .map(|(_, quote)| quote)
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("BTCUSDT", Some("USDT"))]
    #[case("ETHBTC", Some("BTC"))]
    #[case("BNBUSD", Some("USD"))]
    #[case("BNBBUSD", Some("BUSD"))]
    #[case("BTCBUSD", Some("BUSD"))]
    #[case("USDTUSD", Some("USD"))]
    #[case("DOTUSD", Some("USD"))]
    #[case("BTCFDUSD", Some("FDUSD"))]
    #[case("BTCEURI", Some("EURI"))]
    #[case("BTCAEUR", Some("AEUR"))]
    #[case("ADAEUR", Some("EUR"))]
    #[case("USDCBTC", Some("BTC"))]
    #[case("USDT", None)]
    #[case("BTCXYZ", None)]
    #[case("币安人生USDT", Some("USDT"))]
    fn quote_assets(#[case] symbol: &str, #[case] expected: Option<&str>) {
        assert_eq!(quote_asset(symbol), expected);
    }

    #[rstest]
    #[case(
        429,
        r#"{"code":-1003,"msg":"Too much request weight used"}"#,
        ErrorKind::RateLimited,
        None
    )]
    #[case(400, r#"{"code":-1003,"msg":"Too many requests"}"#, ErrorKind::RateLimited, None)]
    #[case(400, r#"{"code":-1015,"msg":"Too many new orders"}"#, ErrorKind::RateLimited, None)]
    #[case(
        418,
        r#"{"code":-1003,"msg":"Way too much request weight used; IP banned until 1573115296000. Please"}"#,
        ErrorKind::Banned,
        Some(60)
    )]
    #[case(418, "", ErrorKind::Banned, Some(120))]
    #[case(
        418,
        r#"{"code":-1003,"msg":"Way too much request weight used; IP banned until 1573115000000. Please"}"#,
        ErrorKind::Banned,
        Some(120)
    )]
    #[case(
        200,
        "\u{feff}{\"code\":-1121,\"msg\":\"Invalid symbol.\"}",
        ErrorKind::BadRequest,
        None
    )]
    #[case(
        200,
        r#"{"code":1,"msg":"System is under maintenance."}"#,
        ErrorKind::Maintenance,
        None
    )]
    #[case(
        451,
        r#"{"code":0,"msg":"Service unavailable from a restricted location according to"}"#,
        ErrorKind::Restricted,
        None
    )]
    #[case(
        200,
        r#"{"code":0,"msg":"Service unavailable from a restricted location according to"}"#,
        ErrorKind::Restricted,
        None
    )]
    #[case(403, "<html>403 Forbidden</html>", ErrorKind::Restricted, None)]
    #[case(
        503,
        r#"{"code":-1016,"msg":"This service is no longer available."}"#,
        ErrorKind::Maintenance,
        None
    )]
    #[case(
        504,
        r#"{"code":-1007,"msg":"Timeout waiting for response"}"#,
        ErrorKind::Unavailable,
        None
    )]
    #[case(
        500,
        r#"{"code":-1000,"msg":"An unknown error occurred"}"#,
        ErrorKind::Unavailable,
        None
    )]
    #[case(400, r#"{"code":-1121,"msg":"Invalid symbol."}"#, ErrorKind::BadRequest, None)]
    #[case(200, r#"{"code":-1121,"msg":"Invalid symbol."}"#, ErrorKind::BadRequest, None)]
    #[case(
        400,
        r#"{"code":-1100,"msg":"Illegal characters found"}"#,
        ErrorKind::BadRequest,
        None
    )]
    #[case(
        401,
        r#"{"code":-2015,"msg":"Invalid API-key, IP, or permissions"}"#,
        ErrorKind::Auth,
        None
    )]
    #[case(200, r#"{"code":42,"msg":"?"}"#, ErrorKind::InvalidPayload, None)]
    #[case(502, "<html>", ErrorKind::Unavailable, None)]
    fn refusals(#[case] status: u16, #[case] body: &str, #[case] kind: ErrorKind, #[case] after: Option<u64>) {
        let now = "2019-11-07T08:27:16Z".parse().unwrap();
        let response = RawResponse::recorded(status, body.to_owned(), None, now);
        let error = decode(Route::Ticker24h, &response).unwrap_err();
        assert_eq!((error.kind(), error.retry().after_seconds()), (kind, after));
    }
}
