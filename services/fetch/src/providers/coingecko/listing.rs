//! CoinGecko's markets as a listing in our words.

use serde_json::value::RawValue;

use super::decode::refusal;
use super::wire::Market;
use crate::providers::error::ProviderError;
use crate::providers::http::RawResponse;
use crate::providers::json::{Document, document};
use crate::providers::listing::{RawListedToken, RawListingPage};
use crate::timestamp;

/// Most coins of a page of `/coins/markets`.
pub(super) const MAX_PAGE_SIZE: usize = 250;

/// Reads a page of `/coins/markets` that was asked for in dollars.
pub fn decode_listing(response: &RawResponse) -> Result<RawListingPage, ProviderError> {
    if let Some(refusal) = refusal(response) {
        return Err(refusal);
    }
    let Document::List(rows) = document(&response.body)? else {
        return Err(ProviderError::payload("an object instead of an array"));
    };
    let sent = rows.len();
    let tokens: Vec<RawListedToken> = rows.into_iter().filter_map(listed).collect();
    let total = response.headers.get("total").and_then(|value| value.to_str().ok());
    Ok(RawListingPage {
        malformed: sent - tokens.len(),
        tokens,
        total: total.and_then(|text| text.trim().parse().ok()),
        credits: 1,
        simulated: response.is_simulated(),
        received_at: response.received_at,
    })
}

fn listed(row: &RawValue) -> Option<RawListedToken> {
    let market: Market = serde_json::from_str(row.get()).ok()?;
    Some(RawListedToken {
        // Their ids are slugs.
        slug: market.id.clone(),
        id: market.id,
        symbol: market.symbol,
        name: market.name,
        rank: market.market_cap_rank,
        price: market.current_price,
        volume_24h: market.total_volume,
        market_cap: market.market_cap,
        fully_diluted_market_cap: market.fully_diluted_valuation,
        circulating_supply: market.circulating_supply,
        total_supply: market.total_supply,
        max_supply: market.max_supply,
        percent_change_1h: market.price_change_percentage_1h_in_currency,
        percent_change_24h: market.price_change_percentage_24h,
        percent_change_7d: market.price_change_percentage_7d_in_currency,
        quoted_at: market.last_updated.as_deref().and_then(timestamp::from_iso),
        ..RawListedToken::default()
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::providers::ErrorKind;

    fn response(status: u16, body: &str) -> RawResponse {
        let now = "2026-01-01T00:00:00Z".parse().unwrap();
        let mut response = RawResponse::recorded(status, body.to_owned(), None, now);
        response.headers.insert("total", "14023".parse().unwrap());
        response
    }

    #[test]
    fn rows_are_read_one_by_one() {
        let body = r#"[{"id":"bitcoin","symbol":"btc","name":"Bitcoin","current_price":70187,"market_cap":0.0,
            "market_cap_rank":1,"fully_diluted_valuation":1474623675796,"total_volume":9.5e9,"max_supply":21000000.0,
            "price_change_percentage_1h_in_currency":-0.25,"price_change_percentage_24h":3.1,
            "price_change_percentage_7d_in_currency":null,"last_updated":"2024-04-07T16:49:31.736Z"},7,{"id":null}]"#;
        let page = decode_listing(&response(200, body)).unwrap();
        assert_eq!(
            (page.malformed, page.total, page.credits, page.rows()),
            (1, Some(14023), 1, 3)
        );
        let btc = &page.tokens[0];
        assert_eq!(
            (btc.id.as_deref(), btc.slug.as_deref()),
            (Some("bitcoin"), Some("bitcoin"))
        );
        assert_eq!(btc.volume_24h.as_ref().unwrap().as_str(), "9.5e9");
        assert_eq!(btc.percent_change_1h.as_ref().unwrap().as_str(), "-0.25");
        assert_eq!(btc.percent_change_7d, None);
        assert_eq!(page.tokens[1].id, None);
    }

    #[test]
    fn refusals_are_told() {
        let body = r#"{"status":{"error_code":429,"error_message":"You've exceeded the Rate Limit."}}"#;
        let kind = |status, body| decode_listing(&response(status, body)).unwrap_err().kind();
        assert_eq!(kind(429, body), ErrorKind::RateLimited);
        assert_eq!(kind(200, "{}"), ErrorKind::InvalidPayload);
        assert_eq!(kind(200, "<html>"), ErrorKind::InvalidPayload);
    }
}
