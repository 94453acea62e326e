//! CoinMarketCap's listing in our words, and what requests cost.

use domain::ticker::ProviderId;
use serde_json::value::RawValue;

use super::decode::{currency_of, quote, refusal};
use super::wire::{Coin, Quote, Status};
use crate::providers::error::ProviderError;
use crate::providers::http::RawResponse;
use crate::providers::json::{Document, document};
use crate::providers::listing::{RawListedToken, RawListingPage, plausible_credits};
use crate::raw_number::RawNumber;
use crate::timestamp;

/// The currency that is asked for.
pub(super) const CURRENCY: &str = "USD";

/// Coins of a listing that one credit pays for.
const COINS_PER_CREDIT: usize = 200;

/// What a listing of so many coins costs.
pub(super) fn listing_credits(coins: usize) -> u64 {
    u64::try_from(coins.div_ceil(COINS_PER_CREDIT).max(1)).unwrap_or(u64::MAX)
}

/// Coins of a request for quotes that one credit pays for.
const QUOTES_PER_CREDIT: usize = 100;

/// What a request for quotes of so many coins cost: what the response says, as far as that can be, and what we reckon
/// if it says nothing, unless it was refused.
pub(super) fn quotes_credits(response: &RawResponse, coins: usize) -> u64 {
    let price = u64::try_from(coins.div_ceil(QUOTES_PER_CREDIT).max(1)).unwrap_or(u64::MAX);
    let said = || -> Option<u64> {
        let Ok(Document::Map(envelope)) = document(&response.body) else {
            return None;
        };
        let status: Status = serde_json::from_str(envelope.get("status")?.get()).ok()?;
        status.credit_count?.to_u64()
    };
    said().map_or_else(
        || if response.status < 400 { price } else { 0 },
        |said| plausible_credits(ProviderId::CoinMarketCap, said, price),
    )
}

/// Reads a page of `/v1|v3/cryptocurrency/listings/latest`.
pub fn decode_listing(response: &RawResponse) -> Result<RawListingPage, ProviderError> {
    let parsed = document(&response.body);
    if let Some(refusal) = refusal(response, parsed.as_ref().ok()) {
        return Err(refusal);
    }
    let Document::Map(envelope) = parsed? else {
        return Err(ProviderError::payload("an array without an envelope"));
    };
    let data = envelope.get("data").and_then(|data| Document::of(data));
    let Some(Document::List(rows)) = data else {
        return Err(ProviderError::payload("data is not an array"));
    };
    let status = envelope.get("status").map(|status| status.get());
    let status: Status = status
        .and_then(|text| serde_json::from_str(text).ok())
        .unwrap_or_default();
    let count = |number: Option<RawNumber>| number.and_then(|number| number.to_u64());
    let sent = rows.len();
    let tokens: Vec<RawListedToken> = rows.into_iter().filter_map(|row| listed(row).ok()).collect();
    Ok(RawListingPage {
        malformed: sent - tokens.len(),
        tokens,
        total: count(status.total_count).and_then(|total| usize::try_from(total).ok()),
        credits: count(status.credit_count).unwrap_or_else(|| listing_credits(sent)),
        simulated: response.is_simulated(),
        received_at: response.received_at,
    })
}

/// A token; without a quote in dollars its figures are unknown.
fn listed(row: &RawValue) -> Result<RawListedToken, serde_json::Error> {
    let coin: Coin<'_> = serde_json::from_str(row.get())?;
    let quote = coin.quote.map(in_dollars).transpose()?.unwrap_or_default();
    let time = |text: &Option<String>| text.as_deref().and_then(timestamp::from_iso);
    Ok(RawListedToken {
        rank: coin.cmc_rank,
        price: quote.price,
        volume_24h: quote.volume_24h,
        market_cap: quote.market_cap,
        fully_diluted_market_cap: quote.fully_diluted_market_cap,
        circulating_supply: coin.circulating_supply,
        total_supply: coin.total_supply,
        max_supply: coin.max_supply,
        self_reported_supply: coin.self_reported_circulating_supply,
        self_reported_market_cap: coin.self_reported_market_cap,
        percent_change_1h: quote.percent_change_1h,
        percent_change_24h: quote.percent_change_24h,
        percent_change_7d: quote.percent_change_7d,
        quoted_at: time(&quote.last_updated).or_else(|| time(&coin.last_updated)),
        date_added: time(&coin.date_added),
        tags: coin.tags,
        id: coin.id,
        slug: coin.slug,
        symbol: coin.symbol,
        name: coin.name,
    })
}

/// The quote in dollars: keyed by currency in v1, in a list in v3.
fn in_dollars(quotes: &RawValue) -> Result<Quote, serde_json::Error> {
    match Document::of(quotes) {
        Some(Document::Map(quotes)) => quotes
            .get(CURRENCY)
            .map_or_else(|| Ok(Quote::default()), |raw| quote(raw)),
        Some(Document::List(quotes)) => {
            let quotes: Vec<Quote> = quotes.into_iter().map(quote).collect::<Result<_, _>>()?;
            let in_dollars = |quote: &Quote| currency_of(quote).as_deref() == Some(CURRENCY);
            Ok(quotes.into_iter().find(in_dollars).unwrap_or_default())
        }
        None => Ok(Quote::default()),
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;
    use crate::providers::ErrorKind;

    fn response(status: u16, body: &str) -> RawResponse {
        let now = "2026-01-01T00:00:00Z".parse().unwrap();
        RawResponse::recorded(status, body.to_owned(), None, now)
    }

    fn page(body: &str) -> RawListingPage {
        decode_listing(&response(200, body)).unwrap()
    }

    const V1: &str = r#"{"status":{"error_code":0,"credit_count":1,"total_count":4789},"data":[
        {"id":1,"name":"Bitcoin","symbol":"BTC","slug":"bitcoin","cmc_rank":1,"date_added":"2013-04-28T00:00:00.000Z",
         "tags":["mineable","pow"],"max_supply":21000000,"circulating_supply":18687212,"total_supply":18687212,
         "last_updated":"2021-04-20T23:29:02.000Z","quote":{"USD":{"price":56507.38254720854,"volume_24h":1.5e10,
         "percent_change_1h":-0.06933817,"percent_change_24h":0.8,"percent_change_7d":-10.5,"market_cap":1055965437224.7859,
         "fully_diluted_market_cap":"1186655033491.37934","last_updated":"2021-04-20T23:29:04.000Z"}}},
        7, {"id":2,"quote":{"EUR":{"price":1}}}, {"id":3,"quote":{"USD":null}}, {"id":4,"quote":{"USD":7}}]}"#;

    const V3: &str = r#"{"status":{"error_code":"0"},"data":[{"id":1,"tags":[{"slug":"pow","name":"PoW"},{"name":"X"},7,[]],
        "self_reported_circulating_supply":1000,"self_reported_market_cap":2e6,
        "quote":[{"id":2790,"symbol":"EUR","price":1},{"id":2781,"price":2}]},{"id":2,"tags":"x","quote":[]}]}"#;

    #[test]
    fn first_version_is_read_whole() {
        let page = page(V1);
        assert_eq!(
            (page.malformed, page.total, page.credits, page.rows()),
            (2, Some(4789), 1, 5)
        );
        let btc = &page.tokens[0];
        let text = |number: &Option<RawNumber>| number.as_ref().map(|number| number.as_str().to_owned()).unwrap();
        assert_eq!(text(&btc.price), "56507.38254720854");
        assert_eq!(text(&btc.fully_diluted_market_cap), "1186655033491.37934");
        assert_eq!(text(&btc.percent_change_7d), "-10.5");
        assert_eq!(btc.rank.as_ref().and_then(RawNumber::to_u64), Some(1));
        assert_eq!(btc.tags, ["mineable", "pow"]);
        assert_eq!(btc.quoted_at.unwrap().to_string(), "2021-04-20T23:29:04Z");
        assert_eq!(btc.date_added.unwrap().to_string(), "2013-04-28T00:00:00Z");
        let ids: Vec<_> = page
            .tokens
            .iter()
            .map(|token| (token.id.as_deref().unwrap(), token.price.is_some()))
            .collect();
        assert_eq!(ids, [("1", true), ("2", false), ("3", false)]);
    }

    #[test]
    fn third_version_is_read_whole() {
        let page = page(V3);
        assert_eq!((page.total, page.credits), (None, 1));
        let first = &page.tokens[0];
        assert_eq!(first.price.as_ref().unwrap().as_str(), "2");
        assert_eq!(first.tags, ["pow", "X", "7"]);
        assert_eq!(first.self_reported_market_cap.as_ref().unwrap().as_str(), "2e6");
        assert_eq!((&page.tokens[1].price, page.tokens[1].tags.len()), (&None, 0));
    }

    #[rstest]
    #[case(429, r#"{"status":{"error_code":1010,"credit_count":0}}"#, ErrorKind::QuotaExhausted)]
    #[case(200, r#"{"status":{"error_code":"1009"},"data":[]}"#, ErrorKind::QuotaExhausted)]
    #[case(200, r#"{"status":{"error_code":0},"data":{}}"#, ErrorKind::InvalidPayload)]
    #[case(200, r#"{"status":{"error_code":0}}"#, ErrorKind::InvalidPayload)]
    #[case(200, "<html>", ErrorKind::InvalidPayload)]
    fn refusals_are_told(#[case] status: u16, #[case] body: &str, #[case] kind: ErrorKind) {
        assert_eq!(decode_listing(&response(status, body)).unwrap_err().kind(), kind);
    }

    #[test]
    fn credits_are_rounded_up() {
        assert_eq!([0, 1, 200, 201, 1_000, 5_000].map(listing_credits), [1, 1, 1, 2, 5, 25]);
        let body = r#"{"status":{"error_code":0,"credit_count":3},"data":{}}"#;
        assert_eq!(quotes_credits(&response(200, body), 6), 3);
        assert_eq!(quotes_credits(&response(200, "<html>"), 6), 1);
        assert_eq!(quotes_credits(&response(200, "<html>"), 101), 2);
        assert_eq!(quotes_credits(&response(502, "<html>"), 6), 0);
        let absurd = r#"{"status":{"error_code":0,"credit_count":18446744073709551615},"data":{}}"#;
        assert_eq!(quotes_credits(&response(200, absurd), 6), 10);
    }
}
