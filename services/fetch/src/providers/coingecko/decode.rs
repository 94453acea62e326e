//! CoinGecko's JSON in our words, and its refusals.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::str::FromStr;

use jiff::{SignedDuration, Timestamp};
use serde_json::value::RawValue;

use super::wire::{Market, MarketChart, ohlc, simple};
use crate::providers::error::{error_for_status, mentions};
use crate::providers::json::{Document, Pairs, document, strip_bom, text};
use crate::providers::{Entry, ErrorKind, ProviderError, RawCandle, RawResponse, RawTicker};
use crate::raw_number::RawNumber;
use crate::timestamp::{self, Unit};

/// The routes of the provider that are understood.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Route {
    /// `/simple/price`
    SimplePrice,
    /// `/coins/markets`
    Markets,
    /// `/coins/{id}/market_chart`
    MarketChart,
    /// `/coins/{id}/ohlc`
    Ohlc,
}

impl FromStr for Route {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        match name {
            "simple_price" => Ok(Self::SimplePrice),
            "markets" => Ok(Self::Markets),
            "market_chart" => Ok(Self::MarketChart),
            "ohlc" => Ok(Self::Ohlc),
            _ => Err("coingecko has simple_price, markets, market_chart and ohlc".to_owned()),
        }
    }
}

/// Reads an answer: its entries, or why there are none. `currency` is what was asked for, where the answer does not
/// repeat it.
pub fn decode(route: Route, response: &RawResponse, currency: Option<&str>) -> Result<Vec<Entry>, ProviderError> {
    if let Some(refusal) = refusal(response) {
        return Err(refusal);
    }
    match (route, document(&response.body)?) {
        (Route::SimplePrice, Document::Map(coins)) => {
            Ok(coins.0.iter().flat_map(|(id, coin)| simple_price(id, coin)).collect())
        }
        (Route::Markets, Document::List(rows)) => Ok(rows.into_iter().map(|row| market(row, currency)).collect()),
        (Route::MarketChart, Document::Map(_)) => {
            let chart = serde_json::from_slice(strip_bom(&response.body)).map_err(ProviderError::payload)?;
            Ok(market_chart(&chart, currency))
        }
        (Route::Ohlc, Document::List(rows)) => Ok(candles(&rows)),
        (Route::SimplePrice | Route::MarketChart, Document::List(_)) => {
            Err(ProviderError::payload("an array instead of an object"))
        }
        (Route::Markets | Route::Ohlc, Document::Map(_)) => {
            Err(ProviderError::payload("an object instead of an array"))
        }
    }
}

/// One raw ticker per currency of one coin; a coin without any (an unknown currency was asked for) gives none.
fn simple_price(id: &str, coin: &RawValue) -> Vec<Entry> {
    let fields = match Document::of(coin) {
        Some(Document::Map(fields)) => fields,
        Some(Document::List(_)) | None => return vec![Entry::Malformed(format!("{id} is not an object"))],
    };
    let number = |name: &str| fields.get(name).and_then(|raw| RawNumber::from_json(raw));
    let quoted_at = number(simple::LAST_UPDATED_AT).and_then(|at| timestamp::from_unix(&at, Unit::Seconds));
    let side_fields = [simple::MARKET_CAP, simple::VOLUME_24H, simple::CHANGE_24H];
    fields
        .0
        .iter()
        .map(|(name, _)| name.as_str())
        .filter(|name| *name != simple::LAST_UPDATED_AT && !side_fields.iter().any(|end| name.ends_with(end)))
        .map(|currency| {
            RawTicker {
                symbol: Some(id.to_owned()),
                currency: Some(currency.to_owned()),
                price: number(currency),
                volume_24h: number(&format!("{currency}{}", simple::VOLUME_24H)),
                market_cap: number(&format!("{currency}{}", simple::MARKET_CAP)).and_then(RawNumber::unless_zero),
                change_24h_percent: number(&format!("{currency}{}", simple::CHANGE_24H)),
                quoted_at,
                ..RawTicker::default()
            }
            .into()
        })
        .collect()
}

fn market(row: &RawValue, currency: Option<&str>) -> Entry {
    match serde_json::from_str::<Market>(row.get()) {
        Ok(market) => RawTicker {
            symbol: market.id,
            currency: currency.map(str::to_owned),
            price: market.current_price,
            volume_24h: market.total_volume,
            market_cap: market.market_cap.and_then(RawNumber::unless_zero),
            circulating_supply: market.circulating_supply.and_then(RawNumber::unless_zero),
            total_supply: market.total_supply.and_then(RawNumber::unless_zero),
            change_24h_percent: market.price_change_percentage_24h,
            quoted_at: market.last_updated.as_deref().and_then(timestamp::from_iso),
            ..RawTicker::default()
        }
        .into(),
        Err(error) => Entry::Malformed(error.to_string()),
    }
}

/// The points of a chart; caps and volumes are joined by their time, which is the same in all three lists.
fn market_chart(chart: &MarketChart<'_>, currency: Option<&str>) -> Vec<Entry> {
    let by_time = |points: &Option<Vec<&RawValue>>| -> BTreeMap<String, RawNumber> {
        let points = points.as_deref().unwrap_or_default();
        points
            .iter()
            .filter_map(|point| row(point))
            .filter_map(|point| Some((point.first()?.as_ref()?.to_string(), point.get(1)?.clone()?)))
            .collect()
    };
    let caps = by_time(&chart.market_caps);
    let volumes = by_time(&chart.total_volumes);
    chart
        .prices
        .iter()
        .map(|point| {
            let row = row(point).unwrap_or_default();
            let [Some(at), price, ..] = row.as_slice() else {
                return Entry::Malformed("a point is a time and a value".to_owned());
            };
            RawTicker {
                currency: currency.map(str::to_owned),
                price: price.clone(),
                volume_24h: volumes.get(at.as_str()).cloned(),
                market_cap: caps.get(at.as_str()).cloned().and_then(RawNumber::unless_zero),
                quoted_at: timestamp::from_unix(at, Unit::Millis),
                ..RawTicker::default()
            }
            .into()
        })
        .collect()
}

/// The candles of `/ohlc`. A row has its closing time only; the step is the usual distance between two rows.
fn candles(rows: &[&RawValue]) -> Vec<Entry> {
    let parsed: Vec<Option<Vec<Option<RawNumber>>>> = rows.iter().map(|raw| row(raw)).collect();
    let close_time = |row: &[Option<RawNumber>]| -> Option<Timestamp> {
        timestamp::from_unix(row.get(ohlc::CLOSE_TIME)?.as_ref()?, Unit::Millis)
    };
    let step = usual_step(parsed.iter().flatten().filter_map(|row| close_time(row)).collect());
    parsed
        .into_iter()
        .map(|row| {
            let Some(row) = row.filter(|row| row.len() > ohlc::CLOSE) else {
                return Entry::Malformed("a candle has a time and four prices".to_owned());
            };
            let close_time = close_time(&row);
            let number = |place: usize| row.get(place).cloned().flatten();
            RawCandle {
                open_time: close_time.zip(step).and_then(|(at, step)| at.checked_sub(step).ok()),
                close_time,
                open: number(ohlc::OPEN),
                high: number(ohlc::HIGH),
                low: number(ohlc::LOW),
                close: number(ohlc::CLOSE),
                volume: None,
            }
            .into()
        })
        .collect()
}

/// The distance that most neighbours have, of equally common ones the smallest: a gap is longer, and the last candle
/// can be shorter, as are those of four days where a month ends.
fn usual_step(mut times: Vec<Timestamp>) -> Option<SignedDuration> {
    times.sort_unstable();
    times.dedup();
    let mut counts = BTreeMap::<SignedDuration, usize>::new();
    for pair in times.windows(2) {
        *counts.entry(pair[1].duration_since(pair[0])).or_default() += 1;
    }
    counts
        .into_iter()
        .max_by_key(|(step, count)| (*count, Reverse(*step)))
        .map(|(step, _)| step)
}

/// An array of numbers, each of them possibly unknown.
fn row(raw: &RawValue) -> Option<Vec<Option<RawNumber>>> {
    let row: Vec<&RawValue> = serde_json::from_str(raw.get()).ok()?;
    Some(row.into_iter().map(RawNumber::from_json).collect())
}

/// What a refusal says. Three shapes of body are known, and only some codes are documented; everything else goes by
/// status. <https://docs.coingecko.com/docs/errors-and-rate-limits>
pub(super) fn refusal(response: &RawResponse) -> Option<ProviderError> {
    let error_for_status = || error_for_status(response.status, &response.body, response.retry_after);
    let Some((code, message)) = failure(&response.body) else {
        return error_for_status();
    };
    let refused = |kind| ProviderError::refused(kind, format!("{} {message}", code.unwrap_or(0)), response.retry_after);
    let kind = match code {
        Some(10_002 | 10_010 | 10_011) => ErrorKind::Auth,
        Some(10_005 | 10_012) => ErrorKind::Plan,
        Some(10_006) => ErrorKind::QuotaExhausted,
        Some(1_020) => ErrorKind::Restricted,
        Some(400..=599) if !(400..=599).contains(&response.status) => {
            let status = code.and_then(|code| u16::try_from(code).ok())?;
            return crate::providers::error::error_for_status(status, &response.body, response.retry_after);
        }
        Some(_) | None => {
            let throttled = mentions(message.as_bytes(), "rate limit") || mentions(message.as_bytes(), "throttled");
            match error_for_status() {
                Some(ProviderError::Refused { kind, .. }) => kind,
                _ if throttled => ErrorKind::RateLimited,
                _ => ErrorKind::BadRequest,
            }
        }
    };
    Some(refused(kind))
}

/// Code and words of an error body; `None` for an answer. The coin whose id is `status` is no error.
fn failure(body: &[u8]) -> Option<(Option<i64>, String)> {
    if !mentions(body, "\"error") {
        return None;
    }
    let Ok(Document::Map(pairs)) = document(body) else {
        return None;
    };
    let error = pairs.get("error");
    let code = |pairs: &Pairs<&RawValue>| pairs.get("error_code").and_then(|raw| text(raw)?.parse().ok());
    if let Some(message) = error.and_then(|raw| text(raw)) {
        let status = pairs.get("status").and_then(|raw| text(raw)?.parse().ok());
        return Some((code(&pairs).or(status), message));
    }
    let inner = |pairs: &Pairs<&'_ RawValue>, name: &str| -> Option<(Option<i64>, String)> {
        let part = pairs.get(name).and_then(|raw| Document::of(raw))?;
        let Document::Map(part) = part else { return None };
        let message = part.get("error_message").and_then(|raw| text(raw));
        (part.get("error_code").is_some() || message.is_some()).then(|| (code(&part), message.unwrap_or_default()))
    };
    let nested = error.and_then(|raw| Document::of(raw)).and_then(|part| match part {
        Document::Map(part) => inner(&part, "status"),
        Document::List(_) => None,
    });
    let found = nested
        .or_else(|| inner(&pairs, "error"))
        .or_else(|| inner(&pairs, "status"));
    match (found, code(&pairs)) {
        (Some((inner, message)), outer) => Some((outer.or(inner), message)),
        (None, Some(outer)) => {
            let message = pairs.get("error_message").and_then(|raw| text(raw));
            Some((Some(outer), message.unwrap_or_default()))
        }
        (None, None) => None,
    }
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
    #[case(
        429,
        r#"{"status":{"error_code":429,"error_message":"You've exceeded the Rate Limit."}}"#,
        ErrorKind::RateLimited
    )]
    #[case(
        200,
        r#"{"status":{"error_code":429,"error_message":"You've exceeded the Rate Limit."}}"#,
        ErrorKind::RateLimited
    )]
    #[case(429, "<!DOCTYPE html><title>Just a moment...</title>", ErrorKind::RateLimited)]
    #[case(429, "Throttled", ErrorKind::RateLimited)]
    #[case(422, r#"{"error":"Missing parameter vs_currency"}"#, ErrorKind::BadRequest)]
    #[case(200, r#"{"error":"Missing parameter ids"}"#, ErrorKind::BadRequest)]
    #[case(404, r#"{"error":"coin not found"}"#, ErrorKind::BadRequest)]
    #[case(500, r#"{"status":500,"error":"Internal Server Error"}"#, ErrorKind::Unavailable)]
    #[case(200, r#"{"status":500,"error":"Internal Server Error"}"#, ErrorKind::Unavailable)]
    #[case(
        401,
        r#"{"timestamp":"2026","error_code":10002,"status":{"error_message":"API Key Missing"}}"#,
        ErrorKind::Auth
    )]
    #[case(
        400,
        r#"{"error_code":10010,"status":{"error_message":"Invalid API key"}}"#,
        ErrorKind::Auth
    )]
    #[case(
        401,
        r#"{"error":{"status":{"error_code":10005,"error_message":"limited to PRO API subscribers"}}}"#,
        ErrorKind::Plan
    )]
    #[case(
        401,
        r#"{"error":{"status":{"error_code":10012,"error_message":"exceeds the allowed time range"}}}"#,
        ErrorKind::Plan
    )]
    #[case(
        403,
        r#"{"status":{"error_code":1020,"error_message":"Access denied"}}"#,
        ErrorKind::Restricted
    )]
    #[case(200, "<html>", ErrorKind::InvalidPayload)]
    #[case(200, r#"{"bitcoin":{"usd":"#, ErrorKind::InvalidPayload)]
    #[case(200, r#"{"bitcoin":{"usd":NaN}}"#, ErrorKind::InvalidPayload)]
    #[case(200, "", ErrorKind::InvalidPayload)]
    #[case(200, "[]", ErrorKind::InvalidPayload)]
    #[case(200, "null", ErrorKind::InvalidPayload)]
    fn refusals(#[case] status: u16, #[case] body: &str, #[case] kind: ErrorKind) {
        let error = decode(Route::SimplePrice, &response(status, body), None).unwrap_err();
        assert_eq!(error.kind(), kind, "{error}");
    }

    fn readings(body: &str) -> Vec<RawTicker> {
        let entries = decode(Route::SimplePrice, &response(200, body), None).unwrap();
        let raw_ticker = |entry| match entry {
            Entry::Ticker(raw_ticker) => Some(*raw_ticker),
            Entry::Candle(_) | Entry::Malformed(_) => None,
        };
        entries.into_iter().filter_map(raw_ticker).collect()
    }

    #[test]
    fn every_currency_of_a_coin_is_a_reading() {
        let body = r#"{"bitcoin":{"usd":49253,"usd_market_cap":0.0,"usd_24h_vol":1.5e10,"usd_24h_change":null,
            "eur":40500.10,"eur_24h_change":-1.25,"last_updated_at":1621087755},"status":{"usd":0.02},"x":{},"y":7}"#;
        let readings = readings(body);
        assert_eq!(readings.len(), 3);
        let usd = &readings[0];
        assert_eq!(
            (usd.symbol.as_deref(), usd.currency.as_deref()),
            (Some("bitcoin"), Some("usd"))
        );
        assert_eq!(usd.volume_24h.as_ref().unwrap().as_str(), "1.5e10");
        assert_eq!((&usd.market_cap, &usd.change_24h_percent), (&None, &None));
        assert_eq!(usd.quoted_at.unwrap().to_string(), "2021-05-15T14:09:15Z");
        assert_eq!(readings[1].price.as_ref().unwrap().as_str(), "40500.10");
        assert_eq!(readings[2].symbol.as_deref(), Some("status"));
    }

    #[test]
    fn neither_a_gap_nor_a_short_candle_changes_the_step() {
        let closes = [30, 60, 90, 150, 180, 185];
        let rows: Vec<String> = closes
            .iter()
            .map(|at| format!("[{},1,2,0.5,1.5]", at * 60_000))
            .collect();
        let body = format!("[{}]", rows.join(","));
        let opens: Vec<Option<i64>> = decode(Route::Ohlc, &response(200, &body), None)
            .unwrap()
            .into_iter()
            .map(|entry| match entry {
                Entry::Candle(candle) => candle.open_time.map(|at| at.as_second() / 60),
                Entry::Ticker(_) | Entry::Malformed(_) => None,
            })
            .collect();
        assert_eq!(opens, [0, 30, 60, 120, 150, 155].map(Some));
    }

    #[test]
    fn a_single_candle_does_not_tell_when_it_opened() {
        let entries = decode(Route::Ohlc, &response(200, "[[1620504000000,1,2,0.5,1.5]]"), None).unwrap();
        let [Entry::Candle(candle)] = entries.as_slice() else {
            panic!("{entries:?}")
        };
        assert_eq!((candle.open_time, candle.close_time.is_some()), (None, true));
    }
}
