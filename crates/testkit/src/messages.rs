//! Messages of other services, as a test gives them to the one it tests.

use contracts::messages::{QuoteMessage, VERSION};
use domain::quote::Quality;
use domain::ticker::ProviderId;
use jiff::Timestamp;
use uuid::Uuid;

/// A quote that may be relied on, made and published at this moment, with nothing but what every quote has. A test that
/// needs more of it writes `QuoteMessage { flags: …, ..quote(…) }`.
///
/// # Panics
///
/// The ticker or the price is none.
#[must_use]
pub fn quote(ticker: &str, price: &str, at: Timestamp) -> QuoteMessage {
    QuoteMessage {
        v: VERSION,
        price_id: Uuid::now_v7(),
        ticker: ticker.parse().expect("a ticker"),
        price: price.parse().expect("a price"),
        currency: "USD".to_owned(),
        confidence: None,
        bid: None,
        ask: None,
        volume_24h: None,
        change_24h: None,
        market_cap: None,
        circulating_supply: None,
        n_sources: ProviderId::ALL.len() as u32,
        sources: ProviderId::ALL.to_vec(),
        quality: Quality::Ok,
        flags: Vec::new(),
        method: "wmedian/1".to_owned(),
        as_of: at,
        published_at: at,
        request_id: Uuid::now_v7().to_string(),
    }
}
