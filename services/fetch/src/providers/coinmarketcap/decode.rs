//! CoinMarketCap's JSON in our words, and its refusals.

use std::str::FromStr;
use std::time::Duration;

use serde_json::value::RawValue;

use super::wire::{Coin, Quote, Status};
use crate::providers::error::error_for_status;
use crate::providers::json::{Document, document, text};
use crate::providers::{Entry, ErrorKind, ProviderError, RawResponse, RawTicker};
use crate::raw_number::RawNumber;
use crate::timestamp;

/// The routes of the provider that are understood, each in all versions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Route {
    /// `/v1|v2|v3/cryptocurrency/quotes/latest`
    QuotesLatest,
    /// `/v1|v3/cryptocurrency/listings/latest`
    ListingsLatest,
}

impl FromStr for Route {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        match name {
            "quotes_latest" => Ok(Self::QuotesLatest),
            "listings_latest" => Ok(Self::ListingsLatest),
            _ => Err("coinmarketcap has quotes_latest and listings_latest".to_owned()),
        }
    }
}

/// Reads an answer: its entries, or why there are none.
pub fn decode(route: Route, response: &RawResponse) -> Result<Vec<Entry>, ProviderError> {
    let parsed = document(&response.body);
    if let Some(refusal) = refusal(response, parsed.as_ref().ok()) {
        return Err(refusal);
    }
    let envelope = match parsed? {
        Document::Map(envelope) => envelope,
        Document::List(_) => return Err(ProviderError::payload("an array without an envelope")),
    };
    let data = envelope.get("data").ok_or_else(|| ProviderError::payload("no data"))?;
    match (route, Document::of(data)) {
        (_, Some(Document::List(coins))) => Ok(coins.into_iter().flat_map(|raw| coin(raw, None)).collect()),
        (Route::QuotesLatest, Some(Document::Map(coins))) => Ok(coins
            .0
            .into_iter()
            .flat_map(|(key, value)| match Document::of(value) {
                // Asked by symbol, v2 answers with all coins of that symbol.
                Some(Document::List(coins)) => coins.into_iter().flat_map(|raw| coin(raw, None)).collect(),
                Some(Document::Map(_)) | None => coin(value, Some(&key)),
            })
            .collect()),
        (Route::ListingsLatest, Some(Document::Map(_))) => Err(ProviderError::payload("data is not an array")),
        (_, None) => Err(ProviderError::payload("data is neither an array nor an object")),
    }
}

/// One raw ticker per currency of a coin; one without a price if there is no quote at all. `key` names the coin in a
/// keyed answer, for those that lack their id.
fn coin(raw: &RawValue, key: Option<&str>) -> Vec<Entry> {
    let coin: Coin<'_> = match serde_json::from_str(raw.get()) {
        Ok(coin) => coin,
        Err(error) => return vec![Entry::Malformed(error.to_string())],
    };
    let quotes: Vec<Result<(Option<String>, Quote), serde_json::Error>> = match coin.quote.and_then(Document::of) {
        Some(Document::Map(quotes)) => quotes
            .0
            .into_iter()
            .map(|(currency, raw)| Ok((Some(currency), quote(raw)?)))
            .collect(),
        Some(Document::List(quotes)) => quotes
            .into_iter()
            .map(|raw| quote(raw).map(|quote| (currency_of(&quote), quote)))
            .collect(),
        None => Vec::new(),
    };
    let symbol = coin.id.clone().or_else(|| key.map(str::to_owned));
    let supplies = RawTicker {
        symbol,
        circulating_supply: coin.circulating_supply.and_then(RawNumber::unless_zero),
        total_supply: coin.total_supply.and_then(RawNumber::unless_zero),
        ..RawTicker::default()
    };
    let coin_time = coin.last_updated.as_deref().and_then(timestamp::from_iso);
    if quotes.is_empty() {
        return vec![
            RawTicker {
                quoted_at: coin_time,
                ..supplies
            }
            .into(),
        ];
    }
    quotes
        .into_iter()
        .map(|quote| match quote {
            Ok((currency, quote)) => RawTicker {
                currency,
                price: quote.price,
                volume_24h: quote.volume_24h,
                market_cap: quote.market_cap.and_then(RawNumber::unless_zero),
                change_24h_percent: quote.percent_change_24h,
                quoted_at: quote
                    .last_updated
                    .as_deref()
                    .and_then(timestamp::from_iso)
                    .or(coin_time),
                ..supplies.clone()
            }
            .into(),
            Err(error) => Entry::Malformed(error.to_string()),
        })
        .collect()
}

/// What a coin costs in one currency; `null` for a currency means that nothing is known.
pub(super) fn quote(raw: &RawValue) -> Result<Quote, serde_json::Error> {
    Ok(serde_json::from_str::<Option<Quote>>(raw.get())?.unwrap_or_default())
}

/// The currency that an item of a v3 quote names: by symbol, else by CoinMarketCap's id of it.
pub(super) fn currency_of(quote: &Quote) -> Option<String> {
    let by_id = || match quote.id.as_deref()? {
        "2781" => Some("USD".to_owned()),
        other => Some(other.to_owned()),
    };
    quote.symbol.clone().or_else(|| quote.currency.clone()).or_else(by_id)
}

/// Requests of one minute are counted together, so the next minute is always allowed.
const MINUTE: Duration = Duration::from_secs(60);

/// What a refusal says: `status.error_code` first, then the HTTP status.
/// <https://coinmarketcap.com/api/documentation/v1/#section/Errors-and-Rate-Limits>
pub(super) fn refusal(response: &RawResponse, document: Option<&Document<'_>>) -> Option<ProviderError> {
    let error_for_status = || error_for_status(response.status, &response.body, response.retry_after);
    let Some((code, message)) = document.and_then(failure) else {
        return error_for_status();
    };
    let refused = |kind, wait| Some(ProviderError::refused(kind, format!("{code} {message}"), wait));
    let wait = response.retry_after;
    match code {
        1001 | 1002 | 1005 | 1007 => refused(ErrorKind::Auth, wait),
        1003 | 1004 | 1006 => refused(ErrorKind::Plan, wait),
        1008 => refused(ErrorKind::RateLimited, wait.or(Some(MINUTE))),
        1009 | 1010 => refused(ErrorKind::QuotaExhausted, wait),
        1011 => refused(ErrorKind::RateLimited, wait),
        4001 | 4002 => refused(ErrorKind::BadRequest, wait),
        400..=599 => {
            let status = u16::try_from(code).unwrap_or(response.status);
            crate::providers::error::error_for_status(status, &response.body, wait)
        }
        _ => {
            error_for_status().or_else(|| Some(ProviderError::payload(format_args!("unknown error {code}: {message}"))))
        }
    }
}

/// Code and words of an error; `None` for an answer. Some errors in front of the API have another shape.
fn failure(document: &Document<'_>) -> Option<(i64, String)> {
    let Document::Map(envelope) = document else { return None };
    if let Some(code) = envelope.get("statusCode").and_then(|raw| text(raw)?.parse().ok()) {
        let message = envelope.get("message").and_then(|raw| text(raw));
        return Some((code, message.unwrap_or_default()));
    }
    let status: Status = serde_json::from_str(envelope.get("status")?.get()).unwrap_or_default();
    let code = status.error_code?;
    // A code that is no number is an unknown one.
    let code: i64 = code.trim().parse().unwrap_or(-1);
    (code != 0).then(|| (code, status.error_message.unwrap_or_default()))
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    fn response(status: u16, body: &str) -> RawResponse {
        let now = "2026-01-01T00:00:00Z".parse().unwrap();
        RawResponse::recorded(status, body.to_owned(), None, now)
    }

    #[rstest]
    #[case(401, "1001", ErrorKind::Auth, None)]
    #[case(401, "1002", ErrorKind::Auth, None)]
    #[case(402, "1003", ErrorKind::Plan, None)]
    #[case(402, "1004", ErrorKind::Plan, None)]
    #[case(403, "1005", ErrorKind::Auth, None)]
    #[case(403, "1006", ErrorKind::Plan, None)]
    #[case(403, "1007", ErrorKind::Auth, None)]
    #[case(429, "1008", ErrorKind::RateLimited, Some(60))]
    #[case(200, "\"1008\"", ErrorKind::RateLimited, Some(60))]
    #[case(429, "1009", ErrorKind::QuotaExhausted, None)]
    #[case(429, "1010", ErrorKind::QuotaExhausted, None)]
    #[case(429, "1011", ErrorKind::RateLimited, None)]
    #[case(400, "400", ErrorKind::BadRequest, None)]
    #[case(200, "500", ErrorKind::Unavailable, None)]
    #[case(200, "7", ErrorKind::InvalidPayload, None)]
    #[case(500, "7", ErrorKind::Unavailable, None)]
    fn codes(#[case] status: u16, #[case] code: &str, #[case] kind: ErrorKind, #[case] after: Option<u64>) {
        let body = format!(r#"{{"status":{{"error_code":{code},"error_message":"…"}},"data":{{}}}}"#);
        let error = decode(Route::QuotesLatest, &response(status, &body)).unwrap_err();
        assert_eq!((error.kind(), error.retry().after_seconds()), (kind, after), "{error}");
    }

    #[rstest]
    #[case(
        401,
        r#"{"statusCode":401,"error":"Unauthorized","message":"This API Key is invalid."}"#,
        ErrorKind::Auth
    )]
    #[case(502, "<html>", ErrorKind::Unavailable)]
    #[case(200, "<html>", ErrorKind::InvalidPayload)]
    #[case(200, "[]", ErrorKind::InvalidPayload)]
    #[case(200, r#"{"status":{"error_code":0}}"#, ErrorKind::InvalidPayload)]
    #[case(200, r#"{"status":{"error_code":0},"data":null}"#, ErrorKind::InvalidPayload)]
    fn other_shapes(#[case] status: u16, #[case] body: &str, #[case] kind: ErrorKind) {
        assert_eq!(
            decode(Route::ListingsLatest, &response(status, body))
                .unwrap_err()
                .kind(),
            kind
        );
    }

    const V1: &str = r#"{"status":{"error_code":0},"data":{"BTC":{"id":1,"circulating_supply":18687212,
        "total_supply":null,"last_updated":"2021-04-20T23:29:02.000Z",
        "quote":{"USD":{"price":56507.38254720854,"market_cap":0}}}}}"#;
    const V2: &str = r#"{"status":{"error_code":"0"},"data":{"BTC":[{"id":1,"quote":{"USD":{"price":"1.50"}}},
        {"id":2,"quote":{"USD":null}},7],"ETH":[]}}"#;
    const V3: &str = r#"{"data":[{"id":1,"last_updated":"2026-01-01T00:00:00.000Z","quote":[
        {"id":2781,"symbol":"USD","price":9.7e-10},{"id":2781,"price":2},{"id":9999,"price":3}]},
        {"id":5,"quote":null}]}"#;

    fn decoded(body: &str) -> Vec<(Option<String>, Option<String>, Option<String>)> {
        let entries = decode(Route::QuotesLatest, &response(200, body)).unwrap();
        let row = |entry| match entry {
            Entry::Ticker(r) => (r.symbol, r.currency, r.price.map(|p| p.as_str().to_owned())),
            Entry::Candle(_) | Entry::Malformed(_) => (None, None, Some("spoiled".to_owned())),
        };
        entries.into_iter().map(row).collect()
    }

    #[test]
    fn all_three_shapes_are_understood() {
        let row = |symbol: &str, currency: Option<&str>, price: Option<&str>| {
            (
                Some(symbol.to_owned()),
                currency.map(str::to_owned),
                price.map(str::to_owned),
            )
        };
        assert_eq!(decoded(V1), [row("1", Some("USD"), Some("56507.38254720854"))]);
        let malformed = (None, None, Some("spoiled".to_owned()));
        assert_eq!(
            decoded(V2),
            [
                row("1", Some("USD"), Some("1.50")),
                row("2", Some("USD"), None),
                malformed
            ]
        );
        assert_eq!(
            decoded(V3),
            [
                row("1", Some("USD"), Some("9.7e-10")),
                row("1", Some("USD"), Some("2")),
                row("1", Some("9999"), Some("3")),
                row("5", None, None),
            ]
        );
    }

    #[test]
    fn zero_caps_and_missing_supplies_are_unknown() {
        let entries = decode(Route::QuotesLatest, &response(200, V1)).unwrap();
        let [Entry::Ticker(raw_ticker)] = entries.as_slice() else {
            panic!("{entries:?}")
        };
        assert_eq!((&raw_ticker.market_cap, &raw_ticker.total_supply), (&None, &None));
        assert_eq!(raw_ticker.quoted_at.unwrap().to_string(), "2021-04-20T23:29:02Z");
    }
}
