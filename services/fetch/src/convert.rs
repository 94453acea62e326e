//! Domain values as messages, and back.

use contracts::messages::{ObservationMessage, QuoteMessage, VERSION};
use domain::aggregate::Reason;
use domain::quote::{Observation, Quote};
use domain::ticker::Ticker;
use jiff::Timestamp;

/// The currency of every quote.
const CURRENCY: &str = "USD";

/// A quote as it is published.
pub fn quote(quote: &Quote, published_at: Timestamp, request_id: &str) -> QuoteMessage {
    QuoteMessage {
        v: VERSION,
        price_id: quote.price_id,
        ticker: quote.ticker.clone(),
        price: quote.price,
        currency: CURRENCY.to_owned(),
        confidence: quote.confidence,
        bid: quote.bid,
        ask: quote.ask,
        volume_24h: quote.volume_24h,
        change_24h: quote.change_24h_percent,
        market_cap: quote.market_cap,
        circulating_supply: quote.circulating_supply,
        n_sources: u32::try_from(quote.sources.len()).unwrap_or(u32::MAX),
        sources: quote.sources.clone(),
        quality: quote.quality,
        flags: quote.flags.iter().map(|flag| flag.as_str().to_owned()).collect(),
        method: quote.method.as_str().to_owned(),
        as_of: quote.as_of,
        published_at,
        request_id: request_id.to_owned(),
    }
}

/// An observation as the other processes of this service read it.
pub fn observation(observation: &Observation, excluded: Option<Reason>) -> ObservationMessage {
    ObservationMessage {
        v: VERSION,
        provider: observation.provider,
        symbol: observation.symbol.clone(),
        price: observation.price,
        quote_currency: observation.quote_currency.to_string(),
        bid: observation.bid,
        ask: observation.ask,
        volume_24h: observation.volume_24h,
        change_24h: observation.change_24h_percent,
        market_cap: observation.market_cap,
        circulating_supply: observation.circulating_supply,
        quoted_at: observation.quoted_at,
        received_at: observation.received_at,
        excluded: excluded.map(|reason| reason.as_str().to_owned()),
        simulated: observation.simulated,
    }
}

/// The observation in a message; `None` if its currency has no name of ours.
pub fn to_observation(ticker: &Ticker, message: ObservationMessage) -> Option<Observation> {
    Some(Observation {
        provider: message.provider,
        symbol: message.symbol,
        ticker: ticker.clone(),
        price: message.price,
        quote_currency: message.quote_currency.parse().ok()?,
        bid: message.bid,
        ask: message.ask,
        volume_24h: message.volume_24h,
        market_cap: message.market_cap,
        circulating_supply: message.circulating_supply,
        total_supply: None,
        change_24h_percent: message.change_24h,
        quoted_at: message.quoted_at,
        received_at: message.received_at,
        simulated: message.simulated,
    })
}
